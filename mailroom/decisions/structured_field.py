"""Structured header fields (RFC 5322 §2.2.2), taken apart: words, quoted strings, comments (pure).

Strangers write them. Whatever the text is, it is taken apart, in time that grows with its length alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 50_000
"""Characters: what servers write is a tenth of that, and what a stranger wrote must not hold up the daemon."""

_WORD = re.compile(r'(?:[^\s"(;=]|"(?:[^"\\]|\\.?)*+"?)+', re.DOTALL)
_IN_A_COMMENT = re.compile(r"[^()\\]++|\\.?|[()]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.?)*+)"?', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Clause:
    """What stands between two semicolons: words without their quotes, where `=` is a word, and comments."""

    words: tuple[str, ...]
    comments: tuple[str, ...]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """What is left and right of each `=`, in their order; names in lower case."""
        sides = zip(self.words, self.words[1:], self.words[2:], strict=False)
        return tuple((name.lower(), value) for name, sign, value in sides if sign == "=" and "=" not in (name, value))


def clauses(field: str) -> tuple[Clause, ...]:
    """The clauses of a raw field, folded or not; of an endless one those of its beginning.

    What is never closed ends with the text.
    """
    found: list[Clause] = []
    words: list[str] = []
    comments: list[str] = []
    for piece in _pieces(field[:LONGEST]):
        if piece == ";":
            found.append(Clause(tuple(words), tuple(comments)))
            words, comments = [], []
        elif piece.startswith("("):
            comments.append(piece[1:].removesuffix(")"))
        else:
            words.append(_unquoted(piece))
    return (*found, Clause(tuple(words), tuple(comments)))


def _pieces(field: str) -> Iterator[str]:
    """Words, comments in their brackets, and each `;` and `=`."""
    at = 0
    while at < len(field):
        end = at + 1
        if field[at] == "(":
            end = _end_of_comment(field, at)
        elif (word := _WORD.match(field, at)) is not None:
            end = word.end()
        if not field[at].isspace():
            yield field[at:end]
        at = end


def _end_of_comment(field: str, start: int) -> int:
    depth = 0
    for part in _IN_A_COMMENT.finditer(field, start):
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        if depth == 0:
            return part.end()
    return len(field)


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), word)
