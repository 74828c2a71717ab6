"""The digest: one mail a day that tells its owner who waits, as plain text and as simple HTML (pure).

Names and subjects are strangers' words: cut, escaped, without anything that steers, and no part of them is a link.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from html import escape

from mailroom.plural import plural

KEYWORD = "mailroom-digest"
"""On every digest, so that an old one is found."""

MOST_SHOWN = 50
"""Senders in one digest; of the others it tells how many there are."""

_LONGEST = 60
_JOINERS = frozenset("\u200c\u200d")
"""They steer nothing, and hold emoji and Persian words together."""

BREAK = "\u200b"
"""Invisible, and no part of any link."""
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9._+=-]{1,64}@[A-Za-z0-9.-]{1,100}")
"""An address as nearly all are. It is shown as it is, to be copied; an app makes a new mail to it, and no more."""
_MAKES_A_LINK = re.compile(r"([.:/@])(?=\S)")
"""What mail apps make a link of has one of these before another character."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """Somebody who waits: canonical address (empty if there is no usable one), name, number of mails, subject of the
    newest and when it came, a UTCDate."""

    address: str
    name: str
    mails: int
    subject: str
    newest: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What a digest says. Its `message_id` is the same for every digest of one account and day."""

    subject: str
    text: str
    html: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Waits:
    """All who wait: `shown` are the first few, newest first, of `senders` with `mails` altogether."""

    shown: tuple[Stranger, ...]
    senders: int
    mails: int


def message_id(account_id: str, day: date) -> str:
    """The Message-ID of the digest of a day (RFC 5322 §3.6.4), without its brackets."""
    account = uuid.uuid5(uuid.NAMESPACE_URL, f"jmap:{account_id}")
    return f"digest.{day.isoformat()}.{account}@mailroom.invalid"


def letter(waits: Waits, *, account_id: str, day: date, zone: tzinfo, screener: str, page: str) -> Letter:
    """The digest of a day; times are in `zone`. `page` is the url of the web page, empty if there is none."""
    subject = f"{plural(waits.senders, 'sender')} {'waits' if waits.senders == 1 else 'wait'} in {screener}"
    head = f"{subject}, with {plural(waits.mails, 'mail')}."
    rest = waits.senders - len(waits.shown)
    entries = [_entry(each, zone) for each in waits.shown]
    more = f"And {plural(rest, 'more sender')}." if rest else ""
    return Letter(
        subject,
        _text(head, entries, more, page),
        _html(subject, head, entries, more, page),
        message_id(account_id, day),
    )


def harmless(text: str) -> str:
    """A stranger's text: on one line, at most 60 characters, with nothing that steers or that a mail app would link.

    What can't be seen is shown as an escape, such as `\\u202e`; an invisible break takes links apart.
    """
    line = " ".join(text[:10_000].split())
    seen = "".join(each if each.isprintable() or each in _JOINERS else ascii(each)[1:-1] for each in line[:_LONGEST])
    cut = seen if len(line) <= _LONGEST and len(seen) <= _LONGEST else f"{seen[: _LONGEST - 1].rstrip()}…"
    return _MAKES_A_LINK.sub(rf"\1{BREAK}", cut)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One sender as lines of text, all of it harmless; `address` and `subject` may be empty."""

    who: str
    address: str
    subject: str
    mails: str


def _entry(stranger: Stranger, zone: tzinfo) -> _Entry:
    address = _address(stranger.address) if stranger.address else "no usable address"
    name = harmless(stranger.name)
    mails = f"{plural(stranger.mails, 'mail')}, the newest {_moment(stranger.newest, zone)}"
    return _Entry(name or address, address if name else "", harmless(stranger.subject), mails)


def _address(address: str) -> str:
    return address if _PLAIN_ADDRESS.fullmatch(address) else harmless(address)


_HOW = "Put a label such as @ToFeed on one mail of each, and the sender is settled for good."
_WHY = "Mailroom sends this once a day while somebody waits. [digest] in its configuration turns it off."


def _text(head: str, entries: Sequence[_Entry], more: str, page: str) -> str:
    blocks = [
        f"{head}\n{_HOW}" + (f"\nOr tap: {page}" if page else ""),
        *(_block(each) for each in entries),
        more,
        f"-- \n{_WHY}",
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _block(entry: _Entry) -> str:
    who = f"{entry.who} <{entry.address}>" if entry.address else entry.who
    return "\n  ".join(filter(None, (who, entry.subject, entry.mails)))


def _html(title: str, head: str, entries: Iterable[_Entry], more: str, page: str) -> str:
    """Colours are those of the mail app, light or dark; nothing is loaded from anywhere."""
    muted = "opacity:.7;font-size:14px"
    items = "".join(
        f'<li style="margin:0 0 16px"><strong>{escape(each.who)}</strong>'
        + (f' <span style="{muted}">{escape(each.address)}</span>' if each.address else "")
        + (f"<br>{escape(each.subject)}" if each.subject else "")
        + f'<br><span style="{muted}">{escape(each.mails)}</span></li>'
        for each in entries
    )
    link = f'<p><a href="{escape(page)}">Decide on the page</a></p>' if page else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title></head>"
        '<body style="font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:0 auto;padding:16px;'
        'overflow-wrap:anywhere">'
        f"<p><strong>{escape(head)}</strong><br>{escape(_HOW)}</p>{link}"
        f'<ul style="list-style:none;margin:0;padding:0">{items}</ul>'
        + (f"<p>{escape(more)}</p>" if more else "")
        + f'<p style="{muted}">{escape(_WHY)}</p></body></html>'
    )


def _moment(utc_date: str, zone: tzinfo) -> str:
    """When a mail came, for people; as the server wrote it where that is no date."""
    try:
        return datetime.fromisoformat(utc_date).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return harmless(utc_date)
