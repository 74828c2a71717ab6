"""Clients that speak in bytes."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager

import trio
from hypercorn.typing import ASGIFramework

from mailroom.serving.connection import Limits
from mailroom.serving.server import listen, serve
from tests.guard import GUARD_SECONDS


@asynccontextmanager
async def served(app: ASGIFramework, limits: Limits) -> AsyncIterator[int]:
    """Gives the port."""
    listeners = await listen("test", "127.0.0.1", 0, str.upper)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, "test", app, listeners, limits)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def connect(port: int) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", port)


@contextmanager
def deaf_clients(port: int, count: int, requests: bytes) -> Iterator[None]:
    """So many clients that ask and never read, with so little room that soon nothing more can be sent to them."""
    with ExitStack() as held:
        for _ in range(count):
            client = held.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.connect(("127.0.0.1", port))
            client.sendall(requests)
        yield


async def heard(stream: trio.SocketStream, last: bytes) -> bytes:
    """What the server says until this is a part of it."""
    said = b""
    while last not in said:
        part = await stream.receive_some()
        assert part, "hung up"
        said += part
    return said


async def said_until_the_end(stream: trio.SocketStream) -> bytes:
    """All that the server says before it hangs up."""
    said = bytearray()
    try:
        async for part in stream:
            said += part
    except trio.BrokenResourceError:
        pass  # hung up with something unread: a reset
    return bytes(said)


async def exchange(port: int, *parts: bytes) -> bytes:
    """Send this, and return all that the server says before it hangs up, of its own accord."""
    with trio.fail_after(GUARD_SECONDS):
        async with await connect(port) as stream:
            for part in parts:
                await stream.send_all(part)
            return await said_until_the_end(stream)


def statuses(said: bytes) -> list[int]:
    """Of all answers, in order."""
    return [int(part[:3]) for part in said.split(b"HTTP/1.1 ")[1:]]
