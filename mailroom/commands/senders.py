"""`mailroom senders`: who waits in the Screener, and who is in a category."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

from rich.console import Console
from rich.table import Table

from mailroom.commands.run import with_servers
from mailroom.commands.terminal import open_console, printable, working
from mailroom.config.scheme import Category, Scheme
from mailroom.config.settings import Settings
from mailroom.contacts.base import AddressBook
from mailroom.decisions.places import Places, find_places
from mailroom.decisions.select import name_of, sender_of
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.jmap.query import search
from mailroom.servers import Servers

NOBODY = "(no usable sender)"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sender whose mail is in the Screener: canonical address (None if there is no usable one), name of the newest
    mail that has one, number of mails, and when the newest came (a UTCDate)."""

    sender: str | None
    name: str
    mails: int
    newest: str


@dataclass(frozen=True, slots=True)
class Member:
    """An address of a contact that is in a category's group (None for a contact without one), and its name."""

    sender: str | None
    name: str


async def show_waiting(settings: Settings, scheme: Scheme) -> int:
    """Print a table of who waits. Raises `MailroomError`."""
    return await with_servers(settings, partial(_show_waiting, scheme))


async def waiting_as_json(settings: Settings, scheme: Scheme) -> int:
    """Print who waits as a JSON array. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        return _print_json(await who_waits(servers.client, scheme))

    return await with_servers(settings, work)


async def show_members(category: Category, settings: Settings) -> int:
    """Print a table of who is in the category. Raises `MailroomError`."""
    return await with_servers(settings, partial(_show_members, category))


async def members_as_json(category: Category, settings: Settings) -> int:
    """Print who is in the category as a JSON array. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        return _print_json(members(await (await servers.contacts()).read_all(), category))

    return await with_servers(settings, work)


async def who_waits(client: Client, scheme: Scheme) -> tuple[Waiting, ...]:
    """Who has mail in the Screener, newest first. Two requests beside the session, and one a further page."""
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    places = find_places((await client.send(batch))[mailboxes], scheme)
    if places.screener is None:
        raise ConfigError([f"missing mailbox: {scheme.screener}. `mailroom setup --apply` creates it"])
    batch = Batch()
    page = search(batch, EMAIL, session.mail_account, session.limits, {"inMailbox": places.screener})
    return waiting(await client.all_found(page, await client.send(batch)), places)


def waiting(emails: Iterable[Email], places: Places) -> tuple[Waiting, ...]:
    """The senders of these mails, newest first. Mail in Trash, Junk, Drafts or Sent doesn't wait."""
    by_sender: dict[str | None, list[Email]] = defaultdict(list)
    for email in sorted(emails, key=lambda each: (each.received_at, each.id)):
        if not email.mailbox_ids & places.untouched:
            by_sender[sender_of(email)].append(email)
    found = [
        Waiting(address, next(filter(None, map(name_of, reversed(mails))), ""), len(mails), mails[-1].received_at)
        for address, mails in sorted(by_sender.items(), key=lambda item: item[0] or "")
    ]
    return tuple(sorted(found, key=lambda each: each.newest, reverse=True))


def members(book: AddressBook, category: Category) -> tuple[Member, ...]:
    """Whose contacts are in the category's group, by address; those without one last. Raises `ConfigError`."""
    groups = [group for group in book.groups if group.name == category.contact_group]
    if not groups:
        raise ConfigError([f"missing contact group: {category.contact_group}. `mailroom setup --apply` creates it"])
    uids = frozenset[str]().union(*(group.members for group in groups))
    found = {
        Member(address, card.fields.full_name)
        for card in book.cards
        if card.uid in uids
        for address in (card.addresses or (None,))
    }
    return tuple(sorted(found, key=lambda each: (each.sender is None, each.sender or "", each.name)))


async def _show_waiting(scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, f"Reading {scheme.screener}"):
        found = await who_waits(servers.client, scheme)
    if found:
        table = _table("Sender", "Name")
        table.add_column("Mails", justify="right")
        table.add_column("Newest mail", no_wrap=True)
        for each in found:
            table.add_row(printable(each.sender or NOBODY), printable(each.name), str(each.mails), _local(each.newest))
        console.print(table)
        console.print()
    console.print(_waiting_summary(found, scheme))
    return 0


async def _show_members(category: Category, servers: Servers) -> int:
    console = open_console()
    with working(console, "Reading the address book"):
        found = members(await (await servers.contacts()).read_all(), category)
    if found:
        _print_members(console, found)
    console.print(f"{_count(len(found), 'sender')} in {category.name}{', by address' if len(found) > 1 else ''}.")
    return 0


def _print_members(console: Console, found: Sequence[Member]) -> None:
    table = _table("Sender", "Name")
    for each in found:
        table.add_row(printable(each.sender or "(no address)"), printable(each.name))
    console.print(table)
    console.print()


def _waiting_summary(found: Sequence[Waiting], scheme: Scheme) -> str:
    if not found:
        return f"Nobody waits in {scheme.screener}."
    waits = "waits" if len(found) == 1 else "wait"
    order = ", newest first" if len(found) > 1 else ""
    mails = _count(sum(each.mails for each in found), "mail")
    return f"{_count(len(found), 'sender')} {waits} in {scheme.screener} with {mails}{order}."


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _local(utc_date: str) -> str:
    """A UTCDate (RFC 8620 §1.4) in the user's time zone; what is none comes back as it is."""
    try:
        return datetime.fromisoformat(utc_date).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return printable(utc_date)


def _print_json(found: Sequence[Waiting] | Sequence[Member]) -> int:
    # ASCII alone, so that no locale and no terminal can spoil it.
    open_console().print(json.dumps([asdict(each) for each in found], indent=2), soft_wrap=True)
    return 0
