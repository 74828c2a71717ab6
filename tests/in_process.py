"""A sandbox without a network before it, for tests that are about anything but the wire."""

from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any

import httpx
import pytest
import trio
from quart import Request
from quart.testing import no_op_push as no_push_promise
from werkzeug.datastructures import Headers

from mailroom.sandbox import Sandbox
from mailroom.sandbox.app import CUT, make_app
from mailroom.sandbox.events import Cut

SESSION_URL = httpx.URL("http://127.0.0.1/jmap/session")
"""What the session of every such sandbox may be called."""


class InProcess(httpx.AsyncBaseTransport):
    """Leads to the app of a sandbox; a request takes a quarter to a half of its time on loopback.

    An answer comes whole: an event stream, which has no end, needs a socket.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._app = make_app(sandbox)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with trio.CancelScope() as exchange:

            async def cut() -> None:
                exchange.cancel()
                await trio.lowlevel.checkpoint()

            # On its way to a server it would give others their turn as often at least.
            for _ in range(6):
                await trio.lowlevel.checkpoint()
            asked = self._asked(request, cut)
            asked.body.set_result(await request.aread())
            answer = await self._app.handle_request(asked)
            said = answer.get_data(as_text=False)
            # A redirect to another spelling of the path is an answer of Werkzeug's own.
            whole = httpx.ByteStream(said if isinstance(said, bytes) else await said)
            # An app leaves the date to its server.
            headers = [*answer.headers, ("Date", formatdate(usegmt=True))]
            return httpx.Response(answer.status_code, headers=headers, stream=whole)
        raise httpx.ReadError("the server cut the connection")

    def _asked(self, request: httpx.Request, cut: Cut) -> Request:
        url = request.url
        scope: Any = {"type": "http", "extensions": {CUT: {"call": cut}}}
        return self._app.request_class(
            request.method,
            url.scheme,
            url.path,
            url.query,
            Headers(request.headers.multi_items()),
            "",
            "1.1",
            scope,
            send_push_promise=no_push_promise,
        )


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
