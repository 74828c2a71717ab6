"""Our secrets, kept out of all that is said: whatever a server does to get one there, it has sent back what we sent.

What is known here is the process's, as its log is.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

MASK = "[secret]"

_SHORTEST = 4
"""Of a shorter one, half of all words would be masked."""

_spellings: dict[str, set[str]] = {}
"""Small letters, by the first `_SHORTEST` of them: a pattern of thousands of secrets would take minutes to compile, and
milliseconds for each line."""


def never_say(authorization: SecretStr) -> None:
    """Mask, from now on, what the value of an `Authorization` header holds: a token, or a password in base64."""
    for secret in _secrets_in(authorization.get_secret_value()):
        for spelling in map(_small, _spelled(secret)):
            if len(spelling) >= _SHORTEST:
                _spellings.setdefault(spelling[:_SHORTEST], set()).add(spelling)


def redacted(text: str) -> str:
    """The text without any of our secrets, whatever their case, also as urls and JSON spell them."""
    small = _small(text)
    parts: list[str] = []
    done = 0
    for at in [at for at in range(len(small)) if small[at : at + _SHORTEST] in _spellings]:
        length = _longest_at(small, at)
        if length and at >= done:
            parts += (text[done:at], MASK)
            done = at + length
    return "".join([*parts, text[done:]])


def _longest_at(small: str, at: int) -> int:
    """The length of the longest secret that begins there, 0 for none: one may be the beginning of another."""
    known = _spellings[small[at : at + _SHORTEST]]
    return max((len(each) for each in known if small.startswith(each, at)), default=0)


def _small(text: str) -> str:
    """In small letters, each where it was: a few letters become two."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(each.lower()[0] for each in text)


def _secrets_in(authorization: str) -> Iterator[str]:
    scheme, _, value = authorization.partition(" ")
    yield value
    if scheme == "Basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            yield base64.b64decode(value).decode().partition(":")[2]


def _spelled(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
