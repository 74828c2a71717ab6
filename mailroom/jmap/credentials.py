"""Who we are to a server, and which servers may know."""

import base64
from collections.abc import Generator

import httpx
from pydantic import SecretStr

Origin = tuple[str, str, int | None]


class Credentials(httpx.Auth):
    """Adds `Authorization` to requests for trusted origins, and to no others."""

    def __init__(self, authorization: SecretStr, *trusted: httpx.URL) -> None:
        self._authorization = authorization
        self._origins = {_origin(url) for url in trusted}

    def trust(self, url: httpx.URL) -> None:
        self._origins.add(_origin(url))

    def trusts(self, url: httpx.URL) -> bool:
        return _origin(url) in self._origins

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.trusts(request.url):
            request.headers["Authorization"] = self._authorization.get_secret_value()
        yield request


def bearer(token: SecretStr) -> SecretStr:
    """The `Authorization` value of a bearer token (RFC 6750 §2.1)."""
    return SecretStr(f"Bearer {token.get_secret_value()}")


def basic(username: str, password: SecretStr) -> SecretStr:
    """The `Authorization` value of a user name and password (RFC 7617 §2)."""
    pair = f"{username}:{password.get_secret_value()}".encode()
    return SecretStr("Basic " + base64.b64encode(pair).decode())


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)
