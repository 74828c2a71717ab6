"""`mailroom undo`: undo the last decision about a sender."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.argument("address", metavar="ADDRESS|@DOMAIN|list:ID")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@with_settings
def command(settings: "AccountSettings", scheme: "Scheme", address: str, dry_run: bool) -> int:
    """Undo the last decision about a sender, domain or list.

    It goes back to the category before, or to the Screener if there was none. Undone again, it is as it was.
    """
    import trio

    from mailroom.commands import undo
    from mailroom.commands.names import subject_named

    return trio.run(undo.dry_run if dry_run else undo.undo, subject_named(address), settings, scheme)
