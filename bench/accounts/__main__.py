"""`python -m bench.accounts`: measure many accounts in one process, and write the figures into `bench/results/`."""

import sys
import time

import click
import trio

from bench.accounts.measure import (
    FULL,
    QUICK,
    Figures,
    Sizes,
    measure_beside,
    measure_cost,
    measure_fairness,
)
from bench.accounts.report import page
from bench.environment import clean_environment
from bench.machine import PROJECT, this_machine

RESULTS = PROJECT / "bench" / "results"

_started = time.monotonic()


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes: does it work at all? Writes no file.")
@click.option("--most", type=int, help="Leave larger numbers of accounts out.")
def main(quick: bool, most: int | None) -> None:
    """Measure memory, CPU, wake-ups and fairness of 1 to 2,000 accounts, plain and over TLS; 45 minutes."""
    sizes = QUICK if quick else FULL
    counts = [count for count in sizes.accounts if most is None or count <= most]
    found: list[Figures] = []
    with clean_environment():
        machine = this_machine()
        try:
            trio.run(_measure, sizes, counts, found)
        finally:
            # Half an hour of figures is worth keeping, whatever ended the rest.
            text = page(machine, found)
            print(text)
            if not quick:
                file = RESULTS / f"{machine.day.isoformat()}-{machine.commit}-accounts.md"
                file.write_text(text)
                _progress(f"written: {file.name}")


async def _measure(sizes: Sizes, counts: list[int], found: list[Figures]) -> None:
    """Adds to `found` what was measured."""
    for tls in (False, True):
        for count in counts:
            _progress(f"{count:,} accounts{' over TLS' if tls else ''}")
            cost, paced = await measure_cost(count, sizes, tls=tls)
            found += [cost, *paced]
    _progress(f"{sizes.processes} accounts, in one process and in one each")
    found.append(await measure_beside(sizes))
    _progress("an account with many labelled mails, and one on a slow server")
    many = f"an account with {sizes.labelled:,} labelled mails"
    found.append(await measure_fairness(sizes, many, labelled=sizes.labelled))
    found.append(await measure_fairness(sizes, "a server that takes 29 s an answer", delay=29))


def _progress(what: str) -> None:
    minutes, seconds = divmod(round(time.monotonic() - _started), 60)
    click.echo(f"{minutes:2}:{seconds:02} {what}", err=True)


if __name__ == "__main__":
    sys.exit(main())
