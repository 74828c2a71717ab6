"""An address book over CardDAV (RFC 6352), with contact groups as Apple, Fastmail and Cyrus keep them.

Seen on servers: Cyrus 3.6 hands a vCard 4.0 out as 3.0, since a REPORT asks for 3.0 unless it names a version
(RFC 6352 §10.4); written back, it is a 3.0 card from then on. Cyrus lets two cards have one uid; only the name of
a new card, made of its uid, stops a second one. Radicale rewrites every card with vobject and cuts an X- value at
its first comma, when the card is first stored.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol
from urllib.parse import quote
from uuid import uuid4

import httpx
import structlog

from mailroom.addresses import spellings
from mailroom.contacts import vcard, webdav
from mailroom.contacts.base import (
    AddressBook,
    Card,
    CardEdit,
    Change,
    Departure,
    Failures,
    Group,
    NewCard,
    Staged,
    Unreadable,
)
from mailroom.contacts.dav import CardRefused, Dav
from mailroom.contacts.discovery import find_book
from mailroom.contacts.webdav import Resource
from mailroom.contacts.writes import in_turns, write_all
from mailroom.errors import BadReply, SenderFailed
from mailroom.http import Credentials, place
from mailroom.jmap.batch import Batch, Replies, slices

log = structlog.get_logger(component="contacts")

ADDRESSES_PER_REPORT = 100
TRIES = 3

Edit = Callable[[str], str]
"""From the text of a vCard to its new text; it may raise `NotAVCard` or `SenderFailed`."""


class EditMembers(Protocol):
    """From the text of a group to its text with, or without, the members given."""

    def __call__(self, text: str, uids: Iterable[str]) -> str: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """The text of a card as the server has it under this ETag."""

    etag: str
    text: str


@dataclass(frozen=True, slots=True)
class Membership:
    """The groups that one sender's card joins or leaves."""

    sender: str
    uid: str
    groups: tuple[Group, ...]


async def discover(http: httpx.AsyncClient, url: httpx.URL, credentials: Credentials) -> "CardDav":
    """Find the address book that belongs to `url`: the book itself, its home, a principal, or just the server.

    `credentials` must trust the url's server; no other is asked. Raises `ConfigError` for an account without an
    address book, and `Unavailable`, `Refused` or `BadReply`.
    """
    dav = Dav(http, credentials)
    book = await find_book(dav, url)
    log.debug("address_book_found", url=place(book))
    return CardDav(dav, book)


