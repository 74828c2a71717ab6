"""The types of the page's settings: what each may be."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from mailroom.urls import is_loopback, url_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HOST = "127.0.0.1"
"""Where the page listens unless told."""

_SHORTEST_PASSWORD = 12
_SHORTEST_SECRET = 32
_TAKEN_HEADERS = frozenset({"host", "cookie", "origin", "referer", "authorization", "x-mailroom-proxy-secret"})


def _password(secret: SecretStr) -> SecretStr:
    """A file, and some tools that set variables, end the line; a space may be part of the password."""
    password = secret.get_secret_value().rstrip("\r\n")
    if len(password) < _SHORTEST_PASSWORD or not password.isprintable():
        raise ValueError(f"must be {_SHORTEST_PASSWORD} characters or more, on one line")
    return SecretStr(password)


def _proxy_secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(rf"[!-~]{{{_SHORTEST_SECRET},}}", secret.get_secret_value()):
        raise ValueError(
            f"must be {_SHORTEST_SECRET} characters or more, ASCII without spaces; `openssl rand -hex 32` makes one"
        )
    return secret


def _origin(text: str) -> str:
    """As a browser writes it into Origin: in small letters, without the port that goes without saying."""
    url = url_of(text)
    if url.scheme not in ("https", "http") or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("must be how a browser sees the page, such as https://mailroom.example.com")
    if url.path not in ("", "/"):
        raise ValueError("must be an origin without a path: the page has a host name (or a port) of its own")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ValueError("must be https (http only on this machine): the password would be read on its way")
    return f"{url.scheme}://{url.netloc.decode('ascii')}".lower()


def _header(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        raise ValueError("must be the name of a header, such as Remote-User")
    if name.lower() in _TAKEN_HEADERS or name.lower().startswith("x-forwarded-"):
        raise ValueError("must be a header that names who has logged in, such as Remote-User")
    return name


def _parts(value: str | list[object]) -> list[str]:
    """A list in one variable: by commas."""
    parts = value.split(",") if isinstance(value, str) else map(str, value)
    return [part.strip() for part in parts if part.strip()]


def _networks(value: object) -> object:
    if not isinstance(value, str | list):
        return value
    try:
        found = tuple(ipaddress.ip_network(text) for text in _parts(value))
    except ValueError:
        found = ()
    if not found:
        raise ValueError("must be addresses or networks with commas between them: 127.0.0.1, 10.88.0.0/16")
    return found


def _names(value: object) -> object:
    if not isinstance(value, str | list):
        return value
    names = tuple(_parts(value))
    if not names or not all(name.isprintable() for name in names):
        raise ValueError("must be names with commas between them: ann@example.org, ann")
    return names


PagePassword = Annotated[SecretStr, AfterValidator(_password)]
ProxySecret = Annotated[SecretStr, AfterValidator(_proxy_secret)]
Origin = Annotated[str, AfterValidator(_origin)]
HeaderName = Annotated[str, AfterValidator(_header)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
