"""`mailroom reset`: undo what Mailroom did."""

import sys
from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import account_option, with_account

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountConfig
    from mailroom.config.process_settings import ProcessSettings


@click.command()
@click.option("--apply", is_flag=True, help="Undo it, after asking.")
@click.option("--yes", is_flag=True, help="Don't ask; needed where there is no terminal.")
@account_option
def command(apply: bool, yes: bool) -> int:
    """Show what Mailroom did that can be undone.

    With --apply, undo it: mail goes back to the Screener, contacts that Mailroom made are deleted unless you edited
    them, others lose its note. Status 1 means that some of it failed: the same command tries again.
    """
    if yes and not apply:
        raise click.UsageError("--yes goes with --apply.")
    if apply and not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("There is no terminal to ask on: add --yes to undo everything without being asked.")
    return _reset(apply, yes)


@with_account
def _reset(process: "ProcessSettings", account: "AccountConfig", apply: bool, yes: bool) -> int:
    import trio

    from mailroom.commands import reset

    if not apply:
        return trio.run(reset.dry_run, account.settings, account.scheme)
    return reset.apply(process, account, reset.agreed if yes else reset.ask)
