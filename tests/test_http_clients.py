"""The connections that accounts share: how many there are, who waits for whom, and who gets them when."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom import http_clients
from mailroom.config.account_settings import AccountSettings
from mailroom.http import Credentials, bearer, fetch
from mailroom.http_clients import (
    KEEPALIVE_SECONDS,
    MOST_AT_ONCE,
    MOST_OF_AN_ACCOUNT,
    Http,
    Share,
    SharedHttp,
    shared_http,
)
from tests.guard import GUARD_SECONDS

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Slow:
    """Answers a request only after `answer` was set; `asked` are the tokens that came, `connections` all that were."""

    answer: trio.Event = field(default_factory=trio.Event)
    url: httpx.URL = field(default_factory=httpx.URL)
    asked: list[str] = field(default_factory=list)
    connections: int = 0

    async def handle(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        request = b""
        async for part in stream:
            request += part
            if request.endswith(b"\r\n\r\n"):
                self.asked.append(request.split(b"Bearer ")[1].split(b"\r\n")[0].decode())
                request = b""
                await self.answer.wait()
                await stream.send_all(ANSWER)


@asynccontextmanager
async def serving(*servers: Slow) -> AsyncIterator[SharedHttp]:
    with trio.fail_after(GUARD_SECONDS):
        async with shared_http() as http, trio.open_nursery() as nursery:
            for server in servers:
                (listener,) = await nursery.start(partial(trio.serve_tcp, server.handle, 0, host="127.0.0.1"))
                server.url = httpx.URL(f"http://127.0.0.1:{listener.socket.getsockname()[1]}/")
            yield http
            nursery.cancel_scope.cancel()


async def ask(http: Http, server: Slow, login: str = "t") -> None:
    reply = await fetch(http, "GET", server.url, auth=Credentials(bearer(SecretStr(login)), server.url))
    assert reply.body == b"{}"


async def until_asked(server: Slow, times: int) -> None:
    while len(server.asked) < times:
        await trio.testing.wait_all_tasks_blocked(0.01)


async def test_one_connection_serves_one_login_after_the_other() -> None:
    server = Slow()
    server.answer.set()
    async with serving(server) as http:
        for token in ("ann", "bob", "ann"):
            await ask(http, server, token)
    assert (server.asked, server.connections) == (["ann", "bob", "ann"], 1)


async def test_ten_exchanges_are_under_way_at_most_and_the_others_wait_for_their_turn() -> None:
    server = Slow()
    async with serving(server) as http, trio.open_nursery() as nursery:
        for number in range(25):
            nursery.start_soon(ask, http, server, str(number))
        await until_asked(server, MOST_AT_ONCE)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert len(server.asked) == MOST_AT_ONCE
        server.answer.set()
    assert (sorted(map(int, server.asked)), server.connections) == ([*range(25)], MOST_AT_ONCE)


async def test_a_server_that_is_slow_holds_up_nobody_at_another() -> None:
    slow, quick = Slow(), Slow()
    quick.answer.set()
    async with serving(slow, quick) as http, trio.open_nursery() as nursery:
        for _ in range(MOST_AT_ONCE + 1):
            nursery.start_soon(ask, http, slow)
        await until_asked(slow, MOST_AT_ONCE)
        await ask(http, quick)
        nursery.cancel_scope.cancel()


async def test_one_account_never_has_all_connections_of_a_server() -> None:
    server = Slow()
    async with serving(server) as http, trio.open_nursery() as nursery:
        busy, other = Share(http), Share(http)
        for _ in range(2 * MOST_AT_ONCE):
            nursery.start_soon(ask, busy, server, "busy")
        await until_asked(server, MOST_OF_AN_ACCOUNT)
        nursery.start_soon(ask, other, server, "other")
        await until_asked(server, MOST_OF_AN_ACCOUNT + 1)
        assert server.asked == [*["busy"] * MOST_OF_AN_ACCOUNT, "other"]
        server.answer.set()
    assert len(server.asked) == 2 * MOST_AT_ONCE + 1


async def test_an_exchange_that_is_cut_off_makes_room_for_the_next() -> None:
    server = Slow()
    async with serving(server) as http:
        async with trio.open_nursery() as nursery:
            for _ in range(2 * MOST_AT_ONCE):
                nursery.start_soon(ask, http, server)
            await until_asked(server, MOST_AT_ONCE)
            nursery.cancel_scope.cancel()
        server.answer.set()
        for _ in range(MOST_AT_ONCE + 1):
            await ask(http, server)


async def test_connections_that_were_not_used_for_longest_are_closed_where_there_are_too_many_origins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_clients, "MOST_ORIGINS", 2)
    servers = [Slow() for _ in range(4)]
    async with serving(*servers) as http:
        for server in servers:
            server.answer.set()
            await ask(http, server)
            await ask(http, servers[0])
        assert [server.connections for server in servers] == [1, 1, 1, 1]
        await ask(http, servers[1])
        assert [server.connections for server in servers] == [1, 2, 1, 1]


def test_a_connection_outlasts_the_usual_poll_interval() -> None:
    assert AccountSettings(jmap_token=SecretStr("t")).poll_interval < KEEPALIVE_SECONDS
