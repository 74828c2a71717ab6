"""What SIGTERM and SIGINT do before a program is ready to handle them itself.

Standard library only, and little of it: this is the first thing that a command does.
"""

import os
import signal
from types import FrameType


def exit_at_once_on_signals() -> None:
    """Let SIGTERM and SIGINT end the process at once with status 0, until somebody else handles them.

    Imports take a noticeable part of a second. A signal in that time would end in a traceback from the middle of
    some library, or in a status that looks like a crash.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_at_once)


def handle_as_usual(*numbers: signal.Signals) -> None:
    """Give signals back the handlers that Python starts with."""
    for number in numbers:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _exit_at_once(number: int, frame: FrameType | None) -> None:
    # SystemExit would unwind through half-imported modules, and some of them catch it.
    os._exit(0)
