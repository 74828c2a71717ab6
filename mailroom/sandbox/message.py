"""An RFC 5322 message, its headers and bodies as JMAP shows them (RFC 8621 section 4.1)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from html import unescape
from sys import intern

from mailroom.sandbox.addresses import addresses
from mailroom.sandbox.headers import decoded, header_date, header_fields, message_ids
from mailroom.sandbox.subjects import base_subject

_PREVIEW_LENGTH = 256
_NOT_TEXT = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A leaf of the MIME tree; `text` has LF as line ends, and is None for what isn't text."""

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
        self.headers = header_fields(raw)
        self._names = [intern(name.lower()) for name, _ in self.headers]
        written = self.search_text("from")
        # Without its quotes, too: on Cyrus a search for an address finds it however its local part is quoted.
        self.from_text = "\n".join(dict.fromkeys((written, written.replace('"', ""))))
        subjects = self.values("subject")
        self.subject = decoded(subjects[-1]) if subjects else None
        self.base_subject = base_subject(self.subject or "")
        self.message_ids = message_ids(self.values("message-id")) or []
        related = self.values("references") + self.values("in-reply-to")
        self.related_ids = message_ids(related) or []

    def values(self, name: str) -> list[str]:
        """The raw values of every field called `name`, in any case, first one first."""
        wanted = name.lower()
        found = self._names.count(wanted)
        if found < 2:  # as nearly always
            return [self.headers[self._names.index(wanted)][1]] if found else []
        return [value for field, (_, value) in zip(self._names, self.headers, strict=True) if field == wanted]

    def search_text(self, name: str) -> str:
        """What a text search of the header looks at: decoded, lower case."""
        return "\n".join(decoded(value) for value in self.values(name)).lower()

    @cached_property
    def search_subject(self) -> str:
        return (self.subject or "").lower()

    @cached_property
    def sent_at(self) -> str | None:
        values = self.values("date")
        return header_date(values[-1]) if values else None

    @cached_property
    def sent_moment(self) -> float:
        """What sorts look at: the seconds since 1970 of `sent_at`, long ago if there is none."""
        return -math.inf if self.sent_at is None else datetime.fromisoformat(self.sent_at).timestamp()

    @cached_property
    def sort_sender(self) -> str:
        return self._first_person("from")

    @cached_property
    def sort_recipient(self) -> str:
        return self._first_person("to")

    def _first_person(self, name: str) -> str:
        """The display name of the first mailbox in an address header, or its address: what sorts look at."""
        people = [person for value in self.values(name)[-1:] for person in addresses(value)]
        return (people[0][0] or people[0][1]).casefold() if people else ""

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
        """The beginning of the text, on one line, without markup: at most 256 characters (RFC 8621 section 4.1.4)."""
        part = next((part for part in self.text_body if part.text is not None), None)
        if part is None or part.text is None:
            return ""
        text = unescape(_NOT_TEXT.sub(" ", part.text)) if part.type == "text/html" else part.text
        return " ".join(text.split())[:_PREVIEW_LENGTH]

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
    if text is not None:
        text = text.replace("\r\n", "\n")
    return Part(
        part_id=part_id,
        type=leaf.get_content_type(),
        charset=charset,
        disposition=leaf.get_content_disposition(),
        name=leaf.get_filename(),
        cid=leaf["content-id"],
        headers=tuple((name, f" {value}") for name, value in leaf.raw_items()),
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
