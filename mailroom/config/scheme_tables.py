"""The tables of `mailroom.toml`: which keys each has, and what a key must be."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mailroom.addresses import typed
from mailroom.config.daily import AFTER_DAYS, ExpireTo
from mailroom.config.page_buttons import MOST_LARGE
from mailroom.config.scheme import DEFAULT_SCHEME, ContactType
from mailroom.config.screening import DAYS, DEFAULT_SCREENING, Mode, OnForged
from mailroom.config.splits import folded_subject
from mailroom.suggest import did_you_mean


def _clean_name(name: str) -> str:
    """Servers store names as Net-Unicode, so in NFC (RFC 8621 §2); they are compared in that form."""
    name = unicodedata.normalize("NFC", name.strip())
    if not name or any(unicodedata.category(character) == "Cc" for character in name):
        raise ValueError
    return name


def _canonical_address(text: str) -> str:
    if (address := typed(text)) is None:
        raise ValueError
    return address


def _text(text: str) -> str:
    if not folded_subject(text):
        raise ValueError
    return text


Name = Annotated[str, AfterValidator(_clean_name)]
Subject = Annotated[str, AfterValidator(_text)]
Address = Annotated[str, AfterValidator(_canonical_address)]


class Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class CategoryTable(Table):
    """One `[[categories]]` table; the name is checked apart, as every message needs it."""

    name: Name = ""
    label: Name | None = None
    contact_group: Name | None = None
    destination_mailbox: Name | None = None
    contact_type: ContactType = "company"
    parent: Name | None = None
    add_to_inbox: bool = False
    takes_from_inbox: bool = False


class TopTable(Table):
    """The keys at the top of the file, without the tables."""

    screener_mailbox: Name = DEFAULT_SCHEME.screener
    error_label: Name = DEFAULT_SCHEME.error_label
    warning_label: Name = DEFAULT_SCHEME.warning_label
    back_label: Name = DEFAULT_SCHEME.back_label
    domain_label: Name = DEFAULT_SCHEME.domain_label
    list_label: Name = DEFAULT_SCHEME.list_label
    provenance_group: Name = DEFAULT_SCHEME.provenance_group
    warnings_enabled: bool = DEFAULT_SCHEME.warnings_enabled
    own_addresses: list[Address] = []


class ScreeningTable(Table):
    """`[screening]`; the entries of `let_through` are checked apart, as the message names the one that is wrong."""

    mode: Mode = DEFAULT_SCREENING.mode
    days: int = Field(DEFAULT_SCREENING.days, ge=min(DAYS), le=max(DAYS))
    let_through: list[str] = []
    known_contacts: bool = DEFAULT_SCREENING.known_contacts
    correspondents: bool = DEFAULT_SCREENING.correspondents
    forged: OnForged = DEFAULT_SCREENING.forged
    moves: bool | None = DEFAULT_SCREENING.moves


class DigestTable(Table):
    """`[digest]`; both keys are texts that are checked apart."""

    at: str = ""
    timezone: str = ""


class ExpireTable(Table):
    """`[expire]`."""

    after_days: int = Field(max(AFTER_DAYS), ge=min(AFTER_DAYS), le=max(AFTER_DAYS))
    to: ExpireTo = "Archive"


class PageTable(Table):
    """`[page]`."""

    large: list[Name] = Field([], min_length=1, max_length=MOST_LARGE)
    block: Name | None = None


class SplitTable(Table):
    """One `[[split]]` table. `from`, which is no name in Python, is checked apart."""

    subject: list[Subject] = []
    category: Name = ""


T = TypeVar("T", bound=Table)

EXPECTED = {
    "warnings_enabled": "true or false",
    "add_to_inbox": "true or false",
    "takes_from_inbox": "true or false",
    "own_addresses": 'a list of addresses, such as ["ann@example.org", "*@example.org"] (all of a domain)',
    "contact_type": '"company" or "person"',
    "at": 'a time of day, such as "07:30"',
    "timezone": 'the name of a time zone, such as "Europe/Berlin" (IANA)',
    "mode": '"off", "watch" or "on"',
    "days": f"a whole number of days from {min(DAYS)} to {max(DAYS)}",
    "let_through": "a list of texts",
    "known_contacts": "true or false",
    "correspondents": "true or false",
    "forged": '"screen", "warn" or "ignore"',
    "moves": "true or false",
    "after_days": f"a whole number of days from {min(AFTER_DAYS)} to {max(AFTER_DAYS)}",
    "to": '"Archive" or "Trash"',
    "large": 'a list of one category or two, such as ["Feed", "Paper Trail"]',
    "subject": 'a list of texts, none of them empty, such as ["order", "receipt"]',
}

TABLES = ("categories", "screening", "digest", "expire", "page", "split")

SCHEME_KEYS = frozenset((*TopTable.model_fields, *TABLES))
"""What may be at the top of the file."""


def read_table(shape: type[T], raw: Mapping[str, object], who: str, found: list[str], *tables: str) -> T:
    """Read a table; what is wrong with it goes to `found`, and the keys concerned count as not given.

    `tables` are read apart: an unknown key may be a slip for one of them, if it holds a table or a list.
    """
    try:
        return shape.model_validate(raw)
    except ValidationError as invalid:
        wrong = {str(error["loc"][0]) for error in invalid.errors(include_input=False, include_url=False)}
    for key in raw:
        if key in wrong and key in shape.model_fields:
            found.append(f"{who}{key} must be {EXPECTED.get(key, 'text, not empty and without line breaks')}")
        elif key in wrong:
            known = {*shape.model_fields, *(tables if isinstance(raw[key], dict | list) else ())}
            found.append(f"{who}{_shown(key)} is not a key here{_home(key) or did_you_mean(key, known)}")
    return shape.model_validate({key: value for key, value in raw.items() if key not in wrong})


def _home(key: str) -> str:
    """Where a key belongs: what follows a line [screening] is part of that table, which is easily forgotten."""
    for shape, where in (
        (TopTable, "at the top of the file, above every line in brackets"),
        (ScreeningTable, "below a line [screening]"),
        (CategoryTable, "into a category"),
        (DigestTable, "below a line [digest]"),
        (ExpireTable, "below a line [expire]"),
        (PageTable, "below a line [page]"),
    ):
        if key in shape.model_fields:
            return f"; it belongs {where}"
    return ""


def _shown(key: str) -> str:
    """A key of a TOML file may hold anything, line breaks and escape sequences, too."""
    return key if key.isprintable() and key else repr(key)
