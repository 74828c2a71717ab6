"""A TCP relay before a server that can stop time: what the client sends, or what it is answered, stays on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio


@dataclass
class Relay:
    """Where a client finds the server. `held` is set once something is on the way and stays there."""

    port: int
    held: trio.Event = field(default_factory=trio.Event)
    _request: bytes | None = None
    _answer: bytes | None = None

    def hold_request(self, text: bytes) -> None:
        """The next request with this text in it doesn't reach the server, nor does anything after it."""
        self._request = text

    def hold_answer(self, text: bytes) -> None:
        """The next request with this text in it reaches the server, which acts; no answer comes back."""
        self._answer = text

    async def there(self, client: trio.SocketStream, server: trio.SocketStream, asked: trio.Event) -> None:
        async for part in client:
            if self._request is not None and self._request in part:
                self.held.set()
                await trio.sleep_forever()
            if self._answer is not None and self._answer in part:
                asked.set()
            await server.send_all(part)
        await server.send_eof()

    async def back(self, client: trio.SocketStream, server: trio.SocketStream, asked: trio.Event) -> None:
        async for part in server:
            if asked.is_set():
                self.held.set()
                await trio.sleep_forever()
            await client.send_all(part)
        await client.aclose()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[Relay]:
    """Relay connections to a port of this machine from a free one."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        relay = Relay(listener.socket.getsockname()[1])

        async def connect(client: trio.SocketStream) -> None:
            server = await trio.open_tcp_stream("127.0.0.1", port)
            asked = trio.Event()
            try:
                async with client, server, trio.open_nursery() as both:
                    both.start_soon(relay.there, client, server, asked)
                    both.start_soon(relay.back, client, server, asked)
            except* (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # one side hung up while the other one spoke

        nursery.start_soon(trio.serve_listeners, connect, [listener])
        yield relay
        nursery.cancel_scope.cancel()
