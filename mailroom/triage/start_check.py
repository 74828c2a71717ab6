"""The start check: what must be there before the first pass, and the user's own addresses."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import trio

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Contacts, LookUp, Wanted
from mailroom.contacts.steps import beside
from mailroom.decisions.changed_defaults import may_concern, settled_before
from mailroom.decisions.inventory import unreadable_group
from mailroom.decisions.own import OwnAddresses, own_addresses
from mailroom.decisions.places import Places, find_places, role_problems, with_case_hints
from mailroom.decisions.state_card import uid_of
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import Identity, get_identities
from mailroom.jmap.mailbox import MAILBOX, get_mailboxes
from mailroom.jmap.session import Session
from mailroom.triage.one_pass import Moved, Pass
from mailroom.triage.turns import size_of, worked_out

_HOW_TO_NAME_YOUR_ADDRESSES = (
    'write own_addresses = ["ann@example.org"] with your own ones into {}: a label on '
    "mail of yours would settle you as a sender, and screening would take you for a stranger"
)

NO_ADDRESS_FOR_DIGESTS = (
    "the mail server names no address of yours to write it from and to: write it first into own_addresses, as in "
    'own_addresses = ["ann@example.org"]'
)


def how_to_name_your_addresses(place: str) -> str:
    """`place` is where keys of the scheme are written."""
    return _HOW_TO_NAME_YOUR_ADDRESSES.format(place)


@dataclass(frozen=True, slots=True)
class CheckedAccount:
    """What is asked for once, at the start: the mailboxes, the user's own addresses, groups and the state card."""

    places: Places
    own: OwnAddresses
    contacts: LookUp


async def check_account(client: Client, contacts: Contacts, scheme: Scheme) -> CheckedAccount:
    """The start check, one request. Raises `ConfigError` that lists everything that is missing at once."""
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    identities = batch.add(get_identities(session.mail_account)) if session.identities else None
    replies, looked_up = await beside(client, batch, contacts.look_up(Wanted(uids=(uid_of(session.mail_account),))))
    found = await client.all_of(MAILBOX, session.mail_account, mailboxes, replies)
    places = find_places(found, scheme)
    await trio.lowlevel.checkpoint()
    own = own_of(session, replies[identities] if identities else (), scheme)
    missing = _missing(places, looked_up.book, scheme)
    if problems := [*missing, *role_problems(found, scheme), *_digest_problems(own, scheme)]:
        raise ConfigError(problems)
    return CheckedAccount(places, own, looked_up)


async def defaults_changed(account: CheckedAccount, contacts: Contacts, scheme: Scheme) -> bool:
    """Whether the usual categories were others when senders were settled. Reads all cards where that may be."""
    if not may_concern(account.contacts.book.groups, scheme):
        return False
    cards = (await contacts.read_all()).book.cards
    return await worked_out(size_of(cards), lambda: settled_before(cards))


async def begin(client: Client, contacts: Contacts, scheme: Scheme, now: datetime) -> Pass:
    """What the requests of a pass need, for an owner who asks outside of one. Raises `ConfigError`, as a start does."""
    account = await check_account(client, contacts, scheme)
    mail_account = (await client.session()).mail_account
    return Pass(client, contacts, scheme, account.places, account.own, mail_account, now, Moved())


def own_of(session: Session, identities: Iterable[Identity], scheme: Scheme) -> OwnAddresses:
    """The user's own addresses, as far as account and configuration tell.

    Cyrus names its identity with an empty address (seen on 3.6.1): the account's own name may be one, too.
    """
    names = (session.username, session.mail_account_name)
    return own_addresses((*(each.email for each in identities), *names, *scheme.own_addresses))


def _digest_problems(own: OwnAddresses, scheme: Scheme) -> list[str]:
    return [f"digest: {NO_ADDRESS_FOR_DIGESTS}"] if scheme.digest is not None and not own.first else []


def _missing(places: Places, book: AddressBook, scheme: Scheme) -> list[str]:
    """ONE line for everything without which no sender can be settled; a missing label doesn't stop a start.

    What may be there and can't be read has a line of its own: creating it would make a second one.
    """
    needed = scheme.managed_mailboxes & frozenset(places.missing)
    absent = (scheme.groups | {scheme.provenance_group}) - {group.name for group in book.groups}
    unreadable = {name: problem for name in sorted(absent) if (problem := unreadable_group(name, book))}
    groups = absent - unreadable.keys()
    parts = [
        f"{what}: {names}"
        for what, names in (
            ("mailboxes", with_case_hints(sorted(needed), places)),
            ("contact groups", ", ".join(sorted(groups))),
        )
        if names
    ]
    missing = [f"missing {'; '.join(parts)}. `mailroom setup --apply` creates them"] if parts else []
    return [*missing, *(f"contact group {name}: {problem}" for name, problem in unreadable.items())]
