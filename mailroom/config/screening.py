"""`[screening]` of `mailroom.toml`: what happens to new mail, and who is let through whatever else is known."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mailroom.addresses import canonical, canonical_list_id, typed

Mode = Literal["off", "watch", "on"]
OnForged = Literal["screen", "warn", "ignore"]

DAYS = range(1, 366)
"""How far back new mail is looked for; a mail that waited longer for a daemon is old mail."""

_KINDS = (
    "write an address, a domain (example.org or *.example.org for all below it), "
    "list: and a List-Id, or to: and one of your own addresses"
)


@dataclass(frozen=True, slots=True)
class LetThrough:
    """Whose mail stays, all in canonical form: senders' addresses, their domains, domains of which all that is below
    counts (and not they themselves), List-Ids in lower case, and addresses of To or Cc."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    above: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Screening:
    """How new mail is screened.

    `days` is how far back new mail is looked for, `forged` what happens to mail whose sender is forged, `moves` whether
    a move out of the Screener is a decision, where new mail is moved; None is for the default, which is yes.
    """

    mode: Mode = "off"
    days: int = 7
    let_through: LetThrough = LetThrough()
    known_contacts: bool = True
    correspondents: bool = True
    forged: OnForged = "screen"
    moves: bool | None = None

    @property
    def is_on(self) -> bool:
        """Whether new mail is moved, and not only watched."""
        return self.mode == "on"

    @property
    def follows_moves(self) -> bool:
        """Whether a mail that the user moves out of the Screener into a category's mailbox decides about its sender.

        Only where new mail is moved there is mail that is known to have been in the Screener.
        """
        return self.is_on and self.moves is not False

    def new_after(self, since: datetime | None, now: datetime) -> datetime:
        """From when on mail is new, at most `days` back; `since` is when screening began, None where it hasn't."""
        oldest = now - timedelta(days=self.days)
        return oldest if since is None else max(since, oldest)


DEFAULT_SCREENING = Screening()


def read_let_through(entries: Iterable[str], found: list[str]) -> LetThrough:
    """The entries as they are compared with mail; one that can't mean anything goes to `found`."""
    read: list[LetThrough] = []
    for entry in entries:
        each = _entry(entry.strip())
        if each == LetThrough():
            found.append(f"let_through: {entry!r} can't be compared with mail; {_KINDS}")
        read.append(each)
    return LetThrough(
        addresses=frozenset(address for each in read for address in each.addresses),
        domains=frozenset(domain for each in read for domain in each.domains),
        above=frozenset(domain for each in read for domain in each.above),
        lists=frozenset(id for each in read for id in each.lists),
        recipients=frozenset(address for each in read for address in each.recipients),
    )


def _entry(entry: str) -> LetThrough:
    """One entry; empty where it means nothing."""
    kind, _, value = entry.partition(":")
    if kind.lower() == "list":
        return LetThrough(lists=_set("" if "*" in value else canonical_list_id(value)))
    if kind.lower() == "to":
        return LetThrough(recipients=_set(None if value.strip().startswith("*@") else typed(value)))
    if entry.startswith("*."):
        return LetThrough(above=_set(_domain(entry.removeprefix("*."))))
    local, at, domain = entry.rpartition("@")
    if local not in ("", "*"):
        return LetThrough(addresses=_set(typed(entry)))
    # A word alone is more likely half an address than a domain.
    return LetThrough(domains=_set(_domain(domain) if at or "." in domain else None))


def _set(value: str | None) -> frozenset[str]:
    return frozenset({value}) if value else frozenset()


def _domain(text: str) -> str | None:
    address = canonical(f"x@{text}")
    domain = address.removeprefix("x@") if address else ""
    return domain if re.fullmatch(r"[\w-]+(\.[\w-]+)*|\[.+\]", domain) else None
