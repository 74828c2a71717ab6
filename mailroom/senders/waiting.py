"""Who waits in the Screener, and why; who is in the Inbox undecided."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass

import trio

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Contacts
from mailroom.decisions.contact import managed_groups
from mailroom.decisions.own import OwnAddresses
from mailroom.decisions.pauses import question
from mailroom.decisions.places import Places, find_places, inbox_of
from mailroom.decisions.rotating import Rotation, rotations
from mailroom.decisions.select import by_age, newest_name, sender_of
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch, slices
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, EMAIL_WITH_LIST, Email, get_identities
from mailroom.jmap.mail_search import mail_found, search_mail
from mailroom.jmap.mailbox import MAILBOX, get_mailboxes
from mailroom.jmap.query import Kind
from mailroom.triage.start_check import own_of
from mailroom.triage.turns import MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sender with mail in a mailbox: canonical address (None if there is no usable one), name of the newest mail that
    has one, number of mails, when the newest came (a UTCDate), and what Mailroom asks of the user about it, or None."""

    sender: str | None
    name: str
    mails: int
    newest: str
    asks: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """What of an account is read before its mail."""

    places: Places
    own: OwnAddresses


@dataclass(frozen=True, slots=True)
class Waits:
    """Who waits, newest first, and which of them seem to be one sender with changing addresses."""

    senders: tuple[Waiting, ...]
    rotations: tuple[Rotation, ...]


async def who_waits(client: Client, scheme: Scheme) -> Waits:
    """Who has mail in the Screener, or mail that waits for the user elsewhere.

    Two requests beside the session, and one a further page.
    """
    account = await read_account(client, scheme)
    screener = screener_of(account.places, scheme)
    emails = await mails_in(client, screener, account.places.error_label, kind=EMAIL_WITH_LIST)
    return Waits(
        await waiting(emails, account.places, account.own),
        rotations((each for each in emails if screener in each.mailbox_ids), account.own.addresses),
    )


def screener_of(places: Places, scheme: Scheme) -> str:
    """The id of the Screener. Raises `ConfigError`."""
    if places.screener is None:
        raise ConfigError([f"missing mailbox: {scheme.screener}. `mailroom setup --apply` creates it"])
    return places.screener


async def undecided_in_inbox(client: Client, contacts: Contacts, scheme: Scheme) -> tuple[Waiting, ...]:
    """Who has mail in the Inbox and is in no category, newest first; the user's own mail doesn't count.

    Three requests beside the session, and one a further page.
    """
    account = await read_account(client, scheme)
    emails = await mails_in(client, inbox_of(account.places))
    decided = _decided((await contacts.read_all()).book, scheme)
    found = await waiting(emails, account.places, account.own)
    return tuple(each for each in found if each.sender not in decided and each.sender not in account.own)


def _decided(book: AddressBook, scheme: Scheme) -> frozenset[str]:
    """The addresses of all cards in a managed group."""
    decided = (card for card in book.cards if managed_groups(card.uid, book, scheme))
    return frozenset(address for card in decided for address in card.addresses)


async def read_account(client: Client, scheme: Scheme) -> Opened:
    """The mailboxes and the user's own addresses: one request beside the session."""
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    identities = batch.add(get_identities(session.mail_account)) if session.identities else None
    replies = await client.send(batch)
    own = own_of(session, replies[identities] if identities else (), scheme)
    found = await client.all_of(MAILBOX, session.mail_account, mailboxes, replies)
    return Opened(find_places(found, scheme), own)


async def mails_in(client: Client, *mailboxes: str | None, kind: Kind[Email] = EMAIL) -> tuple[Email, ...]:
    """All mail in any of these mailboxes, sorted by id; one request, and one a further page."""
    session = await client.session()
    batch = Batch()
    anywhere = search_mail(batch, session, within=[id for id in mailboxes if id is not None], kind=kind)
    return await mail_found(client, anywhere, await client.send(batch))


async def waiting(emails: Iterable[Email], places: Places, own: Collection[str]) -> tuple[Waiting, ...]:
    """The senders of these mails, newest first. Other tasks have their turn in between."""
    found = [
        Waiting(
            sender=address,
            name=newest_name(mails),
            mails=len(mails),
            newest=mails[-1].received_at,
            asks=question(address, mails, places, own),
        )
        async for address, mails in by_sender(emails, places)
    ]
    found.sort(key=lambda each: each.sender or "")
    return tuple(sorted(found, key=lambda each: each.newest, reverse=True))


async def by_sender(emails: Iterable[Email], places: Places) -> AsyncIterator[tuple[str | None, list[Email]]]:
    """Of each sender the mails, the oldest first; mail in Trash, Junk, Drafts or Sent doesn't wait.

    Other tasks have their turn in between: thousands may wait.
    """
    found: dict[str | None, list[Email]] = defaultdict(list)
    for part in slices(sorted(emails, key=by_age), MOST_AT_ONCE):
        await trio.lowlevel.checkpoint()
        for email in part:
            if not email.mailbox_ids & places.untouched:
                found[sender_of(email)].append(email)
    for part_of_senders in slices(found.items(), MOST_AT_ONCE):
        await trio.lowlevel.checkpoint()
        for each in part_of_senders:
            yield each
