"""`mailroom clear`: clear the Screener."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.option(
    "--older", "older_days", metavar="DAYS", type=click.IntRange(1, 20_000), help="Only mail from before so many days."
)
@click.option(
    "--to",
    type=click.Choice(["Archive", "Inbox", "Trash"], case_sensitive=False),
    default="Archive",
    show_default=True,
    help="Where it goes.",
)
@click.option("--apply", is_flag=True, help="Move it, as shown.")
@with_settings
def command(settings: "AccountSettings", scheme: "Scheme", older_days: int | None, to: str, apply: bool) -> int:
    """Show what would leave the Screener, to be done with it.

    With --apply it leaves, and nobody is decided about: the next mail of these senders waits again. Mail with a label
    stays. Status 1 means that some of it could not be moved: the same command tries again.
    """
    import trio

    from mailroom.commands import clear
    from mailroom.senders.clear import To

    return trio.run(clear.apply if apply else clear.dry_run, To(to.lower()), older_days, settings, scheme)