class CardDav:
    """The `Contacts` of one address book. A ref is the full url of a card."""

    def __init__(self, dav: Dav, book: httpx.URL) -> None:
        self._dav = dav
        self._book = book
        self._stored: dict[str, Stored] = {}
        self._reported: set[tuple[str, str]] = set()

    def look_up(self, addresses: Sequence[str], batch: Batch) -> Callable[[Replies], Awaitable[AddressBook]]:
        """See `Contacts`. The requests are made by the returned function; the batch gets no call."""

        async def read(_: Replies) -> AddressBook:
            return await self._look_up(addresses)

        return read

    async def read_all(self) -> AddressBook:
        """See `Contacts`. One request."""
        return self._address_book({str(found.url): found for found in await self._report(webdav.everything())})

    async def extras(self, cards: Sequence[Card]) -> Mapping[str, frozenset[str]]:
        """See `Contacts`. No request: the texts are here."""
        return {card.ref: vcard.extras(self._stored[card.ref].text) for card in cards}

    async def add(self, changes: Sequence[Change], batch: Batch) -> Staged:
        """See `Contacts`. All is done when this returns; `settle` only repeats the failures."""
        failed = await self._write_cards(changes)
        memberships = [Membership(change.sender, change.uid, change.join) for change in changes]
        return _done(await self._write_groups(memberships, vcard.with_members, failed))

    async def remove(self, departures: Sequence[Departure], batch: Batch) -> Staged:
        """See `Contacts`. All is done when this returns; `settle` only repeats the failures."""
        memberships = [Membership(departure.sender, departure.uid, departure.leave) for departure in departures]
        return _done(await self._write_groups(memberships, vcard.without_members, {}))

    async def create_groups(self, names: Sequence[str]) -> Failures:
        """See `Contacts`. Each is a request of its own."""
        return await write_all((name, partial(self._create_group, name)) for name in names)

    async def delete_cards(self, cards: Sequence[Card]) -> Failures:
        """See `Contacts`. Each is a request of its own; a card that was edited since the look-up stays."""
        return await write_all((card.ref, partial(self._delete, card.ref)) for card in cards)

    async def _look_up(self, addresses: Sequence[str]) -> AddressBook:
        resources: dict[str, Resource] = {}
        first, *others = list(slices(addresses, ADDRESSES_PER_REPORT)) or [()]
        reports = [webdav.addresses_and_groups(_all_spellings(first))]
        reports += [webdav.addresses_only(_all_spellings(part)) for part in others]
        for report in reports:
            resources |= {str(resource.url): resource for resource in await self._report(report)}
        book = self._address_book(resources)
        wanted = frozenset(addresses)
        return replace(book, cards=tuple(card for card in book.cards if card.addresses & wanted))

    def _address_book(self, resources: Mapping[str, Resource]) -> AddressBook:
        """What was found, kept as the text that edits start from."""
        self._stored = {ref: Stored(found.etag, found.card) for ref, found in resources.items() if found.card}
        read = [_read(ref, resources[ref]) for ref in sorted(resources)]
        unreadable = tuple(item for item in read if isinstance(item, Unreadable))
        for item in unreadable:
            self._report_once(item, resources[item.ref].etag)
        return AddressBook(
            cards=tuple(item for item in read if isinstance(item, Card)),
            groups=tuple(item for item in read if isinstance(item, Group)),
            unreadable=unreadable,
        )

    def _report_once(self, card: Unreadable, etag: str) -> None:
        if (card.ref, etag) not in self._reported:
            self._reported.add((card.ref, etag))
            log.warning("card_unreadable", ref=place(httpx.URL(card.ref)), reason=card.reason)

    async def _report(self, body: bytes) -> list[Resource]:
        resources = await self._dav.report(self._book, body)
        if any(resource.status == httpx.codes.INSUFFICIENT_STORAGE for resource in resources):
            # RFC 6352 §8.6.2. Without all groups, a sender would be added to a group that it is in.
            raise BadReply(f"{place(self._book)} gives a part of the matching cards only", expected="all of them")
        return [resource for resource in resources if resource.url != self._book]

    async def _write_cards(self, changes: Sequence[Change]) -> Failures:
        """Write the card of each sender; reasons of those that failed."""
        return await write_all(
            (change.sender, partial(self._write, change.card)) for change in changes if change.card is not None
        )

    async def _write(self, card: NewCard | CardEdit) -> None:
        await (self._create(card) if isinstance(card, NewCard) else self._complete(card))

    async def _write_groups(
        self, memberships: Sequence[Membership], edit: EditMembers, failed: Mapping[str, str]
    ) -> Failures:
        """Write each group once, a few at a time, none before those that a sender is to be in earlier.

        A failure ends that sender's memberships.
        """
        failures = dict(failed)
        names = {group.ref: group.name for membership in memberships for group in membership.groups}
        for turn in in_turns(dict.fromkeys(_refs(membership) for membership in memberships)):
            going = [membership for membership in memberships if membership.sender not in failures]
            concerned = {ref: [membership for membership in going if ref in _refs(membership)] for ref in turn}
            refused = await write_all(
                (ref, partial(self._edit, ref, partial(edit, uids=[membership.uid for membership in each])))
                for ref, each in concerned.items()
                if each
            )
            failures |= {
                membership.sender: f"group {names[ref]}: {reason}"
                for ref, reason in refused.items()
                for membership in concerned[ref]
            }
        return failures

    async def _create(self, card: NewCard) -> None:
        """Create a card, or complete the one that has its uid already."""
        url = self._url_of(card.uid)
        text = vcard.new_card(card)
        try:
            reply = await self._dav.create(url, text)
        except CardRefused as refused:
            if refused.precondition != "no-uid-conflict":
                raise
            reply = None
        if reply is None:
            await self._adopt(card)

    async def _adopt(self, card: NewCard) -> None:
        """Make the existing card with this uid what a new one would be; a note that it has stays."""
        existing, stored = await self._with_uid(card.uid)
        self._stored[existing.ref] = stored
        edit = CardEdit(existing, card.fields, existing.note or card.note)
        await self._edit(existing.ref, lambda text: vcard.with_address(_complete(text, edit), card.address))

    async def _with_uid(self, uid: str) -> tuple[Card, Stored]:
        for resource in await self._report(webdav.uid_is(uid)):
            read = _read(str(resource.url), resource)
            if isinstance(read, Card) and read.uid == uid:
                return read, Stored(resource.etag, resource.card or "")
        raise SenderFailed("the address book refuses the new card, yet shows no card with its uid")

    async def _complete(self, edit: CardEdit) -> None:
        await self._edit(edit.card.ref, lambda text: _complete(text, edit))

    async def _create_group(self, name: str) -> None:
        uid = str(uuid4())
        if await self._dav.create(self._url_of(uid), vcard.new_group(uid, name)) is None:
            raise SenderFailed(f"the address book already has a card at {self._url_of(uid)}")

    async def _delete(self, ref: str) -> None:
        stored = self._stored.pop(ref, None)
        if stored is None or not await self._dav.delete(httpx.URL(ref), etag=stored.etag):
            raise SenderFailed("someone else changed the card meanwhile, so it was not deleted")

    async def _edit(self, ref: str, edit: Edit) -> None:
        """Write what `edit` makes of the card, unless it changes nothing. Also raises `SenderFailed`.

        Another client's write in between is no failure: its text is read and edited in turn.
        """
        url = httpx.URL(ref)
        for _ in range(TRIES):
            stored = self._stored.pop(ref, None) or await self._read_again(url)
            try:
                text = edit(stored.text)
            except vcard.NotAVCard as reason:
                raise SenderFailed(f"the card can't be edited: {reason}") from None
            if text == stored.text:
                self._stored[ref] = stored
                return
            reply = await self._dav.replace(url, text, etag=stored.etag)
            if reply is not None:
                # A server that gives no ETag has changed the text (RFC 6352 §6.3.2.3): the next edit reads it again.
                if etag := reply.headers.get("ETag"):
                    self._stored[ref] = Stored(etag, text)
                return
        raise SenderFailed(f"someone else changed the card {TRIES} times in a row while it was written")

    async def _read_again(self, url: httpx.URL) -> Stored:
        for resource in await self._report(webdav.one_card(url)):
            if resource.card and resource.etag:
                return Stored(resource.etag, resource.card)
        raise SenderFailed("the card is gone; the next pass starts anew")

    def _url_of(self, uid: str) -> httpx.URL:
        return self._book.join(f"{quote(uid, safe='')}.vcf")


def _done(failures: Failures) -> Staged:
    async def settle(_: Replies) -> Failures:
        return failures

    return Staged(settle, failures)


def _all_spellings(addresses: Sequence[str]) -> list[str]:
    return [spelling for address in addresses for spelling in spellings(address)]


def _refs(membership: Membership) -> tuple[str, ...]:
    return tuple(group.ref for group in membership.groups)


def _read(ref: str, resource: Resource) -> Card | Group | Unreadable:
    if not resource.card:
        return Unreadable(ref, f"the server doesn't hand it out (HTTP {resource.status})", frozenset())
    read = vcard.read(ref, resource.card)
    if not resource.etag:
        addresses = frozenset() if isinstance(read, Group) else read.addresses
        return Unreadable(ref, "the server gives no ETag for it, so it can't be edited safely", addresses)
    return read


def _complete(text: str, edit: CardEdit) -> str:
    """The edited text. Raises `SenderFailed` if someone else wrote a note after ours was composed."""
    read = vcard.read(edit.card.ref, text)
    if isinstance(read, Card) and read.note not in (edit.card.note, vcard.clean(edit.note)):
        raise SenderFailed("someone else changed the card's note meanwhile; the next pass starts from theirs")
    return vcard.completed(text, edit.fill, edit.note)
