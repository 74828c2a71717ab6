"""Serves a sandbox on a loopback socket with hypercorn."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import hypercorn.trio
import trio
from hypercorn.config import Config
from hypercorn.protocol.events import StreamClosed
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from quart_trio import QuartTrio

from mailroom.sandbox.app import CUT, make_app
from mailroom.sandbox.errors import SandboxError
from mailroom.sandbox.sandbox import Sandbox

_log = logging.getLogger("mailroom.sandbox")


class AddressInUseError(SandboxError):
    """Another program listens on the port."""


async def serve(
    sandbox: Sandbox,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Starts with the base url, for example `http://127.0.0.1:40123`.

    `host` is a numeric address; port 0 takes a free one. Raises AddressInUseError.
    """
    await serve_on(bind(host, port), sandbox, task_status=task_status)


async def serve_on(
    listener: socket.socket, sandbox: Sandbox, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Like `serve`, on a socket from `bind`, which it takes over."""
    host, port = listener.getsockname()[:2]
    base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.errorlog = _log
    config.include_server_header = False
    _log.setLevel(logging.WARNING)
    async with trio.open_nursery() as nursery:
        await nursery.start(hypercorn.trio.serve, with_cut(make_app(sandbox)), config)
        task_status.started(base_url)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises AddressInUseError, whose text tells the user what to do."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(100)
    except OSError as error:
        listener.close()
        raise AddressInUseError(
            f"The sandbox can't listen on {host} port {port} ({error.strerror}): "
            "stop what uses it, or choose another port; 0 takes a free one."
        ) from error
    return listener


def with_cut(app: QuartTrio) -> Callable[[Scope, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]:
    """Give every request a way to drop its connection, which ASGI lacks.

    Hypercorn closes the connection when a stream ends before its response is complete: so end it. `send` is
    a method of hypercorn's own stream object (0.18); this is the only place that knows.
    """

    async def app_with_cut(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            stream = cast(Any, send).__self__

            async def cut() -> None:
                # Ending the stream also cancels the task that ends it, before the socket is closed.
                with trio.move_on_after(1, shield=True):
                    await stream.send(StreamClosed(stream_id=stream.stream_id))

            scope["extensions"] = {CUT: {"call": cut}}
        await app(scope, receive, send)

    return app_with_cut
