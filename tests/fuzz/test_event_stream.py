"""Event streams, as `PushReader` reads them: part by part, up to their end."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import httpx
import trio
from hypothesis import strategies as st
from pydantic import SecretStr

from mailroom.account.push_reader import PushReader
from mailroom.account.ring import Bell, Ring
from mailroom.errors import BadReply, Unavailable
from mailroom.http import Credentials, bearer
from mailroom.jmap.client import Client
from mailroom.jmap.event_stream import EventSize, event_source_url
from mailroom.jmap.session import CORE, MAIL
from mailroom.observe.status import Status
from tests.fuzz.mutations import Tape, made, spoilt, spoilt_json
from tests.fuzz.promises import MARK, a_value_or_a_clear_error, assert_clear
from tests.fuzz.running import fuzzed

URL = httpx.URL("https://jmap.example/event/")
ACCOUNT = "u1"
SESSION = {
    "capabilities": {CORE: {}, MAIL: {}},
    "accounts": {ACCOUNT: {"name": "jane@example.com", "accountCapabilities": {CORE: {}, MAIL: {}}}},
    "primaryAccounts": {MAIL: ACCOUNT},
    "username": "jane@example.com",
    "apiUrl": "/api",
    "state": "s1",
}
HTTP = httpx.AsyncClient(
    transport=httpx.MockTransport(
        lambda _: httpx.Response(
            200, headers={"Content-Type": "application/json"}, stream=Parts([json.dumps(SESSION).encode()])
        )
    )
)
CLIENT = Client(HTTP, URL, Credentials(bearer(SecretStr(MARK)), URL))

CHANGES = [
    {"@type": "StateChange", "changed": {ACCOUNT: {"Email": "s2", "Mailbox": "s3"}}},
    {"type": "connect", "changed": {ACCOUNT: {"Email": MARK, "ContactCard": "s1"}, "u2": {"Email": "s"}}},
    {"changed": {}},
]
LINES = [
    *(
        b"event: state",
        b"event:state",
        b"event: ping",
        b"event: calendarAlert",
        b"event",
        b"data: {}",
        b"data:",
        b":",
        b"",
    ),
    *(
        b'data: {"interval": 30}',
        b"id: 42",
        b"id:",
        b"id: \xc3\xa9\x00",
        b"id: " + b"x" * 2_000,
        b"retry: 5000",
        b"retry:-1",
    ),
    *(
        b"retry: " + b"9" * 5_000,
        b"\xef\xbb\xbfevent: state",
        b"\xff\xfe",
        b": " + MARK.encode(),
        b"x: y",
        b"data: [" * 500,
    ),
    b'data: {"changed":{"u1":{"Email":"s9"}}}',
]
PIECES = (
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b":",
    b"event: state\n",
    b"data: ",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"\x85",
)


_CHANGES = [json.dumps(change) for change in CHANGES]
_ENDS = (b"\n", b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\r\r", b"")
_CHARSETS = ("", *("; charset=" + it for it in ("utf-8", "utf-16", "hex", "idna", "zlib", "x", '"')))


def _line(tape: Tape) -> bytes:
    if tape.below(3) < 2:
        return tape.pick(LINES)
    data = tape.pick(_CHANGES)
    return b"event: state\ndata: " + (spoilt_json(tape, data, most=2) if tape.below(2) else data.encode())


def a_stream(tape: Tape) -> bytes:
    lines = b"".join(_line(tape) + tape.pick(_ENDS) for _ in range(tape.below(9)))
    return spoilt(tape, lines, PIECES, most=3)


def a_cut_stream(tape: Tape) -> tuple[bytes, list[bytes]]:
    """A stream, and its parts."""
    cuts = [tape.below(2**16) for _ in range(tape.below(6))]
    stream = a_stream(tape)
    places = sorted({place % (len(stream) + 1) for place in cuts})
    return stream, [stream[start:end] for start, end in pairwise([0, *places, len(stream)])]


class Parts(httpx.AsyncByteStream):
    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


@dataclass(frozen=True)
class Heard:
    """What a stream did to the reader, up to the error that every stream ends with."""

    error: str
    rings: int
    last_event_id: str
    retry: float


async def hear_twice(stream: bytes, parts: Sequence[bytes], charset: str) -> tuple[Heard, Heard]:
    return await _hear([stream], ""), await _hear(parts, charset)


async def _hear(parts: Sequence[bytes], charset: str) -> Heard:
    send, receive = trio.open_memory_channel[Ring](1_000)
    # The reader listens for the account that the session names.
    assert (await CLIENT.session()).mail_account == ACCOUNT
    status = Status(60.0)
    reader = PushReader(CLIENT, HTTP, Bell(send, status), status)
    response = httpx.Response(200, headers={"Content-Type": "text/event-stream" + charset}, stream=Parts(parts))
    with send, receive:
        try:
            await reader._read(response)
        except (Unavailable, BadReply) as end:
            rings = receive.statistics().current_buffer_used
            return Heard(str(end), rings, reader._last_event_id, reader._retry_base)


@fuzzed(percent=12, cut=made(a_cut_stream), charset=st.sampled_from(_CHARSETS))
def test_any_stream_ends_the_same_way_however_it_is_cut(cut: tuple[bytes, list[bytes]], charset: str) -> None:
    stream, parts = cut
    assert stream == b"".join(parts)
    whole, in_parts = trio.run(hear_twice, stream, parts, charset)
    assert whole == in_parts
    assert_clear(whole.error)
    assert 0.1 <= whole.retry <= 300
    httpx.Headers([(b"Last-Event-ID", whole.last_event_id.encode())])


@fuzzed(percent=2, cut=made(a_cut_stream))
def test_the_size_of_an_event_is_the_same_however_the_network_cuts(cut: tuple[bytes, list[bytes]]) -> None:
    stream, parts = cut
    assert pending(parts) == pending([stream]) <= len(stream)


def pending(parts: Sequence[bytes]) -> int:
    size = EventSize()
    for part in parts:
        size.add(part)
    return size.pending


_TEMPLATE_PIECES = (
    *(
        "https://",
        "jmap.example",
        ":8080",
        ":x",
        "/",
        "?",
        "&",
        "=",
        "#",
        "[",
        "]",
        "%",
        " ",
        "ü",
        "\n",
        "\x7f",
        "\ue000",
    ),
    *(
        "{types}",
        "{?types,closeafter,ping}",
        "{/ping}",
        "{",
        "}",
        "{}",
        "{types:3}",
        "{ping:x}",
        "{+a*}",
        ":",
        "*",
        ",",
    ),
)


def a_template(tape: Tape) -> str:
    return "".join(tape.pick(_TEMPLATE_PIECES) for _ in range(tape.below(12)))


@fuzzed(percent=2, offered=made(a_template))
def test_any_event_source_url_is_one_or_is_a_bad_reply(offered: str) -> None:
    with a_value_or_a_clear_error():
        assert isinstance(event_source_url(offered), httpx.URL)
