"""The health app: answers monitors about the daemon, over HTTP on a port of its own."""

import binascii
import errno
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from http import HTTPStatus

import h2.exceptions
import h11
import hyperframe.exceptions
import structlog
import trio
import wsproto.utilities
from hypercorn.config import Config
from hypercorn.trio import serve
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from quart import Response
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from mailroom.errors import MailroomError, leaves
from mailroom.observe.status import Status

log = structlog.get_logger(component="health")

SLOWEST_REQUEST_SECONDS = 10

REQUESTS_PER_CONNECTION = 20
"""So few that all answers fit into a socket's buffer: hypercorn's sends can't be cancelled, and a client that asks
and never reads would hold up the shutdown."""


PROTOCOL_ERRORS = (
    h11.ProtocolError,
    h2.exceptions.H2Error,
    hyperframe.exceptions.HyperframeError,
    wsproto.utilities.ProtocolError,
    binascii.Error,
    trio.BusyResourceError,
)
"""What hypercorn lets out when a client sends, say, a WebSocket handshake and rubbish after it. It ends the server,
and must not end the daemon."""


class HealthPortTaken(MailroomError):
    """The health app can't listen where it should."""


async def serve_health(
    status: Status,
    metrics: CollectorRegistry,
    host: str,
    port: int,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `/healthz`, `/livez`, `/readyz` and `/metrics` until cancelled.

    Reports the port once it listens; `port` 0 is any free one.

    Raises `HealthPortTaken`.
    """
    listeners = await _listen(host, port)
    app = make_app(status, metrics)
    try:
        task_status.started(listeners[0].socket.getsockname()[1])
        while True:
            try:
                await serve(app, _config(listeners))
            except* PROTOCOL_ERRORS as errors:
                log.warning(
                    "health_request_malformed",
                    error=", ".join(sorted({type(error).__name__ for error in leaves(errors)})),
                )
    finally:
        for listener in listeners:
            listener.socket.close()


def _config(listeners: Sequence[trio.SocketListener]) -> Config:
    config = Config()
    # Bound here, not by hypercorn: only so is a busy port told from a crash, and ours while hypercorn starts again.
    config.bind = [f"fd://{os.dup(listener.socket.fileno())}" for listener in listeners]
    config.errorlog = logging.getLogger("mailroom.health")
    config.include_server_header = False
    config.read_timeout = SLOWEST_REQUEST_SECONDS
    config.keep_alive_max_requests = REQUESTS_PER_CONNECTION
    return config


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"health port {port} on {host} is in use: set MAILROOM_HEALTH_PORT to a free one"
        else:
            reason = error.strerror or type(error).__name__
            problem = f"can't listen on {host} port {port} ({reason}): set MAILROOM_HEALTH_HOST or MAILROOM_HEALTH_PORT"
        raise HealthPortTaken(problem) from None


def make_app(status: Status, metrics: CollectorRegistry) -> QuartTrio:
    """The app alone. It reads what it is given and does nothing else, so that it can't fail the daemon's work."""
    app = QuartTrio("mailroom", static_folder=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        health = status.health()
        return _answer(asdict(health), HTTPStatus.OK if health.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE)

    @app.get("/livez")
    async def livez() -> Response:
        # Whatever the mail server does: that this answers at all is what is asked.
        return _answer({"status": "ok"}, HTTPStatus.OK)

    @app.get("/readyz")
    async def readyz() -> Response:
        if status.ready:
            return _answer({"status": "ok"}, HTTPStatus.OK)
        return _answer({"status": "starting"}, HTTPStatus.SERVICE_UNAVAILABLE)

    @app.get("/metrics")
    async def prometheus() -> Response:
        # The oldest text format, which every collector reads: no content negotiation.
        text = generate_latest(metrics)
        return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})

    @app.errorhandler(HTTPException)
    async def no_such_thing(error: HTTPException) -> Response:
        code = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        response = _answer({"status": "error", "error": code.phrase.lower()}, code)
        for name, value in error.get_headers():
            if name == "Allow":
                response.headers[name] = value
        return response

    return app


def _answer(content: Mapping[str, object], code: HTTPStatus) -> Response:
    body = json.dumps(content, separators=(",", ":"))
    return Response(body, status=code, content_type="application/json", headers={"Cache-Control": "no-store"})
