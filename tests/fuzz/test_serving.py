"""What clients send to a port: by the gate alone, and by the whole server over a socket."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from math import inf

import h11
import trio
from quart_trio import QuartTrio
from structlog.testing import capture_logs
from trio.testing import MockClock

from mailroom.observe.health import make_app
from mailroom.observe.status import Status
from mailroom.serving.connection import Limits
from mailroom.serving.gate import REFUSED, Gate
from tests.fuzz.mutations import Tape, made, spoilt
from tests.fuzz.running import fuzzed
from tests.scrape import report_of
from tests.serving import hostile
from tests.serving.app import an_app
from tests.serving.support import connect, said_until_the_end, served

LONGEST_BODY = 50

REQUESTS = (
    hostile.get("/livez"),
    hostile.get("/healthz?x=1", b"User-Agent: curl/8", b"Accept: */*"),
    hostile.get("/metrics", b"Connection: close"),
    hostile.get("/livez", b"Connection: keep-alive, Upgrade", b"Upgrade: h2c"),
    b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /livez HTTP/1.0\r\n\r\n",
    b"OPTIONS /readyz HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /form HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n" + b"y" * 50,
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 5\r\n\r\n--b--",
    *(each for each in hostile.REFUSED.values() if len(each) < 10_000),
)
PIECES = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b":", b"/", b"?", b"#", b"%", b"%ff", b"%00", b"//"),
    *(b"\0", b"\xff", b"\xc3\xa9", b"\x16\x03\x01", b"[", b"]", b"@", b"*", b"..", b"\\", b"http://x/", b"/static/x"),
    *(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"GET", b"POST", b"CONNECT", b"PRI", b"HEAD", b"TRACE", b"get"),
    *(b"Host: y\r\n", b"Host: \xff\r\n", b"Host:\r\n", b"Host: x:99999999\r\n", b"Connection: close\r\n"),
    *(b"Connection: upgrade\r\n", b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n"),
    *(b"Content-Length: 3\r\n", b"Content-Length: 4, 4\r\n", b"Content-Length: 0\r\n", b"Content-Length: +1\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Cookie: \xff=\xff; a\r\n", b"Range: x\r\n"),
    *(b"Sec-WebSocket-Protocol: \xff\r\n", b"Content-Type: multipart/form-data\r\n", b"Date: x\r\n", b"x" * 300),
    *(b"Content-Type: application/x-www-form-urlencoded; charset=\xff\r\n", b"Authorization: Basic \xff\r\n"),
)


def asked(tape: Tape) -> list[bytes]:
    """What one client sends, in parts."""
    cuts = [tape.below(2**16) for _ in range(tape.below(4))]
    requests = b"".join(tape.pick(REQUESTS) for _ in range(1 + tape.below(4)))
    said = spoilt(tape, requests, PIECES)
    places = sorted({0, len(said), *(cut % (len(said) + 1) for cut in cuts)})
    return [said[start:end] for start, end in pairwise(places)]


@fuzzed(percent=2, parts=made(asked))
def test_what_passes_the_gate_is_plain_and_the_same_however_it_is_cut(parts: list[bytes]) -> None:
    whole = _passed([b"".join(parts)])
    assert _passed(parts) == whole
    for request, body in _requests(whole.removesuffix(REFUSED)):
        names = [name for name, _ in request.headers]
        assert request.http_version in (b"1.0", b"1.1")
        assert request.method != b"CONNECT"
        assert request.target.startswith(b"/")
        assert not {b"upgrade", b"transfer-encoding"} & set(names)
        assert len(body) <= LONGEST_BODY


def _passed(parts: list[bytes]) -> bytes:
    gate, found = Gate(LONGEST_BODY), b""
    for part in parts:
        gate.add(part)
        while piece := gate.take():
            found += piece
    return found


def _requests(text: bytes) -> list[tuple[h11.Request, bytes]]:
    """What hypercorn makes of it."""
    found: list[tuple[h11.Request, bytes]] = []
    while text:
        parser = h11.Connection(h11.SERVER)
        parser.receive_data(text)
        request, body = parser.next_event(), b""
        assert isinstance(request, h11.Request)
        while isinstance(event := parser.next_event(), h11.Data):
            body += bytes(event.data)
        found.append((request, body))
        text = parser.trailing_data[0] if isinstance(event, h11.EndOfMessage) else b""
    return found


async def _health_app() -> QuartTrio:
    status = Status(60)
    return make_app(report_of(status))


PORTS = (
    (trio.run(_health_app, clock=MockClock()), Limits(requests_a_second=inf, pieces_a_second=inf)),
    (an_app(), Limits(body_bytes=LONGEST_BODY, requests_a_second=inf, pieces_a_second=inf)),
)
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3})")
ANSWERS = {100, 200, 400, 404, 405, 503}


class _Collecting(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


@contextmanager
def nothing_logged() -> Iterator[None]:
    """Neither by us nor by hypercorn and Quart."""
    collecting, root = _Collecting(), logging.getLogger()
    root.addHandler(collecting)
    try:
        with capture_logs() as lines:
            yield
    finally:
        root.removeHandler(collecting)
    assert (lines, collecting.told) == ([], [])


async def _answers(app: QuartTrio, limits: Limits, parts: list[bytes]) -> bytes:
    """What the server says until it hangs up."""
    async with served(app, limits) as port, await connect(port) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(_send, stream, parts)
        return await said_until_the_end(stream)


async def _send(stream: trio.SocketStream, parts: list[bytes]) -> None:
    try:
        for part in parts:
            await stream.send_all(part)
        await stream.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the server has hung up


def _a_talk(tape: Tape) -> tuple[int, list[bytes]]:
    return tape.below(len(PORTS)), asked(tape)


@fuzzed(percent=3, talk=made(_a_talk))
def test_any_client_is_answered_and_hung_up_on_at_once(talk: tuple[int, list[bytes]]) -> None:
    number, parts = talk
    with nothing_logged():
        # On a clock that stands still: no time limit ends anything.
        said = trio.run(_answers, *PORTS[number], parts, clock=MockClock())
    assert {int(status) for status in STATUS_LINE.findall(said)} <= ANSWERS
