"""`mailroom open`: let everybody in for a while."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from datetime import timedelta

    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


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
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("duration", metavar="15m|2h|off", callback=_how_long)
@with_settings
def command(settings: "AccountSettings", scheme: "Scheme", duration: "timedelta | None") -> int:
    """Let everybody into the Inbox for a while, up to 24h.

    For the mail that you wait for, from an address that you don't know yet. It works with the next mail, without a new
    start of the daemon; off ends it before its time.
    """
    import trio

    from mailroom.commands import open as opening

    if duration is None:
        return trio.run(opening.close, settings, scheme)
    return trio.run(opening.open_for, duration, settings, scheme)
