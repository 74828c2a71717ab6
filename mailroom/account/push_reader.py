"""The EventSource reader (RFC 8620 §7.3): tells the triage loop that something may have changed, and nothing else."""

import random
from contextlib import aclosing
from enum import Enum
from http import HTTPStatus
from typing import Never

import httpx
import structlog
import trio
from httpx_sse import ServerSentEvent

from mailroom.account.ring import Bell, Ring
from mailroom.backoff import backoff
from mailroom.errors import BadReply, MailroomError, Refused, Unavailable
from mailroom.jmap.client import Client
from mailroom.jmap.event_source import NoPush, StreamGone, check_stream, connect, keep_alive, typed_errors
from mailroom.jmap.event_stream import (
    MAX_EVENT_BYTES,
    MAX_RETRY_SECONDS,
    EventSize,
    Silence,
    clamp_retry,
    concerns,
    ends_a_line,
    event_source_url,
    sendable_id,
    watched_events,
)
from mailroom.jmap.session import Session
from mailroom.observe.status import Status
from mailroom.urls import origin

log = structlog.get_logger(component="push")

LONGEST_BACKOFF_SECONDS = 60.0
HEALTHY_AFTER_SECONDS = 60.0
"""A connection that held this long was a good one: the back-off starts anew after it."""

LOOK_AGAIN_SECONDS = 60 * 60.0

_MOST_JITTER = 1.25


class _Session(Enum):
    """Which session names the event source of the next connection."""

    AS_KNOWN = "as known"
    READ_ANEW = "read anew"


class PushReader:
    """Listens to one account's event source for as long as the daemon runs.

    `http` is a client of its own: a stream that lasts for days must not occupy a connection of the others.
    """

    def __init__(self, client: Client, http: httpx.AsyncClient, bell: Bell, status: Status) -> None:
        self._client = client
        self._http = http
        self._bell = bell
        self._status = status
        self._url: httpx.URL | None = None
        self._last_event_id = ""
        self._retry_base = 1.0
        self._failures = 0
        self._ever_connected = False
        self._connected_at: float | None = None
        self._told_reason: str | None = None

    async def run(self) -> Never:
        """Connect, listen, back off, again and again. Raises nothing that a server can cause."""
        session = _Session.AS_KNOWN
        while True:
            session = await self._listen(session)

    async def _listen(self, which: _Session) -> _Session:
        """Listen once, and wait as its end demands; returns with which session to go on."""
        try:
            session = await (self._client.refresh() if which is _Session.READ_ANEW else self._client.session())
            await self._connection(session)
        except StreamGone as gone:
            if which is _Session.READ_ANEW:
                await self._rest(gone)
        except NoPush as none:
            await self._rest(none)
        except Refused as refused:
            # The next pass asks with the same credentials, and its answer decides: it may be a hiccup of a proxy.
            self._bell.ring(Ring("refused"))
            await self._back_off(refused)
        except (Unavailable, BadReply) as failure:
            await self._back_off(failure)
            return _Session.AS_KNOWN
        return _Session.READ_ANEW

    async def _connection(self, session: Session) -> Never:
        """One connection, from its start to its end, which is an exception in any case."""
        url = self._url_to_ask(session)
        response = await connect(self._client, self._http, url, self._last_event_id)
        try:
            if response.status_code != HTTPStatus.OK:
                # It may be the id that the server dislikes, now that it has restarted.
                self._last_event_id = ""
            check_stream(response)
            with typed_errors(url):
                self._welcome(response)
                await self._read(response)
        finally:
            with trio.move_on_after(1, shield=True):
                await response.aclose()

    def _url_to_ask(self, session: Session) -> httpx.URL:
        if session.event_source_url is None:
            raise NoPush("the session names no eventSourceUrl")
        url = event_source_url(session.event_source_url)
        if url != self._url:
            self._url = url
            self._last_event_id = ""
            log.info("eventsource_listener_started", url=origin(url))
        return url

    def _welcome(self, response: httpx.Response) -> None:
        """What is due once a connection stands. Changes from before it are never announced: ring for them."""
        keep_alive(response)
        self._connected_at = trio.current_time()
        self._told_reason = None
        self._status.push_connected()
        log.info("eventsource_reconnected" if self._ever_connected else "eventsource_connected")
        self._ever_connected = True
        self._bell.ring(Ring("connected"))

    async def _read(self, response: httpx.Response) -> Never:
        silence = Silence()
        size = EventSize()
        broken: BadReply | None = None

        def watch(part: bytes) -> None:
            size.add(part)
            if size.pending > MAX_EVENT_BYTES:
                stop(BadReply("the event source sent an endless event", expected=f"at most {MAX_EVENT_BYTES} bytes"))
            elif ends_a_line(part):
                # Only a whole line is a sign of life: bytes may trickle for ever.
                scope.deadline = trio.current_time() + silence.allowed

        def stop(reason: BadReply) -> None:
            # Raising in the middle would leave the generators of httpx open; cancellation ends them in order.
            nonlocal broken
            broken = broken or reason
            scope.cancel()

        with trio.move_on_after(silence.allowed) as scope:
            async with aclosing(watched_events(response, watch)) as events:
                async for event in events:
                    try:
                        self._receive(event, silence)
                    except BadReply as reason:
                        stop(reason)
                    scope.deadline = trio.current_time() + silence.allowed
            raise Unavailable("the server ended the event stream")
        raise broken or Unavailable(f"the event stream was silent for {silence.allowed:.0f} s")

    def _receive(self, event: ServerSentEvent, silence: Silence) -> None:
        if event.retry is not None:
            self._retry_base = clamp_retry(event.retry)
        if event.id and sendable_id(event.id):
            self._last_event_id = event.id
        if event.event == "ping":
            silence.ping(trio.current_time())
        elif event.event == "state" and event.data:
            self._status.event_received()
            # As it is called now: a stream may outlive the account's id.
            if concerns(event.data, self._client.mail_account):
                self._status.change_announced()
                self._bell.ring(Ring("state"))

    async def _back_off(self, failure: Unavailable | BadReply | Refused) -> None:
        if self._connected_at is not None and trio.current_time() - self._connected_at >= HEALTHY_AFTER_SECONDS:
            self._failures = 0
        self._connected_at = None
        self._failures += 1
        delay = self._delay(failure)
        self._status.push_disconnected(str(failure))
        tell = log.debug if self._failures == 1 else log.warning
        tell("eventsource_disconnected", attempt=self._failures, retry_in=round(delay, 1), error=str(failure))
        await trio.sleep(delay)

    def _delay(self, failure: MailroomError) -> float:
        """Seconds; longer than asked for by some random part, so that many clients don't come back at once."""
        longest = max(LONGEST_BACKOFF_SECONDS, self._retry_base)
        delay = backoff(self._failures, base=self._retry_base, longest=longest)
        if isinstance(failure, Unavailable) and failure.retry_after is not None:
            delay = max(delay, min(failure.retry_after, MAX_RETRY_SECONDS))
        return delay * random.uniform(1.0, _MOST_JITTER)  # noqa: S311  spreads load, keeps no secret

    async def _rest(self, reason: MailroomError) -> None:
        """Leave push alone for an hour. The reason is told once, not every hour."""
        self._connected_at = None
        self._failures = 0
        self._status.push_unavailable(str(reason))
        if str(reason) != self._told_reason:
            self._told_reason = str(reason)
            log.warning("eventsource_not_available", reason=str(reason), look_again_in=LOOK_AGAIN_SECONDS)
        await trio.sleep(LOOK_AGAIN_SECONDS)
