"""`mailroom spam`: report a sender's waiting mail as spam."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.argument("address")
@with_settings
def command(settings: "AccountSettings", scheme: "Scheme", address: str) -> int:
    """Put a sender's waiting mail into Junk, marked as such.

    That trains your server's spam filter, where that learns from Junk. No contact is made. Status 1 means that some of
    it could not be moved: the same command tries again.
    """
    import trio

    from mailroom.commands import spam
    from mailroom.commands.names import address_named

    return trio.run(spam.spam, address_named(address), settings, scheme)
