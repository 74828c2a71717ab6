"""What the twins did as one table."""

from collections.abc import Sequence

from rich.table import Table

from bench.accounts.measure import percentile
from bench.twins.pace import Pace
from bench.twins.play import Played

WIDTH = 140
"""Columns, where the output goes into a file or a pipe."""

USUAL_SECONDS = 1.0
"""What it takes to file without any wait, on a machine that is busy with both daemons and the mail server."""


def table(played: Sequence[Played], pace: Pace) -> Table:
    """One row a trouble; seconds are from a tap to its filed mail, and until the twin has looked at every account."""
    drawn = Table(
        title=f"First and twin, {pace.accounts} accounts: debounce {pace.debounce:g} s, standby {pace.standby:g} s, "
        f"polls of {pace.poll:g} s",
        caption=f"Aim: a tap is filed {pace.aim:g} s and the usual after it, every account polled within "
        f"{1.5 * pace.poll:g} s. Late is a tap after more than {pace.aim + USUAL_SECONDS:g} s.",
    )
    drawn.add_column("the first one")
    for heading in (
        "times",
        "taps",
        "p50 s",
        "p99 s",
        "worst s",
        "late",
        "polled s",
        "other taps",
        "p50 s",
        "worst s",
        "new mail",
    ):
        drawn.add_column(heading, justify="right")
    drawn.add_column("problems", justify="right")
    for each in played:
        drawn.add_row(each.trouble.name, *_figures(each), f"{len(each.problems)}")
    return drawn


def _figures(played: Played) -> list[str]:
    trouble, calm = played.in_trouble(), played.in_calm()
    late = sum(seconds > played.pace.aim + USUAL_SECONDS for seconds in trouble)
    return [
        f"{len(played.strikes)}",
        f"{len(trouble)}",
        *(_seconds(trouble, percent) for percent in (50, 99)),
        _worst(trouble),
        f"{late}",
        _worst([strike.polled for strike in played.strikes]),
        f"{len(calm)}",
        _seconds(calm, 50),
        _worst(calm),
        f"{len(played.done) - len(played.taps())}",
    ]


def _seconds(values: Sequence[float], percent: int) -> str:
    return f"{percentile(values, percent):.1f}" if values else "-"


def _worst(values: Sequence[float]) -> str:
    return f"{max(values):.1f}" if values else "-"
