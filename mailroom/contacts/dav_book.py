"""One address book on a CardDAV server: what is in it, as the server has it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import structlog
import trio

from mailroom.contacts import dav_requests, vcard, webdav
from mailroom.contacts.base import AddressBook, Card, Group, Unreadable
from mailroom.contacts.dav import Dav
from mailroom.contacts.dav_requests import Query
from mailroom.contacts.webdav import Resource
from mailroom.errors import BadReply, SenderFailed, TooLarge
from mailroom.jmap.batch import slices
from mailroom.urls import origin

log = structlog.get_logger(component="contacts")

CARDS_PER_REPORT = 100

Item = Card | Group | Unreadable


@dataclass(frozen=True, slots=True)
class Stored:
    """The text of a card as the server has it under this ETag; None for one that isn't kept, but read again."""

    etag: str
    text: str | None


@dataclass(frozen=True, slots=True)
class DavBook:
    """The address book at `url`. Every method raises what those of `Dav` raise."""

    dav: Dav
    url: httpx.URL

    async def find(self, query: Query) -> Sequence[Resource]:
        """The cards that a query finds: one request, unless their texts (photos) are too much for one reply."""
        try:
            return await self._report(query.texts())
        except TooLarge:
            return [each for part in await self.places(query) for each in await self.at(part)]

    async def places(self, query: Query) -> Sequence[Sequence[httpx.URL]]:
        """Where the cards that a query finds are, in parts for `at`; in order."""
        urls = sorted({each.url for each in await self._report(query.places())}, key=str)
        return list(slices(urls, CARDS_PER_REPORT))

    async def at(self, urls: Sequence[httpx.URL]) -> list[Resource]:
        """The cards at these urls that are still there, in halves where they are too much for one reply."""
        try:
            found = await self._report(dav_requests.cards_at(urls))
        except TooLarge:
            if len(urls) == 1:
                raise
            middle = len(urls) // 2
            return [*await self.at(urls[:middle]), *await self.at(urls[middle:])]
        return [each for each in found if each.status not in (httpx.codes.NOT_FOUND, httpx.codes.GONE)]

    async def read_again(self, url: httpx.URL) -> tuple[str, str]:
        """The ETag and text of one card as it is now. Also raises `SenderFailed`."""
        for resource in await self.at((url,)):
            if resource.card and resource.etag:
                return resource.etag, resource.card
        raise SenderFailed("the card is gone; the next pass starts anew")

    def url_of(self, uid: str) -> httpx.URL:
        """Where a new card with this uid goes."""
        return self.url.join(f"{quote(uid, safe='')}.vcf")

    async def _report(self, body: bytes) -> list[Resource]:
        resources = await self.dav.report(self.url, body)
        if any(resource.status == httpx.codes.INSUFFICIENT_STORAGE for resource in resources):
            # RFC 6352 §8.6.2. Without all groups, a sender would be added to a group that it is in.
            raise BadReply(f"{origin(self.url)} gives a part of the matching cards only", expected="all of them")
        return [resource for resource in resources if not _is_same(resource.url, self.url)]


def _is_same(url: httpx.URL, collection: httpx.URL) -> bool:
    """Whether a url is that of a collection: Fastmail and Nextcloud spell `@` now so, now `%40`."""
    return url.host == collection.host and url.path.rstrip("/") == collection.path.rstrip("/")


def read_card(resource: Resource) -> Item:
    """What triage needs of a card; its ref is its full url."""
    ref = str(resource.url)
    if not resource.card:
        return Unreadable(ref, f"the server doesn't hand it out (HTTP {resource.status})", frozenset())
    if webdav.UNREADABLE in resource.card:
        reason = "it holds a byte or character that XML can't carry: type its text anew in an address book app"
        return Unreadable(ref, reason, vcard.mentioned(resource.card))
    card = vcard.read(ref, resource.card)
    if not resource.etag:
        addresses = frozenset() if isinstance(card, Group) else card.addresses
        return Unreadable(ref, "the server gives no ETag for it, so it can't be edited safely", addresses)
    return card


async def read_items(found: Iterable[Resource]) -> list[Item]:
    """What triage needs of each card."""
    items: list[Item] = []
    for each in found:
        # A card may have thousands of lines.
        await trio.lowlevel.checkpoint()
        items.append(read_card(each))
    return items


def book_of(found: Iterable[Item]) -> AddressBook:
    """What was found; what can't be read is logged."""
    items = sorted(found, key=lambda item: item.ref)
    unreadable = tuple(item for item in items if isinstance(item, Unreadable))
    for item in unreadable:
        log.warning("card_unreadable", card=item.known_as, reason=item.reason)
    return AddressBook(
        cards=tuple(item for item in items if isinstance(item, Card)),
        groups=tuple(item for item in items if isinstance(item, Group)),
        unreadable=unreadable,
    )


def stored_of(found: Iterable[Resource]) -> dict[str, Stored]:
    """The texts, by ref, of those that have one."""
    return {str(each.url): Stored(each.etag, each.card) for each in found if each.card}
