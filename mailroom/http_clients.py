"""HTTP clients: one for each event stream, and one that all accounts share for request and reply."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol

import httpx
import trio

from mailroom import __version__
from mailroom.urls import origin
from mailroom.wire import Json

MOST_AT_ONCE = 10
"""Exchanges under way with one origin, of all accounts together; servers allow a few more at most."""

MOST_OF_AN_ACCOUNT = 5
"""Of one account among several, so that those at the same server always find a connection."""

KEEPALIVE_SECONDS = 90.0
"""How long an idle connection is kept: longer than the usual poll interval, or each poll would be a TLS handshake."""

MOST_ORIGINS = 1_000
"""A server whose session names another origin each time must not fill the memory."""


class Http(Protocol):
    """What an exchange needs of an HTTP client: `httpx.AsyncClient` is one, `SharedHttp` another."""

    def build_request(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str] | None, json: Json, content: bytes | None
    ) -> httpx.Request: ...

    async def send(self, request: httpx.Request, *, auth: httpx.Auth, stream: bool) -> httpx.Response: ...


@asynccontextmanager
async def http_client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of one's own, for an event stream or one program; the deadline of each exchange comes from the caller.

    It keeps no cookies: they know no ports, so that one server's would reach another on the same host. Plain http goes
    past the proxy that the environment may name, which would read the credentials; https goes through it.
    """
    async with _client(httpx.Limits()) as http:
        yield http


def _client(limits: httpx.Limits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=_tls(),
        timeout=None,  # noqa: S113  see http.fetch
        headers={"User-Agent": f"mailroom/{__version__}", "Accept-Encoding": "gzip"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        mounts={"http://": None},
        limits=limits,
    )


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients: each would read all authorities anew, for 20 ms and 1 MB."""
    return httpx.create_ssl_context()


@asynccontextmanager
async def shared_http() -> AsyncIterator["SharedHttp"]:
    """A client for request and reply, for any number of accounts; closed at the end."""
    http = SharedHttp()
    try:
        yield http
    finally:
        with trio.move_on_after(1, shield=True):
            await http.close()


_SHARED = httpx.Limits(
    max_connections=MOST_AT_ONCE, max_keepalive_connections=MOST_AT_ONCE, keepalive_expiry=KEEPALIVE_SECONDS
)


class _Pool:
    """The connections to one origin. The pool of httpx never queues: it would look at every connection for each."""

    def __init__(self) -> None:
        self.http = _client(_SHARED)
        self.room = trio.Semaphore(MOST_AT_ONCE, max_value=MOST_AT_ONCE)

    @property
    def is_idle(self) -> bool:
        return self.room.value == MOST_AT_ONCE


class SharedHttp:
    """A client for each origin, so that accounts at one server share its connections and wait for nobody else's.

    No connection knows whose it is: the credentials go with each request. Never for an event stream, which would occupy
    one of the few connections for days. Made by `shared_http`.
    """

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}

    def build_request(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str] | None, json: Json, content: bytes | None
    ) -> httpx.Request:
        return self._pool(url).http.build_request(method, url, headers=headers, json=json, content=content)

    async def send(self, request: httpx.Request, *, auth: httpx.Auth, stream: bool) -> httpx.Response:
        """As `httpx.AsyncClient.send`, once there is room; the response's `aclose` makes room for the next."""
        await self._drop_idle_ones()
        pool = self._pool(request.url)
        return await _sent_from(pool.room, partial(pool.http.send, request, auth=auth, stream=stream))

    async def close(self) -> None:
        for pool in self._pools.values():
            await pool.http.aclose()

    def _pool(self, url: httpx.URL) -> _Pool:
        """The pool of an origin, which is the one used last from now on."""
        where = origin(url)
        pool = self._pools.pop(where) if where in self._pools else _Pool()
        self._pools[where] = pool
        return pool

    async def _drop_idle_ones(self) -> None:
        """Those that were used longest ago, where there are too many."""
        too_many = len(self._pools) - MOST_ORIGINS
        if too_many > 0:
            for where in [where for where, pool in self._pools.items() if pool.is_idle][:too_many]:
                await self._pools.pop(where).http.aclose()


class Share:
    """One account's part of a `SharedHttp`: it never has all connections, however much it has to ask."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._room = trio.Semaphore(MOST_OF_AN_ACCOUNT)

    def build_request(
        self, method: str, url: httpx.URL, *, headers: Mapping[str, str] | None, json: Json, content: bytes | None
    ) -> httpx.Request:
        return self._http.build_request(method, url, headers=headers, json=json, content=content)

    async def send(self, request: httpx.Request, *, auth: httpx.Auth, stream: bool) -> httpx.Response:
        return await _sent_from(self._room, partial(self._http.send, request, auth=auth, stream=stream))


async def _sent_from(room: trio.Semaphore, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send once there is room; whoever closes the response leaves it."""
    await room.acquire()
    try:
        response = await send()
    except BaseException:
        room.release()
        raise
    if response.is_closed:
        room.release()
        return response
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101  true of every AsyncClient
    response.stream = _Released(response.stream, room)
    return response


class _Released(httpx.AsyncByteStream):
    """The stream of a response; whoever closes it leaves the room."""

    def __init__(self, stream: httpx.AsyncByteStream, room: trio.Semaphore) -> None:
        self._stream = stream
        self._room: trio.Semaphore | None = room

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        room, self._room = self._room, None
        try:
            await self._stream.aclose()
        finally:
            if room is not None:
                room.release()
