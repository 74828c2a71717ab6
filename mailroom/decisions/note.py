"""Mailroom's block in the note of a contact card: where the card came from, and what was decided when (pure).

    — Mailroom —
    Created by Mailroom
    Triaged to Feed on 2026-03-05T14:03Z
    Re-triaged to Imbox on 2026-04-01T08:00Z

Everything else is the user's, before, after and between these lines, or a later version's: it stays, and ends nothing.
The last decision is the state.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Self

HEADER = "— Mailroom —"
CREATED = "Created by Mailroom"
ADOPTED = "Adopted by Mailroom"

WHOLE_DOMAIN = "Whole domain"
WHOLE_LIST = "Whole list <"
"""How the line begins that names a list, by which its card is found: it has no address."""

WIDE = (WHOLE_LIST, WHOLE_DOMAIN)
"""What is in the notes of all cards of whole lists and domains."""

_WHOLE_LIST = re.compile(r"Whole list <([^<>]+)>")
_NAME_FROM_MAIL = re.compile(r"Name from mail: (.+)")


class Verb(Enum):
    """What a line says was done with a sender: as it begins, up to the category or the time."""

    TRIAGED = "Triaged to"
    RETRIAGED = "Re-triaged to"
    MOVED = "Moved to"
    BACK = "Back to the Screener"
    UNDONE = "Undone"


_TO_A_CATEGORY = (Verb.TRIAGED, Verb.RETRIAGED, Verb.MOVED)
_WHEN = "on ([0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}Z)?)"
_DECISIONS = tuple(
    (verb, re.compile(rf"{verb.value}{' (.+)' if verb in _TO_A_CATEGORY else '()'} {_WHEN}")) for verb in Verb
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about a sender.

    `category` is empty where there is none (back in the Screener, undone). `when` is a day (`2026-03-05`, of an older
    version) or a minute in UTC (`2026-03-05T14:03Z`); either sorts as text.
    """

    verb: Verb
    category: str
    when: str

    @classmethod
    def at(cls, verb: Verb, category: str, now: datetime) -> Self:
        """A decision of this moment; `now` knows its time zone."""
        return cls(verb, category, now.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"))

    def __str__(self) -> str:
        return " ".join(filter(None, (self.verb.value, self.category, "on", self.when)))


@dataclass(frozen=True, slots=True)
class Block:
    """What Mailroom has written in a note.

    `created` is whether Mailroom made the card: no line says that it was there before. `whole_list` is a List-Id
    (RFC 2919), without its brackets; empty if the decision is about no list. `decisions` are the oldest first.
    `names_from_mail` are the full names that Mailroom filled in where a card had none.
    """

    created: bool
    whole_domain: bool
    whole_list: str
    decisions: tuple[Decision, ...]
    names_from_mail: tuple[str, ...] = ()

    @property
    def last(self) -> Decision | None:
        """The decision that holds."""
        return self.decisions[-1] if self.decisions else None


NOTHING_WRITTEN = Block(created=False, whole_domain=False, whole_list="", decisions=())
"""The block of a note without one."""


def read(note: str) -> Block | None:
    """What Mailroom has written in this note; None if nothing."""
    lines = note.split("\n")
    ours = [lines[at].rstrip() for at in _ours(lines)]
    if not ours:
        return None
    lists = [found[1] for line in ours if (found := _WHOLE_LIST.fullmatch(line))]
    return Block(
        created=CREATED in ours and ADOPTED not in ours,
        whole_domain=WHOLE_DOMAIN in ours,
        whole_list=lists[0] if lists else "",
        decisions=tuple(decision for line in ours if (decision := _decision(line))),
        names_from_mail=tuple(found[1] for line in ours if (found := _NAME_FROM_MAIL.fullmatch(line))),
    )


def recorded(note: str, category: str, now: datetime, origin: str, verb: Verb = Verb.TRIAGED) -> str:
    """The note with a line that says the sender was triaged, or moved, to this category now.

    A block that is missing begins with `origin` (`CREATED` or `ADOPTED`). Nothing is added if the block's last
    decision is for this category already, so that a retry changes nothing.
    """
    last = _last(note)
    if last is not None and last.category == category:
        return note
    if verb is Verb.TRIAGED and last is not None and last.category:
        verb = Verb.RETRIAGED
    return _decided(note, Decision.at(verb, category, now), origin)


def taken_back(note: str, verb: Verb, now: datetime, origin: str) -> str:
    """The note with a line that says that no category holds any more (`BACK` or `UNDONE`), unless the last one does."""
    last = _last(note)
    return note if last is not None and last.verb is verb else _decided(note, Decision.at(verb, "", now), origin)


def _last(note: str) -> Decision | None:
    return (read(note) or NOTHING_WRITTEN).last


def _decided(note: str, decision: Decision, origin: str) -> str:
    """The note with one more decision; a block that is missing begins with `origin`."""
    if has_block(note):
        return with_line(note, str(decision))
    added = f"{HEADER}\n{origin}\n{decision}"
    return f"{note.rstrip()}\n\n{added}" if note.strip() else added


def named(note: str, full_name: str) -> str:
    """The note, which has a block, with a line that says that this name was filled in, unless it has it already."""
    block = read(note)
    is_said = block is not None and full_name in block.names_from_mail
    return note if is_said else with_line(note, f"Name from mail: {full_name}")


def with_line(note: str, line: str) -> str:
    """The note, which has a block, with one more line after the last one of Mailroom's."""
    lines = note.split("\n")
    last = max(_ours(lines))
    # A line break of two characters is one in front of this line, too.
    ending = "\r" if lines[last].endswith("\r") and last + 1 < len(lines) else ""
    return "\n".join([*lines[: last + 1], f"{line}{ending}", *lines[last + 1 :]])


def stripped(note: str) -> str:
    """The note without Mailroom's lines, as it was before: the inverse of `recorded`, up to white space at the end."""
    lines = note.split("\n")
    ours = _ours(lines)
    if not ours:
        return note
    before = "\n".join(lines[: min(ours)]).rstrip()
    rest = [at for at in range(min(ours), len(lines)) if at not in ours]
    after = "\n".join(lines[at] for at in rest).rstrip()
    if not before:
        return re.sub(r"\A(?:[^\S\n]*\n)+", "", after)
    line_break = "\r\n" if after and lines[rest[0] - 1].endswith("\r") else "\n"
    return f"{before}{line_break}{after}" if after else before


def last_category(note: str) -> str | None:
    """The category of the decision that holds; None where there is none, or the sender is back in the Screener."""
    last = _last(note)
    return None if last is None else last.category or None


def says_created(note: str) -> bool:
    """Whether the block says that Mailroom made the card."""
    block = read(note)
    return block is not None and block.created


def whole_list_line(id: str) -> str:
    """The line on the card of a whole list."""
    return f"{WHOLE_LIST}{id}>"


def has_block(note: str) -> bool:
    """Whether Mailroom has written in this note."""
    return read(note) is not None


def _ours(lines: list[str]) -> frozenset[int]:
    """Which lines are Mailroom's: the first header, and all that it writes below one."""
    first = next((at for at, line in enumerate(lines) if line.rstrip() == HEADER), len(lines))
    # A note may have very many lines; few of them begin like one of Mailroom's.
    return frozenset(
        at for at in range(first, len(lines)) if lines[at].startswith(_BEGINNINGS) and _is_ours(lines[at].rstrip())
    )


def _is_ours(line: str) -> bool:
    known = (HEADER, CREATED, ADOPTED, WHOLE_DOMAIN)
    forms = (_WHOLE_LIST, _NAME_FROM_MAIL)
    return line in known or any(form.fullmatch(line) for form in forms) or _decision(line) is not None


_BEGINNINGS = (HEADER, CREATED, ADOPTED, WHOLE_DOMAIN, "Whole list", "Name from mail", *(verb.value for verb in Verb))


def _decision(line: str) -> Decision | None:
    for verb, form in _DECISIONS:
        if (found := form.fullmatch(line)) and _is_a_time(found[2]):
            return Decision(verb, found[1], found[2])
    return None


def _is_a_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
