"""The figures as tables: Markdown for a file, rich for the terminal."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from bench.comparison import Comparison
from bench.growth import Growth
from bench.idle import IdleFigures
from bench.latency import Latency
from bench.machine import Machine
from bench.passes import PassFigures
from bench.screening import IdlePasses, Judging
from bench.screening_report import (
    IDLE_PASSES_COLUMNS,
    IDLE_PASSES_NOTE,
    JUDGING_COLUMNS,
    JUDGING_NOTE,
    idle_passes_row,
    judging_row,
)
from bench.storm import StormFigures
from bench.suite import Figures
from bench.targets import Target, allowed_seconds, targets
from bench.wide import WIDE_COLUMNS, WIDE_NOTE, WideSweeps, wide_row

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of the benchmarks found; `left_out` says what is not there, and why, without full stop."""

    machine: Machine
    figures: tuple[Figures, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table; every row has as many cells as there are columns."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sheets(report: Report) -> tuple[Sheet, ...]:
    """The tables that have rows; the targets come last."""
    figures = report.figures
    found = (
        _sheet(figures, PassFigures, "One pass", ONE_RUN_NOTE, ONE_RUN_COLUMNS, _pass_row),
        _sheet(figures, Comparison, "Against the straightforward way", COMPARED_NOTE, COMPARED_COLUMNS, _compared_row),
        _sheet(figures, Judging, "New mail", JUDGING_NOTE, JUDGING_COLUMNS, judging_row),
        _sheet(figures, IdlePasses, "Passes without new mail", IDLE_PASSES_NOTE, IDLE_PASSES_COLUMNS, idle_passes_row),
        _sheet(figures, WideSweeps, "A whole domain against each of its senders", WIDE_NOTE, WIDE_COLUMNS, wide_row),
        _sheet(figures, Latency, "Push to filed", LATENCY_NOTE, LATENCY_COLUMNS, _latency_row),
        _sheet(figures, StormFigures, "A storm of push events", STORM_NOTE, STORM_COLUMNS, _storm_row),
        _sheet(figures, IdleFigures, "An idle daemon", IDLE_NOTE, IDLE_COLUMNS, _idle_row),
        _sheet(figures, Growth, "Memory of a busy daemon", GROWTH_NOTE, GROWTH_COLUMNS, _growth_row),
        _sheet(targets(figures), Target, "Targets", "", TARGET_COLUMNS, _target_row),
    )
    return tuple(sheet for sheet in found if sheet.rows)


def markdown(report: Report, picture: str | None = None) -> str:
    """The whole report as one document, with the picture of this file name."""
    parts = [f"# Benchmarks of {report.machine.day.isoformat()}", _machine(report.machine)]
    parts += [f"![Seconds over senders, and push to filed]({picture})"] if picture else []
    for sheet in sheets(report):
        parts += [f"## {sheet.title}", *([sheet.note] if sheet.note else []), markdown_table(sheet)]
    parts += [f"Left out: {reason}." for reason in report.left_out]
    return "\n\n".join(parts) + "\n"


def show(report: Report, console: Console) -> None:
    """Print the report to a terminal; what was missed comes at the very end."""
    console.print(_machine(report.machine))
    for sheet in sheets(report):
        table = Table(title=sheet.title, caption=sheet.note, title_justify="left", caption_justify="left")
        for number, column in enumerate(sheet.columns):
            table.add_column(column, justify="left" if number == 0 else "right")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
    for reason in report.left_out:
        console.print(f"Left out: {reason}.", markup=False)
    found = targets(report.figures)
    missed = [target for target in found if not target.met]
    console.print(f"{len(found) - len(missed)} of {len(found)} targets met.", highlight=False)
    for target in missed:
        console.print(f"MISSED: {target.what}: {target.figure}, aim: {target.aim}", style="bold red", highlight=False)


def of_kind(figures: Iterable[object], kind: type[F]) -> tuple[F, ...]:
    return tuple(each for each in figures if isinstance(each, kind))


def _machine(machine: Machine) -> str:
    return (
        f"Commit {machine.commit}, {machine.day.isoformat()}; {machine.cores} cores, "
        f"{machine.memory_gb:.0f} GB memory, {machine.python}, load average before: "
        f"{machine.busy:.1f}. Servers and daemon share the machine."
    )


def _sheet(
    figures: Sequence[object],
    kind: type[F],
    title: str,
    note: str,
    columns: tuple[str, ...],
    row: Callable[[F], tuple[str, ...]],
) -> Sheet:
    return Sheet(title, note, columns, tuple(row(each) for each in of_kind(figures, kind)))


ONE_RUN_NOTE = (
    "Medians. A pass begins after the start check, on its connection; connects are the further ones. The delay is that "
    "of a round trip. Own CPU is Mailroom's alone. Idle requests are those of a second pass."
)
ONE_RUN_COLUMNS = (
    *("server, contacts", "senders", "mails", "delay ms", "runs", "requests", "connects", "seconds", "min to max"),
    *("own CPU s", "mails/s", "idle requests"),
)


def _pass_row(each: PassFigures) -> tuple[str, ...]:
    return (
        f"{each.server}, {each.contacts}",
        f"{each.load.senders:,}",
        f"{each.load.mails:,}",
        f"{each.network.round_trip_ms}",
        f"{len(each.runs)}",
        f"{each.requests:g}",
        f"{each.connections:g}",
        f"{each.seconds:.3f}",
        f"{each.quickest_seconds:.3f} to {each.slowest_seconds:.3f}",
        f"{each.cpu_seconds:.3f}",
        f"{each.mails_per_second:,.0f}",
        f"{each.idle_requests:g}",
    )


COMPARED_NOTE = (
    "Medians, measured in turn. The straightforward way treats one sender after the other, one request for each step: "
    "search, create, group, sweep, label (`bench/straightforward.py`); both ended in the same account. The ratio is "
    "that of the medians; beside it are the least and the greatest ratio of a pair."
)
COMPARED_COLUMNS = (
    *("server, contacts", "senders", "mails", "delay ms", "pairs", "requests", "seconds", "straight requests"),
    *("straight seconds", "ratio", "min to max"),
)


def _compared_row(each: Comparison) -> tuple[str, ...]:
    ours, straight = each.pairs[0]
    return (
        f"{each.server}, {each.contacts}",
        f"{each.load.senders:,}",
        f"{each.load.mails:,}",
        f"{each.network.round_trip_ms}",
        f"{len(each.pairs)}",
        f"{ours.requests}",
        f"{each.ours_seconds:.3f}",
        f"{straight.requests}",
        f"{each.straight_seconds:.3f}",
        f"{each.ratio:.1f}",
        f"{each.ratios[0]:.1f} to {each.ratios[-1]:.1f}",
    )


LATENCY_NOTE = (
    "From the label sent by the user's mail app until that app sees it taken off, the debounce subtracted. The delay "
    "lies between daemon and server. Where labels are 6 s apart, the daemon's connection is closed meanwhile, and "
    "opening it is in the figure. Hostile clients of the health port never read, send byte by byte, or ask for what is "
    "refused (`bench/hostile.py`). Aim: four round trips and 150 ms at the median."
)
LATENCY_COLUMNS = ("server", "delay ms", "labels", "s apart", "hostile", "median ms", "min to max ms", "aim ms")


def _latency_row(each: Latency) -> tuple[str, ...]:
    return (
        each.server,
        f"{each.network.round_trip_ms}",
        f"{each.taps.count}",
        f"{each.taps.rest_seconds:g}",
        f"{each.taps.hostile_clients}",
        f"{each.median_seconds * 1000:.0f}",
        f"{min(each.seconds) * 1000:.0f} to {max(each.seconds) * 1000:.0f}",
        f"{allowed_seconds(each) * 1000:.0f}",
    )


STORM_NOTE = (
    "Read after: from the first event until the daemon has read the last one. A sender that waited was filed. Passes, "
    "requests and CPU are those from the storm's begin until all is quiet."
)
STORM_COLUMNS = ("server", "events", "within s", "read after s", "passes", "requests", "CPU s", "before MB", "peak MB")


def _storm_row(each: StormFigures) -> tuple[str, ...]:
    return (
        each.server,
        f"{each.storm.events:,}",
        f"{each.storm.seconds:g}",
        f"{each.seconds:.2f}",
        f"{each.passes}",
        f"{each.requests}",
        f"{each.cpu_seconds:.2f}",
        f"{each.before_mb:.1f}",
        f"{each.peak_mb:.1f}",
    )


IDLE_NOTE = "Medians, default settings. Start: from the process's start until /readyz answers 200."
IDLE_COLUMNS = ("server", "runs", "start s", "resident MB", "CPU % of a core", "over s")


def _idle_row(each: IdleFigures) -> tuple[str, ...]:
    return (
        each.server,
        f"{each.runs}",
        f"{each.start_seconds:.2f}",
        f"{each.memory_mb:.1f}",
        f"{each.cpu_percent:.2f}",
        f"{each.window_seconds:g}",
    )


GROWTH_NOTE = (
    "Resident memory of a daemon before its first busy pass, at the peak, and after the last pass. Cards are those of "
    "other people in the address book. Seconds are the median of the passes."
)
GROWTH_COLUMNS = (
    *("server, contacts", "passes", "senders each", "mails each sender", "cards"),
    *("seconds", "before MB", "peak MB", "after MB"),
)


def _growth_row(each: Growth) -> tuple[str, ...]:
    return (
        f"{each.server}, {each.contacts}",
        f"{len(each.seconds)}",
        f"{each.senders}",
        f"{each.load.mails_each:,}",
        f"{each.load.cards:,}",
        f"{each.median_seconds:.3f}",
        f"{each.before_mb:.1f}",
        f"{each.peak_mb:.1f}",
        f"{each.after_mb:.1f}",
    )


TARGET_COLUMNS = ("target", "aim", "figure", "met")


def _target_row(each: Target) -> tuple[str, ...]:
    return (each.what, each.aim, each.figure, "yes" if each.met else "**no**")


def markdown_table(sheet: Sheet) -> str:
    alignment = ["---", *("---:" for _ in sheet.columns[1:])]
    return "\n".join(map(_markdown_row, [sheet.columns, alignment, *sheet.rows]))


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
