"""The XML of answers from a CardDAV server (RFC 4918, RFC 6352; pure)."""

import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from xml.etree import ElementTree as ET  # to name types; defusedxml reads

import defusedxml.ElementTree
import httpx
from defusedxml import DefusedXmlException

from mailroom.errors import BadReply
from mailroom.http import Reply
from mailroom.urls import joined, origin
from mailroom.wire import plain_name

_DAV = "{DAV:}"
_CARD = "{urn:ietf:params:xml:ns:carddav}"
_RESPONSE = f"{_DAV}response"

# No resource has more than a dozen properties here: an answer with more is an attack on the memory.
_MAX_ELEMENTS_PER_RESPONSE = 1_000

# More than any address book holds; a million of them in one answer would take a minute and a gigabyte.
_MAX_RESPONSES = 100_000

# An answer about an error names one rule. As a tree, a large one would take thirty times its size.
_MAX_ERROR_BYTES = 64 * 1024

_MIN_PART_BYTES = 128 * 1024
_MAX_PART_BYTES = 1024 * 1024
_MAX_BYTES_WITHOUT_ELEMENT = 15 * 1024 * 1024  # for more, the parser would take twice the memory

UNREADABLE = "\ufdd0"
"""What stands for bytes and characters that XML can't hold: one that no text holds, as Unicode promises."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE = re.compile(r"&#(x[0-9A-Fa-f]+|[0-9]+);")
_LONGEST_REFERENCE = 20
_DECLARED_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([^"']{1,40})""")
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


def read_multistatus(reply: Reply) -> Iterator[Resource]:
    """The resources of a multistatus (RFC 4918 §13). Raises `BadReply`; DTDs and entities are not accepted.

    A byte or character that can't be in XML would make the whole answer ill-formed: it is `UNREADABLE` in the text of
    its card, so that the others can be read.
    """
    if reply.status != httpx.codes.MULTI_STATUS:
        raise _malformed(reply, f"HTTP {reply.status}, {reply.content_type}")
    # Baïkal has been seen to begin with white space, which no XML declaration follows.
    body = reply.body.translate(None, _CONTROLS).lstrip()
    seen = 0
    try:
        for response in _responses(body, reply):
            yield _resource(response, reply.url)
            seen += 1
    except DefusedXmlException as error:
        raise _with_dtd(reply, error) from None
    except _NOT_WELL_FORMED:
        yield from _rest(body, reply, seen)


def _rest(body: bytes, reply: Reply, seen: int) -> Iterator[Resource]:
    """The resources of an ill-formed body after so many that were read, if that can be mended."""
    try:
        for response in islice(_responses(mended(body), reply), seen, None):
            yield _resource(response, reply.url)
    except DefusedXmlException as error:
        raise _with_dtd(reply, error) from None
    except _NOT_WELL_FORMED:
        raise _malformed(reply, f"{reply.content_type}, {len(reply.body)} bytes") from None


def mended(body: bytes) -> bytes:
    """A body in UTF-8 whose every byte and reference that can't be in XML (1.0 §2.2) is `UNREADABLE`.

    Raises `ValueError` for one in another encoding.
    """
    if (declared := _DECLARED_ENCODING.match(body)) and declared[1].lower() != b"utf-8":
        raise ValueError("another encoding")
    text = _NOT_XML.sub(UNREADABLE, body.decode("utf-8", "surrogateescape"))
    return _REFERENCE.sub(lambda found: found[0] if _is_xml(found[1]) else UNREADABLE, text).encode()


def _is_xml(reference: str) -> bool:
    """Whether there is a character of this number, `10` or `xA`, in XML."""
    if len(reference) > _LONGEST_REFERENCE:
        return False
    number = int(reference[1:], 16) if reference.startswith("x") else int(reference)
    return number <= sys.maxunicode and not _NOT_XML.fullmatch(chr(number))


def precondition(reply: Reply) -> str:
    """The local name of the precondition that failed (RFC 4918 §16), such as `no-uid-conflict`; empty if none.

    sabre/dav puts elements of its own before it, or has nothing else to say.
    """
    if len(reply.body) > _MAX_ERROR_BYTES:
        return ""
    try:
        error = defusedxml.ElementTree.fromstring(reply.body.lstrip(), forbid_dtd=True)
    except _NOT_WELL_FORMED:  # DefusedXmlException is one of them
        return ""
    if error.tag != f"{_DAV}error":
        return ""
    rules = (child for child in error if str(child.tag).startswith((_DAV, _CARD)))
    return next((plain_name(_local(rule)) for rule in rules if _local(rule) != "responsedescription"), "")


class _GrowingParts(io.BytesIO):
    """A body of which the parser gets more and more at once, until it finds an element.

    With each part it begins a tag or a comment anew: one of 16 MB, in its usual 16 KB, would take minutes.
    """

    bytes_without_element = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if self.bytes_without_element >= _MAX_BYTES_WITHOUT_ELEMENT:
            raise ValueError("an endless tag, comment or text")
        part = super().read(max(_MIN_PART_BYTES, min(self.bytes_without_element, _MAX_PART_BYTES)))
        self.bytes_without_element += len(part)
        return part


def _responses(xml: bytes, reply: Reply) -> Iterator[ET.Element]:
    """Each response element, taken off the tree once it has been read."""
    body = _GrowingParts(xml)
    root: ET.Element | None = None
    elements = responses = 0
    for event, element in defusedxml.ElementTree.iterparse(body, ("start", "end"), forbid_dtd=True):
        body.bytes_without_element = 0
        elements += event == "start"
        if root is None:
            root = element
            if root.tag != f"{_DAV}multistatus":
                raise _malformed(reply, f"XML that starts with {plain_name(_local(root))}")
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


def _with_dtd(reply: Reply, error: DefusedXmlException) -> BadReply:
    return _malformed(reply, f"XML with a DTD or entities ({type(error).__name__})")


def _malformed(reply: Reply, what: str) -> BadReply:
    return BadReply(f"{origin(reply.url)} sent {what}", expected="a WebDAV multistatus (HTTP 207)")
