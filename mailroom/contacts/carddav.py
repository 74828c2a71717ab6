"""An address book over CardDAV (RFC 6352), with contact groups as Apple, Fastmail and Cyrus keep them.

Seen on servers: Cyrus 3.6 hands a vCard 4.0 out as 3.0, since a REPORT asks for 3.0 unless it names a version
(RFC 6352 §10.4); written back, it is a 3.0 card from then on. Cyrus lets two cards have one uid; only the name of
a new card, made of its uid, stops a second one. Radicale rewrites every card with vobject and cuts an X- value at
its first comma, when the card is first stored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import zip_longest

import httpx
import structlog

from mailroom.addresses import spellings
from mailroom.config.keys import VARIABLES
from mailroom.contacts import dav_requests
from mailroom.contacts.base import AddressBook, LookUp, OnItsOwn, Wanted, known_as
from mailroom.contacts.carddav_writes import DavLookUp
from mailroom.contacts.dav import Dav
from mailroom.contacts.dav_book import DavBook, Item, Stored, book_of, read_items, stored_of
from mailroom.contacts.dav_requests import Match, Query
from mailroom.contacts.discovery import find_book
from mailroom.http import Credentials
from mailroom.http_clients import Http
from mailroom.jmap.batch import slices
from mailroom.urls import origin

log = structlog.get_logger(component="contacts")

ADDRESSES_PER_REPORT = 100

LARGEST_KEPT_TEXT = 20_000
"""In characters: more is a photo, or a large group."""


async def discover(
    http: Http, url: httpx.URL, credentials: Credentials, url_key: str = VARIABLES.bare("carddav_url")
) -> "CardDav":
    """Find the address book that belongs to `url`: the book itself, its home, a principal, or just the server.

    `credentials` must trust the url's server; no other is asked. `url_key` is what the
    user knows the url as. Raises `ConfigError` for an account without an
    address book, and `Unavailable`, `Refused` or `BadReply`.
    """
    dav = Dav(http, credentials, url_key)
    book = await find_book(dav, url)
    log.debug("address_book_found", server=origin(book), name=known_as(str(book)))
    return CardDav(DavBook(dav, book))


class CardDav:
    """The `Contacts` of one address book. A ref is the full url of a card."""

    def __init__(self, address_book: DavBook) -> None:
        self._address_book = address_book

    def look_up(self, wanted: Wanted) -> OnItsOwn[LookUp]:
        """See `Contacts`. One request for each 100 addresses and names."""
        return OnItsOwn(partial(self._look_up, wanted))

    async def read_all(self) -> LookUp:
        """See `Contacts`. One request for where the cards are, and one for each 100 of them."""
        items: list[Item] = []
        stored: dict[str, Stored] = {}
        for part in await self._address_book.places(dav_requests.EVERYTHING):
            found = await self._address_book.at(part)
            items += await read_items(found)
            stored |= {ref: _without_large_text(each) for ref, each in stored_of(found).items()}
        return DavLookUp(self._address_book, book_of(items), stored)

    def nothing(self) -> LookUp:
        return DavLookUp(self._address_book, AddressBook((), ()), {})

    async def _look_up(self, wanted: Wanted) -> LookUp:
        first, *others = _matches(wanted) or [()]
        first = (*first, *dav_requests.addresses(wanted.parts_of_addresses), *dav_requests.uids(wanted.uids))
        queries = [Query((*first, *dav_requests.GROUPS)), *map(Query, others)]
        found = {str(each.url): each for query in queries for each in await self._address_book.find(query)}
        book = book_of(await read_items(found.values()))
        cards = wanted.those_in(book.cards)
        return DavLookUp(self._address_book, replace(book, cards=cards), stored_of(found.values()))


def _without_large_text(stored: Stored) -> Stored:
    """Of a whole book few cards are edited, and all photos together may be more than the memory."""
    return stored if len(stored.text or "") <= LARGEST_KEPT_TEXT else replace(stored, text=None)


def _matches(wanted: Wanted) -> list[tuple[Match, ...]]:
    """For each REPORT what it looks for; the addresses of whole domains beside those of senders."""
    people = [each for each in wanted.addresses if not each.startswith("*@")]
    domains = [each for each in wanted.addresses if each.startswith("*@")]
    parts = (slices(each, ADDRESSES_PER_REPORT) for each in (people, domains, wanted.names, wanted.notes))
    return [
        (
            *dav_requests.addresses(_spelled((*addresses, *wholes))),
            *dav_requests.names(names),
            *dav_requests.notes(notes),
        )
        for addresses, wholes, names, notes in zip_longest(*parts, fillvalue=())
    ]


def _spelled(addresses: Iterable[str]) -> Iterator[str]:
    return (spelling for address in addresses for spelling in spellings(address))
