"""Whether push works: seen by listening while a mailbox is created and removed again."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import trio
from httpx_sse import ServerSentEvent

from mailroom.doctor.clean_up import ChangeRefused, finished, undoing
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.errors import BadReply, MailroomError
from mailroom.http_clients import http_client
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.event_source import check_stream, connect
from mailroom.jmap.event_stream import MAX_EVENT_BYTES, EventSize, event_source_url, states, watched_events
from mailroom.jmap.mailbox import (
    MAILBOX,
    NewMailbox,
    create_mailboxes,
    destroy_empty_mailboxes,
    read_mailboxes,
)
from mailroom.jmap.set import merged_errors

NAME = "Mailroom doctor"
NOTICE = f"creates the empty mailbox {NAME!r} and removes it again (--read-only leaves this out)"
BY_HAND = f"delete the empty mailbox {NAME!r} yourself, or run `mailroom doctor` again"

EVENT_SECONDS = 15
"""How long to wait for an event. A server that takes longer is no faster than the poll."""

_EVENTS_KEPT = 64


async def check_connecting(examined: Examined) -> Finding:
    """Whether the event source can be listened to."""
    async with http_client() as http:
        try:
            response = await _connected(examined.servers.client, http)
        except MailroomError as reason:
            return _no_push(examined, reason)
        await response.aclose()
    return Finding(Outcome.OK, "connects; no change was made to wait for its event (--read-only)")


async def check_hearing(examined: Examined) -> Finding:
    """How soon after a change of our own an event tells of it."""
    client = examined.servers.client
    # An earlier run may have been killed.
    await _remove(client)
    async with http_client() as http:
        try:
            response = await _connected(client, http)
        except MailroomError as reason:
            return _no_push(examined, reason)
        try:
            async with _events(response, (await client.session()).mail_account) as events:
                seconds = await _seconds_to_hear(examined, events)
        except ChangeRefused as refused:
            return Finding(Outcome.WARNING, f"connects, but nothing could be changed to wait for its event: {refused}")
    if seconds is None:
        return Finding(Outcome.WARNING, f"connects, but told of no change within {EVENT_SECONDS} s", _polling(examined))
    return Finding(Outcome.OK, f"tells of a change after {seconds:.2f} s", measured_seconds=round(seconds, 3))


async def _seconds_to_hear(examined: Examined, events: trio.MemoryReceiveChannel["_Event"]) -> float | None:
    """From sending a change to its event; None if none came. Raises `ChangeRefused`."""
    client = examined.servers.client
    before = await _state(client)
    sent = trio.current_time()
    async with undoing(partial(_remove, client), BY_HAND, examined.tell):
        await finished(partial(_create, client))
        heard = await _first_since(sent, events, before)
    return None if heard is None else heard - sent


def _no_push(examined: Examined, reason: MailroomError) -> Finding:
    return Finding(Outcome.WARNING, f"no push: {reason}", _polling(examined), server_said=reason.words)


def _polling(examined: Examined) -> str:
    settings = examined.settings
    return f"Mailroom works without: it looks every {settings.poll_interval:g} s ({settings.key('poll_interval')})"


@dataclass(frozen=True, slots=True)
class _Event:
    """A state event: when it came (trio's clock), and the new states by type."""

    at: float
    states: Mapping[str, Any]


async def _connected(client: Client, http: httpx.AsyncClient) -> httpx.Response:
    """The event stream, asked for as the daemon does. Raises `MailroomError`."""
    session = await client.session()
    if session.event_source_url is None:
        raise BadReply("the session names no event source", expected="an eventSourceUrl")
    response = await connect(client, http, event_source_url(session.event_source_url))
    try:
        check_stream(response)
    except MailroomError:
        await response.aclose()
        raise
    return response


@asynccontextmanager
async def _events(response: httpx.Response, account_id: str) -> AsyncIterator[trio.MemoryReceiveChannel[_Event]]:
    """What the stream tells about the account, until the stream or the block ends; closes the response."""
    send, receive = trio.open_memory_channel[_Event](_EVENTS_KEPT)
    failure: MailroomError | None = None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read, response, account_id, send)
            try:
                # Never closed: in the instant it is cancelled the reader may have one more event to pass on.
                yield receive
            except MailroomError as error:
                # Raised outside the nursery, which would wrap it in a group.
                failure = error
            nursery.cancel_scope.cancel()
    finally:
        with trio.move_on_after(1, shield=True):
            await response.aclose()
    if failure is not None:
        raise failure


async def _read(response: httpx.Response, account_id: str, events: trio.MemorySendChannel[_Event]) -> None:
    """Pass events on until the stream ends, breaks or makes no sense."""
    size = EventSize()

    def watch(part: bytes) -> None:
        size.add(part)
        if size.pending > MAX_EVENT_BYTES:
            scope.cancel()

    # A stream that breaks is one that ends.
    with events, trio.CancelScope() as scope, suppress(httpx.TransportError):
        async with aclosing(watched_events(response, watch)) as stream:
            async for event in stream:
                if event.event == "state" and event.data and not _pass_on(event, account_id, events):
                    # Raising in the middle would leave the generators of httpx open.
                    scope.cancel()


def _pass_on(event: ServerSentEvent, account_id: str, events: trio.MemorySendChannel[_Event]) -> bool:
    """Whether the event made sense and found room."""
    try:
        events.send_nowait(_Event(trio.current_time(), states(event.data, account_id)))
    except (BadReply, trio.WouldBlock):
        return False
    return True


async def _first_since(sent: float, events: trio.MemoryReceiveChannel[_Event], before: str) -> float | None:
    """When the first event came that tells of mailboxes in another state than `before`; None if none came in time.

    Fastmail's event on connecting tells the state that there was.
    """
    with trio.move_on_after(EVENT_SECONDS):
        async for event in events:
            if event.at >= sent and event.states.get("Mailbox", before) != before:
                return event.at
    return None


async def _state(client: Client) -> str:
    batch = Batch()
    state = batch.add(MAILBOX.get_state((await client.session()).mail_account))
    return (await client.send(batch))[state]


async def _create(client: Client) -> None:
    """Raises `ChangeRefused` if the server refuses it."""
    batch = Batch()
    # Not subscribed: most mail apps never show it.
    slots = create_mailboxes(batch, await client.session(), [NewMailbox("doctor", NAME, is_subscribed=False)])
    replies = await client.send(batch)
    for error in merged_errors(replies[slot] for slot in slots).values():
        raise ChangeRefused(str(error))


async def _remove(client: Client) -> None:
    """Remove the mailbox, if it is there. Raises `ChangeRefused` if the server refuses."""
    found = await read_mailboxes(client)
    ids = [each.id for each in found if (each.name, each.parent_id, each.role) == (NAME, None, None)]
    batch = Batch()
    slots = destroy_empty_mailboxes(batch, await client.session(), ids)
    replies = await client.send(batch)
    for error in merged_errors(replies[slot] for slot in slots).values():
        if error.type != "notFound":
            raise ChangeRefused(str(error))
