"""The health app: answers monitors about the daemon, over HTTP on a port of its own."""

import json
from collections.abc import Mapping
from http import HTTPStatus

import trio
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from quart import Response
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, NotFound

from mailroom.config.keys import VARIABLES
from mailroom.observe.reports import Answer, Report
from mailroom.serving.connection import Limits
from mailroom.serving.server import listen, serve


async def serve_health(
    report: Report,
    host: str,
    port: int,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `/healthz`, `/livez`, `/readyz` and `/metrics` until cancelled.

    Reports the port once it listens; `port` 0 is any free one.

    Raises `PortTaken`.
    """
    listeners = await listen("health", host, port, VARIABLES.bare)
    task_status.started(listeners[0].socket.getsockname()[1])
    await serve("health", make_app(report), listeners, Limits())


def make_app(report: Report) -> QuartTrio:
    """The app alone. It reads what it is given and does nothing else, so that it can't fail the daemon's work."""
    app = QuartTrio("mailroom", static_folder=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return _health(report.health())

    @app.get("/healthz/<name>")
    async def healthz_of(name: str) -> Response:
        answer = report.health_of(name)
        if answer is None:
            raise NotFound
        return _health(answer)

    @app.get("/livez")
    async def livez() -> Response:
        # Whatever the mail server does: that this answers at all is what is asked.
        return _answer({"status": "ok"}, HTTPStatus.OK)

    @app.get("/readyz")
    async def readyz() -> Response:
        if report.is_ready:
            return _answer({"status": "ok"}, HTTPStatus.OK)
        return _answer({"status": "starting"}, HTTPStatus.SERVICE_UNAVAILABLE)

    @app.get("/metrics")
    async def prometheus() -> Response:
        # No content negotiation.
        text = await report.metrics()
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


def _health(answer: Answer) -> Response:
    return _answer(answer.content, HTTPStatus.OK if answer.is_well else HTTPStatus.SERVICE_UNAVAILABLE)


def _answer(content: Mapping[str, object], code: HTTPStatus) -> Response:
    body = json.dumps(content, separators=(",", ":"))
    return Response(body, status=code, content_type="application/json", headers={"Cache-Control": "no-store"})
