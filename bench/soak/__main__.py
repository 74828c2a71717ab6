"""`python -m bench.soak`: a simulated week and real minutes; exit status 1 if anything was not as promised."""

import secrets
import sys

import click
import trio
from rich.console import Console

from bench.environment import clean_environment
from bench.soak import paces
from bench.soak.minutes import run_minutes
from bench.soak.report import show
from bench.soak.script import write_script
from bench.soak.week import run_week

WIDTH = 120
"""Columns, where the output goes into a file or a pipe."""


@click.command()
@click.option("--days", type=click.IntRange(0), default=7, show_default=True, help="Simulated days; 0 for none.")
@click.option(
    "--minutes",
    type=click.FloatRange(0),
    default=15.0,
    show_default=True,
    help="Real minutes; 0 for none. They become whole rounds of 3.75 minutes, two at least.",
)
@click.option("--seed", type=click.IntRange(0), help="Play the script of this seed; else a new one.")
def main(days: int, minutes: float, seed: int | None) -> None:
    """Run daemon and sandbox with a scripted user in bad weather, and see what is left over or lost.

    The simulated days are Fastmail's manners, the real minutes Cyrus's. A week takes three or four minutes.
    """
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    _progress(f"seed {seed}: `--seed {seed}` plays the same again")
    with clean_environment():
        week = run_week(write_script(seed, paces.days(days)), _progress) if days else None
        real = trio.run(run_minutes, write_script(seed, paces.minutes(minutes)), _progress) if minutes else None
    show(week, real, Console(width=None if sys.stdout.isatty() else WIDTH))
    problems = [problem for part in (week, real) if part is not None for problem in part.problems]
    for problem in problems:
        click.echo(f"NOT AS PROMISED: {problem}")
    sys.exit(1 if problems else 0)


def _progress(what: str) -> None:
    click.echo(what, err=True)


if __name__ == "__main__":
    main()
