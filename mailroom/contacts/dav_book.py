"""One address book on a CardDAV server: what is in it, as the server has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx

from mailroom.contacts import vcard, webdav
from mailroom.contacts.base import Card, Group, Unreadable
from mailroom.contacts.dav import Dav
from mailroom.contacts.webdav import Resource
from mailroom.errors import BadReply, SenderFailed
from mailroom.urls import place


@dataclass(frozen=True, slots=True)
class Stored:
    """The text of a card as the server has it under this ETag."""

    etag: str
    text: str


@dataclass(frozen=True, slots=True)
class DavBook:
    """The address book at `url`. Every method raises what those of `Dav` raise."""

    dav: Dav
    url: httpx.URL

    async def report(self, body: bytes) -> Sequence[Resource]:
        """All cards that a REPORT asks for."""
        resources = await self.dav.report(self.url, body)
        if any(resource.status == httpx.codes.INSUFFICIENT_STORAGE for resource in resources):
            # RFC 6352 §8.6.2. Without all groups, a sender would be added to a group that it is in.
            raise BadReply(f"{place(self.url)} gives a part of the matching cards only", expected="all of them")
        return [resource for resource in resources if resource.url != self.url]

    async def read_again(self, url: httpx.URL) -> Stored:
        """One card as it is now. Also raises `SenderFailed`."""
        for resource in await self.report(webdav.one_card(url)):
            if resource.card and resource.etag:
                return Stored(resource.etag, resource.card)
        raise SenderFailed("the card is gone; the next pass starts anew")

    def url_of(self, uid: str) -> httpx.URL:
        """Where a new card with this uid goes."""
        return self.url.join(f"{quote(uid, safe='')}.vcf")


def read_card(resource: Resource) -> Card | Group | Unreadable:
    """What triage needs of a card; its ref is its full url."""
    ref = str(resource.url)
    if not resource.card:
        return Unreadable(ref, f"the server doesn't hand it out (HTTP {resource.status})", frozenset())
    card = vcard.read(ref, resource.card)
    if not resource.etag:
        addresses = frozenset() if isinstance(card, Group) else card.addresses
        return Unreadable(ref, "the server gives no ETag for it, so it can't be edited safely", addresses)
    return card
