"""Mailroom's block in the note of a contact card: where the card came from, and what was decided when (pure).

    — Mailroom —
    Created by Mailroom
    Triaged to Feed on 2026-03-05
    Re-triaged to Imbox on 2026-04-01

Text before and after the block is the user's.
"""

import re
from datetime import date

HEADER = "— Mailroom —"
CREATED = "Created by Mailroom"
ADOPTED = "Adopted by Mailroom"

_LINE = r"(?:(?:Created|Adopted) by Mailroom|(?:Triaged|Re-triaged) to .+ on \d{4}-\d\d-\d\d)"
# Any white space: `recorded` drops it at the end of the text, which must not make a header of what was none.
_LINE_END = r"[^\S\n]*?(?=\r?\n|\Z)"
_BLOCK = re.compile(rf"^{HEADER}{_LINE_END}(?:\r?\n{_LINE}{_LINE_END})*", re.MULTILINE)
_TRIAGED_TO = re.compile(r"(?:Triaged|Re-triaged) to (.+) on \d{4}-\d\d-\d\d")


def recorded(note: str, category: str, today: date, origin: str) -> str:
    """The note with a line that says the sender was triaged to this category today.

    A block that is missing begins with `origin` (`CREATED` or `ADOPTED`). Nothing is added if the block's last
    line names this category already, so that a retry changes nothing.
    """
    block = _BLOCK.search(note)
    if block is None:
        added = f"{HEADER}\n{origin}\nTriaged to {category} on {today.isoformat()}"
        return f"{note.rstrip()}\n\n{added}" if note.strip() else added
    decided = _TRIAGED_TO.findall(block.group())
    if decided and decided[-1] == category:
        return note
    verb = "Re-triaged" if decided else "Triaged"
    line = f"\n{verb} to {category} on {today.isoformat()}"
    return note[: block.end()].rstrip(" \t") + line + note[block.end() :]


def says_created(note: str) -> bool:
    """Whether the block says that Mailroom made the card."""
    block = _BLOCK.search(note)
    return block is not None and CREATED in block.group()


def has_block(note: str) -> bool:
    """Whether Mailroom has written in this note."""
    return _BLOCK.search(note) is not None


def stripped(note: str) -> str:
    """The note without Mailroom's block, as it was before: the inverse of `recorded`, up to white space at the end."""
    while (block := _BLOCK.search(note)) is not None:
        before, after = note[: block.start()].rstrip(), note[block.end() :]
        note = f"{before}{after}".rstrip() if before else after.strip()
    return note
