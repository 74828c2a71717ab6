"""When each of many accounts does what all of them have to do, so that they don't do it at the same time (pure)."""

from hashlib import sha256

from mailroom.account.rhythm import Turn

FIRST_PASSES_AT_ONCE = 50
"""First passes under way: more only wait for the same processor and the same servers."""

LONGEST_FIRST_TRY_SECONDS = 30.0
"""An account whose first pass takes longer holds up no other's."""


def poll_offset(name: str) -> float:
    """The account's part of the poll interval, from 0 to 1: the same after each start, and spread by its name."""
    return int.from_bytes(sha256(name.encode()).digest()[:8]) / 2**64


def first_turn(name: str) -> Turn:
    """Of the two polls in an interval, its own and a twin's, a ring spares one."""
    return Turn(poll_offset(name), rest=0.5)


def standby_turn(name: str) -> Turn:
    """That of a twin: half an interval off, so that each finds what the other has left.

    A ring always spares it its next poll, and so it never asks more often than the one that it stands by for: which of
    the two polls comes first after a ring depends on the account's name.
    """
    return Turn((poll_offset(name) + 0.5) % 1.0, rest=1.0)
