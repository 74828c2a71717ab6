"""The XML of WebDAV and CardDAV (RFC 4918, RFC 6352): requests to send, multistatus answers to read (pure)."""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET  # to write and to name types; defusedxml reads

import defusedxml.ElementTree
import httpx
from defusedxml import DefusedXmlException

from mailroom.errors import BadReply
from mailroom.http import Reply
from mailroom.urls import joined

_DAV = "{DAV:}"
_CARD = "{urn:ietf:params:xml:ns:carddav}"
_RESPONSE = f"{_DAV}response"

# No resource has more than a dozen properties here: an answer with more is an attack on the memory.
_MAX_ELEMENTS_PER_RESPONSE = 1_000

# More than any address book holds; a million of them in one answer would take a minute and a gigabyte.
_MAX_RESPONSES = 100_000

# An answer about an error names one rule. As a tree, a large one would take thirty times its size.
_MAX_ERROR_BYTES = 64 * 1024

_PART_BYTES = 128 * 1024
_MAX_PARTS_WITHOUT_ELEMENT = 128  # 16 MB; a card with a large photo has a few

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Beside what is no XML: an encoding that nobody knows, or none that expat takes (UTF-32, Shift JIS).
_NOT_WELL_FORMED = (ET.ParseError, LookupError, ValueError)
_CONTROLS = bytes(range(9)) + b"\x0b\x0c" + bytes(range(14, 32))


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a multistatus; what the server didn't give is empty, None or 200.

    `kinds` are the local names of its resource types, `etag` is verbatim, `card` is its vCard with CRLF line ends.
    """

    url: httpx.URL
    status: int = 200
    kinds: frozenset[str] = frozenset()
    etag: str = ""
    card: str | None = None
    principal: httpx.URL | None = None
    home: httpx.URL | None = None


def find_home() -> bytes:
    """PROPFIND for what leads to the address books (RFC 5397 §3, RFC 6352 §7.1.1)."""
    names = (f"{_DAV}resourcetype", f"{_DAV}current-user-principal", f"{_CARD}addressbook-home-set")
    return _document(_with_props(ET.Element(f"{_DAV}propfind"), *names))


def addresses_and_groups(addresses: Iterable[str]) -> bytes:
    """REPORT for the cards that contain one of the addresses, and all groups (RFC 6352 §8.6)."""
    report, query = _query()
    _addresses(query, addresses)
    # Apple's groups are vCards 3.0, the others say KIND (RFC 6350 §6.1.4).
    for name in ("X-ADDRESSBOOKSERVER-KIND", "KIND"):
        _text_match(_property(query, name), "group", "equals")
    return _document(report)


def addresses_only(addresses: Iterable[str]) -> bytes:
    """REPORT for the cards that contain one of the addresses."""
    report, query = _query()
    _addresses(query, addresses)
    return _document(report)


def everything() -> bytes:
    """REPORT for all cards and groups: a prop-filter without a text-match asks that the property be there."""
    report, query = _query()
    for name in ("UID", "FN"):
        _property(query, name)
    return _document(report)


def uid_is(uid: str) -> bytes:
    """REPORT for the card with this uid."""
    report, query = _query()
    _text_match(_property(query, "UID"), uid, "equals")
    return _document(report)


def one_card(url: httpx.URL) -> bytes:
    """REPORT for one card (RFC 6352 §8.7). GET would do too, but compressing proxies change its ETag."""
    report = _with_props(ET.Element(f"{_CARD}addressbook-multiget"), f"{_DAV}getetag", f"{_CARD}address-data")
    ET.SubElement(report, f"{_DAV}href").text = url.raw_path.decode("ascii")
    return _document(report)


def read_multistatus(reply: Reply) -> list[Resource]:
    """The resources of a multistatus (RFC 4918 §13). Raises `BadReply`; DTDs and entities are not accepted."""
    if reply.status != httpx.codes.MULTI_STATUS:
        raise _malformed(reply, f"HTTP {reply.status}, {reply.content_type}")
    # One control character in one card would make the whole answer ill-formed.
    body = _LargeParts(reply.body.translate(None, _CONTROLS))
    try:
        return [_resource(response, reply.url) for response in _responses(body, reply)]
    except DefusedXmlException as error:
        raise _malformed(reply, f"XML with a DTD or entities ({type(error).__name__})") from None
    except _NOT_WELL_FORMED:
        raise _malformed(reply, f"{reply.content_type}, {len(reply.body)} bytes") from None


def precondition(reply: Reply) -> str:
    """The local name of the precondition that failed (RFC 4918 §16), such as `no-uid-conflict`; empty if none."""
    if len(reply.body) > _MAX_ERROR_BYTES:
        return ""
    try:
        error = defusedxml.ElementTree.fromstring(reply.body, forbid_dtd=True)
    except _NOT_WELL_FORMED:  # DefusedXmlException is one of them
        return ""
    if error.tag != f"{_DAV}error":
        return ""
    return next((_local(child) for child in error if _local(child) != "responsedescription"), "")


class _LargeParts(io.BytesIO):
    """A body that the parser gets in larger parts than it asks for, as long as it finds an element in some of them.

    With each part it begins a tag or a comment anew: one of 50 MB, in its usual 16 KB, would take minutes, and a
    gigabyte for its attributes.
    """

    parts_without_element = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.parts_without_element += 1
        if self.parts_without_element > _MAX_PARTS_WITHOUT_ELEMENT:
            raise ValueError("an endless tag, comment or text")
        return super().read(_PART_BYTES)


def _responses(body: _LargeParts, reply: Reply) -> Iterator[ET.Element]:
    """Each response element, taken off the tree once it has been read."""
    root: ET.Element | None = None
    elements = responses = 0
    for event, element in defusedxml.ElementTree.iterparse(body, ("start", "end"), forbid_dtd=True):
        body.parts_without_element = 0
        elements += event == "start"
        if root is None:
            root = element
            if root.tag != f"{_DAV}multistatus":
                raise _malformed(reply, f"XML that starts with {_local(root)[:40]}")
        elif event == "end" and element.tag == _RESPONSE:
            yield element
            root.clear()
            elements = 0
            responses += 1
            if responses > _MAX_RESPONSES:
                raise _malformed(reply, f"more than {_MAX_RESPONSES} responses")
        if elements > _MAX_ELEMENTS_PER_RESPONSE:
            raise _malformed(reply, "an endless element")


def _resource(response: ET.Element, base: httpx.URL) -> Resource:
    found = {prop.tag: prop for prop in _props_found(response)}
    card = found.get(f"{_CARD}address-data")
    return Resource(
        url=joined(base, _text(response.find(f"{_DAV}href"))),
        status=_status(response, default=200),
        kinds=frozenset(map(_local, found.get(f"{_DAV}resourcetype", ()))),
        etag=_text(found.get(f"{_DAV}getetag")),
        card=None if card is None else _with_crlf(card.text or ""),
        principal=_linked(found.get(f"{_DAV}current-user-principal"), base),
        home=_linked(found.get(f"{_CARD}addressbook-home-set"), base),
    )


def _props_found(response: ET.Element) -> Iterator[ET.Element]:
    for propstat in response.iter(f"{_DAV}propstat"):
        if _status(propstat, default=200) == 200:
            for prop in propstat.iter(f"{_DAV}prop"):
                yield from prop


def _status(element: ET.Element, default: int) -> int:
    """The code of `HTTP/1.1 404 Not Found`."""
    code = re.match(r"HTTP/\S+ (\d{3})", _text(element.find(f"{_DAV}status")))
    return int(code[1]) if code else default


def _linked(prop: ET.Element | None, base: httpx.URL) -> httpx.URL | None:
    href = "" if prop is None else _text(prop.find(f"{_DAV}href"))
    return joined(base, href) if href else None


def _with_crlf(card: str) -> str:
    """XML turns the card's CRLF into LF (XML 1.0 §2.11); a vCard has CRLF (RFC 6350 §3.2)."""
    return card if "\r" in card else card.replace("\n", "\r\n")


