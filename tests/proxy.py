"""A TCP proxy before a server: what a network does to connections, chosen by the test."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

Course = Callable[[trio.SocketStream, trio.SocketStream], Awaitable[None]]
"""What happens on one connection, given its two ends: towards the client, and towards the server."""


@dataclass
class Proxy:
    """`port` is where clients find the server. Connections made from now on take `course`; the others keep theirs."""

    port: int
    course: Course
    connections: int = 0


@asynccontextmanager
async def proxy_to(port: int, course: Course) -> AsyncIterator[Proxy]:
    """Stand before a port of this machine, on a free one."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        proxy = Proxy(listener.socket.getsockname()[1], course)

        async def connect(client: trio.SocketStream) -> None:
            proxy.connections += 1
            try:
                async with client, await trio.open_tcp_stream("127.0.0.1", port) as server:
                    await proxy.course(client, server)
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # one side hung up while the other one spoke

        nursery.start_soon(trio.serve_listeners, connect, [listener])
        yield proxy
        nursery.cancel_scope.cancel()


async def straight(client: trio.SocketStream, server: trio.SocketStream) -> None:
    """Everything arrives, at once."""
    await _both_ways(client, server, _look_away, _look_away)


Watch = Callable[[bytes | bytearray], Awaitable[None]]
"""Called with what is on the way, before it travels on."""


async def _look_away(part: bytes | bytearray) -> None:
    pass


async def _both_ways(client: trio.SocketStream, server: trio.SocketStream, there: Watch, back: Watch) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_pass_on, client, server, there)
        nursery.start_soon(_pass_on, server, client, back)


async def _pass_on(source: trio.SocketStream, sink: trio.SocketStream, watch: Watch) -> None:
    async for part in source:
        await watch(part)
        await sink.send_all(part)
    await sink.send_eof()


def delayed(round_trip_seconds: float) -> Course:
    """Everything arrives, half a round trip later. What is sent meanwhile travels at the same time."""
    one_way = round_trip_seconds / 2

    async def course(client: trio.SocketStream, server: trio.SocketStream) -> None:
        # The three packets that open a connection: a round trip before the first byte can leave.
        await trio.sleep(round_trip_seconds)
        async with trio.open_nursery() as both:
            both.start_soon(_pass_on_later, client, server, one_way)
            both.start_soon(_pass_on_later, server, client, one_way)

    return course


async def _pass_on_later(source: trio.SocketStream, sink: trio.SocketStream, seconds: float) -> None:
    async with trio.open_nursery() as nursery:
        sent, travelling = trio.open_memory_channel[tuple[float, bytes | bytearray]](math.inf)
        nursery.start_soon(_arrive, travelling, sink)
        async with sent:
            async for part in source:
                await sent.send((trio.current_time() + seconds, part))


async def _arrive(
    travelling: trio.MemoryReceiveChannel[tuple[float, bytes | bytearray]], sink: trio.SocketStream
) -> None:
    async for due, part in travelling:
        await trio.sleep_until(due)
        await sink.send_all(part)
    await sink.send_eof()


@dataclass
class Hold:
    """Courses on which time stops. `held` is set once something is on the way and stays there."""

    held: trio.Event = field(default_factory=trio.Event)

    def request(self, text: bytes) -> Course:
        """A request with this text in it doesn't reach the server, nor does anything after it."""

        async def there(part: bytes | bytearray) -> None:
            if text in part:
                await self._hold()

        return lambda client, server: _both_ways(client, server, there, _look_away)

    def answer(self, text: bytes) -> Course:
        """A request with this text in it reaches the server, which acts; no answer comes back."""

        async def course(client: trio.SocketStream, server: trio.SocketStream) -> None:
            asked = trio.Event()

            async def there(part: bytes | bytearray) -> None:
                if text in part:
                    asked.set()

            async def back(part: bytes | bytearray) -> None:
                if asked.is_set():
                    await self._hold()

            await _both_ways(client, server, there, back)

        return course

    async def _hold(self) -> None:
        self.held.set()
        await trio.sleep_forever()
