"""`mailroom.toml`: the categories and names of an account, and how its new mail is screened, read and checked."""

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mailroom.addresses import typed
from mailroom.config.daily import AFTER_DAYS, Digest, ExpireTo, Expiry, digest_of
from mailroom.config.scheme import DEFAULT_CATEGORIES, DEFAULT_SCHEME, Category, ContactType, Scheme, category
from mailroom.config.screening import DAYS, DEFAULT_SCREENING, Mode, OnForged, Screening, read_let_through
from mailroom.config.splits import HOW, Split, folded_subject, split_of
from mailroom.errors import ConfigError
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


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class _CategoryTable(_Table):
    """One `[[categories]]` table; the name is checked apart, as every message needs it."""

    name: Name = ""
    label: Name | None = None
    contact_group: Name | None = None
    destination_mailbox: Name | None = None
    contact_type: ContactType = "company"
    parent: Name | None = None
    add_to_inbox: bool = False
    takes_from_inbox: bool = False


class _TopTable(_Table):
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


class _ScreeningTable(_Table):
    """`[screening]`; the entries of `let_through` are checked apart, as the message names the one that is wrong."""

    mode: Mode = DEFAULT_SCREENING.mode
    days: int = Field(DEFAULT_SCREENING.days, ge=min(DAYS), le=max(DAYS))
    let_through: list[str] = []
    known_contacts: bool = DEFAULT_SCREENING.known_contacts
    correspondents: bool = DEFAULT_SCREENING.correspondents
    forged: OnForged = DEFAULT_SCREENING.forged
    moves: bool | None = DEFAULT_SCREENING.moves


class _DigestTable(_Table):
    """`[digest]`; both keys are texts that are checked apart."""

    at: str = ""
    timezone: str = ""


class _ExpireTable(_Table):
    """`[expire]`."""

    after_days: int = Field(max(AFTER_DAYS), ge=min(AFTER_DAYS), le=max(AFTER_DAYS))
    to: ExpireTo = "Archive"


class _SplitTable(_Table):
    """One `[[split]]` table. `from`, which is no name in Python, is checked apart."""

    subject: list[Subject] = []
    category: Name = ""


T = TypeVar("T", bound=_Table)

_EXPECTED = {
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
    "subject": 'a list of texts, none of them empty, such as ["order", "receipt"]',
}

_TABLES = ("categories", "screening", "digest", "expire", "split")

SCHEME_KEYS = frozenset((*_TopTable.model_fields, *_TABLES))
"""What may be at the top of the file."""


