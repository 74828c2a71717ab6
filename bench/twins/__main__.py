"""`python -m bench.twins`: first and twin in every trouble; exit status 1 if anything was lost, or done twice."""

import secrets
import sys
from random import Random

import click
import trio
from rich.console import Console

from bench.environment import clean_environment
from bench.twins.pace import QUICK, USUAL, Pace
from bench.twins.play import Played, play
from bench.twins.report import WIDTH, table
from bench.twins.troubles import TROUBLES


@click.command()
@click.option("--times", type=click.IntRange(1), default=20, show_default=True, help="How often each trouble strikes.")
@click.option("--only", type=click.Choice(list(TROUBLES)), multiple=True, help="Leave the other troubles out.")
@click.option("--quick", is_flag=True, help="At the pace of the tests.")
@click.option("--seed", type=click.IntRange(0), help="The owners do again what they did with this seed.")
def main(times: int, only: tuple[str, ...], quick: bool, seed: int | None) -> None:
    """Kill, stop, freeze and cut off the first of two daemons while 50 owners tap, and see what the twin does.

    20 times each take an hour.
    """
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    _progress(f"seed {seed}")
    pace = QUICK if quick else USUAL
    played: list[Played] = []
    with clean_environment():
        try:
            trio.run(_play_all, only or tuple(TROUBLES), times, pace, seed, played)
        finally:
            Console(width=None if sys.stdout.isatty() else WIDTH).print(table(played, pace))
    problems = [f"{each.trouble.name}: {problem}" for each in played for problem in each.problems]
    for problem in problems:
        click.echo(f"NOT AS PROMISED: {problem}")
    sys.exit(1 if problems else 0)


async def _play_all(names: tuple[str, ...], times: int, pace: Pace, seed: int, played: list[Played]) -> None:
    """Adds to `played` what was seen."""
    for name in names:
        found = await play(TROUBLES[name], times, pace, Random(seed), _progress)  # noqa: S311  no secret
        _progress(f"{name}, all at rest: {len(found.problems)} problems")
        played.append(found)


def _progress(what: str) -> None:
    click.echo(what, err=True)


if __name__ == "__main__":
    main()
