"""One pass over a load: how many requests, connections and seconds."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

import httpx

from bench.load import Load
from bench.mail_app import mail_app
from bench.network import Network, far_away
from bench.servers import Server
from mailroom.account.servers import Servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.http_clients import http_client
from mailroom.observe.status import Tally
from mailroom.triage.passes import prepare

NOW = datetime(2026, 3, 5, 14, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PassRun:
    """One measured pass. `cpu_seconds` are Mailroom's own, without the server's; `idle_requests` are those of a
    second pass, which finds nothing to do."""

    requests: int
    connections: int
    seconds: float
    cpu_seconds: float
    idle_requests: int


@dataclass(frozen=True, slots=True)
class PassFigures:
    """Several runs under one load."""

    server: str
    contacts: str
    load: Load
    network: Network
    runs: tuple[PassRun, ...]

    @property
    def seconds(self) -> float:
        return median(run.seconds for run in self.runs)

    @property
    def quickest_seconds(self) -> float:
        return min(run.seconds for run in self.runs)

    @property
    def slowest_seconds(self) -> float:
        return max(run.seconds for run in self.runs)

    @property
    def requests(self) -> float:
        return median(run.requests for run in self.runs)

    @property
    def connections(self) -> float:
        return median(run.connections for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        return median(run.cpu_seconds for run in self.runs)

    @property
    def idle_requests(self) -> float:
        return median(run.idle_requests for run in self.runs)

    @property
    def mails_per_second(self) -> float:
        return self.load.mails / self.seconds


@dataclass(slots=True)
class Traffic:
    """Counts what a client sends; hook it in with `watch`."""

    requests: int = 0
    connections: int = 0

    def watch(self, http: httpx.AsyncClient) -> None:
        http.event_hooks = {"request": [self._on_request]}

    async def _on_request(self, request: httpx.Request) -> None:
        self.requests += 1
        request.extensions = {**request.extensions, "trace": self._on_event}

    async def _on_event(self, event: str, _: Mapping[str, Any]) -> None:
        self.connections += event == "connection.connect_tcp.complete"


async def measure_passes(server: Server, load: Load, network: Network, runs: int) -> PassFigures:
    """Each run has an account of its own."""
    done: list[PassRun] = []
    for _ in range(runs):
        async with labelled_account(server, load) as settings, far_away(settings, network) as delayed:
            done.append(await run_pass(delayed, load))
    return PassFigures(server.name, server.contacts, load, network, tuple(done))


@asynccontextmanager
async def labelled_account(server: Server, load: Load) -> AsyncIterator[AccountSettings]:
    """A fresh account in which every sender waits for a pass."""
    async with server.account(load) as settings:
        async with mail_app(settings) as app:
            await app.label_all()
        yield settings


async def run_pass(settings: AccountSettings, load: Load) -> PassRun:
    """Measure the first pass after the start check, then an idle one. Raises `RuntimeError` if anything was left."""
    async with http_client() as http:
        servers = Servers(settings, http)
        triage = await prepare(servers.client, await servers.contacts(), DEFAULT_SCHEME, Tally(), datetime.now(UTC))
        traffic = Traffic()
        traffic.watch(http)
        started, cpu_started = time.perf_counter(), time.process_time()
        outcome = await triage.run(NOW)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
        if (outcome.senders_triaged, outcome.mails_filed) != (load.senders, load.mails):
            raise RuntimeError(f"the pass did not settle {load}: {outcome}")
        idle = Traffic()
        idle.watch(http)
        await triage.run(NOW)
        return PassRun(traffic.requests, traffic.connections, seconds, cpu_seconds, idle.requests)
