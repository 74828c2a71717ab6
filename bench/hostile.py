"""Clients of the health port that mean no good, for as long as something else is measured."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import trio

from tests.serving.hostile import WEBSOCKET, get

RECEIVE_BUFFER_BYTES = 1024
"""So few that soon nothing more can be sent to who doesn't read."""

HOLD_SECONDS = 4.0
"""Less than the daemon's patience: then the client begins anew."""

REST_SECONDS = 0.1

Client = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def hostile_clients(port: int, count: int) -> AsyncIterator[None]:
    """So many, of each kind in turn."""
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(_again_and_again, KINDS[number % len(KINDS)], port)
        yield
        nursery.cancel_scope.cancel()


async def _again_and_again(client: Client, port: int) -> None:
    while True:
        connection = trio.socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        async with trio.SocketStream(connection) as stream:
            await connection.connect(("127.0.0.1", port))
            with suppress(trio.BrokenResourceError):  # hung up on, as it should be
                await client(stream)
        await trio.sleep(REST_SECONDS)


async def _ask_and_never_read(stream: trio.SocketStream) -> None:
    await stream.send_all(get("/metrics") * 20)
    await trio.sleep(HOLD_SECONDS)


async def _ask_byte_by_byte(stream: trio.SocketStream) -> None:
    for byte in get("/livez"):
        await stream.send_all(bytes((byte,)))
        await trio.sleep(REST_SECONDS)


async def _ask_for_a_websocket(stream: trio.SocketStream) -> None:
    await stream.send_all(WEBSOCKET)
    async for _ in stream:
        pass


async def _ask_without_end(stream: trio.SocketStream) -> None:
    while True:
        await stream.send_all(get("/healthz"))
        await stream.receive_some()
        await trio.sleep(REST_SECONDS)


KINDS: tuple[Client, ...] = (_ask_and_never_read, _ask_byte_by_byte, _ask_for_a_websocket, _ask_without_end)
