"""Which categories a card offers, and in which order (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailroom.config.page_buttons import MOST_LARGE
from mailroom.config.scheme import Category, Scheme

ACCENTS = 8
"""Colours that there are; further categories begin anew."""
_KEYS = 9


@dataclass(frozen=True, slots=True)
class Button:
    """A category to tap: its number among the colours, and the key that means it (None after the ninth)."""

    category: Category
    accent: int
    key: int | None


@dataclass(frozen=True, slots=True)
class Buttons:
    """`large` are always seen, `block` keeps mail out of sight (None if no category does), `more` is a tap further."""

    large: Sequence[Button]
    block: Button | None
    more: Sequence[Button]

    @property
    def all(self) -> Sequence[Button]:
        """In the owner's order."""
        found = [*self.large, *self.more, *([self.block] if self.block else [])]
        return sorted(found, key=lambda each: each.key or _KEYS + each.accent)


def buttons_of(scheme: Scheme) -> Buttons:
    """As `[page]` says; else the first two are large, and the first that takes mail from the Inbox blocks."""
    every = [
        Button(category, number % ACCENTS, number + 1 if number < _KEYS else None)
        for number, category in enumerate(scheme.categories)
    ]
    by_name = {each.category.name: each for each in every}
    chosen = scheme.buttons
    blocking = [each for each in every if each.category.takes_from_inbox and each.category.name not in chosen.large]
    block = by_name[chosen.block] if chosen.block is not None else next(iter(blocking), None)
    others = [each for each in every if each is not block]
    large = [by_name[name] for name in chosen.large] or others[:MOST_LARGE]
    return Buttons(large, block, [each for each in others if each not in large])


def accent_of(scheme: Scheme, name: str) -> int:
    """The colour of the category of this name; the first one's for a name that is none any more."""
    names = [category.name for category in scheme.categories]
    return names.index(name) % ACCENTS if name in names else 0
