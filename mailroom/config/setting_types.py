"""What the value of a setting may be; whatever is refused is told in words that quote nothing of it."""

import ipaddress
import os
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from mailroom.urls import is_loopback, url_of

_SHORTEST_CODE = 6


def _https_or_loopback(text: str) -> str:
    url = url_of(text)
    if url.userinfo:
        raise ValueError("must not hold a user name or password; they have settings of their own")
    if not url.host or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(url.host))):
        raise ValueError("must be an https url (http only on this machine), such as https://mail.example.com/jmap/")
    return text


def _http_url(secret: SecretStr) -> SecretStr:
    """Plain http is allowed: monitors on a home network often have nothing else."""
    url = url_of(secret.get_secret_value())
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("must be an http or https url, such as https://kuma.example.com/api/push/…")
    return secret


def _token(secret: SecretStr) -> SecretStr:
    """RFC 6750 §2.1 allows no more than printable ASCII without spaces; anything else is a slip in copying."""
    token = secret.get_secret_value()
    if token.casefold().startswith("bearer "):
        raise ValueError("must be the token alone, without the word Bearer")
    if "'" in token or '"' in token:
        raise ValueError("must be the token alone, without quotes around it")
    if not re.fullmatch(r"[!-~]+", token):
        raise ValueError("holds characters that no token has (spaces, control or non-ASCII characters); copy it again")
    return secret


def _password(secret: SecretStr) -> SecretStr:
    # A file, and some tools that set variables, end the line; a space may be part of the password.
    password = secret.get_secret_value().rstrip("\r\n")
    if re.search(r"[\x00-\x1f\x7f]", password):
        raise ValueError("holds control characters, which no server takes in a password (RFC 7617 §2)")
    return SecretStr(password)


def _code(secret: SecretStr) -> SecretStr:
    """A shorter one would be met by chance."""
    code = secret.get_secret_value()
    if len(code) < _SHORTEST_CODE or not code.isprintable():
        raise ValueError(f"must be {_SHORTEST_CODE} characters or more, on one line")
    return secret


def _username(name: str) -> str:
    if re.search(r"[\x00-\x1f\x7f:]", name):
        raise ValueError("holds a colon or control characters, which no server takes in a user name (RFC 7617 §2)")
    return name


def _host(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", host):
            raise ValueError("must be an IP address or a host name, without a port") from None
    return host


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _home(value: object) -> object:
    if isinstance(value, str) and "\0" in value:
        raise ValueError("holds a NUL character, which no path has")
    return os.path.expanduser(value) if isinstance(value, str) else value


Url = Annotated[str, AfterValidator(_https_or_loopback)]
Username = Annotated[str, AfterValidator(_username)]
Password = Annotated[SecretStr, AfterValidator(_password)]
Token = Annotated[SecretStr, AfterValidator(_token)]
SecretUrl = Annotated[SecretStr, AfterValidator(_http_url)]
Code = Annotated[SecretStr, AfterValidator(_code)]
Host = Annotated[str, AfterValidator(_host)]
LowerCase = BeforeValidator(_lower)
HomeExpanded = BeforeValidator(_home)
