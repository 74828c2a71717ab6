"""What is measured, in which sizes, against which servers."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import trio

from bench.comparison import Comparison, compare
from bench.growth import Growth, measure_growth
from bench.idle import IdleFigures, Watch, measure_idle
from bench.latency import FORGET_SECONDS, SETTLE_SECONDS, Latency, Taps, measure_latency
from bench.load import Load
from bench.network import NO_DELAY, Network
from bench.passes import PassFigures, measure_passes
from bench.screening import IdlePasses, Judging, judge_against, judge_alone, measure_idle_passes
from bench.servers import Server
from bench.storm import Storm, StormFigures, measure_storm
from bench.wide import WideSweeps, compare_sweeps
from mailroom.errors import leaves

PARTS = ("passes", "comparison", "wide", "screening", "latency", "storm", "idle", "memory")

Figures = PassFigures | Comparison | WideSweeps | Judging | IdlePasses | Latency | StormFigures | IdleFigures | Growth


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to measure. `part` is one of `PARTS`."""

    part: str
    title: str
    measure: Callable[[], Awaitable[Figures]]


@dataclass(frozen=True, slots=True)
class Screening:
    """Loads of new mail, each with its networks and how often it is judged; beside a big Sent mailbox; and how many
    idle passes are run in an Inbox full of judged mail."""

    compared: dict[Load, tuple[tuple[Network, int], ...]]
    beside_sent: Load
    sent_runs: int
    idle: Load
    idle_runs: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured on one server; every load over each of its networks, so many `runs` each."""

    runs: int
    loads: dict[Load, tuple[Network, ...]]
    compared: dict[Load, tuple[Network, ...]]
    wide: Load | None
    screening: Screening | None
    taps: dict[Network, tuple[Taps, ...]]
    storm: Storm | None
    starts: int
    watch: Watch
    big_sender: Load | None
    big_book: Load | None
    big_book_passes: int


SHORT, LONG = Network(20), Network(100)
EVERYWHERE = (NO_DELAY, SHORT, LONG)
USUAL = Load(50, 10)
MANY = (1, 10, 50, 200)
MUCH = (1, 100, 1_000, 3_000)
OFTEN_AND_SELDOM = (Taps(15, SETTLE_SECONDS), Taps(5, FORGET_SECONDS))


SCREENING = Screening(
    compared={
        Load(new=1): ((NO_DELAY, 5), (LONG, 5)),
        Load(new=100): ((NO_DELAY, 5), (LONG, 3)),
        # The straightforward way takes minutes over a network.
        Load(new=500): ((NO_DELAY, 3), (LONG, 1)),
    },
    beside_sent=Load(new=1, sent=20_000),
    sent_runs=3,
    idle=Load(marked=50_000),
    idle_runs=40,
)

SANDBOX = Sizes(
    runs=5,
    loads={
        **dict.fromkeys((Load(count, 10) for count in (*MANY, 1_000)), EVERYWHERE),
        **dict.fromkeys((Load(1, count) for count in MUCH), EVERYWHERE),
    },
    compared={USUAL: EVERYWHERE},
    wide=Load(300, 10, domains=1),
    screening=SCREENING,
    taps={
        NO_DELAY: (*OFTEN_AND_SELDOM, Taps(15, SETTLE_SECONDS, hostile_clients=50)),
        **dict.fromkeys((SHORT, LONG), OFTEN_AND_SELDOM),
    },
    storm=Storm(10_000, 1.0),
    starts=3,
    # The first push and its debounce are over after the rest; a window of the poll interval holds one idle pass.
    watch=Watch(rest_seconds=5, window_seconds=60),
    big_sender=Load(1, 3_000),
    big_book=Load(250, 10, cards=10_000),
    big_book_passes=5,
)

CYRUS = replace(
    SANDBOX,
    loads={
        **dict.fromkeys((Load(count, 10) for count in MANY), EVERYWHERE),
        Load(1_000, 10): (NO_DELAY,),
        **dict.fromkeys((Load(1, count) for count in MUCH), (NO_DELAY, LONG)),
    },
    taps={},
    storm=None,
)

RADICALE = replace(
    CYRUS,
    loads=dict.fromkeys((Load(count, 10) for count in (1, 10, 50)), (NO_DELAY, LONG)),
    compared={},
    wide=None,
    screening=None,
    starts=0,
    big_sender=None,
    big_book=None,
)

QUICK = Sizes(
    runs=1,
    loads={Load(1, 10): (NO_DELAY, SHORT), Load(10, 10): (NO_DELAY, SHORT)},
    compared={Load(5, 3): (NO_DELAY,)},
    wide=Load(5, 3, domains=1),
    screening=Screening({Load(new=5): ((NO_DELAY, 1), (SHORT, 1))}, Load(new=1, sent=50), 1, Load(marked=100), 2),
    taps={NO_DELAY: (Taps(2, SETTLE_SECONDS), Taps(2, SETTLE_SECONDS, hostile_clients=50))},
    storm=Storm(1_000, 0.1),
    starts=1,
    watch=Watch(rest_seconds=0, window_seconds=1),
    big_sender=Load(1, 50),
    big_book=Load(2, 2, cards=100),
    big_book_passes=2,
)

QUICK_WITHOUT_PUSH = replace(QUICK, taps={}, storm=None)
QUICK_RADICALE = replace(QUICK_WITHOUT_PUSH, compared={}, wide=None, screening=None, starts=0, big_sender=None)


def jobs(server: Server, sizes: Sizes) -> Iterator[Job]:
    """What there is to measure on one server, part by part."""
    for load, networks in sizes.loads.items():
        for network in networks:
            title = f"{sizes.runs} times one pass, {_of(load)}, {_over(network)}"
            yield Job("passes", title, partial(measure_passes, server, load, network, sizes.runs))
    for load, networks in sizes.compared.items():
        for network in networks:
            title = f"{sizes.runs} times a pass and the straightforward way, {_of(load)}, {_over(network)}"
            yield Job("comparison", title, partial(compare, server, load, network, sizes.runs))
    if sizes.wide is not None:
        title = f"{sizes.runs} times a whole domain and each of its senders, {_of(sizes.wide)}"
        yield Job("wide", title, partial(compare_sweeps, server, sizes.wide, sizes.runs))
    if sizes.screening is not None:
        yield from _screening_jobs(server, sizes.screening)
    for network, several in sizes.taps.items():
        for taps in several:
            title = f"push to filed, {taps.count} labels, {taps.rest_seconds:g} s apart, {_over(network)}"
            title += f", beside {taps.hostile_clients} hostile clients" if taps.hostile_clients else ""
            yield Job("latency", title, partial(measure_latency, server, network, taps))
    if sizes.storm is not None:
        title = f"a storm of {sizes.storm.events:,} events within {sizes.storm.seconds:g} s"
        yield Job("storm", title, partial(measure_storm, server, sizes.storm))
    if sizes.starts:
        title = f"{sizes.starts} times an idle daemon, watched for {sizes.watch.window_seconds:g} s"
        yield Job("idle", title, partial(measure_idle, server, sizes.starts, sizes.watch))
    if sizes.big_sender is not None:
        title = f"memory, {_of(sizes.big_sender)}"
        yield Job("memory", title, partial(measure_growth, server, sizes.big_sender))
    if sizes.big_book is not None:
        title = f"memory, {sizes.big_book_passes} passes, {_of(sizes.big_book)}, {sizes.big_book.cards:,} other cards"
        yield Job("memory", title, partial(measure_growth, server, sizes.big_book, sizes.big_book_passes))


def _screening_jobs(server: Server, sizes: Screening) -> Iterator[Job]:
    for load, networks in sizes.compared.items():
        for network, runs in networks:
            title = f"{runs} times {load.new:,} new mails and the straightforward way, {_over(network)}"
            yield Job("screening", title, partial(judge_against, server, load, network, runs))
    title = f"{sizes.sent_runs} times {sizes.beside_sent.new:,} new mails beside {sizes.beside_sent.sent:,} in Sent"
    yield Job("screening", title, partial(judge_alone, server, sizes.beside_sent, NO_DELAY, sizes.sent_runs))
    title = f"{sizes.idle_runs} idle passes, {sizes.idle.marked:,} judged mails in the Inbox, screening on and off"
    yield Job("screening", title, partial(measure_idle_passes, server, sizes.idle, sizes.idle_runs))


def measure(work: Sequence[tuple[Server, Job]], progress: Callable[[str], None]) -> tuple[list[Figures], list[str]]:
    """Do one job after the other; returns the figures, and what failed and why. One failure stops no other job."""
    figures: list[Figures] = []
    failed: list[str] = []
    for number, (server, job) in enumerate(work, start=1):
        progress(f"{number}/{len(work)} {server.name}: {job.title}")
        try:
            figures.append(trio.run(job.measure))
        except Exception as failure:  # whatever it is: half an hour of other figures must not be lost with it
            failed.append(f"{server.name}: {job.title}: {_reasons(failure)}")
            progress(f"failed: {failed[-1]}")
    return figures, failed


def _reasons(failure: Exception) -> str:
    return "; ".join(sorted({f"{type(each).__name__}: {each}".removesuffix(": ") for each in leaves(failure)}))


def work_on(server: Server, sizes: Sizes, only: frozenset[str]) -> list[tuple[Server, Job]]:
    """The jobs of these parts on one server."""
    return [(server, job) for job in jobs(server, sizes) if job.part in only]


def _of(load: Load) -> str:
    return f"{load.senders:,} {'sender' if load.senders == 1 else 'senders'} with {load.mails_each:,} mails each"


def _over(network: Network) -> str:
    return f"{network.round_trip_ms} ms"
