"""The proxy of the tests: what it lets through, how late, what it keeps, and how it breaks off."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trustme
from trio.testing import MockClock

from tests.courses import Valve, answering, behind_tls, dripping, reset_in_answer, reset_in_request, with_request
from tests.guard import GUARD_SECONDS
from tests.proxy import Course, Hold, Proxy, delayed, proxy_to, straight


@asynccontextmanager
async def shouting(course: Course) -> AsyncIterator[tuple[Proxy, list[bytes]]]:
    """A proxy before a server that answers all it gets in capitals; and what it got."""
    got: list[bytes] = []

    async def answer(stream: trio.SocketStream) -> None:
        try:
            async for part in stream:
                got.append(bytes(part))
                await stream.send_all(part.upper())
        except trio.BrokenResourceError:
            got.append(b"<reset>")

    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, answer, [listener])
            async with proxy_to(listener.socket.getsockname()[1], course) as proxy:
                yield proxy, got
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def talking(course: Course) -> AsyncIterator[tuple[trio.SocketStream, list[bytes]]]:
    """A connection through the proxy to that server; and what the server got."""
    async with shouting(course) as (proxy, got):
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
            yield stream, got
        assert proxy.connections == 1


@pytest.mark.parametrize("course", [straight, delayed(0)], ids=["straight", "delayed"])
async def test_what_is_sent_arrives_and_so_does_the_end(course: Course) -> None:
    async with talking(course) as (stream, got):
        await stream.send_all(b"one")
        assert await stream.receive_some() == b"ONE"
        await stream.send_eof()
        assert await stream.receive_some() == b""
        assert got == [b"one"]


async def test_a_delayed_answer_comes_a_round_trip_later_and_the_first_one_two(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.02
    async with talking(delayed(4)) as (stream, _):
        for due in (8, 12):
            await stream.send_all(b"one")
            assert await stream.receive_some() == b"ONE"
            assert trio.current_time() == pytest.approx(due, abs=0.1)


async def test_what_is_sent_at_once_travels_at_the_same_time(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.02
    async with talking(delayed(4)) as (stream, got):
        await trio.sleep(4)
        for part in (b"a", b"b"):
            await stream.send_all(part)
            await trio.sleep(1)
        while len(got) < 2:  # noqa: ASYNC110  the clock jumps, and nothing tells of bytes that arrive
            await trio.sleep(0.5)
        assert trio.current_time() == pytest.approx(7, abs=1)


async def test_a_held_request_reaches_nobody() -> None:
    hold = Hold()
    async with talking(hold.request(b"stop")) as (stream, got):
        await stream.send_all(b"go")
        assert await stream.receive_some() == b"GO"
        await stream.send_all(b"stop")
        await hold.held.wait()
        assert got == [b"go"]


async def test_a_held_answer_is_to_a_request_that_arrived() -> None:
    hold = Hold()
    async with talking(hold.answer(b"stop")) as (stream, got):
        await stream.send_all(b"stop")
        await hold.held.wait()
        assert got == [b"stop"]
        with trio.move_on_after(0):
            raise AssertionError(await stream.receive_some())


async def test_a_request_is_reset_in_its_middle_on_both_sides() -> None:
    async with talking(reset_in_request(b"two")) as (stream, got):
        await stream.send_all(b"one")
        assert await stream.receive_some() == b"ONE"
        await stream.send_all(b"t")
        assert await stream.receive_some() == b"T"
        await stream.send_all(b"wo three")
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        while got[-1] != b"<reset>":
            await trio.testing.wait_all_tasks_blocked()
    assert b"".join(got) == b"onetwo<reset>"


async def test_an_answer_is_reset_in_its_middle() -> None:
    async with talking(reset_in_answer(b"TWO")) as (stream, got):
        await stream.send_all(b"one two three")
        assert await stream.receive_some() == b"ONE TWO"
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
    assert got[0] == b"one two three"


async def test_an_answer_drips(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.02
    async with talking(dripping(5)) as (stream, _):
        await stream.send_all(b"abc")
        for part, due in ((b"A", 0), (b"B", 5), (b"C", 10)):
            assert await stream.receive_some() == part
            assert trio.current_time() == pytest.approx(due, abs=0.5)


async def test_a_shut_valve_lets_nothing_through_until_it_is_open_again() -> None:
    valve = Valve()
    async with talking(valve.course) as (stream, got):
        await stream.send_all(b"one")
        assert await stream.receive_some() == b"ONE"
        valve.shut()
        await stream.send_all(b"two")
        await valve.waits.wait()
        assert got == [b"one"]
        valve.open()
        assert await stream.receive_some() == b"TWO"


async def test_a_shut_valve_hides_the_end_of_a_connection() -> None:
    valve = Valve()
    async with talking(valve.course) as (stream, _):
        await stream.send_all(b"one")
        assert await stream.receive_some() == b"ONE"
        valve.shut()
        await stream.send_eof()
        await valve.waits.wait()
        with trio.move_on_after(0):
            raise AssertionError(await stream.receive_some())


@pytest.mark.parametrize(("first", "answer"), [(b"GET /events", b"none"), (b"GET /api", b"GET /API")])
async def test_a_course_can_be_for_connections_with_a_certain_request(first: bytes, answer: bytes) -> None:
    async with talking(with_request(b"/events", answering(b"none"))) as (stream, _):
        await stream.send_all(first + b"\r\n\r\n")
        assert (await stream.receive_some()).strip() == answer


async def test_a_fixed_answer_is_followed_by_the_end_and_the_server_is_not_asked() -> None:
    async with talking(answering(b"no")) as (stream, got):
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        assert await stream.receive_some() == b"no"
        assert await stream.receive_some() == b""
        await stream.send_eof()
    assert got == []


async def test_behind_tls_the_server_hears_plain_text() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with talking(behind_tls(context)) as (stream, got):
        secure = trio.SSLStream(stream, trusting, server_hostname="localhost", https_compatible=True)
        await secure.send_all(b"one")
        assert await secure.receive_some() == b"ONE"
        assert got == [b"one"]


async def test_while_it_is_away_connections_are_reset_and_refused() -> None:
    async with shouting(straight) as (proxy, _):
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
            await stream.send_all(b"one")
            assert await stream.receive_some() == b"ONE"
            async with proxy.away():
                with pytest.raises(trio.BrokenResourceError):
                    await stream.receive_some()
                with pytest.raises(OSError, match="all attempts to connect"):
                    await trio.open_tcp_stream("127.0.0.1", proxy.port)
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
            await stream.send_all(b"two")
            assert await stream.receive_some() == b"TWO"
