"""The user's contacts app on a CardDAV server: plain HTTP, cards read by vobject."""

from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4
from xml.etree import ElementTree

import httpx
import vobject

from tests.real.mailbox_user import put_card

ALL_CARDS = """\
<?xml version="1.0" encoding="utf-8"?>
<C:addressbook-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">
  <prop><getetag/><C:address-data/></prop><C:filter/>
</C:addressbook-query>
"""
CARD_DATA = "{urn:ietf:params:xml:ns:carddav}address-data"
MEMBER = "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:"


@dataclass(frozen=True, slots=True)
class Stored:
    """A card as the server has it; its text is unfolded, with LF as line end."""

    url: str
    text: str

    def values(self, name: str) -> list[str]:
        """The unescaped values of all lines of this name, in lower case; none if the card can't be read."""
        return list(_values(self.text).get(name, ()))


@dataclass(frozen=True, slots=True)
class ContactsApp:
    """One user's address book."""

    http: httpx.Client
    book_url: str

    def put(self, *lines: str) -> str:
        """Create a card of these lines under a name of its own; returns its url."""
        return put_card(self.http, self.book_url, "\r\n".join(("BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", "")))

    def add(self, address: str, name: str, *lines: str) -> str:
        """Create a card with one address; returns its uid."""
        uid = str(uuid4())
        self.put(f"UID:{uid}", f"FN:{name}", "N:;;;;", f"EMAIL;TYPE=INTERNET:{address}", *lines)
        return uid

    def add_with_note(self, uid: str, address: str, name: str, note: str) -> None:
        escaped = note.replace("\\", "\\\\").replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;")
        lines = (f"EMAIL;TYPE=INTERNET:{address}", f"NOTE:{escaped}")
        self.put(f"UID:{uid}", f"FN:{name}", "N:;;;;", *lines)

    def join(self, group: str, *uids: str) -> None:
        """Add members to a group, as another client does."""
        (card,) = self._groups(group)
        text = self.http.get(card.url).text
        lines = "".join(f"{MEMBER}{uid}\r\n" for uid in uids)
        headers = {"Content-Type": "text/vcard; charset=utf-8"}
        edited = text.replace("END:VCARD", f"{lines}END:VCARD")
        self.http.put(card.url, content=edited.encode(), headers=headers).raise_for_status()

    def add_lines(self, address: str, *lines: str) -> None:
        """Edit the card with this address."""
        card = self._by_address()[address]
        text = self.http.get(card.url).text.replace("END:VCARD", "\r\n".join((*lines, "END:VCARD")))
        headers = {"Content-Type": "text/vcard; charset=utf-8"}
        self.http.put(card.url, content=text.encode(), headers=headers).raise_for_status()

    def add_address(self, address: str, another: str) -> None:
        self.add_lines(address, f"EMAIL;TYPE=INTERNET:{another}")

    def delete_groups(self, *names: str) -> None:
        for name in names:
            for group in self._groups(name):
                self.http.delete(group.url).raise_for_status()

    def members(self, group: str) -> set[str]:
        """The uids in the group."""
        (card,) = self._groups(group)
        return _members(card)

    def groups_of(self, address: str) -> set[str]:
        """The names of the groups that a card with this address is in."""
        cards = self.all()
        uids = {card.values("uid")[0] for card in cards if address in card.values("email")}
        return {card.values("fn")[0] for card in cards if _members(card) & uids}

    def add_broken(self, address: str) -> None:
        """Create a card that Mailroom can't read: it is quoted-printable (vCard 2.1)."""
        name = "FN;ENCODING=QUOTED-PRINTABLE:=4D"
        self.put(f"UID:{uuid4()}", name, "N:;;;;", f"EMAIL;TYPE=INTERNET:{address}")

    def notes(self) -> dict[str, list[str]]:
        """The notes of every card, by its address."""
        return {address: card.values("note") for address, card in self._by_address().items()}

    def names(self) -> dict[str, str]:
        """The full name of every card, by its address."""
        return {address: card.values("fn")[0] for address, card in self._by_address().items()}

    def lines_of(self, address: str) -> list[str]:
        """The unfolded lines of the card with this address, in order of the alphabet: servers change the order."""
        return sorted(self._by_address()[address].text.splitlines())

    def _by_address(self) -> dict[str, Stored]:
        return {address: card for card in self.all() for address in card.values("email")}

    def _groups(self, name: str) -> list[Stored]:
        return [card for card in self.all() if card.values("x-addressbookserver-kind") and card.values("fn") == [name]]

    def all(self) -> list[Stored]:
        """Every card and group."""
        headers = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
        reply = self.http.request("REPORT", self.book_url, headers=headers, content=ALL_CARDS)
        multistatus = ElementTree.fromstring(reply.raise_for_status().text)  # noqa: S314  a server of our own
        base = httpx.URL(self.book_url)
        return [
            Stored(str(base.join(response.findtext("{DAV:}href", ""))), _unfolded(text))
            for response in multistatus
            if (text := next((data.text for data in response.iter(CARD_DATA)), None))
        ]


@lru_cache(maxsize=256)
def _values(text: str) -> dict[str, list[str]]:
    try:
        card = vobject.readOne(text)
    except vobject.base.ParseError:
        return {}
    return {name: [str(line.value) for line in lines] for name, lines in card.contents.items()}


def _members(card: Stored) -> set[str]:
    return {value.removeprefix("urn:uuid:") for value in card.values("x-addressbookserver-member")}


def _unfolded(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n ", "")
