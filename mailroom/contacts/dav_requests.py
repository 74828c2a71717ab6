"""The XML of requests to a CardDAV server (RFC 4918, RFC 6352; pure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET  # to write; defusedxml reads

import httpx

_DAV = "{DAV:}"
_CARD = "{urn:ietf:params:xml:ns:carddav}"
_ETAG, _TEXT = f"{_DAV}getetag", f"{_CARD}address-data"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Match:
    """Cards that have a property of this name with any of the texts or, without texts, at all (RFC 6352 §10.5.1).

    `test` is `allof` for all of the texts.
    """

    name: str
    texts: tuple[str, ...] = ()
    match_type: str = "contains"
    test: str = "anyof"


@dataclass(frozen=True, slots=True)
class Query:
    """REPORTs for the cards that fit one of the matches (RFC 6352 §8.6): with their texts, or where they are."""

    matches: tuple[Match, ...]

    def texts(self) -> bytes:
        return self._report(_ETAG, _TEXT)

    def places(self) -> bytes:
        return self._report(_ETAG)

    def _report(self, *props: str) -> bytes:
        report = _with_props(ET.Element(f"{_CARD}addressbook-query"), *props)
        query = ET.SubElement(report, f"{_CARD}filter", test="anyof")
        for match in self.matches:
            prop = ET.SubElement(query, f"{_CARD}prop-filter", name=match.name, test=match.test)
            for text in match.texts:
                attributes = {"collation": "i;unicode-casemap", "match-type": match.match_type}
                ET.SubElement(prop, f"{_CARD}text-match", attributes).text = _NOT_XML.sub("?", text)
        return _document(report)


def addresses(texts: Iterable[str]) -> tuple[Match, ...]:
    """Cards that contain one of the addresses."""
    # A match without texts would be every card that has an address.
    return (Match("EMAIL", found),) if (found := tuple(texts)) else ()


GROUPS = tuple(Match(name, ("group",), "equals") for name in ("X-ADDRESSBOOKSERVER-KIND", "KIND"))
"""All groups. Apple's are vCards 3.0, the others say KIND (RFC 6350 §6.1.4)."""

EVERYTHING = Query((Match("UID"), Match("FN")))
"""All cards and groups."""


def names(full_names: Iterable[str]) -> tuple[Match, ...]:
    """Cards that may be called so. Word by word: the card's name may have other white space or quotes."""
    return tuple(Match("FN", words, test="allof") for name in full_names if (words := tuple(name.split())))


def notes(texts: Iterable[str]) -> tuple[Match, ...]:
    """Cards whose note contains one of these texts."""
    return (Match("NOTE", found),) if (found := tuple(texts)) else ()


def uids(texts: Iterable[str]) -> tuple[Match, ...]:
    """Cards whose uid contains one of these: it may be spelled as a urn."""
    return (Match("UID", found, "contains"),) if (found := tuple(texts)) else ()


def uid_is(uid: str) -> Query:
    """The card with this uid."""
    return Query((Match("UID", (uid,), "equals"),))


def cards_at(urls: Iterable[httpx.URL]) -> bytes:
    """REPORT for these cards (RFC 6352 §8.7). GET would do for one, but compressing proxies change its ETag."""
    report = _with_props(ET.Element(f"{_CARD}addressbook-multiget"), _ETAG, _TEXT)
    for url in urls:
        ET.SubElement(report, f"{_DAV}href").text = url.raw_path.decode("ascii")
    return _document(report)


def find_home() -> bytes:
    """PROPFIND for what leads to the address books (RFC 5397 §3, RFC 6352 §7.1.1)."""
    names = (f"{_DAV}resourcetype", f"{_DAV}current-user-principal", f"{_CARD}addressbook-home-set")
    return _document(_with_props(ET.Element(f"{_DAV}propfind"), *names))


def _with_props(request: ET.Element, *names: str) -> ET.Element:
    prop = ET.SubElement(request, f"{_DAV}prop")
    for name in names:
        ET.SubElement(prop, name)
    return request


def _document(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
