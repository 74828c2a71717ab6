"""The figures as tables: Markdown for a file, rich for the terminal."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.growth import Growth
from bench.idle import IdleFigures
from bench.latency import Latency
from bench.machine import Machine
from bench.passes import PassFigures

MAX_IDLE_MEMORY_MB = 80
MAX_GROWTH_MB = 30


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run of the benchmarks found; `skipped` are reasons."""

    machine: Machine
    passes: tuple[PassFigures, ...]
    latencies: tuple[Latency, ...]
    idle: tuple[IdleFigures, ...]
    growth: tuple[Growth, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table; every row has as many cells as there are columns."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sheets(report: Report) -> tuple[Sheet, ...]:
    return tuple(sheet for sheet in (_passes(report), _latencies(report), _idle(report), _growth(report)) if sheet.rows)


def markdown(report: Report) -> str:
    """The whole report as one document."""
    parts = [f"# Benchmarks of {report.machine.day.isoformat()}", _machine(report.machine)]
    for sheet in sheets(report):
        parts += [f"## {sheet.title}", sheet.note, _markdown_table(sheet)]
    parts += [f"Skipped: {reason}." for reason in report.skipped]
    return "\n\n".join(parts) + "\n"


def show(report: Report, console: Console) -> None:
    """Print the report to a terminal."""
    console.print(_machine(report.machine))
    for sheet in sheets(report):
        table = Table(title=sheet.title, caption=sheet.note, title_justify="left", caption_justify="left")
        for number, column in enumerate(sheet.columns):
            table.add_column(column, justify="left" if number == 0 else "right")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
    for reason in report.skipped:
        console.print(f"Skipped: {reason}.")


def _machine(machine: Machine) -> str:
    return (
        f"Commit {machine.commit}, {machine.day.isoformat()}; {machine.cores} cores, "
        f"{machine.memory_gb:.0f} GB memory, {machine.python}, load average before: "
        f"{machine.busy:.1f}. Servers and daemon share the machine."
    )


def _passes(report: Report) -> Sheet:
    columns = (
        "server, contacts",
        "senders",
        "mails",
        "runs",
        "requests",
        "connects",
        "seconds",
        "slowest",
        "own CPU s",
        "mails/s",
        "idle requests",
    )
    return Sheet(
        "One pass",
        "Medians. A pass begins after the start check, on its connection; connects are the further ones. Own CPU is "
        "Mailroom's alone. Idle requests are those of a second pass.",
        columns,
        tuple(_pass_row(each) for each in report.passes),
    )


def _pass_row(each: PassFigures) -> tuple[str, ...]:
    return (
        f"{each.server}, {each.contacts}",
        f"{each.load.senders}",
        f"{each.load.mails}",
        f"{each.runs}",
        f"{each.requests:g}",
        f"{each.connections:g}",
        f"{each.seconds:.3f}",
        f"{each.slowest_seconds:.3f}",
        f"{each.cpu_seconds:.3f}",
        f"{each.mails_per_second:,.0f}",
        f"{each.idle_requests:g}",
    )


def _latencies(report: Report) -> Sheet:
    return Sheet(
        "Push to filed",
        "From the label sent by the user's mail app until that app sees it taken off, the debounce subtracted.",
        ("server", "labels", "median ms", "slowest ms"),
        tuple(
            (each.server, f"{each.taps}", f"{each.median_seconds * 1000:.0f}", f"{each.slowest_seconds * 1000:.0f}")
            for each in report.latencies
        ),
    )


def _idle(report: Report) -> Sheet:
    return Sheet(
        "An idle daemon",
        f"Medians, default settings. Start: from the process's start until /readyz answers 200. Aim: under "
        f"{MAX_IDLE_MEMORY_MB} MB.",
        ("server", "runs", "start s", "resident MB", "CPU % of a core", "over s"),
        tuple(
            (
                each.server,
                f"{each.runs}",
                f"{each.start_seconds:.2f}",
                f"{each.memory_mb:.1f}",
                f"{each.cpu_percent:.2f}",
                f"{each.window_seconds:g}",
            )
            for each in report.idle
        ),
    )


def _growth(report: Report) -> Sheet:
    return Sheet(
        "One big sender",
        "Memory of the daemon before its pass and at the peak. Aim: it grows by less than "
        f"{MAX_GROWTH_MB} MB with 3,000 mails.",
        ("server", "mails", "before MB", "peak MB", "grown MB"),
        tuple(
            (each.server, f"{each.mails}", f"{each.before_mb:.1f}", f"{each.peak_mb:.1f}", f"{each.grown_mb:.1f}")
            for each in report.growth
        ),
    )


def _markdown_table(sheet: Sheet) -> str:
    alignment = ["---", *("---:" for _ in sheet.columns[1:])]
    return "\n".join(map(_markdown_row, [sheet.columns, alignment, *sheet.rows]))


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
