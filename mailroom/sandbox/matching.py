"""How a server finds a text in another: both are lower case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

_WORD = re.compile(r"\w+")


Finds = Callable[[str, Iterable[str]], bool]
"""Whether a text has one of those that are wanted."""


def part_of(text: str, wanted: Iterable[str]) -> bool:
    """`test` finds `notest@x.org`, as on Cyrus."""
    return any(each in text for each in wanted)


def words_of(text: str, wanted: Iterable[str]) -> bool:
    """Every word is wanted, in any order: `x.org test` finds `test@x.org`, `test` doesn't find `notest@x.org`."""
    words = _words(text)
    return any(_words(each) <= words for each in wanted)


@lru_cache(maxsize=8192)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
