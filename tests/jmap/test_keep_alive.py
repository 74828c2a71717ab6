"""Connections between passes: servers close idle ones, each after a time of its own, and no pass may fail for that."""

import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.errors import Unavailable
from mailroom.http import Credentials, bearer, fetch
from mailroom.http_clients import http_client
from tests.guard import GUARD_SECONDS

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Server:
    """Takes requests without a body: on each connection it answers so many and ignores so many, then closes it."""

    answers: int
    ignores: int = 0
    url: httpx.URL = field(default_factory=httpx.URL)
    connections: int = 0
    closed: trio.Event = field(default_factory=trio.Event)

    async def handle(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        async with stream:
            for _ in range(self.answers):
                if not await _read_request(stream):
                    return
                await stream.send_all(ANSWER)
            for _ in range(self.ignores):
                await _read_request(stream)
        self.closed.set()


async def _read_request(stream: trio.SocketStream) -> bool:
    """Whether there was one."""
    request = b""
    while not request.endswith(b"\r\n\r\n"):
        part = await stream.receive_some()
        if not part:
            return False
        request += part
    return True


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client() as http, trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, server.handle, 0)
        server.url = httpx.URL(f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/")
        with trio.fail_after(GUARD_SECONDS):
            yield http
        nursery.cancel_scope.cancel()


async def ask(http: httpx.AsyncClient, server: Server) -> int:
    return (await fetch(http, "GET", server.url, auth=Credentials(bearer(SecretStr("t")), server.url))).status


async def test_requests_share_a_connection_that_the_server_keeps_open() -> None:
    server = Server(answers=3)
    async with serving(server) as http:
        assert [await ask(http, server) for _ in range(3)] == [200, 200, 200]
    assert server.connections == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a program ask for it")
async def test_answers_are_acknowledged_at_once_as_a_server_may_wait_for_it() -> None:
    """After an exchange or two, Linux takes a connection for an interactive one and delays what it acknowledges."""
    server = Server(answers=11)  # one more than are asked for: the connection stays open
    async with serving(server) as http:
        sockets: list[trio.socket.SocketType] = []

        async def keep_socket(response: httpx.Response) -> None:
            sockets.append(response.extensions["network_stream"].get_extra_info("socket"))

        http.event_hooks = {"response": [keep_socket]}
        modes = []
        for _ in range(10):
            await ask(http, server)
            modes.append(sockets[-1].getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK))
    assert server.connections == 1
    assert modes == [1] * 10


async def test_a_connection_that_the_server_closed_while_idle_is_no_failure() -> None:
    server = Server(answers=1)
    async with serving(server) as http:
        assert await ask(http, server) == 200
        await server.closed.wait()
        assert await ask(http, server) == 200
    assert server.connections == 2


async def test_a_connection_that_closes_while_the_request_is_on_its_way_is_an_outage() -> None:
    """Whether the server acted is unknown, so the pass is repeated as a whole; it finds what is left to do."""
    server = Server(answers=1, ignores=1)
    async with serving(server) as http:
        assert await ask(http, server) == 200
        with pytest.raises(Unavailable, match="disconnected"):
            await ask(http, server)
        assert await ask(http, server) == 200
    assert server.connections == 2
