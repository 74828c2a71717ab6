"""The command line: what there is to run, and how errors end it.

Libraries that take long to import are imported by the command that needs them.
"""

import gc
import signal
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from mailroom import __version__
from mailroom.early_signals import handle_as_usual
from mailroom.errors import ConfigError, MailroomError, Refused
from mailroom.suggest import did_you_mean

if TYPE_CHECKING:
    from datetime import timedelta

    from mailroom.config.scheme import Scheme
    from mailroom.config.settings import Settings

STOPPED = 0
TRY_AGAIN = 1
MEND_FIRST = 2
INTERRUPTED = 130
"""The status of a command that Ctrl-C ended (128 + SIGINT)."""


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


async def run_daemon() -> int:
    """Run the daemon until it is told to stop; returns its exit status. Raises `MailroomError`."""
    # What imports make lives as long as the process: walking it while it grows, and later at each collection, is waste.
    gc.disable()
    from mailroom.config.settings import load_scheme, load_settings

    settings = load_settings()
    scheme = load_scheme(settings)
    from mailroom.daemon import process as daemon

    gc.freeze()
    gc.enable()
    return await daemon.run(settings, scheme)


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


class _Commands(click.Group):
    """A group that knows what a misspelt command was meant to be."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'{did_you_mean(args[0], self.commands)}")
        return super().resolve_command(ctx, args)


EPILOG = """\
Settings come from MAILROOM_… variables, from the file .env in the current
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
        return _run()
    if context.invoked_subcommand != "run":
        # Only the daemon counts being stopped as success.
        handle_as_usual(signal.SIGTERM, signal.SIGINT)
    return None


P = ParamSpec("P")


def with_settings(command: Callable[Concatenate["Settings", "Scheme", P], int]) -> Callable[P, int]:
    """Hand a command the settings and the scheme, read when it runs. A mistake in them is a `ConfigError`.

    What is wrong with the command line itself is told before.
    """

    @wraps(command)
    def with_both(*args: P.args, **kwargs: P.kwargs) -> int:
        from mailroom.config.settings import load_scheme, load_settings

        settings = load_settings()
        return command(settings, load_scheme(settings), *args, **kwargs)

    return with_both


@commands.command("run")
def run() -> int:
    """Run the daemon, as without a command."""
    return _run()


def _run() -> int:
    import trio

    return trio.run(run_daemon)


@commands.command("setup")
@click.option("--apply", is_flag=True, help="Create what is missing.")
@with_settings
def setup(settings: "Settings", scheme: "Scheme", apply: bool) -> int:
    """Show which mailboxes, labels and contact groups are missing.

    With --apply, create them. Status 1 means that some could not be created.
    """
    import trio

    from mailroom.commands import setup

    return trio.run(setup.apply if apply else setup.show, settings, scheme)


@commands.command("senders")
@click.option("--waiting", is_flag=True, help="Who waits in the Screener, newest first; this is the default.")
@click.option("--inbox", is_flag=True, help="Who has mail in the Inbox and is in no category, newest first.")
@click.option("--category", metavar="NAME", help="Who is in this category, by address.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, for scripts.")
def senders(waiting: bool, inbox: bool, category: str | None, as_json: bool) -> int:
    """List who waits, or is undecided, or is in a category."""
    lists = [name for name, wanted in (("--waiting", waiting), ("--inbox", inbox), ("--category", category)) if wanted]
    if len(lists) > 1:
        raise click.UsageError(f"{' and '.join(lists)} ask for different lists: give one of them.")
    return _senders(inbox, category, as_json)


@with_settings
def _senders(settings: "Settings", scheme: "Scheme", inbox: bool, category: str | None, as_json: bool) -> int:
    import trio

    from mailroom.commands import senders
    from mailroom.commands.names import category_named

    if category is not None:
        named = category_named(category, scheme)
        return trio.run(senders.members_as_json if as_json else senders.show_members, named, settings)
    if inbox:
        return trio.run(senders.inbox_as_json if as_json else senders.show_inbox, settings, scheme)
    return trio.run(senders.waiting_as_json if as_json else senders.show_waiting, settings, scheme)


