"""`python -m bench`: measure, print tables, write them into `bench/results/`."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import trio
from rich.console import Console

from bench.machine import PROJECT, this_machine
from bench.report import Report, markdown, show
from bench.servers import CyrusServer
from bench.suite import FULL, QUICK, Measured, Sizes, measure_sandbox, measure_without_push, report
from mailroom.log import set_up
from tests.real.cyrus import running_cyrus, why_missing

RESULTS = PROJECT / "bench" / "results"

WIDTH = 120
"""Columns, where the output goes into a file or a pipe."""


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes, once each: does it work at all? Writes no file.")
@click.option("--sandbox-only", is_flag=True, help="Leave Cyrus out, installed or not.")
def main(quick: bool, sandbox_only: bool) -> None:
    """Measure requests, seconds, memory and latency against the sandbox and, where it is installed, Cyrus."""
    sizes = QUICK if quick else FULL
    with _clean_environment(), open(os.devnull, "wb") as nowhere:
        # As in the daemon: every line is composed and written, only to nowhere.
        set_up("info", "json", fd=nowhere.fileno())
        found = _measure(sizes, "--sandbox-only was given" if sandbox_only else why_missing())
    show(found, Console(width=None if sys.stdout.isatty() else WIDTH))
    if not quick:
        _write(found)


def _measure(sizes: Sizes, cyrus_missing: str | None) -> Report:
    machine = this_machine()
    measured: list[Measured] = [trio.run(measure_sandbox, sizes, _progress)]
    if cyrus_missing is not None:
        return report(machine, tuple(measured), (f"Cyrus, because {cyrus_missing}",))
    with running_cyrus() as cyrus:
        measured.append(trio.run(partial(measure_without_push, CyrusServer(cyrus), sizes, _progress)))
    return report(machine, tuple(measured), ())


def _write(found: Report) -> None:
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{found.machine.day.isoformat()}-{found.machine.commit}.md"
    file.write_text(markdown(found))
    _progress(f"written: {file.relative_to(PROJECT)}")


def _progress(what: str) -> None:
    click.echo(what, err=True)


@contextmanager
def _clean_environment() -> Iterator[None]:
    """No settings of whoever measures: no variable, and a folder without `.env` to run the processes in."""
    for name in [name for name in os.environ if name.upper().startswith("MAILROOM_")]:
        del os.environ[name]
    os.environ["PYTHONPATH"] = str(PROJECT)
    here = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


if __name__ == "__main__":
    sys.exit(main())
