"""The state card: an ordinary contact card named Mailroom, whose note keeps what has to outlive a start (pure).

    This card is Mailroom's own: it keeps since when new mail is screened. Leave it where it is.
    Screening since 2026-11-26T10:00:00Z
    Open until 2026-11-26T10:15:00Z

Lines that it doesn't know, a later version's or the user's, stay as they are.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from mailroom.contacts.base import Card, CardEdit, Change, Fields, Group, NewCard

NAME = "Mailroom"
EXPLANATION = "This card is Mailroom's own: it keeps since when new mail is screened. Leave it where it is."

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class State:
    """Moments in UTC, None where there is no such line.

    Mail from before `screening_since` is not new; until `open_until` everybody is let in.
    """

    screening_since: datetime | None = None
    open_until: datetime | None = None


_LINES: Mapping[str, str] = {"screening_since": "Screening since", "open_until": "Open until"}
_LINE = re.compile(rf"({'|'.join(_LINES.values())}) (\S+)")


def uid_of(account_id: str) -> str:
    """The uid of the state card of an account: always the same, so that there is never a second one."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, f"jmap:{account_id}"), "state"))


def read_state(note: str) -> State:
    """What a note keeps. A line whose moment can't be read is none; of several of a kind the last one counts."""
    found = {match[1]: match[2] for line in note.split("\n") if (match := _LINE.fullmatch(line.strip()))}
    return State(**{name: _moment(found.get(words, "")) for name, words in _LINES.items()})


def with_state(note: str, state: State) -> str:
    """The note with the lines of this state, each in its place if it has one; an empty note gets the explanation."""
    wanted = {_LINES[each.name]: moment for each in fields(state) if (moment := getattr(state, each.name)) is not None}
    lines: list[str] = []
    for line in note.split("\n") if note.strip() else [EXPLANATION]:
        match = _LINE.fullmatch(line.strip())
        if match is None:
            lines.append(line)
        elif (moment := wanted.pop(match[1], None)) is not None:
            lines.append(_line(match[1], moment))
    return "\n".join([*lines, *(_line(words, moment) for words, moment in wanted.items())])


def change_of(account_id: str, card: Card | None, state: State, provenance: Group) -> Change | None:
    """What to write so that the card keeps this state; None if it does already."""
    uid = uid_of(account_id)
    note = with_state(card.note if card else "", state)
    join = () if uid in provenance.members else (provenance,)
    if card is None:
        return Change("", uid, NewCard(uid, "", Fields(NAME, organization=NAME), note), join)
    if note == card.note and not join:
        return None
    return Change("", uid, CardEdit(card, Fields(), note) if note != card.note else None, join)


def _line(words: str, moment: datetime) -> str:
    return f"{words} {moment.astimezone(UTC).strftime(_FORMAT)}"


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