def read_scheme(path: Path) -> Scheme:
    """The scheme of a TOML file. Raises `ConfigError` with every problem, each with the file's path."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as unreadable:
        raise ConfigError([f"MAILROOM_CONFIG: {path} can't be read: {unreadable.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"MAILROOM_CONFIG: {path} is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as malformed:
        raise ConfigError([f"MAILROOM_CONFIG: {path} is not TOML: {malformed}"]) from None
    except RecursionError:
        raise ConfigError([f"MAILROOM_CONFIG: {path} nests lists or tables too deep"]) from None
    except ValueError:  # tomllib passes on what int() says of more than 4,300 digits
        raise ConfigError([f"MAILROOM_CONFIG: {path} holds a number that is too long"]) from None
    try:
        return build_scheme(raw)
    except ConfigError as invalid:
        raise ConfigError([f"{path}: {problem}" for problem in invalid.problems]) from None


def build_scheme(raw: Mapping[str, object]) -> Scheme:
    """The scheme that decoded TOML describes. Raises `ConfigError` with every problem.

    A value of a wrong type is reported and its default stands in for it, so that the rest can be checked as well.
    """
    found: list[str] = []
    top = _read(_TopTable, {key: value for key, value in raw.items() if key not in _TABLES}, "", found, *_TABLES)
    screening = _screening(raw.get("screening", {}), found)
    digest = _digest(raw["digest"], found) if "digest" in raw else None
    expire = _expire(raw["expire"], found) if "expire" in raw else None
    splits = tuple(_splits(raw.get("split", []), found))
    categories = tuple(_categories(raw["categories"], found)) if "categories" in raw else DEFAULT_CATEGORIES
    try:
        scheme = Scheme(
            categories=categories,
            screener=top.screener_mailbox,
            error_label=top.error_label,
            warning_label=top.warning_label,
            back_label=top.back_label,
            domain_label=top.domain_label,
            list_label=top.list_label,
            provenance_group=top.provenance_group,
            warnings_enabled=top.warnings_enabled,
            screening=screening,
            digest=digest,
            expire=expire,
            splits=splits,
            own_addresses=tuple(top.own_addresses),
        )
    except ConfigError as invalid:
        raise ConfigError([*found, *invalid.problems]) from None
    if found:
        raise ConfigError(found)
    return scheme


def _screening(raw: object, found: list[str]) -> Screening:
    if not isinstance(raw, dict):
        found.append("screening must be a table: a line [screening], and its keys below")
        return DEFAULT_SCREENING
    table = _read(_ScreeningTable, raw, "screening: ", found)
    problems: list[str] = []
    let_through = read_let_through(table.let_through, problems)
    found += (f"screening: {problem}" for problem in problems)
    return Screening(
        mode=table.mode,
        days=table.days,
        let_through=let_through,
        known_contacts=table.known_contacts,
        correspondents=table.correspondents,
        forged=table.forged,
        moves=table.moves,
    )


def _digest(raw: object, found: list[str]) -> Digest | None:
    if not isinstance(raw, dict):
        found.append("digest must be a table: a line [digest], and its keys below")
        return None
    problems: list[str] = []
    table = _read(_DigestTable, raw, "digest: ", found)
    digest = digest_of(table.at, table.timezone, problems)
    # What is said of a value of a wrong type need not be said twice.
    found += (f"digest: {each}" for each in problems if f"digest: {each}" not in found)
    return digest


def _expire(raw: object, found: list[str]) -> Expiry | None:
    if not isinstance(raw, dict):
        found.append("expire must be a table: a line [expire], and its keys below")
        return None
    if "after_days" not in raw:
        found.append("expire: after_days is missing: how many days mail may wait, such as 30")
    table = _read(_ExpireTable, raw, "expire: ", found)
    return Expiry(table.after_days, table.to)


def _categories(raw: object, found: list[str]) -> Iterator[Category]:
    if not isinstance(raw, list):
        found.append("categories must be a list of names or [[categories]] tables")
        yield from DEFAULT_CATEGORIES
        return
    for number, item in enumerate(raw, start=1):
        table = {"name": item} if isinstance(item, str) else item
        if not isinstance(table, dict):
            found.append(f"category number {number} must be a name or a table")
            continue
        name = table.get("name")
        who = (
            f"category {name}: "
            if isinstance(name, str) and name.isprintable() and name
            else f"category number {number}: "
        )
        read = _read(_CategoryTable, table, who, found)
        if read.name:
            yield category(
                read.name,
                label=read.label,
                contact_group=read.contact_group,
                destination_mailbox=read.destination_mailbox,
                contact_type=read.contact_type,
                parent=read.parent,
                add_to_inbox=read.add_to_inbox,
                takes_from_inbox=read.takes_from_inbox,
            )
        elif "name" not in table:
            found.append(f"{who}name is missing")


def _splits(raw: object, found: list[str]) -> Iterator[Split]:
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        found.append("split must be [[split]] tables: a line [[split]] for each, and its keys below")
        return
    for number, table in enumerate(raw, start=1):
        who = f"split number {number}: "
        read = _read(_SplitTable, {key: value for key, value in table.items() if key != "from"}, who, found)
        for key in ("from", "subject", "category"):
            if key not in table:
                found.append(f"{who}{key} is missing")
        if table.get("subject") == []:
            found.append(f"{who}subject must be {_EXPECTED['subject']}")
        origin = table.get("from", "")
        split = split_of(origin, read.subject, read.category) if isinstance(origin, str) else None
        if split is None and "from" in table:
            found.append(f"{who}from must be {HOW}")
        if split is not None and read.category:
            yield split


def _read(shape: type[T], raw: Mapping[str, object], who: str, found: list[str], *tables: str) -> T:
    """Read a table; what is wrong with it goes to `found`, and the keys concerned count as not given.

    `tables` are read apart: an unknown key may be a slip for one of them, if it holds a table or a list.
    """
    try:
        return shape.model_validate(raw)
    except ValidationError as invalid:
        wrong = {str(error["loc"][0]) for error in invalid.errors(include_input=False, include_url=False)}
    for key in raw:
        if key in wrong and key in shape.model_fields:
            found.append(f"{who}{key} must be {_EXPECTED.get(key, 'text, not empty and without line breaks')}")
        elif key in wrong:
            known = {*shape.model_fields, *(tables if isinstance(raw[key], dict | list) else ())}
            found.append(f"{who}{_shown(key)} is not a key here{_home(key) or did_you_mean(key, known)}")
    return shape.model_validate({key: value for key, value in raw.items() if key not in wrong})


def _home(key: str) -> str:
    """Where a key belongs: what follows a line [screening] is part of that table, which is easily forgotten."""
    for shape, where in (
        (_TopTable, "at the top of the file, above every line in brackets"),
        (_ScreeningTable, "below a line [screening]"),
        (_CategoryTable, "into a category"),
        (_DigestTable, "below a line [digest]"),
        (_ExpireTable, "below a line [expire]"),
    ):
        if key in shape.model_fields:
            return f"; it belongs {where}"
    return ""


def _shown(key: str) -> str:
    """A key of a TOML file may hold anything, line breaks and escape sequences, too."""
    return key if key.isprintable() and key else repr(key)
