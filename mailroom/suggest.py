"""The nearest name, for messages about one that nobody knows."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """A clause such as `; did you mean Feed?`, or an empty string where nothing known resembles `name`.

    `prefix` is what all names have in common: given without it, and shown with it.
    """
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    nearest = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {prefix}{by_folded[nearest[0]]}?" if nearest else ""
