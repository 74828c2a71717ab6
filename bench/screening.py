"""New mail: a pass that judges it against the straightforward way, and what a pass costs that finds none."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median

from bench.comparison import StraightRun, run_straightforward
from bench.ending import read_ending
from bench.load import Load
from bench.network import Network, far_away
from bench.passes import NOW, Traffic
from bench.servers import Server
from bench.straightforward import Book, Jmap
from bench.straightforward_screening import StraightforwardScreener
from mailroom.account.servers import Servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.http_clients import http_client
from mailroom.observe.status import Tally
from mailroom.triage.passes import Triage, prepare

ON = replace(DEFAULT_SCHEME, screening=Screening(mode="on"))
LATER = NOW + timedelta(minutes=1)
POLLS_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Judging:
    """Runs in pairs, as measured: ours, the straightforward way, ours …; without the latter where that was left out."""

    server: str
    contacts: str
    load: Load
    network: Network
    ours: tuple[StraightRun, ...]
    straight: tuple[StraightRun, ...]

    @property
    def ours_seconds(self) -> float:
        return median(run.seconds for run in self.ours)

    @property
    def straight_seconds(self) -> float:
        return median(run.seconds for run in self.straight)

    @property
    def ratio(self) -> float:
        """Of the medians: how many times faster ours is."""
        return self.straight_seconds / self.ours_seconds

    @property
    def ratios(self) -> tuple[float, ...]:
        """Of each pair, sorted."""
        pairs = zip(self.ours, self.straight, strict=True)
        return tuple(sorted(straight.seconds / ours.seconds for ours, straight in pairs))


@dataclass(frozen=True, slots=True)
class IdlePasses:
    """Medians of passes in turn, screening on and off, that find nothing to do in an Inbox of `load.marked` mails."""

    server: str
    load: Load
    runs: int
    on_seconds: float
    off_seconds: float

    @property
    def seconds_a_day(self) -> float:
        """What screening costs in a day of polls, one a minute."""
        return (self.on_seconds - self.off_seconds) * POLLS_A_DAY


async def judge_against(server: Server, load: Load, network: Network, runs: int) -> Judging:
    """Raises `RuntimeError` if the two ways don't put mail in the same places."""
    ours: list[StraightRun] = []
    straight: list[StraightRun] = []
    for _ in range(runs):
        async with server.account(load) as settings:
            async with far_away(settings, network) as delayed:
                ours.append(await _judged(delayed, load))
            our_ending = await read_ending(settings)
        async with server.account(load) as settings:
            async with far_away(settings, network) as delayed:
                straight.append(await run_straightforward(delayed, _screen))
            if (await read_ending(settings)).mails != our_ending.mails:
                raise RuntimeError(f"after {load} the straightforward way leaves mail elsewhere than Mailroom")
    return Judging(server.name, server.contacts, load, network, tuple(ours), tuple(straight))


async def judge_alone(server: Server, load: Load, network: Network, runs: int) -> Judging:
    """Without the straightforward way."""
    ours: list[StraightRun] = []
    for _ in range(runs):
        async with server.account(load) as settings, far_away(settings, network) as delayed:
            ours.append(await _judged(delayed, load))
    return Judging(server.name, server.contacts, load, network, tuple(ours), ())


async def measure_idle_passes(server: Server, load: Load, runs: int) -> IdlePasses:
    async with (
        server.account(load) as settings,
        _ready(settings, DEFAULT_SCHEME) as (off, _),
        _ready(settings, ON) as (on, _),
    ):
        seconds: dict[Triage, list[float]] = {on: [], off: []}
        for _ in range(runs):
            for triage, taken in seconds.items():
                started = time.perf_counter()
                await triage.run(LATER)
                taken.append(time.perf_counter() - started)
    return IdlePasses(server.name, load, runs, median(seconds[on]), median(seconds[off]))


async def _judged(settings: AccountSettings, load: Load) -> StraightRun:
    """One pass. Raises `RuntimeError` if anything was left."""
    async with _ready(settings, ON) as (triage, traffic):
        traffic.requests = 0
        started = time.perf_counter()
        outcome = await triage.run(LATER)
        seconds = time.perf_counter() - started
        if outcome.mails_screened != load.new:
            raise RuntimeError(f"the pass did not screen {load}: {outcome}")
        return StraightRun(traffic.requests, seconds)


@asynccontextmanager
async def _ready(settings: AccountSettings, scheme: Scheme) -> AsyncIterator[tuple[Triage, Traffic]]:
    """A triage after its start, on a connection that stands."""
    async with http_client() as http:
        servers = Servers(settings, http)
        traffic = Traffic()
        traffic.watch(http)
        yield await prepare(servers.client, await servers.contacts(), scheme, Tally(), NOW), traffic


def _screen(jmap: Jmap, book: Book) -> None:
    StraightforwardScreener(jmap, book).run()
