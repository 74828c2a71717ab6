"""What the figures should be, and whether they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.comparison import Comparison
from bench.growth import Growth
from bench.idle import IdleFigures
from bench.latency import Latency
from bench.load import Load
from bench.screening import Judging
from bench.suite import Figures

FASTER = {0: 8.0, 100: 25.0}
"""How many times as fast as the straightforward way with `COMPARED`, by the round trip in ms."""
COMPARED = Load(50, 10)
ROUND_TRIPS_TO_FILED = 4
MAX_SECONDS_TO_FILED = 0.150
"""Beside the debounce and the round trips, at the median."""
SCREENED_FASTER = 10.0
"""How many times as fast as the straightforward way with 100 new mails and a round trip of 100 ms."""
MAX_SECONDS_BESIDE_SENT = 0.3
"""For one stranger's mail beside `MANY_SENT` on a real server; the sandbox has no index of anything."""
MANY_SENT = 20_000
MAX_IDLE_CPU_PERCENT = 0.3
MAX_IDLE_MEMORY_MB = 80
MAX_MEMORY_MB = 150
BIG_BOOK = 10_000
MAX_GROWTH_MB = 30
BIG_SENDER = 3_000


@dataclass(frozen=True, slots=True)
class Target:
    """`aim` and `figure` are texts with units."""

    what: str
    aim: str
    figure: str
    met: bool


def targets(figures: Sequence[Figures]) -> tuple[Target, ...]:
    """One for each figure that has an aim, in the order of the figures."""
    return tuple(target for each in figures for target in _targets_of(each))


def _targets_of(figures: Figures) -> Iterator[Target]:
    match figures:
        case Comparison() if figures.load == COMPARED and figures.network.round_trip_ms in FASTER:
            yield _faster(figures)
        case Judging() if (figures.load.new, figures.network.round_trip_ms) == (100, 100) and figures.straight:
            yield Target(
                f"100 new mails against the straightforward way, {figures.server}, 100 ms",
                f"at least {SCREENED_FASTER:g} times as fast",
                f"{figures.ratio:.1f} times",
                figures.ratio >= SCREENED_FASTER,
            )
        case Judging() if figures.load.sent >= MANY_SENT and figures.server == "Cyrus":
            what = f"one new mail beside {figures.load.sent:,} in Sent, {figures.server}"
            yield _at_most(what, MAX_SECONDS_BESIDE_SENT, figures.ours_seconds, "s", 3)
        case Latency():
            yield _filed(figures)
        case IdleFigures():
            yield _at_most(
                f"CPU of an idle daemon, {figures.server}", MAX_IDLE_CPU_PERCENT, figures.cpu_percent, "% of a core", 2
            )
            yield _at_most(
                f"memory of an idle daemon, {figures.server}", MAX_IDLE_MEMORY_MB, figures.memory_mb, "MB", 1
            )
        case Growth() if figures.load.cards >= BIG_BOOK:
            what = f"memory with {figures.load.cards:,} other cards, {figures.server}"
            yield _at_most(what, MAX_MEMORY_MB, figures.peak_mb, "MB", 1)
        case Growth() if figures.load.mails_each >= BIG_SENDER:
            what = f"growth with a sender's {figures.load.mails_each:,} mails, {figures.server}"
            yield _at_most(what, MAX_GROWTH_MB, figures.grown_mb, "MB", 1)


def _faster(comparison: Comparison) -> Target:
    delay = comparison.network.round_trip_ms
    return Target(
        f"against the straightforward way, {comparison.server}, {delay} ms",
        f"at least {FASTER[delay]:g} times as fast",
        f"{comparison.ratio:.1f} times",
        comparison.ratio >= FASTER[delay],
    )


def allowed_seconds(latency: Latency) -> float:
    """The debounce is not in it."""
    return ROUND_TRIPS_TO_FILED * latency.network.seconds + MAX_SECONDS_TO_FILED


def _filed(latency: Latency) -> Target:
    allowed = allowed_seconds(latency)
    hostile = latency.taps.hostile_clients
    return Target(
        f"push to filed, {latency.network.round_trip_ms} ms, labels {latency.taps.rest_seconds:g} s apart"
        + (f", beside {hostile} hostile clients" if hostile else ""),
        f"at most debounce + {allowed * 1000:.0f} ms",
        f"debounce + {latency.median_seconds * 1000:.0f} ms",
        latency.median_seconds <= allowed,
    )


def _at_most(what: str, aim: float, figure: float, unit: str, digits: int) -> Target:
    return Target(what, f"under {aim:g} {unit}", f"{figure:.{digits}f} {unit}", figure < aim)
