"""The state card: an ordinary contact card named Mailroom, whose note keeps what has to outlive a start (pure).

    This card is Mailroom's own: it keeps since when new mail is screened. Leave it where it is.
    Screening since 2026-11-26T10:00:00Z
    Open until 2026-11-26T10:15:00Z
    Digest of 2026-11-27
    Expiry since 2026-11-27T08:00:00Z
    Expired 12 mails on 2026-11-28T08:00:00Z

Lines that it doesn't know, a later version's or the user's, stay as they are.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mailroom.contacts.base import Card, CardEdit, Change, Fields, Group, NewCard

NAME = "Mailroom"
EXPLANATION = "This card is Mailroom's own: it keeps since when new mail is screened. Leave it where it is."

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Expired:
    """How many mails left the Screener at once, as they had waited too long, and when, in UTC."""

    mails: int
    when: datetime

    def __str__(self) -> str:
        return f"Expired {self.mails} {'mail' if self.mails == 1 else 'mails'} on {self.when.astimezone(UTC):{_FORMAT}}"


MOST_EXPIRED = 30
"""So many of the latest are kept."""


@dataclass(frozen=True, slots=True)
class State:
    """Moments in UTC, and a day of the user's; None where there is no such line.

    Mail from before `screening_since` is not new; until `open_until` everybody is let in. `digest_of` is the day of the
    last digest, `expiry_since` when the daemon first told how much mail has waited too long, `expired` what left since,
    oldest first.
    """

    screening_since: datetime | None = None
    open_until: datetime | None = None
    digest_of: date | None = None
    expiry_since: datetime | None = None
    expired: tuple[Expired, ...] = ()


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


_WORDS: Mapping[str, str] = {
    "screening_since": "Screening since",
    "open_until": "Open until",
    "digest_of": "Digest of",
    "expiry_since": "Expiry since",
}
_LINE = re.compile(rf"({'|'.join(_WORDS.values())}) (\S+)")
_EXPIRED = re.compile(r"Expired ([0-9]{1,9}) mails? on (\S+)")


def uid_of(account_id: str) -> str:
    """The uid of the state card of an account: always the same, so that there is never a second one."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, f"jmap:{account_id}"), "state"))


def read_state(note: str) -> State:
    """What a note keeps. A line whose moment can't be read is none; of several of a kind the last one counts."""
    found = {match[1]: match[2] for line in note.split("\n") if (match := _LINE.fullmatch(line.strip()))}
    return State(
        screening_since=_moment(found.get(_WORDS["screening_since"], "")),
        open_until=_moment(found.get(_WORDS["open_until"], "")),
        digest_of=_day(found.get(_WORDS["digest_of"], "")),
        expiry_since=_moment(found.get(_WORDS["expiry_since"], "")),
        expired=tuple(each for line in note.split("\n") if (each := _expired(line)) is not None),
    )


def with_state(note: str, state: State) -> str:
    """The note with the lines of this state, each in its place if it has one; an empty note gets the explanation."""
    wanted = {words: when for name, words in _WORDS.items() if (when := getattr(state, name)) is not None}
    lines: list[str] = []
    for line in note.split("\n") if note.strip() else [EXPLANATION]:
        match = _LINE.fullmatch(line.strip())
        if match is None and _expired(line) is None:
            lines.append(line)
        elif match is None:
            continue
        elif (when := wanted.pop(match[1], None)) is not None:
            lines.append(_line(match[1], when))
    new = (_line(words, when) for words, when in wanted.items())
    return "\n".join([*lines, *new, *map(str, state.expired[-MOST_EXPIRED:])])


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


def _expired(line: str) -> Expired | None:
    match = _EXPIRED.fullmatch(line.strip())
    when = _moment(match[2]) if match else None
    return Expired(int(match[1]), when) if match and when else None


def _line(words: str, when: date) -> str:
    text = when.astimezone(UTC).strftime(_FORMAT) if isinstance(when, datetime) else when.isoformat()
    return f"{words} {text}"
