"""Keywords: the names that are allowed, and how many of them a mailbox takes (RFC 8621 section 4.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mailroom.sandbox.errors import SetError

_MAX_LENGTH = 255
_ALLOWED = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('(){]%*"\\')
_FLAGS = frozenset({"$answered", "$draft", "$flagged", "$seen"})
"""IMAP's system flags, for which a mailbox always has room."""


def checked_keywords(flags: Any) -> frozenset[str]:
    """The names of a keywords map, lower case; None has none. Raises SetError invalidProperties."""
    if flags is None:
        return frozenset()
    if not isinstance(flags, dict) or not all(flag is True for flag in flags.values()):
        raise SetError("invalidProperties", "a map of keyword to true is wanted", properties=("keywords",))
    bad = sorted(name for name in flags if not is_keyword(name))
    if bad:
        raise SetError("invalidProperties", f"no keywords: {bad}", properties=("keywords",))
    return frozenset(name.lower() for name in flags)


def check_room(used: Mapping[str, set[str]], mailbox_ids: frozenset[str], keywords: frozenset[str], most: int) -> None:
    """Raise SetError serverFail if a mailbox would know more than `most` names; `used` are those of each mailbox."""
    own = named(keywords)
    for mailbox_id in mailbox_ids:
        known = used[mailbox_id]
        if not own <= known and len(own | known) > most:
            raise SetError("serverFail", "too many user flags in the mailbox")


def named(keywords: frozenset[str]) -> frozenset[str]:
    """The keywords that a mailbox keeps a list of: all but the system flags."""
    return keywords - _FLAGS


@lru_cache(maxsize=1024)
def is_keyword(name: str) -> bool:
    """1 to 255 printable ASCII characters, without those that IMAP's syntax needs."""
    return 0 < len(name) <= _MAX_LENGTH and _ALLOWED.issuperset(name)
