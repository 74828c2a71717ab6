"""A card may have several notes; triage reads them as one text, a line break between them (pure)."""

from collections.abc import Sequence


def joined(texts: Sequence[str]) -> str:
    return "\n".join(texts)


def revised(texts: Sequence[str], wanted: str) -> tuple[str | None, ...]:
    """What each of the notes becomes so that, joined, they read `wanted`; None for one that goes.

    As few as possible change: none, or one that goes or changes, or else all are made one. A note that only grows
    wins over any other: a log is appended to in the note that holds it.
    """
    if wanted == joined(texts):
        return tuple(texts)
    if not wanted:
        return (None,) * len(texts)
    for index in range(len(texts)):
        rest = [*texts[:index], *texts[index + 1 :]]
        if rest and joined(rest) == wanted:
            return (*texts[:index], None, *texts[index + 1 :])
    candidates: list[tuple[bool, int, str]] = []
    for index, text in enumerate(texts):
        before = "".join(f"{other}\n" for other in texts[:index])
        after = "".join(f"\n{other}" for other in texts[index + 1 :])
        if wanted.startswith(before) and wanted.endswith(after) and len(wanted) >= len(before) + len(after):
            new = wanted[len(before) : len(wanted) - len(after)]
            candidates.append((new.startswith(text), index, new))
    if not candidates:
        return (*(None,) * (len(texts) - 1), wanted)
    _, index, new = max(candidates)
    return (*texts[:index], new, *texts[index + 1 :])
