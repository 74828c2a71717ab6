"""What was decided, told by the notes of the contact cards (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailroom.contacts.base import Card
from mailroom.decisions import note
from mailroom.decisions.whole_card import whole_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision: when, about whom, and what changed.

    `when` is a day (`2026-03-05`, of an older version) or a minute in UTC (`2026-03-05T14:03Z`). `who` are the card's
    addresses, sorted; `@shop.example` for a whole domain, `list:ID` for a whole list, empty for a card without either.
    `before` and `after` are names of categories, None where there is none: `verb` says what is instead.
    """

    when: str
    who: tuple[str, ...]
    name: str
    verb: note.Verb
    before: str | None
    after: str | None


def entries(cards: Iterable[Card]) -> tuple[Entry, ...]:
    """All decisions, the newest first; those of one moment by whom they are about, the later line first."""
    found = [(entry, number) for card in cards for number, entry in enumerate(_entries(card))]
    found.sort(key=lambda each: each[0].who)
    found.sort(key=lambda each: (each[0].when, each[1]), reverse=True)
    return tuple(entry for entry, _ in found)


def _entries(card: Card) -> Iterator[Entry]:
    block = note.read(card.note) or note.NOTHING_WRITTEN
    who = _who(card, block)
    before: str | None = None
    for each in block.decisions:
        after = each.category or None
        yield Entry(each.when, who, card.fields.full_name, each.verb, before, after)
        before = after


def _who(card: Card, block: note.Block) -> tuple[str, ...]:
    whole = whole_of(card, block)
    return tuple(sorted(card.addresses)) if whole is None else (str(whole),)
