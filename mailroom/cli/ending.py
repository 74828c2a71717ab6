"""How the command line ends: exit statuses, and what is said about an error."""

import sys

from mailroom.errors import ConfigError, MailroomError, Refused

STOPPED = 0
TRY_AGAIN = 1
MEND_FIRST = 2
INTERRUPTED = 130
"""The status of a command that Ctrl-C ended (128 + SIGINT)."""


def report(error: MailroomError) -> int:
    """Tell the user about an error that ends the command; returns the exit status."""
    from mailroom.commands.terminal import printable

    if isinstance(error, ConfigError) and len(error.problems) > 1:
        print(f"mailroom: {len(error.problems)} things to mend:", file=sys.stderr)
        for problem in error.problems:
            print(f"  • {printable(problem)}", file=sys.stderr)
    else:
        print(f"mailroom: {printable(str(error))}", file=sys.stderr)
    return MEND_FIRST if isinstance(error, ConfigError | Refused) else TRY_AGAIN
