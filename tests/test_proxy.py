"""The proxy of the tests: what it lets through, how late, and what it keeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from tests.proxy import Course, Hold, delayed, proxy_to, straight


@asynccontextmanager
async def talking(course: Course) -> AsyncIterator[tuple[trio.SocketStream, list[bytes]]]:
    """A connection through the proxy to a server that answers all it gets in capitals; and what it got."""
    got: list[bytes] = []

    async def answer(stream: trio.SocketStream) -> None:
        async for part in stream:
            got.append(bytes(part))
            await stream.send_all(part.upper())

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, answer, [listener])
            async with proxy_to(listener.socket.getsockname()[1], course) as proxy:
                async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream:
                    yield stream, got
                assert proxy.connections == 1
            nursery.cancel_scope.cancel()


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
