"""`mailroom digest`: who waits, as the mail of the day tells it."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.option("--send", is_flag=True, help="Put it into the Inbox now; the daemon writes no second one today.")
@with_settings
def command(settings: "AccountSettings", scheme: "Scheme", send: bool) -> int:
    """Show today's digest: who waits in the Screener, newest first.

    With a table [digest] in mailroom.toml the daemon puts it into the Inbox once a day.
    """
    import trio

    from mailroom.commands import digest

    return trio.run(digest.send if send else digest.show, settings, scheme)
