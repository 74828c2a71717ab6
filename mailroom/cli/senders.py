"""`mailroom senders`: who waits, or is in a category."""

from typing import TYPE_CHECKING

import click

from mailroom.cli.with_settings import account_option, with_settings

if TYPE_CHECKING:
    from mailroom.config.account_settings import AccountSettings
    from mailroom.config.scheme import Scheme


@click.command()
@click.option("--waiting", is_flag=True, help="Who waits in the Screener, newest first; this is the default.")
@click.option("--inbox", is_flag=True, help="Who has mail in the Inbox and is in no category, newest first.")
@click.option("--category", metavar="NAME", help="Who is in this category, by address.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, for scripts.")
@account_option
def command(waiting: bool, inbox: bool, category: str | None, as_json: bool) -> int:
    """List who waits, or is undecided, or is in a category."""
    lists = [name for name, wanted in (("--waiting", waiting), ("--inbox", inbox), ("--category", category)) if wanted]
    if len(lists) > 1:
        raise click.UsageError(f"{' and '.join(lists)} ask for different lists: give one of them.")
    return _senders(inbox, category, as_json)


@with_settings
def _senders(settings: "AccountSettings", scheme: "Scheme", inbox: bool, category: str | None, as_json: bool) -> int:
    import trio

    from mailroom.commands import senders
    from mailroom.commands.names import category_named

    if category is not None:
        named = category_named(category, scheme)
        return trio.run(senders.members_as_json if as_json else senders.show_members, named, settings)
    if inbox:
        return trio.run(senders.inbox_as_json if as_json else senders.show_inbox, settings, scheme)
    return trio.run(senders.waiting_as_json if as_json else senders.show_waiting, settings, scheme)
