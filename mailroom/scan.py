"""What waits in the account: mailboxes by name, and every labelled mail, in one request (step 1 of the design)."""

from dataclasses import dataclass

from mailroom.addresses import canonical
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Contacts
from mailroom.decisions.places import Places, find_places, role_problems
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch, Replies
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email, get_identities
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.jmap.query import Search, any_of, search
from mailroom.jmap.session import Session


@dataclass(frozen=True, slots=True)
class Scan:
    """The mailboxes as they are now, and the mails with a triage label, sorted by id."""

    places: Places
    labelled: tuple[Email, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """What is asked for once, at the start: the mailboxes, and the user's own canonical addresses."""

    places: Places
    own: frozenset[str]


async def check_account(client: Client, contacts: Contacts, scheme: Scheme) -> Account:
    """The start check, one request. Raises `ConfigError` that lists everything that is missing at once."""
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    identities = batch.add(get_identities(session.mail_account)) if session.identities else None
    book = contacts.look_up((), batch)
    replies = await client.send(batch)
    found = replies[mailboxes]
    places = find_places(found, scheme)
    if problems := [*_missing(places, await book(replies), scheme), *role_problems(found, scheme)]:
        raise ConfigError(problems)
    # Cyrus names its identity with an empty address (seen on 3.6.1): the account's own name is the user's, too.
    own = [each.email for each in replies[identities]] if identities else []
    own += [session.username, session.mail_account_name]
    return Account(places, frozenset(address for each in own if (address := canonical(each))))


def _missing(places: Places, book: AddressBook, scheme: Scheme) -> list[str]:
    """ONE line for everything without which no sender can be settled; a missing label doesn't stop a start."""
    needed = scheme.managed_mailboxes & frozenset(places.missing)
    groups = (scheme.groups | {scheme.provenance_group}) - {group.name for group in book.groups}
    parts = [
        f"{what}: {', '.join(sorted(names))}"
        for what, names in (("mailboxes", needed), ("contact groups", groups))
        if names
    ]
    return [f"missing {'; '.join(parts)}. `mailroom setup --apply` creates them"] if parts else []


async def scan(client: Client, scheme: Scheme, places: Places) -> Scan:
    """Mailboxes and labelled mails. One request, as long as the labels are those of `places`: ids follow names."""
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    labelled = _search_labelled(batch, session, places)
    replies = await client.send(batch)
    now = find_places(replies[mailboxes], scheme)
    if now.labels.keys() != places.labels.keys():
        # The query asked for ids that are gone (and failed), or not for all that there are.
        batch = Batch()
        labelled = _search_labelled(batch, session, now)
        replies = await client.send(batch)
    return Scan(now, await _found(client, labelled, replies))


def _search_labelled(batch: Batch, session: Session, places: Places) -> Search[Email] | None:
    """Mail in any label mailbox; None where there is no label mailbox at all."""
    if not places.labels:
        return None
    labelled = any_of([{"inMailbox": id} for id in sorted(places.labels)])
    return search(batch, EMAIL, session.mail_account, session.limits, labelled)


async def _found(client: Client, labelled: Search[Email] | None, replies: Replies) -> tuple[Email, ...]:
    return () if labelled is None else await client.all_found(labelled, replies)
