"""The address book over JMAP (RFC 9610): its calls travel with the mail's, so it costs no round trip of its own."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import trio

from mailroom.addresses import spellings
from mailroom.contacts import jscontact
from mailroom.contacts.base import AddressBook, InBatch, LookUp, Wanted
from mailroom.contacts.jmap_account import ContactsAccount
from mailroom.contacts.jmap_conditional import KnownState
from mailroom.contacts.jmap_writes import JmapLookUp
from mailroom.jmap.batch import Batch, Replies, slices
from mailroom.jmap.cards import CARD, ContactCard, Malformed, get_address_books
from mailroom.jmap.client import Client
from mailroom.jmap.query import Filter, all_of, any_of, search
from mailroom.jmap.session import Limits

_CARDS_A_TURN = 500

_ASKED_FOR_AT_ONCE = 100
"""Addresses, notes or names in one filter, as in one REPORT of CardDAV. Further ones travel in the same request."""

ReadBook = Callable[[Iterable[ContactCard | Malformed]], AddressBook]


class JmapContacts:
    """Contacts in one account of a JMAP server."""

    def __init__(self, client: Client, account_id: str, limits: Limits) -> None:
        self._account = ContactsAccount(client, account_id, limits)

    def look_up(self, wanted: Wanted) -> InBatch[LookUp]:
        # A query of their own: Cyrus hoists `kind` out of an OR, which would then find groups alone.
        filters: list[Filter] = [{"kind": "group"}]
        texts = [text for address in wanted.addresses for text in spellings(address)]
        emails: list[Filter] = [{"email": text} for text in (*texts, *wanted.parts_of_addresses)]
        notes: list[Filter] = [{"note": text} for text in wanted.notes]
        # Word by word: the card's name may have other white space or quotes.
        names = [all_of([{"name": word} for word in name.split()]) for name in wanted.names]
        filters += [any_of(part) for each in (emails, notes, names) for part in slices(each, _ASKED_FOR_AT_ONCE)]
        # A query of its own for each: they are few, and a server need not know `uid` inside an operator.
        filters += [{"uid": uid} for uid in wanted.uids]
        read = partial(jscontact.address_book, wanted=wanted)

        def stage(batch: Batch) -> Callable[[Replies], Awaitable[LookUp]]:
            return self._stage(batch, filters, read)

        return InBatch(stage)

    async def read_all(self) -> LookUp:
        batch = Batch()
        settle = self._stage(batch, [{}], jscontact.whole_book)
        return await settle(await self._account.client.send(batch))

    def nothing(self) -> LookUp:
        return JmapLookUp(self._account, AddressBook((), ()), state=KnownState(""), new_cards_book="", cards={})

    def _stage(self, batch: Batch, filters: Iterable[Filter], read: ReadBook) -> Callable[[Replies], Awaitable[LookUp]]:
        """Calls that find the cards; the state comes before them, so that it is never newer than what they show."""
        account = self._account
        state = batch.add(CARD.get_state(account.id))
        books = batch.add(get_address_books(account.id))
        searches = [search(batch, CARD, account.id, account.limits, filter) for filter in filters]

        async def settle(replies: Replies) -> LookUp:
            pages = [await account.client.all_found(page, replies) for page in searches]
            found = {item.id: item for page in pages for item in page}
            cards = {id: item for id, item in found.items() if isinstance(item, ContactCard)}
            book = await _in_turns(read, found.values())
            return JmapLookUp(account, book, KnownState(replies[state]), jscontact.default_book(replies[books]), cards)

        return settle


async def _in_turns(read: ReadBook, found: Iterable[ContactCard | Malformed]) -> AddressBook:
    """What was found, with time for other tasks between the parts."""
    parts: list[AddressBook] = []
    for part in slices(sorted(found, key=lambda item: item.id), _CARDS_A_TURN):
        await trio.lowlevel.checkpoint()
        parts.append(read(part))
    return AddressBook(
        cards=tuple(each for part in parts for each in part.cards),
        groups=tuple(each for part in parts for each in part.groups),
        unreadable=tuple(each for part in parts for each in part.unreadable),
    )
