"""Writes to an address book over CardDAV, from what a look-up saw."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import uuid4

import httpx
import trio

from mailroom.contacts import content_lines, dav_requests, group_vcard, vcard
from mailroom.contacts.base import (
    AddressBook,
    Card,
    CardEdit,
    Change,
    Departure,
    Failures,
    Group,
    NewCard,
    OnItsOwn,
)
from mailroom.contacts.dav import CardRefused
from mailroom.contacts.dav_book import (
    CARDS_PER_REPORT,
    DavBook,
    Stored,
    book_of,
    read_card,
    read_items,
    stored_of,
)
from mailroom.contacts.writes import in_turns, write_all
from mailroom.errors import SenderFailed
from mailroom.jmap.batch import slices

TRIES = 3

Edit = Callable[[str], str]
"""From the text of a vCard to its new text; it may raise `NotAVCard` or `SenderFailed`."""


class EditMembers(Protocol):
    """From the text of a group to its text with, or without, the members given."""

    def __call__(self, text: str, uids: Iterable[str]) -> str: ...


@dataclass(frozen=True, slots=True)
class Membership:
    """The groups that one sender's card joins or leaves."""

    sender: str
    uid: str
    groups: tuple[Group, ...]


class DavLookUp:
    """What was found, in our terms and as the texts that edits start from, by ref: the full url of a card.

    It follows its own writes: one that comes after another starts from that one's text and ETag.
    """

    def __init__(self, address_book: DavBook, book: AddressBook, stored: Mapping[str, Stored]) -> None:
        self.book = book
        self._address_book = address_book
        self._stored = dict(stored)

    async def extras(self, cards: Sequence[Card]) -> Mapping[str, frozenset[str]]:
        """See `LookUp`. No request, but for a card that is too large to be kept."""
        texts = {card.ref: self._stored[card.ref].text for card in cards}
        for ref in [ref for ref, text in texts.items() if text is None]:
            found = await self._address_book.at((httpx.URL(ref),))
            texts[ref] = next((each.card for each in found), None)
        return {ref: vcard.extras(text) for ref, text in texts.items() if text is not None}

    def add(self, changes: Sequence[Change]) -> OnItsOwn[Failures]:
        return OnItsOwn(partial(self._add, changes))

    def remove(self, departures: Sequence[Departure]) -> OnItsOwn[Failures]:
        memberships = [Membership(departure.sender, departure.uid, departure.leave) for departure in departures]
        return OnItsOwn(partial(self._write_groups, memberships, group_vcard.without_members, {}))

    async def create_groups(self, names: Sequence[str]) -> Failures:
        """See `LookUp`. Each is a request of its own."""
        return await write_all((name, partial(self._create_group, name)) for name in names)

    async def again(self, items: Sequence[Card | Group]) -> "DavLookUp":
        """See `LookUp`. One request for each 100."""
        parts = slices((httpx.URL(item.ref) for item in items), CARDS_PER_REPORT)
        found = [each for part in parts for each in await self._address_book.at(part)]
        return DavLookUp(self._address_book, book_of(await read_items(found)), stored_of(found))

    async def delete_cards(self, cards: Sequence[Card]) -> Failures:
        """See `LookUp`. Each is a request of its own; a card that was edited since the look-up stays."""
        return await write_all((card.ref, partial(self._delete, card.ref)) for card in cards)

    async def _add(self, changes: Sequence[Change]) -> Failures:
        failed = await self._write_cards(changes)
        memberships = [Membership(change.sender, change.uid, change.join) for change in changes]
        return await self._write_groups(memberships, group_vcard.with_members, failed)

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
        url = self._address_book.url_of(card.uid)
        text = vcard.new_card(card)
        try:
            reply = await self._address_book.dav.create(url, text)
        except CardRefused as refused:
            if refused.precondition != "no-uid-conflict":
                raise
            reply = None
        if reply is None:
            await self._adopt(card)

    async def _adopt(self, card: NewCard) -> None:
        """Make the existing card with this uid what a new one would be.

        A note that it has stays; where that says otherwise, the sender fails, and the next pass finds the card by its
        address. Raises `SenderFailed`.
        """
        existing, stored = await self._with_uid(card.uid)
        self._stored[existing.ref] = stored
        edit = CardEdit(existing, card.fields, existing.note or card.note)
        await self._edit(existing.ref, *_completing(edit), partial(vcard.with_address, address=card.address))
        if edit.note not in (card.note, content_lines.clean(card.note)):
            raise SenderFailed("there is a card for it already, and its note says otherwise")

    async def _with_uid(self, uid: str) -> tuple[Card, Stored]:
        for resource in await self._address_book.find(dav_requests.uid_is(uid)):
            found = read_card(resource)
            if isinstance(found, Card) and found.uid == uid:
                return found, Stored(resource.etag, resource.card or "")
        raise SenderFailed("the address book refuses the new card, yet shows no card with its uid")

    async def _complete(self, edit: CardEdit) -> None:
        await self._edit(edit.card.ref, *_completing(edit))

    async def _create_group(self, name: str) -> None:
        uid = str(uuid4())
        url = self._address_book.url_of(uid)
        if await self._address_book.dav.create(url, group_vcard.new_group(uid, name)) is None:
            raise SenderFailed(f"the address book already has a card {uid}")

    async def _delete(self, ref: str) -> None:
        stored = self._stored.pop(ref, None)
        if stored is None or not await self._address_book.dav.delete(httpx.URL(ref), etag=stored.etag):
            raise SenderFailed("someone else changed the card meanwhile, so it was not deleted")

    async def _edit(self, ref: str, *edits: Edit) -> None:
        """Write what the edits, one after the other, make of the card, unless they change nothing.

        Another client's write in between is no failure: its text is read and edited in turn. Also raises
        `SenderFailed`.
        """
        url = httpx.URL(ref)
        for _ in range(TRIES):
            etag, before = await self._taken(ref)
            text = await _edited(before, edits)
            if text == before:
                self._stored[ref] = Stored(etag, text)
                return
            text = await _edited(text, (vcard.with_required_name,))
            reply = await self._address_book.dav.replace(url, text, etag=etag)
            if reply is not None:
                # A server that gives no ETag has changed the text (RFC 6352 §6.3.2.3): the next edit reads it again.
                if new_etag := reply.headers.get("ETag"):
                    self._stored[ref] = Stored(new_etag, text)
                return
        raise SenderFailed(f"someone else changed the card {TRIES} times in a row while it was written")

    async def _taken(self, ref: str) -> tuple[str, str]:
        """The ETag and text to edit, which are forgotten: those of the look-up at first, or as the server has them."""
        stored = self._stored.pop(ref, None)
        if stored is None or stored.text is None:
            return await self._address_book.read_again(httpx.URL(ref))
        return stored.etag, stored.text


def _refs(membership: Membership) -> tuple[str, ...]:
    return tuple(group.ref for group in membership.groups)


async def _edited(text: str, edits: Iterable[Edit]) -> str:
    """The text after these edits. Each parses a card that may have thousands of lines. Raises `SenderFailed`."""
    for edit in edits:
        await trio.lowlevel.checkpoint()
        try:
            text = edit(text)
        except content_lines.NotAVCard as reason:
            raise SenderFailed(f"the card can't be edited: {reason}") from None
    return text


def _completing(edit: CardEdit) -> tuple[Edit, ...]:
    """What makes the edited text of a card."""
    recast = (partial(vcard.recast, fields=edit.recast),) if edit.recast else ()
    return (partial(_with_known_note, edit), *recast, partial(vcard.completed, fill=edit.fill, note=edit.note))


def _with_known_note(edit: CardEdit, text: str) -> str:
    """The text as it is. Raises `SenderFailed` if someone else wrote a note after ours was composed."""
    found = vcard.read(edit.card.ref, text)
    if isinstance(found, Card) and found.note not in (edit.card.note, content_lines.clean(edit.note)):
        raise SenderFailed("someone else changed the card's note meanwhile; the next pass starts from theirs")
    return text
