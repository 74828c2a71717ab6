"""One decision about a whole domain against one about each of its senders, in turn, under the same load."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from bench.load import Load
from bench.mail_app import mail_app
from bench.passes import NOW, Traffic
from bench.servers import Server
from mailroom.account.servers import Servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.http_clients import http_client
from mailroom.observe.status import Tally
from mailroom.triage.passes import prepare

LABEL = "@ToFeed"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One measured pass. `cpu_seconds` are Mailroom's own, without the server's."""

    requests: int
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class WideSweeps:
    """Runs in pairs, in the order in which they were measured: a label for the domain, one for each sender …"""

    server: str
    contacts: str
    load: Load
    pairs: tuple[tuple[Sweep, Sweep], ...]

    @property
    def wide(self) -> Sequence[Sweep]:
        return [wide for wide, _ in self.pairs]

    @property
    def each(self) -> Sequence[Sweep]:
        return [each for _, each in self.pairs]

    @property
    def ratio(self) -> float:
        """Of the medians of processor time: how many times less one decision takes."""
        return median(each.cpu_seconds for each in self.each) / median(each.cpu_seconds for each in self.wide)

    @property
    def ratios(self) -> tuple[float, ...]:
        """Of each pair, sorted."""
        return tuple(sorted(each.cpu_seconds / wide.cpu_seconds for wide, each in self.pairs))


async def compare_sweeps(server: Server, load: Load, runs: int) -> WideSweeps:
    """Each run has accounts of its own; raises `RuntimeError` if one is left with mail in the Screener."""
    return WideSweeps(server.name, server.contacts, load, tuple([await _pair(server, load) for _ in range(runs)]))


async def _pair(server: Server, load: Load) -> tuple[Sweep, Sweep]:
    async with server.account(load) as settings:
        async with mail_app(settings) as app:
            await app.label({app.screened[0].id: LABEL})
            await app.label({app.screened[0].id: DEFAULT_SCHEME.domain_label})
        wide = await _sweep(settings, load)
    async with server.account(load) as settings:
        async with mail_app(settings) as app:
            await app.label({email.id: LABEL for email in app.screened})
        return wide, await _sweep(settings, load)


async def _sweep(settings: AccountSettings, load: Load) -> Sweep:
    async with http_client() as http:
        servers = Servers(settings, http)
        triage = await prepare(servers.client, await servers.contacts(), DEFAULT_SCHEME, Tally(), datetime.now(UTC))
        traffic = Traffic()
        traffic.watch(http)
        started, cpu_started = time.perf_counter(), time.process_time()
        outcome = await triage.run(NOW)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    if outcome.mails_filed != load.mails:
        raise RuntimeError(f"the pass filed {outcome.mails_filed} mails of {load.mails}")
    return Sweep(traffic.requests, seconds, cpu_seconds)


WIDE_NOTE = (
    "Medians, measured in turn: one label for a whole domain, and one for each of its senders. The ratio is that of "
    "Mailroom's own processor time; beside it are the least and the greatest ratio of a pair."
)
WIDE_COLUMNS = (
    *("server, contacts", "senders", "mails", "runs", "requests, domain", "requests, senders"),
    *("CPU s, domain", "CPU s, senders", "ratio", "min to max"),
)


def wide_row(of: WideSweeps) -> tuple[str, ...]:
    return (
        f"{of.server}, {of.contacts}",
        f"{of.load.senders:,}",
        f"{of.load.mails:,}",
        f"{len(of.pairs)}",
        f"{median(each.requests for each in of.wide):g}",
        f"{median(each.requests for each in of.each):g}",
        f"{median(each.cpu_seconds for each in of.wide):.2f}",
        f"{median(each.cpu_seconds for each in of.each):.2f}",
        f"{of.ratio:.1f}",
        f"{of.ratios[0]:.1f} to {of.ratios[-1]:.1f}",
    )
