"""`mailroom`, `python -m mailroom` and `trio-run mailroom`.

Imports happen inside the functions: a signal during them must find its handler, and a health check needs few.
"""

import sys

from mailroom.early_signals import exit_at_once_on_signals


def entry() -> int:
    """The command `mailroom`; returns its exit status."""
    match sys.argv[1:]:
        case ["healthcheck", *rest] if rest[:1] in ([], ["--account"]) and len(rest) in (0, 2):
            from mailroom.commands import healthcheck

            return healthcheck.run(*rest[1:])
    exit_at_once_on_signals()
    from mailroom.cli import main
    from mailroom.observe import tracebacks

    tracebacks.show_no_values()
    return main.main()


async def main() -> int:
    """Run the daemon; returns its exit status. It takes no part in `sys.argv` but complains about what is there."""
    exit_at_once_on_signals()
    from mailroom.cli import run
    from mailroom.observe import tracebacks

    tracebacks.show_no_values()
    return await run.run_daemon_alone(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(entry())
