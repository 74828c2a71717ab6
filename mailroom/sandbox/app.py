"""The HTTP side: a Quart-Trio app with the JMAP endpoints."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import Any, cast

import trio
from quart import Response, g, request
from quart_trio import QuartTrio

from mailroom.sandbox import dispatch, faults
from mailroom.sandbox.errors import Json, RequestError
from mailroom.sandbox.events import Cut, read_subscription
from mailroom.sandbox.faults import Endpoint
from mailroom.sandbox.recorded import Recorded
from mailroom.sandbox.sandbox import Sandbox
from mailroom.sandbox.session import session_document

# The ASGI extension that drops the connection: {CUT: {"call": an async function}}, see server.py.
CUT = "mailroom.cut"
Handler = Callable[..., Awaitable[Response]]


def make_app(sandbox: Sandbox) -> QuartTrio:
    """The ASGI app of one sandbox; it wants the CUT extension."""
    app = QuartTrio("mailroom.sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = None
    app.config["RESPONSE_TIMEOUT"] = None
    app.before_request(partial(_arrive, sandbox))
    app.after_request(partial(_leave, sandbox))
    app.register_error_handler(RequestError, _refuse)
    app.url_map = _app_of_urls_alone().url_map
    app.view_functions = {endpoint: partial(handler, sandbox) for _, _, endpoint, handler in _routes()}
    return app


def _routes() -> tuple[tuple[str, str, Endpoint, Handler], ...]:
    return (
        ("GET", "/.well-known/jmap", Endpoint.WELL_KNOWN, _well_known),
        ("GET", "/<place>/session", Endpoint.SESSION, _session),
        ("POST", "/<place>/api/", Endpoint.API, _api),
        ("POST", "/<place>/upload/<account_id>/", Endpoint.UPLOAD, _upload),
        ("GET", "/<place>/download/<account_id>/<blob_id>/<path:name>", Endpoint.DOWNLOAD, _download),
        ("GET", "/<place>/event/", Endpoint.EVENT, _event_stream),
    )


@cache
def _app_of_urls_alone() -> QuartTrio:
    """One for all sandboxes: to compile its urls takes longer than some requests."""
    app = QuartTrio("mailroom.sandbox", static_folder=None)
    for method, path, endpoint, _ in _routes():
        app.add_url_rule(path, endpoint, methods=[method])
    return app


def _cut_of_request() -> Cut:
    return cast(Cut, cast(Any, request.scope)["extensions"][CUT]["call"])


async def _cut_connection() -> None:
    await _cut_of_request()()


async def _arrive(sandbox: Sandbox) -> Response | None:
    """Record the request, strike with a fault, check the credentials."""
    if request.endpoint is None:
        return None
    endpoint = Endpoint(request.endpoint)
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
    if endpoint is Endpoint.WELL_KNOWN:
        return None
    if cast(dict[str, str], request.view_args).pop("place") != sandbox.place:
        moved = {"Location": f"/{sandbox.place}/session"}
        return Response("", 301, moved) if endpoint is Endpoint.SESSION else Response("", 404)
    if not authorized:
        return Response("", 401, {"WWW-Authenticate": 'Bearer, Basic realm="sandbox"'})
    return None


async def _leave(sandbox: Sandbox, response: Response) -> Response:
    fault = g.get("fault")
    if isinstance(fault, faults.CutAfter):
        await _cut_connection()
    elif "number" in g and not isinstance(fault, faults.CutBefore):
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


async def _refuse(error: RequestError) -> Response:
    return _json(error.json(), error.status, "application/problem+json")


async def _well_known(sandbox: Sandbox) -> Response:
    return Response("", 301, {"Location": f"/{sandbox.place}/session"})


async def _session(sandbox: Sandbox) -> Response:
    document = session_document(sandbox, request.host_url.rstrip("/"))
    if isinstance(g.fault, faults.EditSession):
        document = g.fault.edit(document)
    return _json(document)


async def _api(sandbox: Sandbox) -> Response:
    if request.mimetype != "application/json":
        raise RequestError("notJSON", "the Content-Type is application/json")
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


async def _download(sandbox: Sandbox, account_id: str, blob_id: str, name: str) -> Response:
    _check_account(sandbox, account_id)
    data = sandbox.store.blob(blob_id)
    if data is None:
        raise RequestError("notFound", f"no blob {blob_id}", status=404)
    return Response(data, content_type=request.args.get("type", "application/octet-stream"))


def _check_account(sandbox: Sandbox, account_id: str) -> None:
    if account_id != sandbox.account_id:
        raise RequestError("accountNotFound", "no such account", status=404)


async def _event_stream(sandbox: Sandbox) -> Response:
    if isinstance(g.fault, faults.Stream):
        return _streamed(_faulty_stream(g.fault), g.fault.content_type)
    arguments = request.args
    try:
        subscription = read_subscription(
            sandbox.flavour,
            arguments.get("types"),
            arguments.get(sandbox.flavour.close_after_argument),
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
        await trio.sleep(fault.pause)
    if not fault.ends:
        await trio.sleep_forever()
