"""A card may have several notes; triage reads them as one text, a line break between them (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST = 100_000
"""In characters, all notes of a card together. Mailroom looks for its lines in them again and again."""

MOST = 5_000
"""Notes of one card."""


class TooLong(ValueError):
    """The notes of a card are too much to read; the message says what may be."""


def read(texts: Sequence[str]) -> str:
    """As `joined`. Raises `TooLong`."""
    if len(texts) > MOST or sum(map(len, texts)) > LONGEST:
        raise TooLong(f"its notes are too long: make them at most {LONGEST:,} characters in {MOST:,} notes")
    return joined(texts)


def joined(texts: Sequence[str]) -> str:
    return "\n".join(texts)


def revised(texts: Sequence[str], wanted: str) -> tuple[str | None, ...]:
    """What each of the notes becomes so that, joined, they read `wanted`; None for one that goes.

    As few as possible change: none, or one that goes or changes, or else all are made one. A note that only grows
    wins over any other: a log is appended to in the note that holds it.
    """
    text = joined(texts)
    if wanted == text:
        return tuple(texts)
    if not wanted:
        return (None,) * len(texts)
    compared = _Compared(len(text), len(wanted), _same_start(text, wanted), _same_start(text[::-1], wanted[::-1]))
    spans = list(_spans(texts))
    for index, (start, stop) in enumerate(spans[:-1]):
        if compared.lacks(start, stop + 1):
            return (*texts[:index], None, *texts[index + 1 :])
    last = len(texts) - 1
    if last > 0 and compared.lacks(spans[last][0] - 1, spans[last][1]):
        return (*texts[:last], None)
    changed = [(compared.grows(*span), index) for index, span in enumerate(spans) if compared.changes(*span)]
    if not changed:
        return (*(None,) * last, wanted)
    _, index = max(changed)
    start, stop = spans[index]
    return (*texts[:index], wanted[start : len(wanted) - (len(text) - stop)], *texts[index + 1 :])


@dataclass(frozen=True, slots=True)
class _Compared:
    """A text and the wanted one, compared once for all notes: their lengths, and how much both have at either end."""

    text: int
    wanted: int
    same_start: int
    same_end: int

    def changes(self, start: int, stop: int) -> bool:
        """Whether they differ at most between these places of the text."""
        after = self.text - stop
        return self.same_start >= start and self.same_end >= after and self.wanted >= start + after

    def lacks(self, start: int, stop: int) -> bool:
        """Whether the wanted text is the other one without what is between these places."""
        return self.changes(start, stop) and self.wanted == self.text - (stop - start)

    def grows(self, start: int, stop: int) -> bool:
        """Whether what is between these places is only added to, where nothing else changes."""
        return self.same_start >= stop and self.wanted >= self.text


def _spans(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where each note begins and ends in the joined text."""
    start = 0
    for text in texts:
        yield start, start + len(text)
        start += len(text) + 1


def _same_start(a: str, b: str) -> int:
    """The number of characters that both begin with."""
    return next((index for index, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
