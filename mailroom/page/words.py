"""What is shown, in words: times, names, numbers (pure)."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from mailroom.decisions.sender_auth import Forgery, Result, SenderAuth
from mailroom.plural import plural

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_KEPT = frozenset("\u200c\u200d\ufe0f")
"""Persian, Indic scripts and emoji are not themselves without these."""

_LINK = re.compile(r"<\s*(https://[^<>\s]+)\s*>", re.IGNORECASE)
_LONGEST_LINK = 2_000


def moment(utc_date: str) -> datetime | None:
    """A UTCDate (RFC 8620 §1.4); None for what is none."""
    try:
        found = datetime.fromisoformat(utc_date)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ago(then: datetime, now: datetime) -> str:
    """How long ago, as people say it; days that are past, and years, are named."""
    seconds = (now - then).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h ago"
    if seconds < 2 * _DAY:
        return "yesterday"
    if seconds < 7 * _DAY:
        return f"{int(seconds // _DAY)} days ago"
    day = f"{then.day} {then:%b}"
    return day if now - then < timedelta(days=300) else f"{day} {then.year}"


def full(then: datetime) -> str:
    return f"{then.astimezone(UTC):%A}, {then.day} {then:%B %Y, %H:%M} UTC"


def crowd(senders: int, mails: int) -> str:
    """How many wait."""
    return f"{plural(senders, 'sender')}, {plural(mails, 'mail')}" if senders else "Nobody waits"


def visible(text: str) -> str:
    """The text with what would steer a reader's eye made visible: control characters, and those that turn it around."""
    if text.isprintable() and not any(unicodedata.category(each) in _STEERING for each in text):
        return text
    return "".join(_seen(each) for each in text)


def _seen(character: str) -> str:
    if character in "\n\t\r":
        return " "
    if unicodedata.category(character) in _STEERING and character not in _KEPT:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def key_of(sender: str | None) -> str:
    """What a sender's card is called in the page: the same in every browser."""
    return f"s-{sha256((sender or '').encode()).hexdigest()[:16]}"


def called(sender: str | None, name: str) -> str:
    """What to call somebody: by name, else by the address; made visible."""
    return visible(name or (sender or "No usable sender").partition("@")[0])


def initial(name: str) -> str:
    """The letter that stands for somebody."""
    return next((each.upper() for each in name if each.isalnum()), "?")


def verdict(auth: SenderAuth, list_id: str) -> str:
    """What the owner's mail server thinks of the sender, as a word: `confirmed`, `unconfirmed`, `failed`, or nothing.

    A pass says that the mail is from that domain, and nothing of whether one wants it.
    """
    if not auth.is_written:
        return ""
    if auth.forgery(list_id) is not Forgery.NOT_KNOWN:
        return "failed"
    if auth.dmarc is Result.PASS:
        return "confirmed"
    return "unconfirmed"


def unsubscribe_link(list_unsubscribe: str | None) -> str | None:
    """The first https link of a List-Unsubscribe field (RFC 2369); nobody but the owner follows it."""
    found = _LINK.search(re.sub(r"\s+", " ", list_unsubscribe or "")[: 4 * _LONGEST_LINK])
    return found[1] if found and len(found[1]) <= _LONGEST_LINK and found[1].isprintable() else None
