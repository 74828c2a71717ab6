"""An address book over CardDAV (RFC 6352), with contact groups as Apple, Fastmail and Cyrus keep them.

Seen on servers: Cyrus 3.6 hands a vCard 4.0 out as 3.0, since a REPORT asks for 3.0 unless it names a version
(RFC 6352 §10.4); written back, it is a 3.0 card from then on. Cyrus lets two cards have one uid; only the name of
a new card, made of its uid, stops a second one. Radicale rewrites every card with vobject and cuts an X- value at
its first comma, when the card is first stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import httpx
import structlog

from mailroom.addresses import spellings
from mailroom.contacts import webdav
from mailroom.contacts.base import AddressBook, Card, Group, LookUp, OnItsOwn, Unreadable
from mailroom.contacts.carddav_writes import DavLookUp
from mailroom.contacts.dav import Dav
from mailroom.contacts.dav_book import DavBook, Stored, read_card
from mailroom.contacts.discovery import find_book
from mailroom.contacts.webdav import Resource
from mailroom.http import Credentials
from mailroom.jmap.batch import slices
from mailroom.urls import place

log = structlog.get_logger(component="contacts")

ADDRESSES_PER_REPORT = 100


async def discover(http: httpx.AsyncClient, url: httpx.URL, credentials: Credentials) -> "CardDav":
    """Find the address book that belongs to `url`: the book itself, its home, a principal, or just the server.

    `credentials` must trust the url's server; no other is asked. Raises `ConfigError` for an account without an
    address book, and `Unavailable`, `Refused` or `BadReply`.
    """
    dav = Dav(http, credentials)
    book = await find_book(dav, url)
    log.debug("address_book_found", url=place(book))
    return CardDav(DavBook(dav, book))


class CardDav:
    """The `Contacts` of one address book. A ref is the full url of a card."""

    def __init__(self, address_book: DavBook) -> None:
        self._address_book = address_book

    def look_up(self, addresses: Sequence[str]) -> OnItsOwn[LookUp]:
        """See `Contacts`. One request for each 100 addresses."""
        return OnItsOwn(partial(self._look_up, addresses))

    async def read_all(self) -> LookUp:
        """See `Contacts`. One request."""
        found = await self._address_book.report(webdav.everything())
        return self._found(found, _book(found))

    def nothing(self) -> LookUp:
        return self._found((), AddressBook((), ()))

    async def _look_up(self, addresses: Sequence[str]) -> LookUp:
        first, *others = list(slices(addresses, ADDRESSES_PER_REPORT)) or [()]
        reports = [webdav.addresses_and_groups(_all_spellings(first))]
        reports += [webdav.addresses_only(_all_spellings(part)) for part in others]
        found = [resource for report in reports for resource in await self._address_book.report(report)]
        book, wanted = _book(found), frozenset(addresses)
        return self._found(found, replace(book, cards=tuple(card for card in book.cards if card.addresses & wanted)))

    def _found(self, found: Iterable[Resource], book: AddressBook) -> LookUp:
        stored = {str(each.url): Stored(each.etag, each.card) for each in found if each.card}
        return DavLookUp(self._address_book, book, stored)


def _book(found: Iterable[Resource]) -> AddressBook:
    """What was found, each card once; what can't be read is logged."""
    by_ref = {str(resource.url): resource for resource in found}
    items = [read_card(by_ref[ref]) for ref in sorted(by_ref)]
    unreadable = tuple(item for item in items if isinstance(item, Unreadable))
    for item in unreadable:
        log.warning("card_unreadable", ref=place(httpx.URL(item.ref)), reason=item.reason)
    return AddressBook(
        cards=tuple(item for item in items if isinstance(item, Card)),
        groups=tuple(item for item in items if isinstance(item, Group)),
        unreadable=unreadable,
    )


def _all_spellings(addresses: Sequence[str]) -> list[str]:
    return [spelling for address in addresses for spelling in spellings(address)]
