"""When each of many accounts does what all of them have to do, so that they don't do it at the same time (pure)."""

from hashlib import sha256

FIRST_PASSES_AT_ONCE = 50
"""First passes under way: more only wait for the same processor and the same servers."""

LONGEST_FIRST_TRY_SECONDS = 30.0
"""An account whose first pass takes longer holds up no other's."""


def poll_offset(name: str) -> float:
    """The account's part of the poll interval, from 0 to 1: the same after each start, and spread by its name."""
    return int.from_bytes(sha256(name.encode()).digest()[:8]) / 2**64


def standby_offset(name: str) -> float:
    """That of a twin: half an interval off, so that each finds what the other has left."""
    return (poll_offset(name) + 0.5) % 1.0
