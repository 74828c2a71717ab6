"""`mailroom healthcheck`: ask the daemon on this machine how it is.

Standard library only: a container runs it every 30 s, and the daemon's libraries take a second to import.
"""

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mailroom.config.variables import PREFIX, is_service_link

HOST = f"{PREFIX}HEALTH_HOST"
PORT = f"{PREFIX}HEALTH_PORT"

TIMEOUT_SECONDS = 5

# The daemon listens on every address there; a client needs one.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared with, not bound to


def run(account: str | None = None) -> int:
    """Print one line; return 0 if the daemon is healthy, else 1. With a name: if that account of several is."""
    settings = _settings()
    host = settings.get(HOST, "127.0.0.1")
    host = _EVERYWHERE.get(host, host)
    port = settings.get(PORT, "8080")
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65_535):
        print(f"unhealthy: {PORT} must be a whole number from 1 to 65535")
        return 1
    path = "/healthz" if account is None else f"/healthz/{quote(account, safe='')}"
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    try:
        status, body = _ask(host, int(port), path)
    except (OSError, http.client.HTTPException, UnicodeError) as failure:
        print(f"unhealthy: no answer from {where} ({_reason(failure)}); does the daemon run, with the same settings?")
        return 1
    if account is not None and status == http.client.NOT_FOUND:
        print(f"unhealthy: the daemon serves no account {_printable(account)}; `mailroom accounts` lists them")
        return 1
    return _judge(where, status, body)


def _ask(host: str, port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(65_536)
    finally:
        connection.close()


def _judge(where: str, status: int, body: bytes) -> int:
    try:
        health = json.loads(body)
        said = health["status"]
        line = _several(health) if "accounts" in health else _one(health)
    except (ValueError, LookupError, TypeError):
        print(f"unhealthy: {where} answers {status}, but not as Mailroom does; does another program use the port?")
        return 1
    healthy = status == http.client.OK and said == "ok"
    print(f"{'healthy' if healthy else 'unhealthy'}: {line}")
    return 0 if healthy else 1


def _one(health: Mapping[str, Any]) -> str:
    """An account in one line. Raises `LookupError`, `TypeError` or `ValueError` where this is none."""
    age, error = health["last_poll_age_seconds"], health.get("last_poll_error")
    last_pass = "no successful pass yet" if age is None else f"last successful pass {age:.0f} s ago"
    told = "".join(f"; {each}" for each in _told(health))
    why = f"; the last pass failed: {_printable(str(error))}" if error else ""
    return f"{last_pass}{told}{why}"


def _several(health: Mapping[str, Any]) -> str:
    """How many of several accounts are well, and which are not; raises what `_one` does."""
    accounts, unhealthy = health["accounts"], health["accounts_unhealthy"]
    line = f"{accounts - unhealthy:d} of {accounts:d} accounts are well"
    if not unhealthy:
        return line
    names = [_printable(str(name)) for name in health["unhealthy"]]
    more = unhealthy - len(names)
    return f"{line}; not well: {', '.join(names)}{f' and {more} more' if more else ''}"


def _told(health: Mapping[str, object]) -> Iterator[str]:
    """What else is worth a look: screening, and what could not be done. A daemon of another version may not tell."""
    waiting = health.get("mails_waiting")
    if (mode := health.get("screening")) in ("on", "watch"):
        yield f"screening is {mode}"
        if isinstance(waiting, int):
            yield f"mails in the Screener: {waiting}"
    for key, what in (("senders_failing", "senders failing"), ("mailboxes_missing", "mailboxes missing")):
        count = health.get(key)
        if isinstance(count, int) and count > 0:
            yield f"{what}: {count}"
    if (rules := health.get("server_rules")) in ("old", "replaced"):
        yield f"rules on the mail server: {rules}"


def _printable(text: str) -> str:
    """Another program may answer on that port: nothing that steers a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _reason(failure: Exception) -> str:
    if isinstance(failure, TimeoutError):
        return f"timed out after {TIMEOUT_SECONDS} s"
    return getattr(failure, "strerror", None) or type(failure).__name__


def _settings() -> Mapping[str, str]:
    """Both settings by variable, without the empty ones; the environment wins over `.env`."""
    variables = {name.upper(): value for name, value in os.environ.items() if value.strip()}
    ours = {name: value for name, value in variables.items() if not is_service_link(name, value)}
    found = {**dict(_dotenv()), **ours}
    return {name: value.strip() for name, value in found.items() if name in (HOST, PORT) and value.strip()}


def _dotenv() -> Iterator[tuple[str, str]]:
    """The variables of `.env` in this folder: enough of its syntax for a host and a port."""
    try:
        text = Path(".env").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals:
            yield name.strip().upper(), value.partition(" #")[0].strip().strip("'\"")
