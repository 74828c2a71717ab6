"""What the daemon knows about itself: other tasks write it; health app, metrics and heartbeat read it.

Ages are measured with trio's clock, so that a wall clock that jumps makes nothing unhealthy. The wall clock gives
only the times that people read.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import trio

from mailroom import __version__
from mailroom.config.screening import Mode
from mailroom.config.standby import Role
from mailroom.observe.durations import Durations
from mailroom.observe.outcome import Deed, PassOutcome

Trigger = Literal["startup", "push", "tap", "fallback", "continued"]
PassResult = Literal["success", "failure"]
PushState = Literal["not_started", "connected", "disconnected"]
ServerRules = Literal["none", "current", "old", "replaced", "unknown"]
"""Mailroom's rules on the mail server: not there, as they would be written now, otherwise, there but not run, or
nobody can tell."""

UNHEALTHY_AFTER_INTERVALS = 2

DEEDS_KEPT = 10


@dataclass(frozen=True, slots=True)
class Success:
    """A pass that succeeded: how long it took, and when it ended by trio's clock and in Unix seconds."""

    trigger: Trigger
    outcome: PassOutcome
    seconds: float
    ended_at: float
    ended_at_unix: float


class Tally:
    """What passes did since the start, counted when it is done: a pass that fails later has done it all the same."""

    def __init__(self, categories: Iterable[str] = ()) -> None:
        self.senders_triaged = Counter(dict.fromkeys(categories, 0))
        self.mails_filed = 0
        self.mails_screened = 0
        self.mails_routed = Counter(dict.fromkeys(self.senders_triaged, 0))


@dataclass(frozen=True, slots=True)
class EventSourceHealth:
    """The push connection. Times are Unix seconds, or None for never; `reconnect_count` counts disconnects."""

    status: PushState
    connected_since: float | None
    last_event_at: float | None
    reconnect_count: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of `/healthz`, in the order of its keys. The age is seconds since the last pass that succeeded, or
    since the start before the first one; `last_poll_error` is why the last pass failed, None after a success.
    `mails_waiting` are mails in the Screener, None before the first pass and where the server doesn't tell."""

    status: Literal["ok", "unhealthy"]
    last_poll_age_seconds: float
    last_poll_trigger: Trigger | None
    last_poll_error: str | None
    eventsource: EventSourceHealth
    senders_failing: int
    mailboxes_missing: int
    server_rules: ServerRules
    screening: Mode
    mails_waiting: int | None
    role: Role
    version: str


