"""What a subject is without what mail apps and lists add to it."""

from __future__ import annotations

import re

_PREFIX = re.compile(r"(?:re|fwd?|aw|wg) ?(?:\[\d+\]|\(\d+\))? ?:|\[[^\[\]]*\]")
_SUFFIX = re.compile(r"\(fwd\)$")


def base_subject(subject: str) -> str:
    """The subject without what mail apps and lists add, such as `Re:`, `Fwd:` and `[list]` (RFC 5256 section 2.1)."""
    rest = " ".join(subject.split()).casefold()
    while True:
        shorter = _SUFFIX.sub("", rest).strip()
        match = _PREFIX.match(shorter)
        if match is not None and match.end() < len(shorter):
            shorter = shorter[match.end() :].lstrip()
        if shorter == rest:
            return rest
        rest = shorter
