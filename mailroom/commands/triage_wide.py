"""`mailroom triage @shop.example Feed`, `mailroom triage list:ID Feed`: whom it catches, then the decision."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

import click
import trio
from rich.console import Console

from mailroom.account.servers import Servers
from mailroom.commands.table import Column, print_table
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.triage import given, lines_of, tell_outcome
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Category, Scheme
from mailroom.decisions.whole import Whole, WholeList, typed_whole
from mailroom.plural import plural
from mailroom.senders.settle import Permissions
from mailroom.senders.wide import Catch, Caught, settle_wide, whom_it_catches
from mailroom.triage.start_check import begin

NOBODY = "(no usable sender)"


def parted(words: Iterable[str]) -> tuple[list[str], list[Whole]]:
    """The addresses that were given, in canonical form, and the whole domains and lists, each once.

    As `triage.given`, which says what else raises `ConfigError`.
    """
    texts = lines_of(words)
    wholes = list(dict.fromkeys(whole for text in texts if (whole := typed_whole(text)) is not None))
    others = [text for text in texts if typed_whole(text) is None]
    return (given(others) if others or not wholes else []), wholes


async def show(wholes: Sequence[Whole], category: Category, settings: AccountSettings, scheme: Scheme) -> int:
    """Print whom the decisions would catch; writes nothing. Raises `MailroomError`."""
    return await with_servers(settings, partial(_show, wholes, category, scheme))


def decide(
    wholes: Sequence[Whole],
    category: Category,
    permissions: Permissions,
    settings: AccountSettings,
    scheme: Scheme,
    confirm: Callable[[], bool],
) -> int:
    """Show whom the decisions catch, and decide if `confirm` says so; returns 1 if some failed. Raises `MailroomError`.

    The prompt comes between two runs of trio: inside of one, Ctrl-C would not end it.
    """
    if status := trio.run(show, wholes, category, settings, scheme):
        return status
    if not confirm():
        click.echo("Nothing was changed.")
        return 0
    return trio.run(_decide, wholes, category, permissions, settings, scheme)


def ask() -> bool:
    """Whether the user agrees, at the terminal."""
    return click.confirm("Decide so?")


def agreed() -> bool:
    """They said so on the command line."""
    return True


async def _decide(
    wholes: Sequence[Whole], category: Category, permissions: Permissions, settings: AccountSettings, scheme: Scheme
) -> int:
    return await with_servers(settings, partial(_settle, wholes, category, permissions, scheme))


async def _settle(
    wholes: Sequence[Whole], category: Category, permissions: Permissions, scheme: Scheme, servers: Servers
) -> int:
    console = open_console()
    with working(console, f"Triaging {_named(wholes)} to {category.name}"):
        run = await begin(servers.client, await servers.contacts(), scheme, datetime.now(UTC))
        outcome = await settle_wide(run, wholes, category, permissions)
    return tell_outcome(console, outcome, scheme)


async def _show(wholes: Sequence[Whole], category: Category, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, f"Looking whom {_named(wholes)} catches"):
        run = await begin(servers.client, await servers.contacts(), scheme, datetime.now(UTC))
        catches = await whom_it_catches(run, wholes, category)
    for each in catches:
        _show_catch(console, each, category)
    return 0


def _named(wholes: Sequence[Whole]) -> str:
    return printable(str(wholes[0])) if len(wholes) == 1 else f"{len(wholes)} domains and lists"


def _show_catch(console: Console, catch: Catch, category: Category) -> None:
    senders, mails = plural(len(catch.senders), "sender"), plural(catch.mails, "mail")
    order = ", the most mails first" if len(catch.senders) > 1 else ""
    console.print(f"{printable(str(catch.whole))} to {category.name}: {senders} with {mails}{order}", style="bold")
    if catch.senders:
        print_table(console, _columns(catch.senders))
    elif not catch.left_alone:
        how = " The field List-Id of its mail says how." if isinstance(catch.whole, WholeList) else ""
        console.print(f"There is no mail of it yet. Is it spelled right?{how}")
    if catch.left_alone:
        console.print("It leaves alone:")
        reasons = [each.left_alone.text if each.left_alone else "" for each in catch.left_alone]
        print_table(console, [*_columns(catch.left_alone), Column("Why", reasons)])


def _columns(senders: Sequence[Caught]) -> list[Column]:
    return [
        Column("Mails", [str(each.mails) for each in senders], is_number=True),
        Column("Sender", [printable(each.sender or NOBODY) for each in senders]),
        Column("Name", [printable(each.name) for each in senders]),
    ]
