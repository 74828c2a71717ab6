"""`python -m bench`: measure, print tables, write them and a plot into `bench/results/`."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console

from bench import suite
from bench.environment import clean_environment
from bench.machine import PROJECT, this_machine
from bench.plot import NoPlotter, draw
from bench.report import Report, markdown, show
from bench.servers import CyrusServer, RadicaleServer, SandboxServer, Server
from mailroom.observe.log import set_up
from tests.real import cyrus, radicale

RESULTS = PROJECT / "bench" / "results"

WIDTH = 160
"""Columns, where the output goes into a file or a pipe."""

_started = time.monotonic()


@click.command()
@click.option("--quick", is_flag=True, help="Small sizes, once each: does it work at all? Writes no file.")
@click.option("--sandbox-only", is_flag=True, help="Leave Cyrus and Radicale out, installed or not.")
@click.option(
    "--only",
    metavar="PARTS",
    default=",".join(suite.PARTS),
    help=f"Some parts, between commas: {', '.join(suite.PARTS)}. Their page is named after them.",
)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="The folder to write into.",
)
def main(quick: bool, sandbox_only: bool, only: str, results: Path) -> None:
    """Measure requests, seconds, memory and latency against the sandbox and, where installed, Cyrus and Radicale.

    The exit status says nothing of the targets: the last lines do.
    """
    parts = _parts(only)
    folder = results.absolute()
    with clean_environment(), open(os.devnull, "wb") as nowhere, ExitStack() as stack:
        # As in the daemon: every line is composed and written, only to nowhere.
        set_up("info", "json", fd=nowhere.fileno())
        machine = this_machine()
        servers, left_out = _servers(stack, sandbox_only)
        work = [
            item for server, full, small in servers for item in suite.work_on(server, small if quick else full, parts)
        ]
        figures, failed = suite.measure(work, _progress)
    found = Report(machine, tuple(figures), (*left_out, *failed))
    show(found, Console(width=None if sys.stdout.isatty() else WIDTH))
    if not quick:
        name = f"{machine.day.isoformat()}-{machine.commit}"
        _write(found, folder, name if parts == frozenset(suite.PARTS) else f"{name}-{'-'.join(sorted(parts))}")


def _parts(only: str) -> frozenset[str]:
    parts = frozenset(part.strip() for part in only.split(","))
    if unknown := sorted(parts - frozenset(suite.PARTS)):
        raise click.BadParameter(
            f"there is no part {', '.join(unknown)}: take some of {', '.join(suite.PARTS)}", param_hint="--only"
        )
    return parts


def _servers(stack: ExitStack, sandbox_only: bool) -> tuple[list[tuple[Server, suite.Sizes, suite.Sizes]], list[str]]:
    """Each server with its full and its quick sizes, and which are missing, and why; they run as long as the stack."""
    servers: list[tuple[Server, suite.Sizes, suite.Sizes]] = [(SandboxServer(), suite.SANDBOX, suite.QUICK)]
    missing: list[str] = []
    if (why := "--sandbox-only was given" if sandbox_only else cyrus.why_missing()) is not None:
        missing.append(f"Cyrus, because {why}")
    else:
        on_cyrus = CyrusServer(stack.enter_context(cyrus.running_cyrus()))
        servers.append((on_cyrus, suite.CYRUS, suite.QUICK_WITHOUT_PUSH))
    if (why := "--sandbox-only was given" if sandbox_only else radicale.why_missing()) is not None:
        missing.append(f"Radicale, because {why}")
    else:
        on_radicale = RadicaleServer(stack.enter_context(radicale.running_radicale()))
        servers.append((on_radicale, suite.RADICALE, suite.QUICK_RADICALE))
    return servers, missing


def _write(found: Report, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    page, picture = folder / f"{name}.md", folder / f"{name}.png"
    try:
        drawn = draw(found, picture)
    except NoPlotter as why:
        _progress(str(why))
        drawn = False
    page.write_text(markdown(found, picture.name if drawn else None))
    _progress(f"written: {page.name}{f', {picture.name}' if drawn else ''}")


def _progress(what: str) -> None:
    minutes, seconds = divmod(round(time.monotonic() - _started), 60)
    click.echo(f"{minutes:2}:{seconds:02} {what}", err=True)


if __name__ == "__main__":
    sys.exit(main())
