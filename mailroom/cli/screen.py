"""`mailroom screen`: judge the mail in the Inbox."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.option("--apply", is_flag=True, help="Mark and move it, as shown.")
@click.option("--explain", is_flag=True, help="Say what each reason means.")
@click.option(
    "--since",
    "days",
    metavar="DAYS",
    type=click.IntRange(1, 20_000),
    help="Judge mail of so many days, also from before screening began.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@with_settings
def command(
    settings: "AccountSettings", scheme: "Scheme", apply: bool, explain: bool, days: int | None, as_json: bool
) -> int:
    """Show what screening makes of the mail in the Inbox.

    Mail of strangers would go to the Screener, of decided senders to their category. What you have read, flagged or
    answered is left alone. With --apply it happens, once, whether or not the daemon screens new mail; `mailroom reset`
    brings back what left the Inbox. Status 1 means that some of it could not be judged or moved: the same command tries
    again.
    """
    import trio

    from mailroom.commands import screen, screen_report

    text = screen_report.show_explained if explain else screen_report.show_table
    show = screen_report.show_json if as_json else text
    return trio.run(screen.apply if apply else screen.dry_run, days, show, settings, scheme)
