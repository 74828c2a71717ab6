"""A CardDAV server on loopback that says what its test tells it to: for answers that good servers never give."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from mailroom.http_clients import http_client


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Answer:
    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/xml; charset=utf-8"})


@dataclass
class DavServer:
    """`answer` says what comes back, `http` is a client to ask with, `requests` is what came in."""

    answer: Callable[[Request], Answer]
    http: httpx.AsyncClient
    url: httpx.URL = field(default_factory=httpx.URL)
    requests: list[Request] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """An ASGI application."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["raw_path"].decode()
        request = Request(scope["method"], path, headers, body.decode())
        self.requests.append(request)
        answer = self.answer(request)
        pairs = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": answer.body.encode(errors="surrogateescape")})


@asynccontextmanager
async def dav_server(answer: Callable[[Request], Answer]) -> AsyncIterator[DavServer]:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    async with http_client() as http, trio.open_nursery() as nursery:
        server = DavServer(answer, http)
        bound = await nursery.start(partial(serve, server.app, config))
        server.url = httpx.URL(f"{bound[0]}/")
        yield server
        nursery.cancel_scope.cancel()
