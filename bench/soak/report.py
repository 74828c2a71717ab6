"""The figures of a soak as one table, for the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench.soak.figures import MAX_GROWTH_MB, Counts
from bench.soak.minutes import Minutes
from bench.soak.player import RoundEnd
from bench.soak.week import Week

Row = tuple[str, str]


def show(week: Week | None, minutes: Minutes | None, console: Console) -> None:
    """One table a part, each with the seed that repeats it."""
    if week is not None:
        console.print(_table(f"{len(week.ends)} simulated days, seed {week.script.seed}", _week_rows(week)))
    if minutes is not None:
        console.print(_table(f"{minutes.seconds / 60:.1f} real minutes, seed {minutes.script.seed}", _rows(minutes)))


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _week_rows(week: Week) -> tuple[Row, ...]:
    return (
        ("real seconds", f"{week.seconds:.0f}"),
        *_story_rows(week.ends, week.script.spells),
        *_count_rows(week.counts),
        ("questions of the monitor", f"{week.monitor_asked}"),
        ("memory, the sandbox's mail included: first night, last", _change(*week.memory_mb, "MB")),
        ("live objects: first night, last", _change(*week.objects)),
        ("open files, the sandbox's included: first night, last", _change(*week.open_files)),
        ("tasks: before the daemon, after it", _change(*week.tasks)),
        ("problems", f"{len(week.problems)}"),
    )


def _rows(minutes: Minutes) -> tuple[Row, ...]:
    return (
        *_story_rows(minutes.ends, minutes.script.spells),
        *_count_rows(minutes.counts),
        ("memory after the first pass", f"{minutes.start.memory_mb:.1f} MB"),
        (
            f"memory: first round's end, last's (flat: +{MAX_GROWTH_MB:g} MB)",
            _change(minutes.first.memory_mb, minutes.last.memory_mb, "MB"),
        ),
        ("memory's slope from the first round's end", f"{minutes.mb_per_hour:+.1f} MB an hour"),
        ("open files after the first pass", f"{minutes.start.open_files}"),
        ("open files: first round's end, last's", _change(minutes.first.open_files, minutes.last.open_files)),
        ("problems", f"{len(minutes.problems)}"),
    )


def _story_rows(ends: Sequence[RoundEnd], spells: int) -> tuple[Row, ...]:
    last = ends[-1]
    idle_hours = sum(end.idle_seconds for end in ends) / 3600
    return (
        ("senders", f"{last.senders}"),
        ("mails, of which wait for the user", f"{last.mails}, {last.waiting}"),
        ("spells of bad weather, faults", f"{spells}, {last.faults}"),
        ("requests", f"{last.requests}"),
        ("requests an idle hour", f"{sum(end.idle_requests for end in ends) / idle_hours:.0f}"),
    )


def _count_rows(counts: Counts) -> tuple[Row, ...]:
    return (
        ("passes, of which failed", f"{counts.passes + counts.failed_passes}, {counts.failed_passes}"),
        ("senders triaged, mails filed", f"{counts.senders_triaged}, {counts.mails_filed}"),
        ("push connections lost", f"{counts.reconnects}"),
        ("health, senders failing", f"{counts.health}, {counts.senders_failing}"),
    )


def _change(before: float, after: float, unit: str = "") -> str:
    digits = ".1f" if isinstance(before, float) else "d"
    return f"{before:{digits}}, {after:{digits}} ({after - before:+{digits}}) {unit}".rstrip()
