"""What an event source is asked and what it says (RFC 8620 §7.3, and server-sent events in the HTML standard).

Nothing here waits or connects: `event_source.py` and `account/push_reader.py` do.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from httpx_sse import EventSource, ServerSentEvent
from uritemplate import URITemplate

from mailroom.errors import BadReply
from mailroom.urls import url_of
from mailroom.wire import FIRST_FAULT, Wire, parsed, reader

TYPES = ("Email", "Mailbox")
PING_SECONDS = 60
MAX_EVENT_BYTES = 1024 * 1024

UNMEASURED_SILENCE_SECONDS = 30 * 60.0
"""How long a stream may be silent while nobody knows how often it pings. Fastmail never does."""

MIN_SILENCE_SECONDS = 60.0
SILENCE_PER_PING_GAP = 2.5

MIN_RETRY_SECONDS = 0.1
MAX_RETRY_SECONDS = 300.0

_MAX_ID_LENGTH = 1024

# Two line ends in a row: the blank line that ends an event. CR LF alone is one line end.
_BLANK_LINES = (b"\n\n", b"\n\r", b"\r\r")


class _StateChange(Wire):
    changed: Annotated[Mapping[str, Mapping[str, Any]], FIRST_FAULT]


_read_state_change = reader(_StateChange)


def event_source_url(offered: str) -> httpx.URL:
    """The url to connect to, from the session's `eventSourceUrl`: a URI template (RFC 6570), or Fastmail's plain url.

    Raises `BadReply` where it is no url.
    """
    values = {"types": ",".join(TYPES), "closeafter": "no", "ping": str(PING_SECONDS)}
    try:
        template = URITemplate(offered)
        names = [str(name) for name in template.variable_names]
        if names:
            # James spells it closeAfter.
            return url_of(template.expand({name: values.get(name.lower(), "") for name in names}))
        return url_of(offered).copy_merge_params(values)
    except (httpx.InvalidURL, ValueError):  # the latter also for a prefix that is no number, as in {types:x}
        raise BadReply("the session's eventSourceUrl is malformed", expected="a url or a URI template") from None


def concerns(data: str, account_id: str) -> bool:
    """Whether the data of a `state` event tells of mail or mailboxes of this account. Raises `BadReply`."""
    changed = states(data, account_id)
    return any(type in changed for type in TYPES)


def states(data: str, account_id: str) -> Mapping[str, Any]:
    """The new states by type that the data of a `state` event tells for this account. Raises `BadReply`.

    Only `changed` is read: the type name is elsewhere on Fastmail, and states are opaque.
    """
    try:
        changed = parsed(data)
    except ValueError:
        raise BadReply("a state event holds no JSON", expected="a StateChange object") from None
    return _read_state_change(changed).changed.get(account_id, {})


def clamp_retry(milliseconds: int) -> float:
    """A server's `retry:` as seconds within sensible bounds."""
    # Clamped before the division: a huge int has no float.
    return min(max(milliseconds, round(MIN_RETRY_SECONDS * 1000)), round(MAX_RETRY_SECONDS * 1000)) / 1000


def sendable_id(id: str) -> bool:
    """Whether an event's id can go back as `Last-Event-ID`; one that can't would spoil every later connect."""
    return id.isprintable() and id == id.strip() and len(id) <= _MAX_ID_LENGTH


@dataclass(slots=True)
class Silence:
    """How long a connection may be silent before it counts as dead, learnt from the pings it brings."""

    allowed: float = UNMEASURED_SILENCE_SECONDS
    _last_ping: float | None = None
    _widest_gap: float = 0.0

    def ping(self, now: float) -> None:
        """A ping came at `now` (seconds, monotonic). Its `interval` says seconds here and milliseconds there."""
        if self._last_ping is not None:
            # The widest: pings that a slow network delivers in one go say nothing about the next one.
            self._widest_gap = max(self._widest_gap, now - self._last_ping)
            self.allowed = max(MIN_SILENCE_SECONDS, SILENCE_PER_PING_GAP * self._widest_gap)
        self._last_ping = now


@dataclass(slots=True)
class EventSize:
    """`pending` is how many bytes have come of an event that has not ended yet."""

    pending: int = 0
    _last: bytes = b""

    def add(self, part: bytes) -> None:
        seen = self._last + part
        blank_line = max(seen.rfind(ends) for ends in _BLANK_LINES)
        self.pending = self.pending + len(part) if blank_line < 0 else len(seen) - blank_line - 2
        self._last = seen[-1:]


def ends_a_line(part: bytes) -> bool:
    return b"\n" in part or b"\r" in part


@dataclass(slots=True)
class LineEnds:
    """Writes each line end as LF as soon as it is there. httpx-sse waits after a CR for what follows."""

    _after_cr: bool = False

    def as_lf(self, part: bytes) -> bytes:
        rest = part.removeprefix(b"\n") if self._after_cr else part
        self._after_cr = part.endswith(b"\r")
        return rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class _WatchedStream(httpx.AsyncByteStream):
    """A response body that shows each part to `watch` on its way, and goes on with LF as its line ends."""

    def __init__(self, stream: httpx.AsyncByteStream, watch: Callable[[bytes], None]) -> None:
        self._stream = stream
        self._watch = watch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        ends = LineEnds()
        async for part in self._stream:
            self._watch(part)
            if lines := ends.as_lf(part):
                yield lines

    async def aclose(self) -> None:
        await self._stream.aclose()


def watched_events(response: httpx.Response, watch: Callable[[bytes], None]) -> AsyncGenerator[ServerSentEvent, None]:
    """The events of a response, each part of whose body goes past `watch`; the caller closes the generator.

    `watch` must not raise: that would leave the generators below open. It may cancel the scope around the reading.
    """
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  true of every AsyncClient
    response.stream = _WatchedStream(response.stream, watch)
    # Always UTF-8, whatever the Content-Type says: HTML standard, §9.2.5. Some of what Python knows as a charset
    # decodes to no text, or unpacks.
    response.encoding = "utf-8-sig"
    return EventSource(response).aiter_sse()
