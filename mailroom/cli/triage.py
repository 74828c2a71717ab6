"""`mailroom triage`: settle senders from here."""

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
@with_settings
def command(
    settings: "AccountSettings", scheme: "Scheme", addresses: tuple[str, ...], category: str, new: bool, force: bool
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
