"""An RFC 5322 message and the forms in which JMAP shows its headers and bodies (RFC 8621 section 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from functools import cached_property, lru_cache

from mailroom.sandbox.errors import Json

_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_URL = re.compile(r"<([^<>]+)>")
_PREVIEW_LENGTH = 256


def _readable(value: str) -> str:
    """Header text as str: raw 8-bit octets are taken for UTF-8 (RFC 6532)."""
    return value.encode("ascii", "surrogateescape").decode("utf-8", "replace") if _has_surrogates(value) else value


def _has_surrogates(value: str) -> bool:
    return any("\udc80" <= char <= "\udcff" for char in value)


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n", "", value).strip()


@lru_cache(maxsize=8192)
def decoded(value: str) -> str:
    """The text form: unfolded, encoded words decoded; an unknown charset leaves the text as it came."""
    text = _unfolded(value)
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return text


@lru_cache(maxsize=8192)
def addresses(value: str) -> tuple[tuple[str | None, str], ...]:
    """(display name, address) of each mailbox in an address header, groups flattened."""
    pairs = getaddresses([_unfolded(value)])
    return tuple((decoded(name) or None, address) for name, address in pairs if address)


def addresses_json(values: list[str]) -> list[Json] | None:
    if not values:
        return None
    return [{"name": name, "email": address} for value in values for name, address in addresses(value)]


def message_ids(values: list[str]) -> list[str] | None:
    found = [message_id for value in values for message_id in _MESSAGE_ID.findall(_unfolded(value))]
    return found or None


def header_date(value: str) -> str | None:
    """The asDate form, or None where the header holds no date."""
    try:
        return parsedate_to_datetime(_unfolded(value)).isoformat()
    except (ValueError, TypeError):
        return None


def header_form(value: str, form: str) -> object:
    """One header field in the form that `header:Name:form` asks for (RFC 8621 section 4.1.2)."""
    match form:
        case "asRaw":
            return f" {value}"
        case "asText":
            return decoded(value)
        case "asAddresses":
            return addresses_json([value])
        case "asGroupedAddresses":
            return [{"name": None, "addresses": addresses_json([value])}]
        case "asMessageIds":
            return message_ids([value])
        case "asDate":
            return header_date(value)
        case "asURLs":
            return _URL.findall(_unfolded(value)) or None
        case _:
            raise ValueError(form)


@dataclass(frozen=True)
class Part:
    """A leaf of the MIME tree; `text` is None for what isn't text."""

    part_id: str
    type: str
    charset: str | None
    disposition: str | None
    name: str | None
    cid: str | None
    headers: tuple[tuple[str, str], ...]
    data: bytes
    text: str | None


class Message:
    """A stored message: its octets, its headers read once, its bodies read when first asked for."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        fields = BytesHeaderParser(policy=policy.compat32).parsebytes(raw).raw_items()
        self.headers = tuple((name, _readable(str(value))) for name, value in fields)
        written = self.search_text("from")
        # Without its quotes, too: on Cyrus a search for an address finds it however its local part is quoted.
        self.from_text = "\n".join(dict.fromkeys((written, written.replace('"', ""))))
        self.message_ids = message_ids(self.values("message-id")) or []
        related = self.values("references") + self.values("in-reply-to")
        self.related_ids = message_ids(related) or []

    def values(self, name: str) -> list[str]:
        """The values of every field called `name`, in any case, first one first."""
        wanted = name.lower()
        return [value for field, value in self.headers if field.lower() == wanted]

    def search_text(self, name: str) -> str:
        """What a text search of the header looks at: decoded, lower case."""
        return "\n".join(decoded(value) for value in self.values(name)).lower()

    @cached_property
    def subject(self) -> str | None:
        values = self.values("subject")
        return decoded(values[-1]) if values else None

    @cached_property
    def search_subject(self) -> str:
        return (self.subject or "").lower()

    @cached_property
    def sent_at(self) -> str | None:
        values = self.values("date")
        return header_date(values[-1]) if values else None

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        tree = message_from_bytes(self.raw, policy=policy.default)
        leaves = [part for part in tree.walk() if not part.is_multipart()]
        return tuple(_part(str(number), leaf) for number, leaf in enumerate(leaves, 1))

    @cached_property
    def search_body(self) -> str:
        return "\n".join(part.text for part in self.parts if part.text is not None).lower()

    @cached_property
    def preview(self) -> str:
        texts = [part.text for part in self.parts if part.text is not None and part.type == "text/plain"]
        return " ".join((texts[0] if texts else "").split())[:_PREVIEW_LENGTH]

    @cached_property
    def text_body(self) -> tuple[Part, ...]:
        return self._body("text/plain") or self._body("text/html")

    @cached_property
    def html_body(self) -> tuple[Part, ...]:
        return self._body("text/html") or self._body("text/plain")

    @cached_property
    def attachments(self) -> tuple[Part, ...]:
        body = {*self.text_body, *self.html_body}
        return tuple(part for part in self.parts if part not in body)

    def _body(self, kind: str) -> tuple[Part, ...]:
        return tuple(p for p in self.parts if p.type == kind and p.disposition != "attachment")


def _part(part_id: str, leaf: EmailMessage) -> Part:
    data = leaf.get_payload(decode=True)
    octets = data if isinstance(data, bytes) else b""
    text = None
    charset = leaf.get_content_charset("us-ascii") if leaf.get_content_maintype() == "text" else None
    if charset is not None:
        try:
            text = octets.decode(charset, "replace")
        except LookupError:
            text = octets.decode("utf-8", "replace")
    return Part(
        part_id=part_id,
        type=leaf.get_content_type(),
        charset=charset,
        disposition=leaf.get_content_disposition(),
        name=leaf.get_filename(),
        cid=leaf["content-id"],
        headers=tuple((name, str(value)) for name, value in leaf.items()),
        data=octets,
        text=text,
    )


def compose(
    sender: str, to: str, subject: str, body: str, sent_at: datetime, message_id: str, in_reply_to: str | None = None
) -> bytes:
    """A plain text message. `sender` goes into the From header as it is, however odd."""
    head = [
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {sent_at:%a, %d %b %Y %H:%M:%S %z}",
        f"Message-ID: <{message_id}>",
    ]
    if in_reply_to is not None:
        head.append(f"In-Reply-To: <{in_reply_to}>")
    head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    return ("\r\n".join(head) + "\r\n\r\n" + body.replace("\n", "\r\n") + "\r\n").encode()
