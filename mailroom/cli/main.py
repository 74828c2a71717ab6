"""`mailroom`: runs the command that is asked for, or the daemon."""

import signal
from collections.abc import Sequence
from importlib import import_module

import click

from mailroom import __version__
from mailroom.cli.ending import INTERRUPTED, STOPPED, report
from mailroom.cli.run import run
from mailroom.config.variables import PREFIX
from mailroom.early_signals import handle_as_usual
from mailroom.errors import MailroomError
from mailroom.suggest import did_you_mean

COMMANDS = (
    "accounts",
    "clear",
    "demo",
    "digest",
    "doctor",
    "healthcheck",
    "history",
    "open",
    "reset",
    "rules",
    "run",
    "sandbox",
    "screen",
    "senders",
    "setup",
    "spam",
    "triage",
    "undo",
)
"""In the order of the help. Each is `command` in the module of this name here, imported when it is needed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, by default that of this process; returns the exit status."""
    try:
        status = commands.main(arguments, prog_name="mailroom", standalone_mode=False)
    except click.ClickException as wrong_use:
        wrong_use.show()
        return wrong_use.exit_code
    except MailroomError as error:
        return report(error)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    return int(status or STOPPED)


class _Commands(click.Group):
    """A group that imports a command when it is asked for, and knows what a misspelt one was meant to be."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"mailroom.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


EPILOG = f"""\
Settings come from {PREFIX}… variables, from the file .env in the current
folder and from files in /run/secrets; docs/configuration.md lists them.

\b
Exit status:
  0  stopped on request, or done
  1  failed; trying again may help
  2  settings, missing mailboxes or refused credentials: mend these first
"""


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="mailroom", message="%(prog)s %(version)s")
@click.pass_context
def commands(context: click.Context) -> int | None:
    """A sender screener for JMAP mailboxes: label one mail, and its sender is settled for good.

    Without a command, run the daemon.
    """
    if context.invoked_subcommand is None:
        return run()
    if context.invoked_subcommand != "run":
        # Only the daemon counts being stopped as success.
        handle_as_usual(signal.SIGTERM, signal.SIGINT)
    return None
