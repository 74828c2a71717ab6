"""Decisions about a whole domain or a whole mailing list: what one is about, and which mail asks for one (pure)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from enum import Enum

from mailroom.addresses import canonical, canonical_list_id, domain_of, is_within
from mailroom.decisions.domains import Refusal as DomainRefusal
from mailroom.decisions.domains import is_shared, refusal, registrable
from mailroom.decisions.places import Places
from mailroom.jmap.mail import Email
from mailroom.names import display_name

_LIST = "list:"
_LONGEST_NAME = 1_000
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*|\[.+\]")


@dataclass(frozen=True, slots=True, order=True)
class WholeDomain:
    """All addresses of a domain and of what lies below it; in ASCII, in lower case."""

    domain: str

    def __str__(self) -> str:
        return f"@{self.domain}"

    @property
    def address(self) -> str:
        """The only address of its contact card; nobody has it."""
        return f"*@{self.domain}"

    @property
    def named(self) -> str:
        """What to call it."""
        return self.domain

    def covers(self, email: Email) -> bool:
        address = email.sender
        return address is not None and is_within(domain_of(address), self.domain)


@dataclass(frozen=True, slots=True, order=True)
class WholeList:
    """All mail of a mailing list, whoever writes it, by its List-Id (RFC 2919), in lower case."""

    id: str

    def __str__(self) -> str:
        return f"{_LIST}{self.id}"

    @property
    def address(self) -> str:
        """None: an address on a card in a contact group would be a decision about a sender."""
        return ""

    @property
    def named(self) -> str:
        """What to call it, as long as no mail says more."""
        return self.id

    def covers(self, email: Email) -> bool:
        return email.mailing_list == self.id


Whole = WholeDomain | WholeList


class ListRefusal(Enum):
    """Why no decision can be about a whole list, as a text to show."""

    NO_LIST = "the mail names no mailing list: it has no List-Id"
    TWO_LABELS = "the mail has both labels, for its whole domain and its whole list: take one of them off"


Refusal = DomainRefusal | ListRefusal


def whole_labels(email: Email, places: Places) -> frozenset[str]:
    """The ids of those labels on a mail that widen a decision."""
    return email.mailbox_ids & {places.domain_label, places.list_label}


def asked_for(email: Email, places: Places, own: Iterable[str]) -> Whole | Refusal:
    """What such labels on a mail make the decision about, or why they can't; `own` are the user's addresses.

    Without a usable sender a mail has no domain.
    """
    labels = whole_labels(email, places)
    if len(labels) > 1:
        return ListRefusal.TWO_LABELS
    if places.list_label in labels:
        return WholeList(email.mailing_list) if email.mailing_list else ListRefusal.NO_LIST
    return _domain_asked_for(domain_of(email.sender or ""), own)


def _domain_asked_for(domain: str, own: Iterable[str]) -> Whole | Refusal:
    """What somebody registered; nothing that is shared, and nothing that shares with this domain what is."""
    if (top := registrable(domain)) is None:
        return DomainRefusal.NO_DOMAIN
    return refusal(top, own) or (DomainRefusal.SHARED_DOMAIN if is_shared(domain) else WholeDomain(top))


def typed_whole(text: str) -> Whole | None:
    """What somebody typed: `@shop.example`, `*@shop.example`, or `list:` and a List-Id; None for anything else."""
    text = text.strip()
    if text.lower().startswith(_LIST) and "*" not in text:
        id = canonical_list_id(text[len(_LIST) :])
        return WholeList(id) if id else None
    local, at, name = text.rpartition("@")
    address = canonical(f"x@{name}") if at and local in ("", "*") else None
    domain = address.removeprefix("x@") if address else ""
    return WholeDomain(domain) if _DOMAIN.fullmatch(domain) else None


def list_name(list_id: str) -> str:
    """What a raw List-Id calls the list, as clean text: `Core developers` of `Core developers <dev.python.org>`.

    Empty where it says nothing but the id.
    """
    phrase = list_id[:_LONGEST_NAME].rpartition("<")[0].strip()
    if quoted := _QUOTED.fullmatch(phrase):
        phrase = _ESCAPED.sub(r"\1", quoted[1])
    try:
        text = str(make_header(decode_header(phrase)))
    except (HeaderParseError, LookupError, ValueError):
        text = phrase
    return display_name(text)
