"""The HTTP side: a Quart-Trio app with the JMAP endpoints, and the function that serves it."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import hypercorn.trio
import trio
from hypercorn.config import Config
from hypercorn.protocol.events import StreamClosed
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope
from quart import Response, g, request
from quart_trio import QuartTrio

from mailroom.sandbox import dispatch, faults
from mailroom.sandbox.errors import Json, RequestError, SandboxError
from mailroom.sandbox.events import Cut, read_subscription
from mailroom.sandbox.faults import Endpoint
from mailroom.sandbox.sandbox import Recorded, Sandbox
from mailroom.sandbox.session import session_document

_CUT = "mailroom.cut"
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
    listener = _bound_socket(host, port)
    base_url = f"http://[{host}]" if ":" in host else f"http://{host}"
    base_url += f":{listener.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.errorlog = _log
    config.include_server_header = False
    _log.setLevel(logging.WARNING)
    async with trio.open_nursery() as nursery:
        await nursery.start(hypercorn.trio.serve, _with_cut(make_app(sandbox)), config)
        task_status.started(base_url)


def _bound_socket(host: str, port: int) -> socket.socket:
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


def _with_cut(app: QuartTrio) -> Callable[[Scope, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]:
    """Give every request a way to drop its connection, which ASGI lacks.

    Hypercorn closes the connection when a stream ends before its response is complete: so end it. `send` is
    a method of hypercorn's own stream object (0.18); this is the only place that knows.
    """

    async def with_cut(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            stream = cast(Any, send).__self__

            async def cut() -> None:
                # Ending the stream also cancels the task that ends it, before the socket is closed.
                with trio.move_on_after(1, shield=True):
                    await stream.send(StreamClosed(stream_id=stream.stream_id))

            scope["extensions"] = {_CUT: {"call": cut}}
        await app(scope, receive, send)

    return with_cut


def _cut_of_request() -> Cut:
    return cast(Cut, cast(Any, request.scope)["extensions"][_CUT]["call"])


async def _cut_connection() -> None:
    await _cut_of_request()()


def make_app(sandbox: Sandbox) -> QuartTrio:
    """The ASGI app of one sandbox."""
    app = QuartTrio("mailroom.sandbox")
    app.config["MAX_CONTENT_LENGTH"] = None
    app.config["RESPONSE_TIMEOUT"] = None

    @app.before_request
    async def arrive() -> Response | None:
        return await _arrive(sandbox, Endpoint(request.endpoint)) if request.endpoint else None

    @app.after_request
    async def leave(response: Response) -> Response:
        return await _leave(sandbox, response)

    @app.errorhandler(RequestError)
    async def refuse(error: RequestError) -> Response:
        return _json(error.json(), error.status, "application/problem+json")

    def route(path: str, endpoint: Endpoint, method: str, handler: Callable[..., Awaitable[Response]]) -> None:
        app.add_url_rule(path, endpoint, handler, methods=[method])

    async def session() -> Response:
        return _session(sandbox)

    async def api() -> Response:
        return await _api(sandbox)

    async def upload(account_id: str) -> Response:
        return await _upload(sandbox, account_id)

    async def download(account_id: str, blob_id: str, name: str) -> Response:
        return _download(sandbox, account_id, blob_id)

    async def event() -> Response:
        return _event_stream(sandbox)

    async def well_known() -> Response:
        return Response("", 301, {"Location": "/jmap/session"})

    route("/.well-known/jmap", Endpoint.WELL_KNOWN, "GET", well_known)
    route("/jmap/session", Endpoint.SESSION, "GET", session)
    route("/jmap/api/", Endpoint.API, "POST", api)
    route("/jmap/upload/<account_id>/", Endpoint.UPLOAD, "POST", upload)
    route("/jmap/download/<account_id>/<blob_id>/<path:name>", Endpoint.DOWNLOAD, "GET", download)
    route("/jmap/event/", Endpoint.EVENT, "GET", event)
    return app


async def _arrive(sandbox: Sandbox, endpoint: Endpoint) -> Response | None:
    """Record the request, strike with a fault, check the credentials."""
    body = cast(bytes, await request.get_data(as_text=False))
    g.body = body
    g.number = len(sandbox.requests)
    calls = _call_names(body) if endpoint is Endpoint.API else ()
    authorized = _authorized(sandbox, request.headers.get("Authorization"))
    sandbox.requests.append(Recorded(endpoint, calls, authorized, len(body)))
    g.fault = sandbox.faults.take(endpoint)
    match g.fault:
        case faults.Reply(status, answer, content_type, headers):
            return Response(answer, status, dict(headers), content_type=content_type)
        case faults.Delay(seconds):
            await trio.sleep(seconds)
        case faults.CutBefore():
            await _cut_connection()
            return Response("", 500)
    if endpoint is not Endpoint.WELL_KNOWN and not authorized:
        return Response("", 401, {"WWW-Authenticate": 'Bearer, Basic realm="sandbox"'})
    return None


async def _leave(sandbox: Sandbox, response: Response) -> Response:
    if isinstance(g.get("fault"), faults.CutAfter):
        await _cut_connection()
    elif "number" in g:
        recorded = sandbox.requests[g.number]
        sandbox.requests[g.number] = replace(
            recorded, status=response.status_code, response_bytes=response.content_length
        )
    return response


def _call_names(body: bytes) -> tuple[str, ...]:
    """The method names, as far as the body has any: a request that is cut off is recorded, too."""
    try:
        return tuple(call[0] for call in json.loads(body)["methodCalls"])
    except (ValueError, KeyError, TypeError, IndexError):
        return ()


def _authorized(sandbox: Sandbox, header: str | None) -> bool:
    scheme, _, credentials = (header or "").partition(" ")
    if scheme.lower() == "bearer":
        return secrets.compare_digest(credentials.strip().encode(), sandbox.token.encode())
    if scheme.lower() != "basic":
        return False
    with suppress(binascii.Error, ValueError):
        given = base64.b64decode(credentials.strip(), validate=True)
        return secrets.compare_digest(given, f"{sandbox.email}:{sandbox.token}".encode())
    return False


def _json(value: object, status: int = 200, content_type: str = "application/json") -> Response:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, {"Cache-Control": "no-store"}, content_type=content_type)


def _session(sandbox: Sandbox) -> Response:
    document = session_document(sandbox, request.host_url.rstrip("/"))
    if isinstance(g.fault, faults.EditSession):
        document = g.fault.edit(document)
    return _json(document)


async def _api(sandbox: Sandbox) -> Response:
    if request.mimetype != "application/json":
        raise RequestError("notRequest", "the Content-Type is application/json")
    most = sandbox.limits.max_size_request
    if len(g.body) > most:
        raise RequestError("limit", f"at most {most} octets in a request", limit="maxSizeRequest")
    parsed = dispatch.parse(g.body)
    context = sandbox.context()
    try:
        responses = dispatch.process(parsed, context, sandbox.account_id, sandbox.faults.take_method_error)
    finally:
        sandbox.announce()
    answer: Json = {"methodResponses": responses, "sessionState": sandbox.session_state}
    if parsed.created_ids is not None:
        answer["createdIds"] = context.created_ids
    return _json(answer)


async def _upload(sandbox: Sandbox, account_id: str) -> Response:
    _check_account(sandbox, account_id)
    if len(g.body) > sandbox.limits.max_size_upload:
        raise RequestError("limit", "the upload is too large", status=413, limit="maxSizeUpload")
    blob_id = sandbox.store.add_blob(g.body)
    content_type = request.headers.get("Content-Type") or "application/octet-stream"
    blob = {"accountId": account_id, "blobId": blob_id, "type": content_type, "size": len(g.body)}
    return _json(blob, 201)


def _download(sandbox: Sandbox, account_id: str, blob_id: str) -> Response:
    _check_account(sandbox, account_id)
    data = sandbox.store.blob(blob_id)
    if data is None:
        raise RequestError("notFound", f"no blob {blob_id}", status=404)
    return Response(data, content_type=request.args.get("type", "application/octet-stream"))


def _check_account(sandbox: Sandbox, account_id: str) -> None:
    if account_id != sandbox.account_id:
        raise RequestError("accountNotFound", "no such account", status=404)


def _event_stream(sandbox: Sandbox) -> Response:
    if isinstance(g.fault, faults.Stream):
        return _streamed(_faulty_stream(g.fault), g.fault.content_type)
    arguments = request.args
    try:
        subscription = read_subscription(
            sandbox.flavour,
            arguments.get("types"),
            arguments.get("closeafter"),
            arguments.get("ping"),
            request.headers.get("Last-Event-ID"),
        )
    except ValueError as error:
        raise RequestError("invalidArguments", str(error)) from None
    octets = sandbox.broadcaster.stream(subscription, sandbox.store.states(), _cut_of_request())
    return _streamed(octets, "text/event-stream")


def _streamed(octets: AsyncGenerator[bytes, None], content_type: str) -> Response:
    response = Response(octets, headers={"Cache-Control": "no-store"}, content_type=content_type)
    response.timeout = None
    return response


async def _faulty_stream(fault: faults.Stream) -> AsyncGenerator[bytes, None]:
    for chunk in fault.chunks:
        yield chunk
        await trio.lowlevel.checkpoint()
    if not fault.ends:
        await trio.sleep_forever()
