"""Uids of cards, and of members of groups: one card's may be spelled differently in the two (pure).

Apps write `urn:uuid:` before a uid or leave it out (RFC 6350 §6.6.5, §6.7.6). Cyrus 3.12 shows the uid of a card as it
stands and the member with the prefix; its next version takes the prefix off members, and may write one as
`urn:uuid:"urn:uuid:…"`.
"""

import re

_LONGEST = 10_000
_WRAPPING = re.compile(r'^(?:["\s]|urn:uuid:)+', re.IGNORECASE)


def bare_uid(value: str) -> str:
    """A uid or member without `urn:uuid:` prefixes and quotes; an endless one as it is."""
    if len(value) > _LONGEST:
        return value
    return _WRAPPING.sub("", value).rstrip('"\t ')
