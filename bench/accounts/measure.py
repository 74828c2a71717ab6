"""What is measured of many accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

import trio

from bench.accounts.daemon import Daemon, daemon_of, daemons_of
from bench.accounts.house import Push
from bench.accounts.server import Server, serving

SETTLE_SECONDS = 5.0
# A settled label's own changes are looked at as well, which belongs to its cost.
AFTER_SECONDS = 1.0
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many accounts, and how long each thing is watched."""

    accounts: tuple[int, ...]
    rates: tuple[int, ...]
    pushes_seconds: float
    idle_seconds: float
    processes: int
    fair_labels: int
    labelled: int


# Most mail that comes is no label: one in five is already more than any mailbox sees.
LABEL_EVERY = 5
LABELS_PER_SECOND = 5

FULL = Sizes((1, 100, 1_000, 2_000), (1, 10, 50), 30.0, 60.0, 20, 40, 50_000)
QUICK = Sizes((1, 20), (1, 10), 5.0, 5.0, 3, 4, 500)


@dataclass(frozen=True, slots=True)
class Paced:
    """Pushes at a pace, one in `LABEL_EVERY` of them of a labelled mail."""

    accounts: int
    tls: bool
    per_second: int
    pushes: tuple[Push, ...]

    def woken(self, percent: int) -> float:
        return percentile([each.woken_ms for each in self.pushes], percent)

    def filed(self, percent: int) -> float:
        return percentile(_filed(self.pushes), percent)

    @property
    def labels(self) -> int:
        return len(_filed(self.pushes))


@dataclass(frozen=True, slots=True)
class Cost:
    """What a daemon of so many accounts costs: until all were tried once, idle at polls of 60 s, and after the pushes.

    Connections are new ones in a minute of idling: over TLS each is a handshake. The cost of a label is what comes on
    top of idling; it holds the request that its own changes bring about.
    """

    accounts: int
    tls: bool
    start_seconds: float
    start_cpu: float
    start_mb: float
    idle_cpu_percent: float
    idle_requests_per_minute: float
    idle_connections_per_minute: float
    label_cpu_ms: float
    end_mb: float
    pushes: int
    stop_seconds: float


@dataclass(frozen=True, slots=True)
class Beside:
    """The same accounts in one process and in one each: memory of all together, CPU of a core while idle."""

    accounts: int
    one_mb: float
    one_cpu_percent: float
    each_mb: float
    each_cpu_percent: float


@dataclass(frozen=True, slots=True)
class Fairness:
    """Median milliseconds from label to filed mail: alone, and beside an account that is a burden, in turn."""

    burden: str
    alone_ms: float
    beside_ms: float


Figures = Cost | Paced | Beside | Fairness


def _filed(pushes: Sequence[Push]) -> list[float]:
    return [each.filed_ms for each in pushes if each.filed_ms is not None]


def percentile(values: Sequence[float], percent: int) -> float:
    return values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[percent - 1]


async def measure_cost(accounts: int, sizes: Sizes, *, tls: bool) -> tuple[Cost, list[Paced]]:
    async with serving(accounts, tls=tls) as server, daemon_of([(server, accounts)]) as daemon:
        start_mb = daemon.memory_mb
        await trio.sleep(SETTLE_SECONDS)
        cpu, requests, connections = daemon.cpu_seconds, await server.requests(), await server.connections()
        await trio.sleep(sizes.idle_seconds)
        idle_cpu = daemon.cpu_seconds - cpu
        idle_requests = await server.requests() - requests
        idle_connections = await server.connections() - connections
        paced = [
            Paced(accounts, tls, rate, tuple(await _pushes(server, rate, sizes.pushes_seconds)))
            for rate in sizes.rates
            # An account that still looks because of one push would answer the next one with the same pass.
            if rate == 1 or accounts >= 2 * rate
        ]
        label_cpu_ms, labels = await _label_cost(server, daemon, accounts, sizes, idle_cpu / sizes.idle_seconds)
        per_minute = MINUTE / sizes.idle_seconds
        cost = Cost(
            accounts=accounts,
            tls=tls,
            start_seconds=daemon.seconds,
            start_cpu=daemon.cpu,
            start_mb=start_mb,
            idle_cpu_percent=100 * idle_cpu / sizes.idle_seconds,
            idle_requests_per_minute=idle_requests * per_minute,
            idle_connections_per_minute=idle_connections * per_minute,
            label_cpu_ms=label_cpu_ms,
            end_mb=daemon.memory_mb,
            pushes=labels + sum(len(each.pushes) for each in paced),
            stop_seconds=await daemon.stop(),
        )
        return cost, paced


async def _pushes(server: Server, rate: int, seconds: float) -> list[Push]:
    return await server.pushes(round(rate * seconds), rate, label_every=LABEL_EVERY)


async def _label_cost(server: Server, daemon: Daemon, accounts: int, sizes: Sizes, idle: float) -> tuple[float, int]:
    """Milliseconds of the daemon's CPU for a label, and how many there were. It idles at seconds of CPU a second."""
    rate = LABELS_PER_SECOND if accounts >= 2 * LABELS_PER_SECOND else 1
    number = round(rate * sizes.pushes_seconds)
    await trio.sleep(AFTER_SECONDS)
    before, began = daemon.cpu_seconds, trio.current_time()
    await server.labels(number, rate)
    await trio.sleep(AFTER_SECONDS)
    spent = daemon.cpu_seconds - before - idle * (trio.current_time() - began)
    return 1000 * spent / number, number


async def measure_beside(sizes: Sizes) -> Beside:
    accounts = sizes.processes
    async with serving(accounts, tls=True) as server:
        async with daemon_of([(server, accounts)]) as daemon:
            one_mb, one_cpu = await _idle([daemon], sizes.idle_seconds)
        async with daemons_of(server, accounts) as daemons:
            each_mb, each_cpu = await _idle(daemons, sizes.idle_seconds)
    return Beside(accounts, one_mb, one_cpu, each_mb, each_cpu)


async def _idle(daemons: Sequence[Daemon], seconds: float) -> tuple[float, float]:
    await trio.sleep(SETTLE_SECONDS)
    before = sum(each.cpu_seconds for each in daemons)
    await trio.sleep(seconds)
    cpu = sum(each.cpu_seconds for each in daemons) - before
    return sum(each.memory_mb for each in daemons), 100 * cpu / seconds


async def measure_fairness(sizes: Sizes, burden: str, *, labelled: int = 0, delay: float = 0.0) -> Fairness:
    """Two daemons of 20 accounts, one of which has one account more; their labels come in turn."""
    alone: list[Push] = []
    beside: list[Push] = []
    async with (
        serving(20, tls=False) as one,
        serving(20, tls=False) as other,
        serving(1, tls=False, labelled=labelled, delay=delay) as heavy,
        daemon_of([(one, 20)]),
        daemon_of([(other, 20), (heavy, 1)]),
    ):
        for _ in range(sizes.fair_labels):
            alone += await one.labels(1, 1)
            beside += await other.labels(1, 1)
    return Fairness(burden, median(_filed(alone)), median(_filed(beside)))
