"""How a server finds a text in another: both are lower case."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"\w+")


def part_of(text: str, wanted: str) -> bool:
    """`test` finds `notest@x.org`, as on Cyrus."""
    return wanted in text


def words_of(text: str, wanted: str) -> bool:
    """Every word is wanted, in any order: `x.org test` finds `test@x.org`, `test` doesn't find `notest@x.org`."""
    return _words(wanted) <= _words(text)


@lru_cache(maxsize=8192)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
