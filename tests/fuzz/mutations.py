"""Valid inputs, spoilt: bytes flipped, cut, repeated and put in; JSON values of the wrong kind in any place.

All that is random comes from a `Tape` of bytes, which hypothesis draws in one go: that is much faster than a draw for
each choice, and a tape of zeros spoils nothing, so that findings shrink to what matters.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")

_TAPE_BYTES = 48


class Tape:
    """Choices, read from the left; past its end each is the first one."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def below(self, end: int) -> int:
        """A number from 0 to `end` - 1."""
        size = 1 if end <= 256 else 2
        raw = self._raw[self._at : self._at + size]
        self._at += size
        return int.from_bytes(raw, "big") % end

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def bytes(self, most: int) -> bytes:
        size = self.below(most + 1)
        self._at += size
        return self._raw[self._at - size : self._at]


def made(make: Callable[[Tape], T]) -> st.SearchStrategy[T]:
    """What `make` makes of any tape."""
    return st.binary(min_size=_TAPE_BYTES, max_size=_TAPE_BYTES).map(lambda raw: make(Tape(raw)))


# --- bytes


def _flip(text: bytes, a: int, b: int, _: bytes) -> bytes:
    return text[:a] + bytes([text[a] ^ (1 << b % 8)]) + text[a + 1 :] if a < len(text) else text


def _cut(text: bytes, a: int, b: int, _: bytes) -> bytes:
    return text[: min(a, b)] + text[max(a, b) :]


def _end(text: bytes, a: int, _b: int, _: bytes) -> bytes:
    return text[:a]


def _insert(text: bytes, a: int, _b: int, piece: bytes) -> bytes:
    return text[:a] + piece + text[a:]


def _overwrite(text: bytes, a: int, _b: int, piece: bytes) -> bytes:
    return text[:a] + piece + text[a + len(piece) :]


def _repeat(text: bytes, a: int, b: int, _: bytes) -> bytes:
    return text[: max(a, b)] + text[min(a, b) : max(a, b)] + text[max(a, b) :]


def _repeat_often(text: bytes, a: int, b: int, piece: bytes) -> bytes:
    return text[:a] + piece * (1 + b % 50) + text[a:]


def _move(text: bytes, a: int, b: int, _: bytes) -> bytes:
    piece = text[min(a, b) : max(a, b)][:80]
    return piece + text[:a] + text[a + len(piece) :]


_SPOILS = (_insert, _overwrite, _flip, _cut, _insert, _repeat, _repeat_often, _move, _insert, _end)


def spoilt(tape: Tape, text: bytes, pieces: Sequence[bytes], *, most: int = 4) -> bytes:
    """The text after up to `most` changes; `pieces` are what this kind of text makes most of."""
    for _ in range(tape.below(most + 1)):
        spoil = tape.pick(_SPOILS)
        a, b = tape.below(len(text) + 1), tape.below(len(text) + 1)
        piece = tape.pick(pieces) if tape.below(4) < 3 else tape.bytes(6)
        text = spoil(text, a, b, piece)
    return text


# --- JSON

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"),
    "", " ", "x", "\0", "a\r\nb", "\ud83d", "\udfff\ud800", "😀", "\u202e", "ÿ" * 300, "x" * 3_000, "null", "5",
    "urn:ietf:params:jmap:mail", "https://jmap.example/x", "http://127.0.0.1/x", "//elsewhere.example:1/", "{",
    "{?x:y}", "https://[::1", "https://jmap.example/?\n{types:x}", "https://a..b/", "https://x:99999999999999999999/",
    "error", "serverFail", "rateLimit", "group", "{types}", "2026-03-05T12:00:00Z", "a@b@c", '"ann lee"@x', "@",
    [], {}, [[]], [{}], {"": None}, {"id": 5}, {"a": {"a": {"a": []}}}, ["x", 5, None], [["error", {}, "c0"]],
    {"a/b~c": True}, {"\ud800": "x"}, {"x" * 3_000: {}}, [{"id": "x"}] * 3, {"e1": {"address": "ann@x.org"}},
)  # fmt: skip
_KEYS = ("", "id", "list", "ids", "type", "name", "emails", "from", "a/b~c", "\ud800", "x" * 3_000, "@type", "e1")

_Step = tuple[Any, Any]
"""A list or an object, and the index or key in it."""


def _steps(value: Any) -> Iterator[_Step]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _steps(inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from _steps(inner)


def _value(tape: Tape) -> Any:
    return deepcopy(tape.pick(_VALUES))


def _replace(tape: Tape, parent: Any, key: Any, _: Any) -> None:
    parent[key] = _value(tape)


def _delete(_: Tape, parent: Any, key: Any, _other: Any) -> None:
    del parent[key]


def _take_another(_: Tape, parent: Any, key: Any, other: Any) -> None:
    parent[key] = json.loads(json.dumps(other))


def _wrap(tape: Tape, parent: Any, key: Any, _: Any) -> None:
    parent[key] = [parent[key], _value(tape)]


def _rename(tape: Tape, parent: Any, key: Any, _: Any) -> None:
    if isinstance(parent, dict):
        parent[tape.pick(_KEYS)] = parent.pop(key)


_EDITS = (_replace, _replace, _replace, _delete, _take_another, _wrap, _rename)
_CHARSETS = ("utf-8",) * 12 + ("utf-8-sig", "utf-16", "utf-32", "latin-1")
_JSON_PIECES = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\ud83d", b"\\u0000", b'"id":5,', b"NaN,", b"-Infinity",
    *(
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\0",
        b"9" * 5_000,
        b"null",
        b"//",
        b"'",
        b"1e999",
        b"\\ud800\\ud800",
    ),
)  # fmt: skip
_BURIALS = ("[%s]", '{"a":%s}')
_DEPTHS = (10, 300, 700, 800, 900, 950, 1_000, 5_000)
"""Up to where Python's recursion ends, and beyond."""


def spoilt_json(tape: Tape, document: str, *, most: int = 4) -> bytes:
    """A JSON document after up to `most` edits, as bytes, some of which are spoilt in turn."""
    value = [json.loads(document)]
    for _ in range(tape.below(most + 1)):
        steps = list(_steps(value))
        if not steps:
            break
        (parent, key), other = tape.pick(steps), tape.pick(steps)
        tape.pick(_EDITS)(tape, parent, key, other[0][other[1]])
    charset = tape.pick(_CHARSETS)
    ascii = tape.below(4) == 0 or "utf" not in charset
    text = json.dumps(value[0] if value else None, ensure_ascii=ascii)
    if tape.below(32) == 31:
        text = _buried(tape, text)
    encoded = text.encode(charset, "surrogatepass")
    return spoilt(tape, encoded, _JSON_PIECES, most=3) if tape.below(3) == 2 else encoded


def _buried(tape: Tape, text: str) -> str:
    """With one of its values at the bottom of many lists or objects."""
    before, after = tape.pick(_BURIALS).split("%s")
    depth = tape.pick(_DEPTHS)
    start = text.find('"', tape.below(len(text) + 1))
    if start < 0:
        return before * depth + text + after * depth
    end = text.find('"', start + 1) + 1
    return text[:start] + before * depth + text[start:end] + after * depth + text[end:]
