"""What is measured, in which sizes, against which servers."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.growth import Growth, measure_growth
from bench.idle import IdleFigures, Watch, measure_idle
from bench.latency import Latency, measure_latency
from bench.load import Load
from bench.machine import Machine
from bench.passes import PassFigures, measure_passes
from bench.report import Report
from bench.servers import SandboxServer, Server

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    loads: tuple[Load, ...]
    runs: int
    taps: int
    starts: int
    watch: Watch
    big_sender: int


def _loads(*senders: int) -> tuple[Load, ...]:
    return tuple(Load(count, mails_each=10) for count in senders)


FULL = Sizes(
    _loads(1, 10, 50, 200), runs=5, taps=15, starts=3, watch=Watch(rest_seconds=5, window_seconds=60), big_sender=3_000
)
"""The first push and its debounce are over after the rest; a window of the poll interval holds one idle pass."""

QUICK = Sizes(_loads(1, 10), runs=1, taps=2, starts=1, watch=Watch(rest_seconds=0, window_seconds=1), big_sender=50)


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one server."""

    passes: tuple[PassFigures, ...] = ()
    latencies: tuple[Latency, ...] = ()
    idle: tuple[IdleFigures, ...] = ()
    growth: tuple[Growth, ...] = ()


async def measure_sandbox(sizes: Sizes, progress: Progress) -> Measured:
    """Passes, latency of push, and an idle daemon that listens."""
    server = SandboxServer()
    passes = await _passes(server, sizes, progress)
    progress(f"{server.name}: push to filed, {sizes.taps} labels")
    latency = await measure_latency(server, sizes.taps)
    idle = await _idle(server, sizes, progress)
    return Measured(passes, (latency,), (idle,), (await _growth(server, sizes, progress),))


async def measure_without_push(server: Server, sizes: Sizes, progress: Progress) -> Measured:
    """Passes, and an idle daemon that polls."""
    passes = await _passes(server, sizes, progress)
    idle = await _idle(server, sizes, progress)
    return Measured(passes, (), (idle,), (await _growth(server, sizes, progress),))


def report(machine: Machine, measured: tuple[Measured, ...], skipped: tuple[str, ...]) -> Report:
    return Report(
        machine=machine,
        passes=tuple(each for part in measured for each in part.passes),
        latencies=tuple(each for part in measured for each in part.latencies),
        idle=tuple(each for part in measured for each in part.idle),
        growth=tuple(each for part in measured for each in part.growth),
        skipped=skipped,
    )


async def _passes(server: Server, sizes: Sizes, progress: Progress) -> tuple[PassFigures, ...]:
    figures: list[PassFigures] = []
    for load in sizes.loads:
        progress(f"{server.name}: {sizes.runs} times one pass, {load.senders} senders, {load.mails} mails")
        figures.append(await measure_passes(server, load, sizes.runs))
    return tuple(figures)


async def _idle(server: Server, sizes: Sizes, progress: Progress) -> IdleFigures:
    progress(f"{server.name}: {sizes.starts} times an idle daemon, {sizes.watch.window_seconds:g} s")
    return await measure_idle(server, sizes.starts, sizes.watch)


async def _growth(server: Server, sizes: Sizes, progress: Progress) -> Growth:
    progress(f"{server.name}: memory of a daemon that files one sender with {sizes.big_sender} mails")
    return await measure_growth(server, sizes.big_sender)
