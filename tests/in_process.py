"""A sandbox without a network before it, for tests that are about anything but the wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import httpx
import pytest
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

            response = await httpx.ASGITransport(app).handle_async_request(request)
            # An app leaves it to its server.
            response.headers["Date"] = formatdate(usegmt=True)
            return response
        raise httpx.ReadError("the server cut the connection")


_shortcuts: dict[int, InProcess] = {}
"""By the port on loopback."""

_by_socket = httpx.AsyncHTTPTransport.handle_async_request


async def _shortest(network: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
    shortcut = _shortcuts.get(request.url.port or 0) if request.url.host == "127.0.0.1" else None
    if shortcut is None or request.headers.get("Accept") == "text/event-stream":
        return await _by_socket(network, request)
    return await shortcut.handle_async_request(request)


@contextmanager
def past_sockets(session_url: httpx.URL, sandbox: Sandbox) -> Iterator[None]:
    """Lead what this process asks of a sandbox that is served there past the sockets, but for event streams.

    Other processes still come by the socket.
    """
    assert session_url.port
    _shortcuts[session_url.port] = InProcess(sandbox)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(httpx.AsyncHTTPTransport, "handle_async_request", _shortest)
        yield
    del _shortcuts[session_url.port]
