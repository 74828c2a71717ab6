"""EventSource: who listens, and what a state change looks like on the wire (RFC 8620 section 7.3)."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf

import trio

from mailroom.sandbox.flavour import Flavour

Cut = Callable[[], Awaitable[None]]
TYPES = frozenset(
    {
        "AddressBook",
        "Calendar",
        "CalendarEvent",
        "CalendarEventNotification",
        "ContactCard",
        "Email",
        "EmailDelivery",
        "EmailSubmission",
        "FileNode",
        "Identity",
        "Mailbox",
        "ParticipantIdentity",
        "Principal",
        "PushSubscription",
        "Quota",
        "ShareNotification",
        "SieveScript",
        "Thread",
        "VacationResponse",
    }
)
"""The types of the standards that may have a state."""


class End(Enum):
    """How the server ends a stream: an orderly end, or the connection just goes away."""

    ORDERLY = auto()
    CUT = auto()


@dataclass(frozen=True)
class Subscription:
    """What a client asked for. `types` None: all; `ping` in seconds, inf for never."""

    types: frozenset[str] | None
    close_after_state: bool
    ping: float
    last_event_id: int | None

    def wanted(self, states: dict[str, str]) -> dict[str, str]:
        """Those states that the client asked for."""
        return {name: state for name, state in states.items() if self.types is None or name in self.types}


@dataclass(eq=False)
class Listener:
    """One open stream. Changes that it hasn't read yet are merged: only the last state of a type counts."""

    subscription: Subscription
    pending: dict[str, str] = field(default_factory=dict)
    end: End | None = None
    wakeup: trio.Event = field(default_factory=trio.Event)

    def offer(self, states: dict[str, str]) -> None:
        if wanted := self.subscription.wanted(states):
            self.pending.update(wanted)
            self.wakeup.set()

    def finish(self, end: End) -> None:
        self.end = end
        self.wakeup.set()

    def take(self) -> dict[str, str]:
        states, self.pending = self.pending, {}
        self.wakeup = trio.Event()
        return states


class Broadcaster:
    """Sends state changes of one account to every open stream."""

    def __init__(self, flavour: Flavour, account_id: str) -> None:
        self._flavour = flavour
        self.account_id = account_id
        self._listeners: set[Listener] = set()
        self._number = 0
        self._last_change: dict[str, tuple[int, str]] = {}
        self._arrival = trio.Event()

    @property
    def open_streams(self) -> int:
        return len(self._listeners)

    async def wait_for_stream(self) -> None:
        """Return once a client listens."""
        if not self._listeners:
            await self.wait_for_next_stream()

    async def wait_for_next_stream(self) -> None:
        """Return once one more client listens."""
        await self._arrival.wait()

    def announce(self, states: dict[str, str]) -> None:
        """Push the new states of the types that changed."""
        self._number += 1
        for name, state in states.items():
            self._last_change[name] = (self._number, state)
        for listener in list(self._listeners):
            listener.offer(states)

    def end_all(self, end: End) -> None:
        for listener in list(self._listeners):
            listener.finish(end)

    def missed(self, last_event_id: int) -> dict[str, str]:
        return {name: state for name, (number, state) in self._last_change.items() if number > last_event_id}

    async def stream(self, subscription: Subscription, states: dict[str, str], cut: Cut) -> AsyncGenerator[bytes, None]:
        """The octets of one event stream. `states` are the present ones; `cut` drops the connection."""
        listener = Listener(subscription)
        self._listeners.add(listener)
        self._arrival.set()
        self._arrival = trio.Event()
        try:
            yield b": connected\n\n"
            if self._flavour.connect_type is not None:
                yield self._connect_event(subscription.wanted(states))
            if self._flavour.numbers_events and subscription.last_event_id is not None:
                listener.offer(self.missed(subscription.last_event_id))
            while True:
                with trio.move_on_after(subscription.ping):
                    await listener.wakeup.wait()
                if listener.end is End.CUT:
                    await cut()
                if listener.end is not None:
                    return
                changed = listener.take()
                if not changed:
                    yield self._ping_event(subscription.ping)
                    continue
                yield self._state_event(changed)
                if subscription.close_after_state:
                    return
        finally:
            self._listeners.discard(listener)

    def _connect_event(self, states: dict[str, str]) -> bytes:
        payload = {"changed": {self.account_id: states}, "type": self._flavour.connect_type}
        return _event("state", payload, None)

    def _state_event(self, changed: dict[str, str]) -> bytes:
        marker, value = self._flavour.change_marker
        payload = {"changed": {self.account_id: changed}, marker: value}
        return _event("state", payload, self._number if self._flavour.numbers_events else None)

    def _ping_event(self, interval: float) -> bytes:
        return _event("ping", {"interval": int(interval * self._flavour.ping_unit)}, None)


def _event(name: str, payload: object, number: int | None) -> bytes:
    head = f"event: {name}\n" if number is None else f"id: {number}\nevent: {name}\n"
    return f"{head}data: {json.dumps(payload, separators=(',', ':'))}\n\n".encode()


def read_subscription(
    flavour: Flavour, types: str | None, close_after: str | None, ping: str | None, last_event_id: str | None
) -> Subscription:
    """The query arguments of an event stream. Raises ValueError that says which one is wrong."""
    if flavour.demands_event_arguments and None in (types, close_after, ping):
        raise ValueError(f"types, {flavour.close_after_argument} and ping are all wanted")
    if close_after not in (None, "no", "state"):
        raise ValueError(f"{flavour.close_after_argument} is `no` or `state`")
    if ping is not None and not ping.isdigit():
        raise ValueError("ping is a number of seconds, 0 for none")
    seconds = int(ping or 0)
    number = int(last_event_id) if last_event_id is not None and last_event_id.isdigit() else None
    names = None if types in (None, "", "*") else frozenset(types.split(","))
    if flavour.refuses_unknown_types and names is not None and not names <= TYPES:
        raise ValueError(f"unknown types: {', '.join(sorted(names - TYPES))}")
    return Subscription(
        types=names,
        close_after_state=close_after == "state",
        ping=max(seconds, flavour.least_ping) if seconds and flavour.sends_pings else inf,
        last_event_id=number,
    )
