"""`/login` and `/logout`."""

import math
from collections.abc import Mapping
from http import HTTPStatus

import structlog
from quart import Response, g, redirect, request
from quart_trio import QuartTrio
from werkzeug.exceptions import Forbidden

from mailroom.config.shard import Shard
from mailroom.page.access import Access, neighbourhood
from mailroom.page.cookies import Cookies
from mailroom.page.guard import LOGIN, peer, refuse_others, session
from mailroom.page.keys import Keys
from mailroom.page.owner import Owner
from mailroom.page.pages import html
from mailroom.page.tries import Tries

log = structlog.get_logger(component="page")

_LONGEST = 1_000


class Login:
    """Checks passwords, not too many of them."""

    def __init__(
        self, access: Access, owners: Mapping[str, Owner], cookies: Cookies, keys: Keys, shard: Shard | None
    ) -> None:
        self._access = access
        self._shard = shard
        self._owners = owners
        self._cookies = cookies
        self._keys = keys
        self._tries = Tries()

    def add_routes(self, app: QuartTrio) -> None:
        app.add_url_rule(LOGIN, "login", self.show, methods=["GET"])
        app.add_url_rule(LOGIN, "log_in", self.log_in, methods=["POST"])
        app.add_url_rule("/logout", "log_out", self.log_out, methods=["POST"])

    async def show(self) -> Response:
        if g.session is not None:
            return _to("/")
        if self._access.proxy is not None and not self._has_passwords:
            raise Forbidden("You come in through a proxy that knows you, and it didn't say who you are.")
        return self._form()

    async def log_in(self) -> Response:
        form = await request.form
        # Names of accounts have small letters alone; a phone may begin with a large one.
        name, password = form.get("name", "").strip().lower(), form.get("password", "")
        owner = self._owners.get(name)
        refuse_others(name, self._shard, "an account of this name")
        caller = neighbourhood(self._access.caller(peer(), request.headers.getlist("X-Forwarded-For")))
        browser = await self._cookies.known_browser(request.cookies, owner)
        if wait := self._tries.wait(caller, name if owner else "", browser):
            log.warning("page_login_too_often", address=caller)
            response = self._form(
                f"Too many tries. Wait {math.ceil(wait / 60)} min, and try again.", HTTPStatus.TOO_MANY_REQUESTS, name
            )
            response.headers["Retry-After"] = str(wait)
            return response
        if not self._has_passwords or len(password) > _LONGEST or not await self._keys.matches(owner, password):
            log.warning("page_login_refused", address=caller)
            return self._form(self._what_is_wrong, HTTPStatus.FORBIDDEN, name)
        assert owner is not None, "a password matches an owner's alone"  # noqa: S101
        log.info("page_login", address=caller)
        response = _to("/")
        await self._cookies.log_in(response, owner)
        return response

    async def log_out(self) -> Response:
        response = _to(LOGIN)
        if not session().by_proxy:
            self._cookies.log_out(response)
        return response

    @property
    def _is_named(self) -> bool:
        return self._owners.keys() != {""}

    @property
    def _what_is_wrong(self) -> str:
        """The same for every name, whether there is such an account or not."""
        if self._is_named:
            return "Name or password is wrong. Each account's file has its own: page_password, or page_password_file."
        return f"The password is wrong. It is the one in {self._owners[''].names.name('page_password')}."

    @property
    def _has_passwords(self) -> bool:
        return any(owner.password is not None for owner in self._owners.values())

    def _form(self, problem: str = "", status: HTTPStatus = HTTPStatus.OK, name: str = "") -> Response:
        return html("login.html", status, problem=problem, is_named=self._is_named, name=name[:100])


def _to(path: str) -> Response:
    response = redirect(path, HTTPStatus.SEE_OTHER)
    assert isinstance(response, Response)  # noqa: S101  it is annotated as werkzeug's
    return response
