"""What is asked of every request before a view sees it, and what every answer says."""

from collections.abc import Mapping
from http import HTTPStatus

from quart import Response, g, redirect, request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, HTTPException

from mailroom.config.keys import VARIABLES
from mailroom.config.shard import Shard, shard_of
from mailroom.page.access import SECRET_HEADER, Access
from mailroom.page.cookies import Cookies, Session
from mailroom.page.keys import Keys
from mailroom.page.owner import Owner

LOGIN = "/login"
_OPEN_TO_ALL = ("/static/", "/manifest.webmanifest")

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, Chromium says `Origin: null` of our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Misdirected(HTTPException):
    """The request is for another host: a name that somebody lets lead here (DNS rebinding), or a setting is wrong."""

    code = HTTPStatus.MISDIRECTED_REQUEST
    description = f"This page is known by another name: {VARIABLES.bare('page_url')} says how browsers see it."


class ServedElsewhere(HTTPException):
    """Another process serves the account, if there is one: which there are isn't known here, and told to nobody."""

    code = HTTPStatus.SERVICE_UNAVAILABLE


def refuse_others(name: str, ours: Shard | None, account: str) -> None:
    """Raises `ServedElsewhere` for the name of an account that would be in another shard; `account` says which one."""
    if ours is None or not name or ours.holds(name):
        return
    raise ServedElsewhere(
        f"If there is {account}, shard {shard_of(name, ours.of)} serves it; this is shard {ours}. If it is the right "
        "one, the proxy in front of Mailroom has to lead you to that shard."
    )


class Guard:
    """Knows who calls, and lets nobody else in. Accounts outside of `shard` are others'."""

    def __init__(
        self, access: Access, owners: Mapping[str, Owner], cookies: Cookies, keys: Keys, shard: Shard | None
    ) -> None:
        self._access = access
        self._shard = shard
        self._owners = owners
        self._cookies = cookies
        self._keys = keys

    async def before(self) -> ResponseReturnValue | None:
        """Raises an `HTTPException` for what must not be, and sends strangers to the login."""
        if request.host.lower() not in self._access.hosts:
            raise Misdirected
        if request.path.startswith(_OPEN_TO_ALL):
            return None
        is_post = request.method == "POST"
        if is_post and request.headers.getlist("Origin") not in [[origin] for origin in self._access.origins]:
            raise Forbidden("This form doesn't come from Mailroom's own page, so nothing was done.")
        session = await self._session()
        if request.path == LOGIN:
            g.session = session
            return None
        if session is None:
            name = self._cookies.name_in(request.cookies)
            refuse_others(name, self._shard, "still the account that this browser logged in to")
            return _to_login()
        if is_post and not session.gave((await request.form).get("token", "")):
            raise Forbidden("This form is from an earlier login, so nothing was done. Reload the page and try again.")
        g.session = session
        return None

    async def _session(self) -> Session | None:
        headers = request.headers
        names = headers.getlist(self._access.proxy.header) if self._access.proxy else []
        try:
            name = self._access.named_by_proxy(peer(), names, headers.getlist(SECRET_HEADER))
        except ValueError:
            raise Forbidden(
                "A header says who you are, but it doesn't come from the proxy that may say so "
                f"({VARIABLES.bare('page_proxy_from')}, {VARIABLES.bare('page_proxy_secret')})."
            ) from None
        if name is None:
            return await self._cookies.read_session(request.cookies)
        owners = [each for each in self._owners.values() if name in each.users]
        if not owners:
            raise Forbidden(self._nobody_here)
        if len(owners) > 1:
            places = " and ".join(each.names.name("page_proxy_users") for each in owners)
            raise Forbidden(f"Several accounts name you as their owner: leave you in one of {places}.")
        (owner,) = owners
        return Session(owner, f"proxy {name}", await self._keys.key(owner), by_proxy=True)

    @property
    def _nobody_here(self) -> str:
        where = " or ".join(sorted({each.names.bare("page_proxy_users") for each in self._owners.values()}))
        said = f"The proxy knows you, but you are not the owner of this mail{f' ({where})' if where else ''}."
        if self._shard is None:
            return said
        elsewhere = "another process may serve your account, and then the proxy has to lead you there."
        return f"{said} This is shard {self._shard}: {elsewhere}"

    def after(self, response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response


def peer() -> str:
    """The address that the connection comes from."""
    return request.remote_addr or ""


def is_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def _to_login() -> ResponseReturnValue:
    if is_htmx() or request.headers.get("Accept") == "text/event-stream":
        # It follows no redirect of a part of a page.
        return Response("", HTTPStatus.UNAUTHORIZED, {"HX-Redirect": LOGIN})
    return redirect(LOGIN, HTTPStatus.SEE_OTHER)


def session() -> Session:
    """Who calls; for views behind the login."""
    found: Session = g.session
    return found
