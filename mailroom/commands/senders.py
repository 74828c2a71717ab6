"""`mailroom senders`: who waits in the Screener and why, who is in the Inbox undecided, and who is in a category."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

from rich.console import Console

from mailroom.account.servers import Servers
from mailroom.commands.table import Column, print_table
from mailroom.commands.terminal import local_time, open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Category, Scheme
from mailroom.decisions.rotating import Rotation
from mailroom.decisions.whole import WholeDomain
from mailroom.plural import plural
from mailroom.senders.members import Member, members
from mailroom.senders.waiting import Waiting, undecided_in_inbox, who_waits

NOBODY = "(no usable sender)"


async def show_waiting(settings: AccountSettings, scheme: Scheme) -> int:
    """Print a table of who waits. Raises `MailroomError`."""
    return await with_servers(settings, partial(_show_waiting, settings, scheme))


async def waiting_as_json(settings: AccountSettings, scheme: Scheme) -> int:
    """Print who waits as a JSON array. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        return _print_json((await who_waits(servers.client, scheme)).senders)

    return await with_servers(settings, work)


async def show_inbox(settings: AccountSettings, scheme: Scheme) -> int:
    """Print a table of who is in the Inbox undecided. Raises `MailroomError`."""
    return await with_servers(settings, partial(_show_inbox, scheme))


async def inbox_as_json(settings: AccountSettings, scheme: Scheme) -> int:
    """Print who is in the Inbox undecided as a JSON array. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        return _print_json(await undecided_in_inbox(servers.client, await servers.contacts(), scheme))

    return await with_servers(settings, work)


async def show_members(category: Category, settings: AccountSettings) -> int:
    """Print a table of who is in the category. Raises `MailroomError`."""
    return await with_servers(settings, partial(_show_members, category))


async def members_as_json(category: Category, settings: AccountSettings) -> int:
    """Print who is in the category as a JSON array. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        return _print_json(members((await (await servers.contacts()).read_all()).book, category))

    return await with_servers(settings, work)


async def _show_waiting(settings: AccountSettings, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, f"Reading {scheme.screener}"):
        found = await who_waits(servers.client, scheme)
    print_senders(console, found.senders)
    console.print(_waiting_summary(found.senders, scheme))
    for each in found.rotations:
        console.print(_hint(each, settings), soft_wrap=True)
    return 0


async def _show_inbox(scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, "Reading the Inbox and the address book"):
        found = await undecided_in_inbox(servers.client, await servers.contacts(), scheme)
    print_senders(console, found)
    console.print(_inbox_summary(found))
    return 0


def print_senders(console: Console, found: Sequence[Waiting]) -> None:
    """A table of who has how much mail; nothing for nobody."""
    if not found:
        return
    columns = [
        Column("Sender", [printable(each.sender or NOBODY) for each in found]),
        Column("Name", [printable(each.name) for each in found]),
        Column("Mails", [str(each.mails) for each in found], is_number=True),
        Column("Newest mail", [_local(each.newest) for each in found], folds=False),
    ]
    if any(each.asks for each in found):
        columns.append(Column("Why it waits", [printable(each.asks or "") for each in found]))
    print_table(console, columns)


async def _show_members(category: Category, servers: Servers) -> int:
    console = open_console()
    with working(console, "Reading the address book"):
        found = members((await (await servers.contacts()).read_all()).book, category)
    if found:
        _print_members(console, found)
    console.print(f"{plural(len(found), 'sender')} in {category.name}{', by address' if len(found) > 1 else ''}.")
    return 0


def _print_members(console: Console, found: Sequence[Member]) -> None:
    addresses = Column("Sender", [printable(each.sender or "(no address)") for each in found])
    print_table(console, [addresses, Column("Name", [printable(each.name) for each in found])])


def _waiting_summary(found: Sequence[Waiting], scheme: Scheme) -> str:
    if not found:
        return f"Nobody waits in {scheme.screener}."
    waits = "waits" if len(found) == 1 else "wait"
    order = ", newest first" if len(found) > 1 else ""
    mails = plural(sum(each.mails for each in found), "mail")
    where = f"{scheme.screener} or for your answer" if any(each.asks for each in found) else scheme.screener
    return f"{plural(len(found), 'sender')} {waits} in {where} with {mails}{order}."


def _hint(rotation: Rotation, settings: AccountSettings) -> str:
    what = "domain" if isinstance(rotation.whole, WholeDomain) else "mailing list"
    triage = settings.names.command(f"mailroom triage {printable(shlex.quote(str(rotation.whole)))} CATEGORY")
    return (
        f"Hint: {rotation.addresses} addresses look like one sender's, who takes a new one each time. Decide about the "
        f"whole {what}: {triage}"
    )


def _inbox_summary(found: Sequence[Waiting]) -> str:
    if not found:
        return "Nobody is in the Inbox undecided."
    is_are = "is" if len(found) == 1 else "are"
    order = ", newest first" if len(found) > 1 else ""
    mails = plural(sum(each.mails for each in found), "mail")
    return f"{plural(len(found), 'sender')} {is_are} in the Inbox undecided with {mails}{order}."


def _local(utc_date: str) -> str:
    """A UTCDate (RFC 8620 §1.4) in the user's time zone; what is none comes back as it is."""
    try:
        return local_time(datetime.fromisoformat(utc_date))
    except (ValueError, OverflowError):
        return printable(utc_date)


def _print_json(found: Sequence[Waiting] | Sequence[Member]) -> int:
    # ASCII alone, so that no locale and no terminal can spoil it.
    open_console().print(json.dumps([asdict(each) for each in found], indent=2), soft_wrap=True)
    return 0
