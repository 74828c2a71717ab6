"""How commands talk to people, and to pipes: there, no colour, no progress, and no line is ever cut or wrapped."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from rich.console import Console

from mailroom.observe import log
from mailroom.observe.log import LogFormat

_WIDTH_OF_A_PIPE = 10_000


def open_console(*, stderr: bool = False) -> Console:
    """Standard output, or standard error, as a console that prints text as it is given."""
    file = sys.stderr if stderr else sys.stdout
    is_terminal = file.isatty()
    # A locale without Unicode must not end a command at its first tick mark.
    if hasattr(file, "reconfigure"):
        file.reconfigure(errors="replace")
    return Console(
        stderr=stderr,
        # Said here, so that no FORCE_COLOR of a CI system puts escape sequences into a file.
        force_terminal=is_terminal,
        width=None if is_terminal else _WIDTH_OF_A_PIPE,
        markup=False,
        emoji=False,
        highlight=False,
    )


@contextmanager
def working(console: Console, what: str) -> Iterator[None]:
    """Show on a terminal that something is under way, until it is done."""
    if not console.is_interactive:
        yield
        return
    with console.status(what):
        yield


def printable(text: str) -> str:
    """The text without anything that would steer a terminal: servers and senders wrote parts of it."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def local_time(moment: datetime) -> str:
    """A moment in the user's time zone, to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def log_to_stderr(level: str, log_format: LogFormat) -> None:
    """Keep standard output for the command; of the log, only what is out of the ordinary unless more was asked for."""
    log.set_up("warning" if level == "info" else level, log_format, fd=2)
