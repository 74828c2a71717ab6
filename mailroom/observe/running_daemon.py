"""Whether a daemon with these settings runs on this machine: its health port answers as Mailroom does."""

import json
import ssl
from collections.abc import Iterable, Mapping
from typing import Annotated
from urllib.parse import quote

import httpx
import trio
from pydantic import BeforeValidator

from mailroom.config.process_settings import ProcessSettings
from mailroom.config.shard import Shard, read_shard
from mailroom.errors import BadReply
from mailroom.wire import Wire, reader

SECONDS = 5

# The daemon listens on every address there; a client needs one.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared with, not bound to


def _shard(told: object) -> object:
    return read_shard(told, "") if isinstance(told, str) else told


class RunningDaemon(Wire):
    """What a daemon says about itself: `status` is ok or unhealthy, `role` first or standby.

    `screening` and `role` are None in versions without it; one with several accounts tells their number, and which
    shard they are (None: all), and no age of a pass.
    """

    status: str
    version: str
    last_poll_age_seconds: float | None = None
    accounts: int | None = None
    shard: Annotated[Shard | None, BeforeValidator(_shard)] = None
    role: str | None = None
    last_poll_error: str | None = None
    screening: str | None = None


_read = reader(RunningDaemon)


async def ask_daemon(process: ProcessSettings, account: str | None = None) -> RunningDaemon | None:
    """The daemon that answers on the health port; None if nothing does, or something else.

    With the name of an account: None where that daemon doesn't serve it, too.
    """
    async with _client() as http:
        return await _ask(http, process, "/healthz" if account is None else _path(account))


async def ask_accounts(process: ProcessSettings, accounts: Iterable[str]) -> Mapping[str, RunningDaemon]:
    """What the daemon on the health port says about each of these accounts, by name; without those it doesn't serve."""
    async with _client() as http:
        answers = {name: await _ask(http, process, _path(name)) for name in accounts}
    return {name: answer for name, answer in answers.items() if answer is not None}


def _client() -> httpx.AsyncClient:
    # No proxy of the environment stands between two processes of one machine. They speak plain HTTP: the authorities of
    # the world, which take 20 ms to read, have no say in it.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(timeout=SECONDS, trust_env=False, verify=nobody)


def _path(account: str) -> str:
    return f"/healthz/{quote(account, safe='')}"


async def _ask(http: httpx.AsyncClient, process: ProcessSettings, path: str) -> RunningDaemon | None:
    host = _EVERYWHERE.get(process.health_host, process.health_host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{process.health_port}{path}"
    try:
        with trio.fail_after(SECONDS):
            return _read(json.loads((await http.get(url)).content))
    except (httpx.HTTPError, httpx.InvalidURL, trio.TooSlowError, ValueError, RecursionError, BadReply):
        return None
