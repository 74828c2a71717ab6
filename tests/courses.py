"""What broken networks and wrong servers do to connections: courses for the proxy of `tests/proxy.py`."""

import socket
import ssl
from dataclasses import dataclass, field

import trio

from tests.proxy import Course, pass_on, reset, straight


@dataclass
class Valve:
    """`course` is straight while the valve is open. Shut, nothing passes, not even an end: the network is a black hole.

    `waits` is set once something, or an end, waits at it.
    """

    waits: trio.Event = field(default_factory=trio.Event)
    _open: trio.Event = field(default_factory=trio.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def shut(self) -> None:
        self._open = trio.Event()

    def open(self) -> None:
        self._open.set()

    async def course(self, client: trio.SocketStream, server: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._pass_on, client, server)
            nursery.start_soon(self._pass_on, server, client)

    async def _pass_on(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        try:
            async for part in source:
                await self._passed()
                await sink.send_all(part)
        finally:
            await self._passed()
        await sink.send_eof()

    async def _passed(self) -> None:
        if not self._open.is_set():
            self.waits.set()
            await self._open.wait()


def with_request(text: bytes, course: Course, otherwise: Course = straight) -> Course:
    """`course` for connections whose first request has this text in its first 4 KB."""

    async def choose(client: trio.SocketStream, server: trio.SocketStream) -> None:
        first = await client.socket.recv(4096, socket.MSG_PEEK)
        await (course if text in first else otherwise)(client, server)

    return choose


def reset_in_request(text: bytes) -> Course:
    """The server gets no more of a request than up to this text; then both sides are reset."""

    async def course(client: trio.SocketStream, server: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pass_on_until, text, client, server)
            nursery.start_soon(pass_on, server, client)

    return course


def reset_in_answer(text: bytes) -> Course:
    """The server gets everything, the client no more of the answer than up to this text; then both are reset."""

    async def course(client: trio.SocketStream, server: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pass_on, client, server)
            nursery.start_soon(_pass_on_until, text, server, client)

    return course


async def _pass_on_until(text: bytes, source: trio.SocketStream, sink: trio.SocketStream) -> None:
    before = b""
    async for part in source:
        seen = before + part
        if text in seen:
            await sink.send_all(seen[len(before) : seen.index(text) + len(text)])
            reset(source)
            reset(sink)
            return
        await sink.send_all(part)
        before = seen[-len(text) + 1 :] if len(text) > 1 else b""
    await sink.send_eof()


def dripping(seconds: float) -> Course:
    """Each byte of the answers comes so much later than the one before."""

    async def back(server: trio.SocketStream, client: trio.SocketStream) -> None:
        async for part in server:
            for byte in part:
                await client.send_all(bytes([byte]))
                await trio.sleep(seconds)
        await client.send_eof()

    async def course(client: trio.SocketStream, server: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pass_on, client, server)
            nursery.start_soon(back, server, client)

    return course


def answering(answer: bytes) -> Course:
    """The server is never asked: each connection gets this answer to its first request, and then its end."""

    async def course(client: trio.SocketStream, server: trio.SocketStream) -> None:
        request = b""
        while b"\r\n\r\n" not in request and (part := await client.receive_some()):
            request += part
        await client.send_all(answer)
        await client.send_eof()
        async for _ in client:
            pass  # closed with something unread, the client would be reset before it has the answer

    return course


def behind_tls(context: ssl.SSLContext) -> Course:
    """Clients speak TLS with the proxy, which shows the certificate of this context; the server hears plain text."""

    async def course(client: trio.SocketStream, server: trio.SocketStream) -> None:
        secure = trio.SSLStream(client, context, server_side=True, https_compatible=True)
        # A client that doesn't like the certificate hangs up during the handshake.
        await secure.do_handshake()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_encrypted, server, secure)
            async for part in secure:
                await server.send_all(part)
            await server.send_eof()

    return course


async def _encrypted(server: trio.SocketStream, client: trio.SSLStream[trio.SocketStream]) -> None:
    async for part in server:
        await client.send_all(part)
    await client.aclose()
