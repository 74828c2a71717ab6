"""Header fields, and the forms in which JMAP shows them (RFC 8621 section 4.1.2)."""

from __future__ import annotations

import binascii
import quopri
import re
import unicodedata
from base64 import b64decode
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import groupby

Field = tuple[str, str]

_END_OF_HEAD = re.compile(rb"\r?\n(?=\r?\n)")
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)", re.MULTILINE)
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_URL = re.compile(r"<([^<>]+)>")
_WORD = r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([BbQq])\?([^?\s]*)\?="
_WORDS = re.compile(rf"{_WORD}(?:\s*{_WORD})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_PEOPLE = ("from", "sender", "reply-to", "to", "cc", "bcc")
_FORMS_OF = {
    "asText": ("subject", "comments", "keywords", "list-id"),
    "asAddresses": (*_PEOPLE, *(f"resent-{name}" for name in _PEOPLE)),
    "asMessageIds": ("message-id", "in-reply-to", "references", "resent-message-id"),
    "asDate": ("date", "resent-date"),
    "asURLs": tuple(f"list-{name}" for name in ("help", "unsubscribe", "subscribe", "post", "owner", "archive")),
    "asRaw": ("received", "return-path"),
}
_FORM_OF = {field: form for form, fields in _FORMS_OF.items() for field in fields}


def has_form(field: str, form: str) -> bool:
    """Whether the field may be asked for in this form: fields of RFC 5322 and RFC 2369 only in their own."""
    own = "asAddresses" if form == "asGroupedAddresses" else form
    return form == "asRaw" or _FORM_OF.get(field.lower(), own) == own


def header_fields(raw: bytes) -> tuple[Field, ...]:
    """Name and raw value of each header field; the value begins right after the colon.

    Octets that aren't ASCII are taken for UTF-8 (RFC 6532). Lines that are no field are left out.
    """
    if raw.startswith((b"\n", b"\r\n")):
        return ()
    end = _END_OF_HEAD.search(raw)
    head = raw if end is None else raw[: end.start()]
    return tuple((name, value.rstrip("\r\n")) for name, value in _FIELD.findall(head.decode("utf-8", "replace")))


def unfolded(value: str) -> str:
    return re.sub(r"\r?\n", "", value).strip()


@lru_cache(maxsize=8192)
def decoded(value: str) -> str:
    """The asText form: unfolded, encoded words decoded, NFC; an unknown charset leaves the word as it came."""
    return unicodedata.normalize("NFC", _WORDS.sub(_decoded_words, unfolded(value)))


def _decoded_words(match: re.Match[str]) -> str:
    """Neighbours of one charset are decoded together: some writers cut a character in two."""
    words = re.findall(_WORD, match[0])
    try:
        parts = [(charset.lower(), _octets(encoding, text)) for charset, encoding, text in words]
        texts = [
            b"".join(octets for _, octets in run).decode(charset, "replace")
            for charset, run in groupby(parts, key=lambda part: part[0])
        ]
    except (LookupError, binascii.Error, ValueError):
        return match[0]
    return _CONTROL.sub("", "".join(texts))


def _octets(encoding: str, text: str) -> bytes:
    data = text.encode("ascii")
    return b64decode(data, validate=True) if encoding in "Bb" else quopri.decodestring(data, header=True)


def message_ids(values: list[str]) -> list[str] | None:
    found = [message_id for value in values for message_id in _MESSAGE_ID.findall(unfolded(value))]
    return found or None


def urls(value: str) -> list[str] | None:
    return _URL.findall(unfolded(value)) or None


def header_date(value: str) -> str | None:
    """The asDate form, or None where the header holds no date. `-0000` tells of no time zone, so it stays."""
    try:
        moment = parsedate_to_datetime(unfolded(value))
    except (ValueError, TypeError):
        return None
    return moment.isoformat() if moment.tzinfo else f"{moment.isoformat()}-00:00"
