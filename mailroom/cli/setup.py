"""`mailroom setup`: what is missing in an account."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.every_account import with_every_account

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.option("--apply", is_flag=True, help="Create what is missing.")
@with_every_account
def command(settings: "AccountSettings", scheme: "Scheme", apply: bool) -> int:
    """Show which mailboxes, labels and contact groups are missing.

    With --apply, create them. Status 1 means that some could not be created. Without --account, it is about all
    accounts.
    """
    import trio

    from mailroom.commands import setup

    return trio.run(setup.apply if apply else setup.show, settings, scheme)
