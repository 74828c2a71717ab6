"""`mailroom.toml`: the categories and names of an account, and how its new mail is screened, read and checked."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from mailroom.config.daily import Digest, Expiry, digest_of
from mailroom.config.page_buttons import USUAL_BUTTONS, PageButtons
from mailroom.config.scheme import DEFAULT_CATEGORIES, Category, Scheme, category
from mailroom.config.scheme_tables import (
    EXPECTED,
    TABLES,
    CategoryTable,
    DigestTable,
    ExpireTable,
    PageTable,
    ScreeningTable,
    SplitTable,
    TopTable,
    read_table,
)
from mailroom.config.screening import DEFAULT_SCREENING, Screening, read_let_through
from mailroom.config.splits import HOW, Split, split_of
from mailroom.errors import ConfigError


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
    top = read_table(TopTable, {key: value for key, value in raw.items() if key not in TABLES}, "", found, *TABLES)
    screening = _screening(raw.get("screening", {}), found)
    digest = _digest(raw["digest"], found) if "digest" in raw else None
    expire = _expire(raw["expire"], found) if "expire" in raw else None
    buttons = _buttons(raw.get("page", {}), found)
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
            buttons=buttons,
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
    table = read_table(ScreeningTable, raw, "screening: ", found)
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
    table = read_table(DigestTable, raw, "digest: ", found)
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
    table = read_table(ExpireTable, raw, "expire: ", found)
    return Expiry(table.after_days, table.to)


def _buttons(raw: object, found: list[str]) -> PageButtons:
    if not isinstance(raw, dict):
        found.append("page must be a table: a line [page], and its keys below")
        return USUAL_BUTTONS
    table = read_table(PageTable, raw, "page: ", found)
    return PageButtons(tuple(table.large), table.block)


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
        read = read_table(CategoryTable, table, who, found)
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
        read = read_table(SplitTable, {key: value for key, value in table.items() if key != "from"}, who, found)
        for key in ("from", "subject", "category"):
            if key not in table:
                found.append(f"{who}{key} is missing")
        if table.get("subject") == []:
            found.append(f"{who}subject must be {EXPECTED['subject']}")
        origin = table.get("from", "")
        split = split_of(origin, read.subject, read.category) if isinstance(origin, str) else None
        if split is None and "from" in table:
            found.append(f"{who}from must be {HOW}")
        if split is not None and read.category:
            yield split
