"""A TCP proxy before a server: what a network does to connections, chosen by the test."""

import math
import socket
import struct
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
    _ends: set[trio.SocketStream] = field(default_factory=set)
    _listening: trio.CancelScope = field(default_factory=trio.CancelScope)
    _listener: trio.SocketListener | None = None
    _changed: trio.Event = field(default_factory=trio.Event)

    def hang_up(self) -> None:
        """Reset every connection that there is."""
        for end in self._ends:
            reset(end)

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Nobody is there: connections that there are get reset, new ones are refused."""
        with socket.socket() as place:
            self._listen_on(None)
            self.hang_up()
            # Bound and not listening, so that nobody else takes the port meanwhile.
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.bind(("127.0.0.1", self.port))
            try:
                yield
            finally:
                place.listen()
                self._listen_on(trio.SocketListener(trio.socket.from_stdlib_socket(place.dup())))

    def _listen_on(self, listener: trio.SocketListener | None) -> None:
        self._listening.cancel()
        if self._listener is not None:
            self._listener.socket.close()
        self._listener = listener
        self._changed.set()

    async def serve(self, to_port: int) -> None:
        """For `proxy_to`."""

        async def connect(client: trio.SocketStream) -> None:
            self.connections += 1
            try:
                async with client, await trio.open_tcp_stream("127.0.0.1", to_port) as server:
                    self._ends |= {client, server}
                    try:
                        await self.course(client, server)
                    finally:
                        self._ends -= {client, server}
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # one side hung up while the other one spoke

        async with trio.open_nursery() as connections:
            while True:
                self._changed = trio.Event()
                with trio.CancelScope() as self._listening:
                    if self._listener is None:
                        await self._changed.wait()
                    else:
                        await trio.serve_listeners(connect, [self._listener], handler_nursery=connections)


@asynccontextmanager
async def proxy_to(port: int, course: Course) -> AsyncIterator[Proxy]:
    """Stand before a port of this machine, on a free one."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        proxy = Proxy(listener.socket.getsockname()[1], course, _listener=listener)
        nursery.start_soon(proxy.serve, port)
        yield proxy
        nursery.cancel_scope.cancel()


def reset(end: trio.SocketStream) -> None:
    """Close so that the other side hears of a failure, not of an end (RST instead of FIN)."""
    if end.socket.fileno() >= 0:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.socket.close()


async def straight(client: trio.SocketStream, server: trio.SocketStream) -> None:
    """Everything arrives, at once."""
    await both_ways(client, server, look_away, look_away)


Watch = Callable[[bytes | bytearray], Awaitable[None]]
"""Called with what is on the way, before it travels on."""


async def look_away(part: bytes | bytearray) -> None:
    pass


async def both_ways(client: trio.SocketStream, server: trio.SocketStream, there: Watch, back: Watch) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pass_on, client, server, there)
        nursery.start_soon(pass_on, server, client, back)


async def pass_on(source: trio.SocketStream, sink: trio.SocketStream, watch: Watch = look_away) -> None:
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

        return lambda client, server: both_ways(client, server, there, look_away)

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

            await both_ways(client, server, there, back)

        return course

    async def _hold(self) -> None:
        self.held.set()
        await trio.sleep_forever()