class Status:
    """One account's condition. Make it inside trio: it counts from then on.

    `categories` are the names of those that senders may be triaged to: each is counted from zero. `screening` is what
    happens to new mail.
    """

    def __init__(
        self, poll_interval: float, categories: Iterable[str] = (), screening: Mode = "off", role: Role = "first"
    ) -> None:
        self._poll_interval = poll_interval
        self._screening: Mode = screening
        self._role: Role = role
        self._started_at = trio.current_time()
        self._succeeded = trio.Event()
        self._unanswered_since: float | None = None
        self.last_success: Success | None = None
        self._last_poll_error: str | None = None
        self._aside: str | None = None
        self._tried = trio.Event()
        self.restarts = 0
        self.passes: Counter[tuple[Trigger, PassResult]] = Counter()
        self.pass_durations: Mapping[PassResult, Durations] = {"success": Durations(), "failure": Durations()}
        self.push_delays = Durations()
        self.tally = Tally(categories)
        self.recent = deque[tuple[float, Deed]](maxlen=DEEDS_KEPT)
        """The last things done, the newest first, each with its time in Unix seconds."""
        self.server_rules: ServerRules = "unknown"
        self._push: PushState = "not_started"
        self._push_tried = trio.Event()
        self._connected_since: float | None = None
        self._last_event_at: float | None = None
        self._reconnect_count = 0
        self._last_error: str | None = None
        self.events_received = 0
        self.events_dropped = 0

    def change_announced(self) -> None:
        """A push event told that something changed in this account: a pass is due."""
        if self._unanswered_since is None:
            self._unanswered_since = trio.current_time()

    def pass_started(self) -> None:
        """A pass looks at the account from now on, and so at all that was announced before."""
        if self._unanswered_since is not None:
            self.push_delays.observe(trio.current_time() - self._unanswered_since)
            self._unanswered_since = None

    def pass_succeeded(self, trigger: Trigger, outcome: PassOutcome, seconds: float) -> None:
        self._count_pass(trigger, "success", seconds)
        self._last_poll_error = None
        self.last_success = Success(trigger, outcome, seconds, trio.current_time(), time.time())
        self.recent.extendleft((self.last_success.ended_at_unix, deed) for deed in outcome.deeds)
        self._succeeded.set()
        self._succeeded = trio.Event()

    def pass_failed(self, trigger: Trigger, seconds: float, error: str) -> None:
        self._count_pass(trigger, "failure", seconds)
        self._last_poll_error = error

    def _count_pass(self, trigger: Trigger, result: PassResult, seconds: float) -> None:
        self._tried.set()
        self.passes[trigger, result] += 1
        self.pass_durations[result].observe(seconds)

    async def success_after(self, seen: Success | None) -> Success:
        """Wait until the latest success is another one than `seen`, and return it."""
        while self.last_success is None or self.last_success is seen:
            await self._succeeded.wait()
        return self.last_success

    async def push_tried(self) -> None:
        """Wait until the push connection stands, or could not be made."""
        await self._push_tried.wait()

    def push_connected(self) -> None:
        self._push_tried.set()
        self._push = "connected"
        self._connected_since = time.time()

    def push_disconnected(self, error: str) -> None:
        """The connection ended, or none came about."""
        self._leave_connection(error)
        self._push = "disconnected"

    def push_unavailable(self, reason: str) -> None:
        """The server offers no push, or not to us; polling alone does the work."""
        self._leave_connection(reason)
        self._push = "not_started"

    def _leave_connection(self, error: str) -> None:
        if self._push == "connected":
            self._reconnect_count += 1
        self._push_tried.set()
        self._connected_since = None
        self._last_error = error

    def event_received(self) -> None:
        self.events_received += 1
        self._last_event_at = time.time()

    def event_dropped(self) -> None:
        """The channel to the triage loop was full: a pass is due anyway."""
        self.events_dropped += 1

    def set_aside(self, reason: str) -> None:
        """The account doesn't run, for this reason."""
        self._aside = reason
        self._tried.set()
        self.push_unavailable(reason)

    def starts(self) -> None:
        """It runs, for the first time or again."""
        self._aside = None
        self._push_tried = trio.Event()

    def stops(self) -> None:
        """It runs no more: nobody is to wait for its first try."""
        self._tried.set()

    @property
    def is_set_aside(self) -> bool:
        return self._aside is not None

    @property
    def is_well(self) -> bool:
        return self._aside is None and self.seconds_since_success <= UNHEALTHY_AFTER_INTERVALS * self._poll_interval

    @property
    def tried(self) -> bool:
        """Whether a pass has ended since the start, in whichever way, or none will soon."""
        return self._tried.is_set()

    async def first_try(self) -> None:
        """Wait until it was tried."""
        await self._tried.wait()

    @property
    def ready(self) -> bool:
        """Whether a pass has succeeded since the start."""
        return self.last_success is not None

    @property
    def seconds_since_success(self) -> float:
        """Since the last pass that succeeded, or since the start before the first one."""
        last = self.last_success
        return trio.current_time() - (last.ended_at if last else self._started_at)

    def health(self) -> Health:
        last = self.last_success
        return Health(
            status="ok" if self.is_well else "unhealthy",
            last_poll_age_seconds=round(self.seconds_since_success, 1),
            last_poll_trigger=last.trigger if last else None,
            last_poll_error=self._aside or self._last_poll_error,
            eventsource=EventSourceHealth(
                status=self._push,
                connected_since=_readable(self._connected_since),
                last_event_at=_readable(self._last_event_at),
                reconnect_count=self._reconnect_count,
                last_error=self._last_error,
            ),
            senders_failing=last.outcome.senders_failing if last else 0,
            mailboxes_missing=last.outcome.mailboxes_missing if last else 0,
            server_rules=self.server_rules,
            screening=self._screening,
            mails_waiting=last.outcome.mails_waiting if last else None,
            role=self._role,
            version=__version__,
        )


def _readable(unix_seconds: float | None) -> float | None:
    return None if unix_seconds is None else round(unix_seconds, 3)
