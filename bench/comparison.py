"""Mailroom's pass against the straightforward way, in turn, under the same load and over the same network."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import httpx
import trio
from pydantic import SecretStr

from bench.ending import read_ending
from bench.load import Load
from bench.network import Network, far_away
from bench.passes import NOW, PassRun, labelled_account, run_pass
from bench.servers import Server
from bench.straightforward import Book, CardDavBook, Jmap, JmapBook, Straightforward
from mailroom.account.servers import carddav_url, open_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.contacts.dav import Dav
from mailroom.contacts.discovery import find_book
from mailroom.http import Credentials, bearer
from mailroom.jmap.session import Session

TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class StraightRun:
    """One measured pass of the straightforward way."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs in pairs, in the order in which they were measured: ours, the straightforward way, ours …"""

    server: str
    contacts: str
    load: Load
    network: Network
    pairs: tuple[tuple[PassRun, StraightRun], ...]

    @property
    def ours_seconds(self) -> float:
        return median(ours.seconds for ours, _ in self.pairs)

    @property
    def straight_seconds(self) -> float:
        return median(straight.seconds for _, straight in self.pairs)

    @property
    def ratio(self) -> float:
        """Of the medians: how many times faster ours is."""
        return self.straight_seconds / self.ours_seconds

    @property
    def ratios(self) -> tuple[float, ...]:
        """Of each pair, sorted."""
        return tuple(sorted(straight.seconds / ours.seconds for ours, straight in self.pairs))


Way = Callable[[Jmap, Book], None]


def _triage(jmap: Jmap, book: Book) -> None:
    Straightforward(jmap, book, NOW).run()


async def compare(server: Server, load: Load, network: Network, runs: int) -> Comparison:
    """Raises `RuntimeError` if the two ways don't end in the same account."""
    pairs = tuple([await _pair(server, load, network) for _ in range(runs)])
    return Comparison(server.name, server.contacts, load, network, pairs)


async def _pair(server: Server, load: Load, network: Network) -> tuple[PassRun, StraightRun]:
    async with labelled_account(server, load) as settings:
        async with far_away(settings, network) as delayed:
            ours = await run_pass(delayed, load)
        our_ending = await read_ending(settings)
    async with labelled_account(server, load) as settings:
        async with far_away(settings, network) as delayed:
            straight = await run_straightforward(delayed)
        if await read_ending(settings) != our_ending:
            raise RuntimeError(f"after {load} the straightforward way ends in another account than Mailroom")
    return ours, straight


async def run_straightforward(settings: AccountSettings, way: Way = _triage) -> StraightRun:
    """Measure one pass; session and address book are found before, as with Mailroom's."""
    async with open_servers(settings) as servers:
        session = await servers.client.session()
        url = carddav_url(settings)
        login = Credentials(_mail_login(settings), url)
        book = None if session.contacts_account else await find_book(Dav(servers.http, login, "carddav_url"), url)
    return await trio.to_thread.run_sync(_run, settings, session, book, way)


def _run(settings: AccountSettings, session: Session, book_url: httpx.URL | None, way: Way) -> StraightRun:
    requests = 0

    def count(_: httpx.Request) -> None:
        nonlocal requests
        requests += 1

    headers = {"Authorization": _mail_login(settings).get_secret_value(), "Accept-Encoding": "gzip"}
    hooks = {"request": [count]}
    with httpx.Client(headers=headers, timeout=TIMEOUT_SECONDS, event_hooks=hooks) as http:
        http.get(settings.jmap_session_url, follow_redirects=True)  # the connection stands before the pass begins
        requests, started = 0, time.perf_counter()
        jmap = Jmap(http, session)
        book = JmapBook(jmap) if book_url is None else CardDavBook(http, book_url)
        way(jmap, book)
        return StraightRun(requests, time.perf_counter() - started)


def _mail_login(settings: AccountSettings) -> SecretStr:
    """The login for mail, which is that for contacts, too, on the servers that are compared."""
    if settings.jmap_token is None or settings.carddav_password is not None:
        raise ValueError("the straightforward way has one token for mail and contacts")
    return bearer(settings.jmap_token)
