"""The page as an app, and what serves it."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
import trio
from quart import Response, request
from quart.typing import ResponseReturnValue
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, NotFound

from mailroom.config.keys import VARIABLES
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.shard import Shard
from mailroom.errors import ConfigError, MailroomError, Refused
from mailroom.page.access import Access
from mailroom.page.cookies import Cookies
from mailroom.page.decided import add_decided
from mailroom.page.guard import LOGIN, Guard, ServedElsewhere, is_htmx
from mailroom.page.health import add_health
from mailroom.page.history import add_history
from mailroom.page.keys import Keys
from mailroom.page.live import Live
from mailroom.page.login import Login
from mailroom.page.owner import Owner
from mailroom.page.pages import compressed, html, serve_asset
from mailroom.page.taps import Taps
from mailroom.page.views import ROOMS
from mailroom.page.waiting import add_waiting
from mailroom.page.whole import add_whole
from mailroom.serving.connection import Limits
from mailroom.serving.server import listen, serve

log = structlog.get_logger(component="page")

LONGEST_FORM_BYTES = 64 * 1024
_LIMITS = Limits(body_bytes=LONGEST_FORM_BYTES, requests_a_second=50.0)

_WHAT_TO_DO = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address is for forms of the page.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That was more than a form may hold: choose fewer senders at once.",
}


async def serve_page(
    owners: Mapping[str, Owner],
    settings: ProcessSettings,
    *,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the page to these owners, by name, until cancelled; reports the port once it listens.

    Raises `PortTaken`.
    """
    listeners = await listen("page", settings.page_host, settings.page_port, VARIABLES.bare)
    port: int = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        app = make_app(
            owners, Access.of(settings, port), Live(nursery, owners), settings.page_url or "", settings.shard
        )
        task_status.started(port)
        await serve("page", app, listeners, _LIMITS)


def make_app(
    owners: Mapping[str, Owner], access: Access, live: Live, page_url: str, shard: Shard | None = None
) -> QuartTrio:
    """The app alone. `page_url` is empty where only this machine sees it. Accounts outside of `shard` are others'."""
    app = QuartTrio("mailroom", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LONGEST_FORM_BYTES
    keys = Keys(page_url)
    cookies = Cookies(owners, keys, is_https=access.is_https)
    guard = Guard(access, owners, cookies, keys, shard)
    app.before_request(guard.before)
    app.after_request(compressed)
    app.after_request(guard.after)
    Login(access, owners, cookies, keys, shard).add_routes(app)
    add_waiting(app)
    Taps(live).add_routes(app)
    add_whole(app)
    add_decided(app)
    add_history(app)
    live.add_routes(app)
    add_health(app)
    app.add_url_rule("/static/<version>/<name>", "static", _static, methods=["GET"])
    app.add_url_rule("/manifest.webmanifest", "manifest", _manifest, methods=["GET"])
    app.register_error_handler(HTTPException, _told)
    app.register_error_handler(ServedElsewhere, _served_elsewhere)
    app.register_error_handler(MailroomError, _mail_server_trouble)
    app.register_error_handler(Exception, _bug)
    return app


async def _static(version: str, name: str) -> Response:
    if (found := serve_asset(name)) is None:
        raise NotFound
    return found


async def _manifest() -> Response:
    found = await _static("", "manifest.webmanifest")
    found.headers["Cache-Control"] = "no-cache"
    return found


async def _told(error: HTTPException) -> ResponseReturnValue:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    text = _WHAT_TO_DO.get(status) or error.description or status.phrase
    response = _trouble(status, status.phrase.capitalize(), text)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


async def _served_elsewhere(error: ServedElsewhere) -> ResponseReturnValue:
    return _trouble(HTTPStatus(error.code), "Not served here", error.description or "", (LOGIN, "To the login"))


async def _mail_server_trouble(error: MailroomError) -> ResponseReturnValue:
    """What the owner may read: no message of ours holds a secret or a part of a mail."""
    log.warning("page_failed", path=request.path, error=str(error))
    if isinstance(error, ConfigError):
        return _trouble(HTTPStatus.CONFLICT, "Something has to be mended first", f"{error}.")
    said = "The mail server refuses Mailroom's login." if isinstance(error, Refused) else "The mail server didn't help."
    text = f"{said} {error}. Nothing was lost: what was tapped before stays tapped, and Mailroom goes on by itself."
    return _trouble(HTTPStatus.SERVICE_UNAVAILABLE, "The mail can't be read", text)


async def _bug(error: Exception) -> ResponseReturnValue:
    log.error("page_broken", path=request.path, exc_info=error)
    return _trouble(
        HTTPStatus.INTERNAL_SERVER_ERROR, "That is a mistake of ours", "Reload the page; the log says more."
    )


def _trouble(status: HTTPStatus, title: str, text: str, link: tuple[str, str] | None = None) -> Response:
    """`link` is a path and what it is called, None for the usual one."""
    if is_htmx():
        return html("_alert.html", status, text=text)
    path, way = link or _way_on(status)
    return html("trouble.html", status, title=title, text=text, path=path, way=way)


def _way_on(status: HTTPStatus) -> tuple[str, str]:
    if request.path == LOGIN:
        return LOGIN, "To the login"
    if status == HTTPStatus.SERVICE_UNAVAILABLE and request.path in {room for room, _, _ in ROOMS}:
        return request.path, "Try again"
    return "/", "To who waits"
