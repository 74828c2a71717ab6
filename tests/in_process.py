"""A sandbox without a network before it, for tests that are about anything but the wire."""

from typing import Any

import httpx
import trio

from mailroom.sandbox import Sandbox
from mailroom.sandbox.app import CUT, make_app

SESSION_URL = httpx.URL("http://127.0.0.1/jmap/session")
"""What the session of every such sandbox may be called."""


class InProcess(httpx.AsyncBaseTransport):
    """Leads to the app of a sandbox; a request takes a third to two thirds of its time on loopback.

    An answer comes whole: an event stream, which has no end, needs a socket.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._app = make_app(sandbox)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with trio.CancelScope() as exchange:

            async def cut() -> None:
                exchange.cancel()
                await trio.lowlevel.checkpoint()

            async def app(scope: Any, receive: Any, send: Any) -> None:
                scope["extensions"] = {CUT: {"call": cut}}
                await self._app(scope, receive, send)

            return await httpx.ASGITransport(app).handle_async_request(request)
        raise httpx.ReadError("the server cut the connection")
