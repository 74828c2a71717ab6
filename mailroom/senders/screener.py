"""The Screener as its owner sees it: who waits with which mail, and what to show of it.

Two requests for any number of senders, and a third for what is shown of some of them: as the mailboxes tell how many
mails they hold, all pages of the search travel together.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailroom.config.scheme import Category, Scheme
from mailroom.contacts.base import Contacts, Wanted
from mailroom.contacts.steps import beside
from mailroom.decisions.own import OwnAddresses
from mailroom.decisions.pauses import question
from mailroom.decisions.places import Places, find_places
from mailroom.decisions.select import by_age, labels_of, newest_name
from mailroom.decisions.state_card import uid_of
from mailroom.errors import TooLarge
from mailroom.jmap.batch import Batch, Replies
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email, get_identities
from mailroom.jmap.mailbox import MAILBOX, Mailbox, get_mailboxes
from mailroom.jmap.query import Kind, Search, search
from mailroom.jmap.session import Session
from mailroom.jmap.shown_mail import SHOWN_MAIL, SUBJECT_ALONE, ShownMail, get_shown
from mailroom.senders.waiting import by_sender, screener_of
from mailroom.triage.start_check import own_of
from mailroom.triage.state import state_in


@dataclass(frozen=True, slots=True)
class WaitingSender:
    """Somebody with mail that waits: canonical address (None if there is no usable one), name of the newest mail that
    has one, the mails (never none), the newest first.

    `tapped` is the category whose label is on a mail already, `asks` what Mailroom asks of the owner about it.
    """

    sender: str | None
    name: str
    mails: tuple[Email, ...]
    tapped: Category | None
    asks: str | None

    @property
    def newest(self) -> Email:
        return self.mails[0]


@dataclass(frozen=True, slots=True)
class Screener:
    """What one look saw: who waits, the newest first; until when screening is open, None where nobody asked."""

    places: Places
    own: OwnAddresses
    senders: tuple[WaitingSender, ...]
    open_until: datetime | None = None

    @property
    def number_of_mails(self) -> int:
        """How many mails wait."""
        return sum(len(each.mails) for each in self.senders)

    def sender(self, address: str) -> WaitingSender | None:
        return next((each for each in self.senders if each.sender == address), None)


async def read_screener(
    client: Client, scheme: Scheme, opening_from: Contacts | None = None, kind: Kind[Email] = EMAIL
) -> Screener:
    """Look who waits; where contacts are given, until when screening is open, too. Raises `MailroomError`.

    `kind` says how much is read of each mail.
    """
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    identities = batch.add(get_identities(session.mail_account)) if session.identities else None
    open_until: datetime | None = None
    if opening_from is None:
        replies = await client.send(batch)
    else:
        state_card = Wanted(uids=(uid_of(session.mail_account),))
        replies, looked_up = await beside(client, batch, opening_from.look_up(state_card))
        open_until = state_in(looked_up.book, session.mail_account).open_until
    own = own_of(session, replies[identities] if identities else (), scheme)
    found = await client.all_of(MAILBOX, session.mail_account, mailboxes, replies)
    places = find_places(found, scheme)
    where = (screener_of(places, scheme), places.error_label)
    waiting_in = [each for each in found if each.id in where]
    emails = await _all_in(client, waiting_in, kind)
    return Screener(places, own, await waiting_senders(emails, places, own), open_until)


async def waiting_senders(emails: Iterable[Email], places: Places, own: OwnAddresses) -> tuple[WaitingSender, ...]:
    """The senders of these mails, who wrote last first. Other tasks have their turn in between."""
    found = [
        WaitingSender(
            sender=sender,
            name=newest_name(mails),
            mails=tuple(reversed(mails)),
            tapped=_tapped(mails, places),
            asks=question(sender, mails, places, own),
        )
        async for sender, mails in by_sender(emails, places)
    ]
    return tuple(sorted(found, key=lambda each: by_age(each.newest), reverse=True))


def _tapped(mails: Iterable[Email], places: Places) -> Category | None:
    """The category of the one triage label on these mails."""
    labels = frozenset[str]().union(*(labels_of(email, places) for email in mails))
    meant = {places.labels[id] for id in labels}
    only = meant.pop() if len(meant) == 1 else None
    return only if isinstance(only, Category) else None


async def _all_in(client: Client, mailboxes: Sequence[Mailbox], kind: Kind[Email]) -> tuple[Email, ...]:
    """All mails of these mailboxes, each once. Each is searched alone: that every server takes."""
    session = await client.session()
    batch = Batch()
    searches = [_pages(batch, session, each, kind) for each in mailboxes]
    replies = await client.send(batch)
    found = {email.id: email for pages in searches for email in await _found(client, pages, replies)}
    return tuple(found.values())


def _pages(batch: Batch, session: Session, mailbox: Mailbox, kind: Kind[Email]) -> list[Search[Email]]:
    size = session.limits.max_objects_in_get
    return [
        search(batch, kind, session.mail_account, session.limits, {"inMailbox": mailbox.id}, position=position)
        for position in range(0, max(mailbox.total_emails or 0, 1), size)
    ]


async def _found(client: Client, pages: Sequence[Search[Email]], replies: Replies) -> Iterable[Email]:
    """What the pages hold; where that isn't all (mail came, or the server's pages are smaller), page by page."""
    found = {email.id: email for page in pages for email in replies[page.objects]}
    ids = {id for page in pages for id in replies[page.query].ids}
    total = replies[pages[0].query].total
    if total is not None and len(ids) >= total:
        return found.values()
    return await client.all_found(pages[0], replies)


async def read_shown(client: Client, ids: Iterable[str], kind: Kind[ShownMail] = SHOWN_MAIL) -> Mapping[str, ShownMail]:
    """What to show of these mails, by id. One request; none for no mail."""
    batch = Batch()
    slots = get_shown(batch, await client.session(), ids, kind)
    if not slots:
        return {}
    replies = await client.send(batch)
    return {mail.id: mail for slot in slots for mail in replies[slot]}


async def read_subjects(client: Client, ids: Iterable[str]) -> Mapping[str, str]:
    """The subjects of these mails, by id; none where somebody's are too large to be read. One request for thousands."""
    try:
        found = await read_shown(client, ids, SUBJECT_ALONE)
    except TooLarge:
        return {}
    return {id: mail.subject for id, mail in found.items()}
