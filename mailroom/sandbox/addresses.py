"""Address headers: who they name (RFC 5322 section 3.4, RFC 8621 section 4.1.2.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from mailroom.sandbox.errors import Json
from mailroom.sandbox.headers import decoded, unfolded

Mailbox = tuple[str | None, str]
"""Display name and address."""

_QUOTED = r'"(?:[^"\\]|\\.)*"?'
_CONTENT = re.compile(r'"((?:[^"\\]|\\.)*)"?')
_PIECE = re.compile(rf'(?P<quoted>{_QUOTED})|(?P<angle><(?:{_QUOTED}|[^>"])*>?)|(?P<word>[^\s"<(,;:]+)|(?P<other>.)')
_ROUTE = re.compile(r"^@[^:]*:")
_COMMENT = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Group:
    """Some mailboxes of an address header; the name is None for those outside any group."""

    name: str | None
    mailboxes: tuple[Mailbox, ...]


@dataclass
class _Entry:
    """What was read of one mailbox. `words` is the phrase before an angle address, or the bare address itself."""

    words: list[str] = field(default_factory=list)
    angle: str | None = None
    comment: str | None = None

    def mailbox(self) -> Mailbox | None:
        phrase = " ".join("".join(self.words).split())
        if self.angle is None:
            address = re.sub(r"\s*([@.])\s*", r"\1", phrase)
            return (self.comment, address) if address else None
        address = _ROUTE.sub("", self.angle.strip("<>").strip())
        if '"' not in address:
            address = "".join(_COMMENT.sub("", address).split())
        name = re.sub(_QUOTED, lambda match: _unquoted(match[0]), phrase)
        return (decoded(name) or None, address) if address else None


def groups(value: str) -> tuple[Group, ...]:
    """The groups of an address header, in order. What isn't well-formed is read as well as it goes."""
    text = unfolded(value)
    found: list[tuple[str | None, list[Mailbox]]] = [(None, [])]
    entry = _Entry()

    def finish() -> None:
        nonlocal entry
        if (mailbox := entry.mailbox()) is not None:
            found[-1][1].append(mailbox)
        entry = _Entry()

    position = 0
    while match := _PIECE.match(text, position):
        position = match.end()
        piece = match[0]
        if piece == "(":
            position, comment = _comment(text, position)
            if entry.words and entry.angle is None:
                entry.comment = decoded(comment) or None
        elif piece in ",;":
            finish()
            if piece == ";":
                found.append((None, []))
        elif piece == ":" and entry.angle is None and "@" not in "".join(entry.words):
            name = " ".join("".join(map(_unquoted, entry.words)).split())
            found.append((decoded(name), []))
            entry = _Entry()
        elif match["angle"]:
            if entry.angle is not None:
                finish()
            entry.angle = piece
        elif entry.angle is None:
            entry.words.append(piece)
            if not piece.isspace():
                entry.comment = None
    finish()
    return tuple(Group(name, tuple(mailboxes)) for name, mailboxes in found if mailboxes or name is not None)


def _comment(text: str, position: int) -> tuple[int, str]:
    """The end and the text of the comment that begins before `position`; comments nest."""
    start, depth = position, 1
    while position < len(text) and depth:
        if text[position] == "\\":
            position += 1
        else:
            depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    inner = text[start : position - 1] if not depth else text[start:]
    return position, re.sub(r"\\(.)", r"\1", inner)


def _unquoted(word: str) -> str:
    if (quoted := _CONTENT.fullmatch(word)) is None:
        return word
    return re.sub(r"\\(.)", r"\1", quoted[1])


@lru_cache(maxsize=8192)
def addresses(value: str) -> tuple[Mailbox, ...]:
    """Each mailbox of an address header, groups flattened."""
    return tuple(mailbox for group in groups(value) for mailbox in group.mailboxes)


def addresses_json(values: list[str]) -> list[Json] | None:
    if not values:
        return None
    return [_shown(mailbox) for value in values for mailbox in addresses(value)]


def groups_json(value: str) -> list[Json]:
    return [{"name": group.name, "addresses": [_shown(m) for m in group.mailboxes]} for group in groups(value)]


def _shown(mailbox: Mailbox) -> Json:
    name, address = mailbox
    return {"name": name, "email": address}
