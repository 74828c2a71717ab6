"""Our secrets, kept out of all that is said: whatever a server does to get one there, it has sent back what we sent.

What is known here is the process's, as its log is.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

MASK = "[secret]"

_SHORTEST = 4
"""Of a shorter one, half of all words would be masked."""

_spellings: set[str] = set()
_any_spelling = re.compile(r"(?!)")


def never_say(authorization: SecretStr) -> None:
    """Mask, from now on, what the value of an `Authorization` header holds: a token, or a password in base64."""
    global _any_spelling
    for secret in _secrets_in(authorization.get_secret_value()):
        _spellings.update(each for each in _spelled(secret) if len(each) >= _SHORTEST)
    # The longest first: one may be the beginning of another.
    longest_first = sorted(_spellings, key=lambda each: (-len(each), each))
    _any_spelling = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text without any of our secrets, whatever their case, also as urls and JSON spell them."""
    return _any_spelling.sub(MASK, text)


def _secrets_in(authorization: str) -> Iterator[str]:
    scheme, _, value = authorization.partition(" ")
    yield value
    if scheme == "Basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            yield base64.b64decode(value).decode().partition(":")[2]


def _spelled(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
