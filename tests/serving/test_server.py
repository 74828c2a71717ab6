"""What an app may count on, whatever its clients do."""

import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from mailroom.serving.connection import HALF_CLOSED_SECONDS, SEND_SECONDS, Limits
from mailroom.serving.server import ACCEPT_AGAIN_SECONDS, AT_ONCE, SILENCE_SECONDS
from tests.guard import GUARD_SECONDS
from tests.serving.app import BEAT_SECONDS, an_app
from tests.serving.hostile import get
from tests.serving.support import connect, exchange, heard, said_until_the_end, served, statuses

FORMS = Limits(body_bytes=100, body_seconds=10)
KEEP_ALIVE_SECONDS = 5


def post(body: bytes, *fields: bytes, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    head = get("/form", b"Content-Length: %d" % length, *fields)
    return head.replace(b"GET", b"POST", 1) + body


class TestBodies:
    async def test_up_to_the_limit_reach_the_app(self) -> None:
        async with served(an_app(), FORMS) as port:
            said = await exchange(port, post(b"a" * 99), post(b"b" * 50), post(b"c" * 100, b"Connection: close"))
        assert statuses(said) == [200, 200, 200]
        assert [said.count(letter * number) for letter, number in ((b"a", 99), (b"b", 50), (b"c", 100))] == [1, 1, 1]

    async def test_beyond_it_are_refused(self) -> None:
        async with served(an_app(), FORMS) as port:
            assert statuses(await exchange(port, post(b"a" * 101))) == [400]
            assert statuses(await exchange(port, post(b"", length=10**19))) == [400]

    async def test_whose_client_asks_first_are_asked_for(self) -> None:
        async with served(an_app(), FORMS) as port:
            with trio.fail_after(GUARD_SECONDS):
                async with await connect(port) as stream:
                    await stream.send_all(post(b"", b"Expect: 100-continue", b"Connection: close", length=3))
                    assert statuses(bytes(await stream.receive_some())) == [100]
                    await stream.send_all(b"abc")
                    said = await said_until_the_end(stream)
        assert (statuses(said), said[-3:]) == ([200], b"abc")

    async def test_that_nobody_reads_hold_up_nothing(self) -> None:
        async with served(an_app(), FORMS) as port:
            unwanted = post(b"a" * 100).replace(b"/form", b"/nowhere")
            assert statuses(await exchange(port, unwanted, post(b"x", b"Connection: close"))) == [404, 200]

    async def test_that_do_not_come_end_the_connection(self, autojump_clock: MockClock) -> None:
        async with served(an_app(), FORMS) as port, await connect(port) as stream:
            await stream.send_all(post(b"a" * 99, length=100))
            assert await said_until_the_end(stream) == b""
            assert trio.current_time() < FORMS.body_seconds + 1

    async def test_of_whoever_hangs_up_end_it_at_once(self, mock_clock: MockClock) -> None:
        async with served(an_app(), FORMS) as port:
            with trio.fail_after(GUARD_SECONDS):
                async with await connect(port) as stream:
                    await stream.send_all(post(b"a" * 99, length=100))
                    await stream.send_eof()
                    assert await said_until_the_end(stream) == b""

    async def test_that_are_missing_while_it_is_answered_are_nothing_to_log(self, mock_clock: MockClock) -> None:
        with capture_logs() as lines:
            async with served(an_app(), FORMS) as port, await connect(port) as stream:
                await stream.send_all(post(b"", length=5).replace(b"/form", b"/nowhere"))
                await stream.send_eof()
                await said_until_the_end(stream)
        assert lines == []


class TestStreams:
    async def test_run_on_for_as_long_as_somebody_listens(self, autojump_clock: MockClock) -> None:
        async with served(an_app(), Limits()) as port, await connect(port) as stream:
            await stream.send_all(get("/events"))
            for _ in range(100):
                await heard(stream, b"beat")
        assert trio.current_time() >= 99 * BEAT_SECONDS

    async def test_end_when_their_client_hangs_up(self, autojump_clock: MockClock) -> None:
        async with served(an_app(), Limits()) as port, await connect(port) as stream:
            await stream.send_all(get("/events"))
            await heard(stream, b"beat")
            before = trio.current_time()
            await stream.send_eof()
            await said_until_the_end(stream)
            assert trio.current_time() - before <= HALF_CLOSED_SECONDS + 1

    async def test_end_with_the_server(self) -> None:
        async with served(an_app(), Limits()) as port:
            stream = await connect(port)
            await stream.send_all(get("/events"))
            await heard(stream, b"beat")
        with trio.fail_after(GUARD_SECONDS):
            await said_until_the_end(stream)
        await stream.aclose()


class TestSlowClients:
    @pytest.mark.parametrize("begin", [b"", b"GET / HT", get("/"), get("/") + b"GET"])
    async def test_who_say_nothing_more_are_hung_up_on(self, begin: bytes, autojump_clock: MockClock) -> None:
        async with served(an_app(), Limits()) as port, await connect(port) as stream:
            if begin:
                await stream.send_all(begin)
            said = await said_until_the_end(stream)
            assert statuses(said) == [200] * begin.count(b"x\r\n\r\n")
            assert trio.current_time() <= KEEP_ALIVE_SECONDS + 1

    async def test_who_do_not_read_are_dropped(self, autojump_clock: MockClock) -> None:
        async with served(an_app(), Limits()) as port, await connect(port) as stream:
            await stream.send_all(get("/big"))
            await trio.sleep(SEND_SECONDS + 1)
            said = await said_until_the_end(stream)
        assert b"200" in said[:20]
        assert len(said) < 20_000_000

    async def test_who_read_get_all_of_a_big_answer(self) -> None:
        async with served(an_app(), Limits()) as port:
            said = await exchange(port, get("/big", b"Connection: close"))
        assert said.endswith(b"x" * 20_000_000)


async def test_requests_in_quick_succession_wait_in_line(autojump_clock: MockClock) -> None:
    async with served(an_app(), Limits(requests_a_second=2)) as port, await connect(port) as stream:
        await stream.send_all(get("/") * (AT_ONCE + 10) + get("/", b"Connection: close"))
        assert statuses(await said_until_the_end(stream)) == [200] * (AT_ONCE + 11)
        assert trio.current_time() >= 10 / 2


async def test_who_asks_once_waits_for_one_request_of_each_other_address(autojump_clock: MockClock) -> None:
    async with served(an_app(), Limits(requests_a_second=1)) as port:
        await exchange(port, get("/") * AT_ONCE + get("/", b"Connection: close"))
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(exchange, port, get("/", b"Connection: close"))
            await wait_all_tasks_blocked()
            before = trio.current_time()
            async with await trio.open_tcp_stream("127.0.0.1", port, local_address="127.0.0.2") as monitor:
                await monitor.send_all(get("/", b"Connection: close"))
                assert statuses(await said_until_the_end(monitor)) == [200]
            assert trio.current_time() - before <= 3
            nursery.cancel_scope.cancel()


async def test_who_hung_up_while_in_line_takes_no_turn(mock_clock: MockClock) -> None:
    async with served(an_app(), Limits(requests_a_second=1)) as port:
        assert statuses(await exchange(port, get("/") * AT_ONCE + get("/", b"Connection: close")))
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends by a reset
                client.sendall(get("/"))
                await wait_all_tasks_blocked(0.02)
        async with await connect(port) as stream:
            await stream.send_all(get("/", b"Connection: close"))
            await wait_all_tasks_blocked(0.02)
            # The first in the line was still there when its turn began.
            for _ in range(2):
                mock_clock.jump(1)
                await wait_all_tasks_blocked(0.02)
            with trio.fail_after(GUARD_SECONDS):
                assert statuses(await said_until_the_end(stream)) == [200]


async def test_of_too_many_connections_one_of_the_client_with_most_is_closed(mock_clock: MockClock) -> None:
    async with served(an_app(), Limits(connections=3)) as port, await connect(port) as busy:
        with trio.fail_after(GUARD_SECONDS):
            async with await trio.open_tcp_stream("127.0.0.1", port, local_address="127.0.0.2") as monitor:
                await busy.send_all(get("/events"))
                await heard(busy, b"beat")
                async with await connect(port) as streaming, await connect(port):
                    await streaming.send_all(get("/events"))
                    await monitor.send_all(get("/", b"Connection: close"))
                    assert statuses(await said_until_the_end(monitor)) == [200]


async def test_the_pieces_of_a_head_wait_in_line(autojump_clock: MockClock) -> None:
    async with served(an_app(), Limits(pieces_a_second=4)) as port, await connect(port) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ")
        for _ in range(AT_ONCE + 8):
            await stream.send_all(b"y")
            await wait_all_tasks_blocked(0.01)
        await stream.send_all(b"\r\n\r\n")
        assert statuses(await said_until_the_end(stream)) == [200]
        assert trio.current_time() >= 1 / 4


async def test_of_too_many_connections_the_idlest_is_closed(mock_clock: MockClock) -> None:
    async with served(an_app(), Limits(connections=3)) as port:
        with trio.fail_after(GUARD_SECONDS):
            streaming, idle, later = [await connect(port) for _ in range(3)]
            for stream, path, last in ((streaming, "/events", b"beat"), (idle, "/", b"here"), (later, "/", b"here")):
                mock_clock.jump(1)
                await stream.send_all(get(path))
                await heard(stream, last)
            assert statuses(await exchange(port, get("/", b"Connection: close"))) == [200]
            assert await said_until_the_end(idle) == b""
            await later.send_all(get("/"))
            assert statuses(await heard(later, b"here")) == [200]
            for stream in (streaming, idle, later):
                await stream.aclose()


async def test_of_connections_that_are_all_busy_the_longest_silent_is_closed(mock_clock: MockClock) -> None:
    async with served(an_app(), Limits(connections=1)) as port:
        with trio.fail_after(GUARD_SECONDS):
            async with await connect(port) as streaming:
                await streaming.send_all(get("/events"))
                await heard(streaming, b"beat")
                assert statuses(await exchange(port, get("/", b"Connection: close"))) == [200]
                await said_until_the_end(streaming)


async def test_of_those_who_wait_in_line_the_last_is_closed(mock_clock: MockClock) -> None:
    async with served(an_app(), Limits(connections=2, requests_a_second=1)) as port:
        used_up = get("/") * AT_ONCE + get("/", b"Connection: close")
        assert statuses(await exchange(port, used_up)) == [200] * (AT_ONCE + 1)
        async with await connect(port) as first, await connect(port) as last:
            for stream in (first, last):
                await stream.send_all(get("/", b"Connection: close"))
                await wait_all_tasks_blocked(0.1)
                mock_clock.jump(0.1)
            async with await connect(port):
                assert await said_until_the_end(last) == b""
                mock_clock.jump(1)
                assert statuses(await said_until_the_end(first)) == [200]


@contextmanager
def no_more_files() -> Iterator[None]:
    """The next file that is opened would be one too many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        highest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_a_file_for_a_connection_one_line_is_logged_and_it_waits(autojump_clock: MockClock) -> None:
    async with served(an_app(), Limits()) as port:
        await wait_all_tasks_blocked()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(get("/", b"Connection: close"))
            with capture_logs() as lines, no_more_files():
                await trio.sleep(SILENCE_SECONDS * 1.5)
            client.settimeout(GUARD_SECONDS)
            said = await trio.to_thread.run_sync(client.recv, 1000)
    assert [line["event"] for line in lines] == ["accepting_failed"] * 2
    assert lines[0] == {
        "event": "accepting_failed",
        "log_level": "error",
        "component": "serving",
        "server": "test",
        "error": "Too many open files",
    }
    assert statuses(said) == [200]


async def test_the_idlest_gives_its_file_to_the_next(mock_clock: MockClock) -> None:
    async with served(an_app(), Limits()) as port:
        with trio.fail_after(GUARD_SECONDS):
            async with await connect(port) as idle:
                await idle.send_all(get("/"))
                await heard(idle, b"here")
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(get("/", b"Connection: close"))
                    with no_more_files():
                        assert await said_until_the_end(idle) == b""
                    mock_clock.jump(ACCEPT_AGAIN_SECONDS)
                    client.settimeout(GUARD_SECONDS)
                    assert statuses(await trio.to_thread.run_sync(client.recv, 1000)) == [200]


class AnswersWhatCannotBeSent:
    """An app at whose answer hypercorn (0.18) raises, and again when it tells of that by 500."""

    def __init__(self) -> None:
        self._app = an_app()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 101, "headers": []})
        await self._app(scope, receive, send)


async def test_what_a_connection_raises_ends_it_alone_with_one_line() -> None:
    with capture_logs() as lines:
        async with served(AnswersWhatCannotBeSent(), Limits()) as port:
            for _ in range(3):
                assert await exchange(port, get("/")) == b""
    # Where a test before has set up the log, hypercorn's own line about the app is among them.
    ours = [line for line in lines if line.get("component") == "serving"]
    assert (
        ours
        == [
            {
                "event": "connection_failed",
                "log_level": "warning",
                "component": "serving",
                "server": "test",
                "error": "LocalProtocolError",
            }
        ]
        * 3
    )


class StartsTheThirdTime:
    """An app whose start fails twice."""

    def __init__(self) -> None:
        self._app = an_app()
        self._starts = 0

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "lifespan":
            self._starts += 1
            if self._starts < 3:
                await send({"type": "lifespan.startup.failed", "message": "not yet"})
        await self._app(scope, receive, send)


async def test_after_anything_else_it_starts_again_with_back_off(autojump_clock: MockClock) -> None:
    with capture_logs() as lines:
        async with served(StartsTheThirdTime(), Limits()) as port, await connect(port) as stream:
            await stream.send_all(get("/", b"Connection: close"))
            assert statuses(await said_until_the_end(stream)) == [200]
    assert [(line["event"], line["server"], line["retry_in"]) for line in lines] == [
        ("serving_failed", "test", 1),
        ("serving_failed", "test", 2),
    ]