def _some_addresses(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """With a single argument click would miss the address, where people forget the category."""
    if not given:
        raise click.UsageError("Name who, and then a category: mailroom triage ann@example.org Feed")
    return given


@commands.command("triage")
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, callback=_some_addresses)
@click.argument("category")
@click.option("--new", is_flag=True, help="Also settle an address that has no mail and no contact yet.")
@click.option("--force", is_flag=True, help="Decide where other labels, or the error label, are on the mail.")
@with_settings
def triage(
    settings: "Settings", scheme: "Scheme", addresses: tuple[str, ...], category: str, new: bool, force: bool
) -> int:
    """Settle senders from here, as labels would.

    ADDRESS may be - for standard input, one address a line. For a sender without mail, contact and groups alone are
    settled. Status 1 means that some of them failed.
    """
    import trio

    from mailroom.commands import triage
    from mailroom.commands.names import category_named
    from mailroom.senders.settle import Permission

    wanted = ((Permission.NEW, new), (Permission.FORCE, force))
    permissions = frozenset(permission for permission, given in wanted if given)
    return trio.run(
        triage.triage, triage.given(addresses), category_named(category, scheme), permissions, settings, scheme
    )


@commands.command("screen")
@click.option("--apply", is_flag=True, help="Mark and move it, as shown.")
@click.option("--explain", is_flag=True, help="Say what each reason means.")
@click.option(
    "--since",
    "days",
    metavar="DAYS",
    type=click.IntRange(1, 20_000),
    help="Judge mail of so many days, also from before screening began.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@with_settings
def screen(settings: "Settings", scheme: "Scheme", apply: bool, explain: bool, days: int | None, as_json: bool) -> int:
    """Show what screening makes of the mail in the Inbox.

    Mail of strangers would go to the Screener, of decided senders to their category. What you have read, flagged or
    answered is left alone. With --apply it happens, once, whether or not the daemon screens new mail; `mailroom reset`
    brings back what left the Inbox. Status 1 means that some of it could not be judged or moved: the same command tries
    again.
    """
    import trio

    from mailroom.commands import screen, screen_report

    text = screen_report.show_explained if explain else screen_report.show_table
    show = screen_report.show_json if as_json else text
    return trio.run(screen.apply if apply else screen.dry_run, days, show, settings, scheme)


def _how_long(context: click.Context, parameter: click.Parameter, value: str) -> "timedelta | None":
    """The duration; None for `off`."""
    from mailroom.commands.durations import read_duration

    if value.strip().lower() == "off":
        return None
    try:
        return read_duration(value)
    except ValueError as wrong:
        raise click.BadParameter(f"{wrong}; off closes screening again.") from None


# What begins with - is no option here, but a duration to be refused.
@commands.command("open", context_settings={"ignore_unknown_options": True})
@click.argument("duration", metavar="15m|2h|off", callback=_how_long)
@with_settings
def open_screening(settings: "Settings", scheme: "Scheme", duration: "timedelta | None") -> int:
    """Let everybody into the Inbox for a while, up to 24h.

    For the mail that you wait for, from an address that you don't know yet. It works with the next mail, without a new
    start of the daemon; off ends it before its time.
    """
    import trio

    from mailroom.commands import open as opening

    if duration is None:
        return trio.run(opening.close, settings, scheme)
    return trio.run(opening.open_for, duration, settings, scheme)


@commands.command("doctor")
@click.option("--read-only", is_flag=True, help="Leave out the checks that write for a moment.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, for scripts.")
@click.option("--verbose", is_flag=True, help="Show what servers say in their own words; it may quote mail.")
def doctor(read_only: bool, as_json: bool, verbose: bool) -> int:
    """Check settings, servers and account, and say what to do.

    It creates a contact and a mailbox and removes them at once. Status 1 means that something would stop the daemon.
    """
    import trio

    from mailroom.commands import doctor

    if as_json and verbose:
        raise click.UsageError("--verbose is for people: leave out --json")
    checks = doctor.CHECKS_WITHOUT_WRITING if read_only else doctor.CHECKS
    text = doctor.VerboseReport() if verbose else doctor.TextReport()
    return trio.run(doctor.run, checks, doctor.JsonReport() if as_json else text)


@commands.command("rules")
@click.option(
    "--format",
    "form",
    type=click.Choice(["fastmail", "sieve"]),
    help="A JSON array for Fastmail to import, or a Sieve script for servers that run one.",
)
@click.option("--apply", is_flag=True, help="Install the Sieve script on the server; yours goes on running.")
@click.option("--remove", is_flag=True, help="Remove that script again; yours is the active one as before.")
def rules(form: str | None, apply: bool, remove: bool) -> int:
    """Print rules for mail yet to come.

    The mail server runs them. With --apply, a Sieve script is installed beside yours; --remove takes it away.
    """
    if apply and remove:
        raise click.UsageError("--apply and --remove are opposites: give one of them.")
    if form is None and not remove:
        raise click.UsageError("Missing option '--format'. Choose from: fastmail, sieve.")
    return _rules(form, apply, remove)


@with_settings
def _rules(settings: "Settings", scheme: "Scheme", form: str | None, apply: bool, remove: bool) -> int:
    import trio

    from mailroom.commands import rules

    if remove:
        return rules.remove_fastmail() if form == "fastmail" else trio.run(rules.remove_sieve, settings)
    if form == "fastmail":
        return rules.apply_fastmail() if apply else rules.print_fastmail(scheme)
    return trio.run(rules.apply_sieve if apply else rules.print_sieve, settings, scheme)


@commands.command("reset")
@click.option("--apply", is_flag=True, help="Undo it, after asking.")
@click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal.")
def reset(apply: bool, yes: bool) -> int:
    """Show what Mailroom did that can be undone.

    With --apply, undo it: mail goes back to the Screener, contacts that Mailroom made are deleted unless you edited
    them, others lose its note. Status 1 means that some of it failed: the same command tries again.
    """
    if yes and not apply:
        raise click.UsageError("--yes goes with --apply.")
    if apply and not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("There is no terminal to ask on: add --yes to undo everything without being asked.")
    return _reset(apply, yes)


@with_settings
def _reset(settings: "Settings", scheme: "Scheme", apply: bool, yes: bool) -> int:
    import trio

    from mailroom.commands import reset

    if not apply:
        return trio.run(reset.dry_run, settings, scheme)
    return reset.apply(settings, scheme, reset.agreed if yes else reset.ask)


@commands.command("healthcheck")
def healthcheck() -> int:
    """Ask the daemon here how it is: status 0 or 1.

    0 is healthy, 1 is anything else. It needs MAILROOM_HEALTH_HOST and MAILROOM_HEALTH_PORT as the daemon has
    them, and no token.
    """
    from mailroom.commands import healthcheck

    return healthcheck.run()


@commands.command("sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Listen here; 0, the default, takes a free one."
)
@click.option(
    "--flavour",
    type=click.Choice(["fastmail", "cyrus", "james", "stalwart"]),
    default="fastmail",
    show_default=True,
    help="Whose manners the server has.",
)
def sandbox(port: int, flavour: str) -> int:
    """Serve a sample mailbox to try things on.

    It speaks JMAP on this machine only, and prints the settings that point a daemon at it.
    """
    import trio

    from mailroom.sandbox import command
    from mailroom.sandbox.errors import SandboxError

    try:
        trio.run(command.run, port, flavour)
    except SandboxError as error:
        raise click.UsageError(str(error)) from None
    return STOPPED


@commands.command("demo")
@click.option("--keep-running", is_flag=True, help="Leave sandbox and daemon up until Ctrl-C.")
def demo(keep_running: bool) -> int:
    """See it work, in about 20 seconds.

    The real daemon settles the senders of a sandbox while somebody plays its user. No account is needed.
    """
    import trio

    from mailroom.commands import demo

    return trio.run(demo.run, keep_running)
