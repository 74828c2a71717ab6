"""`mailroom triage`: settle senders from here."""

import sys
from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


def _some_addresses(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """With a single argument click would miss the address, where people forget the category."""
    if not given:
        raise click.UsageError("Name who, and then a category: mailroom triage ann@example.org Feed")
    return given


@click.command()
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, callback=_some_addresses)
@click.argument("category")
@click.option("--new", is_flag=True, help="Also settle an address that has no mail and no contact yet.")
@click.option("--force", is_flag=True, help="Decide where other labels, or the error label, are on the mail.")
@click.option("--dry-run", is_flag=True, help="Of a whole domain or list: show whom it catches, and change nothing.")
@click.option("--yes", is_flag=True, help="Of a whole domain or list: don't ask; needed where there is no terminal.")
@with_settings
def command(
    settings: "AccountSettings",
    scheme: "Scheme",
    addresses: tuple[str, ...],
    category: str,
    new: bool,
    force: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Settle senders from here, as labels would.

    ADDRESS may be - for standard input, one address a line. For a sender without mail, contact and groups alone are
    settled. @shop.example is a whole domain with all below it, list:ID a whole mailing list by its List-Id: whom that
    catches is shown first. Status 1 means that some of them failed.
    """
    import trio

    from mailroom.commands import triage, triage_wide
    from mailroom.commands.names import category_named
    from mailroom.senders.settle import Permission

    wanted = ((Permission.NEW, new), (Permission.FORCE, force))
    permissions = frozenset(permission for permission, given in wanted if given)
    target = category_named(category, scheme)
    senders, wholes = triage_wide.parted(addresses)
    if (dry_run or yes) and (senders or not wholes):
        raise click.UsageError("--dry-run and --yes go with whole domains (@example.org) and lists (list:ID) alone.")
    if not wholes:
        return trio.run(triage.triage, senders, target, permissions, settings, scheme)
    if senders:
        raise click.UsageError("Settle whole domains and lists in a command of their own: they are shown first.")
    if dry_run:
        return trio.run(triage_wide.show, wholes, target, settings, scheme)
    if not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("There is no terminal to ask on: add --yes to decide without being asked.")
    confirm = triage_wide.agreed if yes else triage_wide.ask
    return triage_wide.decide(wholes, target, permissions, settings, scheme, confirm)