def _text(element: ET.Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _malformed(reply: Reply, what: str) -> BadReply:
    return BadReply(f"{reply.url.host}{reply.url.path} sent {what}", expected="a WebDAV multistatus (HTTP 207)")


def _query() -> tuple[ET.Element, ET.Element]:
    report = _with_props(ET.Element(f"{_CARD}addressbook-query"), f"{_DAV}getetag", f"{_CARD}address-data")
    return report, ET.SubElement(report, f"{_CARD}filter", test="anyof")


def _addresses(query: ET.Element, addresses: Iterable[str]) -> None:
    matches = [*addresses]
    # A prop-filter without a text-match would match every card that has an address.
    if matches:
        emails = _property(query, "EMAIL")
        for address in matches:
            _text_match(emails, address, "contains")


def _property(query: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(query, f"{_CARD}prop-filter", name=name, test="anyof")


def _text_match(prop: ET.Element, text: str, match_type: str) -> None:
    attributes = {"collation": "i;unicode-casemap", "match-type": match_type}
    ET.SubElement(prop, f"{_CARD}text-match", attributes).text = _NOT_XML.sub("?", text)


def _with_props(request: ET.Element, *names: str) -> ET.Element:
    prop = ET.SubElement(request, f"{_DAV}prop")
    for name in names:
        ET.SubElement(prop, name)
    return request


def _document(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
