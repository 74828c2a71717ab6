"""`mailroom history`: what was decided about whom, and when."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.argument("address", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, for scripts.")
@with_settings
def command(settings: "AccountSettings", scheme: "Scheme", address: str | None, as_json: bool) -> int:
    """List what was decided about whom, newest first.

    When, about whom, from where to where: the notes on your contacts keep it. With ADDRESS, of that sender alone; also
    @DOMAIN and list:ID.
    """
    import trio

    from mailroom.commands import history
    from mailroom.commands.names import subject_named

    who = None if address is None else str(subject_named(address))
    return trio.run(history.as_json if as_json else history.show, who, settings, scheme)
