"""`mailroom` and `mailroom run`: the daemon."""

import gc
import sys
from collections.abc import Sequence
from functools import partial

import click

from mailroom.cli.ending import MEND_FIRST, report
from mailroom.errors import MailroomError


def run() -> int:
    """Run the daemon in this process until it is told to stop; returns its exit status. Raises `MailroomError`."""
    import trio

    return trio.run(run_daemon)


async def run_daemon() -> int:
    """Run the daemon until it is told to stop; returns its exit status. Raises `MailroomError`."""
    # What imports make lives as long as the process: walking it while it grows, and later at each collection, is waste.
    gc.disable()
    from mailroom.config.environment import read_environment

    environment = read_environment()
    from mailroom.config.account_files import AccountFiles
    from mailroom.daemon import process as daemon
    from mailroom.daemon.many import serve_many

    process = environment.process
    if environment.account is None:
        work = partial(serve_many, process, AccountFiles(environment.folder, process.shard))
    else:
        work = partial(daemon.serve, process, environment.account)
    gc.freeze()
    gc.enable()
    return await daemon.run(process, work)


async def run_daemon_alone(arguments: Sequence[str]) -> int:
    """What `trio-run mailroom` does: it is inside trio already, where only the daemon can run."""
    if arguments:
        print(
            f"mailroom: trio-run mailroom takes no arguments; use the command `mailroom {' '.join(arguments)}`",
            file=sys.stderr,
        )
        return MEND_FIRST
    try:
        return await run_daemon()
    except MailroomError as error:
        return report(error)


@click.command()
def command() -> int:
    """Run the daemon, as without a command."""
    return run()
