"""Work on thousands of mails or cards, in turns with what else there is to do: taps and the health port don't wait."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import trio

from mailroom.contacts.base import Card
from mailroom.decisions.filing import sweep
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan
from mailroom.jmap.batch import slices
from mailroom.jmap.mail import Email, Move

T = TypeVar("T")

MOST_AT_ONCE = 500
"""Mails, cards, or lines of notes. They take some 20 ms."""

_CHARACTERS_A_LINE = 30

_LIMITER = trio.lowlevel.RunVar[trio.CapacityLimiter]("one thread")


async def worked_out(size: int, work: Callable[[], T]) -> T:
    """What a decision about so many mails or cards comes to; if they are many it is made in a thread of its own.

    The interpreter turns from one thread to the other every 5 ms, and what decides is pure. If this is cancelled the
    thread comes to its end alone.
    """
    if size <= MOST_AT_ONCE:
        await trio.lowlevel.checkpoint()
        return work()
    return await trio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=_one_thread())


def _one_thread() -> trio.CapacityLimiter:
    """Of the accounts that have much to do one does it at a time: half of the processor is everybody else's."""
    try:
        return _LIMITER.get()
    except LookupError:
        # Of each run its own: a thread that outlives one gives nothing back.
        _LIMITER.set(limiter := trio.CapacityLimiter(1))
        return limiter


def size_of(cards: Iterable[Card]) -> int:
    """How much there is to read in these: the cards, and the lines of their notes."""
    return sum(1 + len(card.note) // _CHARACTERS_A_LINE for card in cards)


async def in_turns(
    mails: Iterable[Email], decide: Callable[[tuple[Email, ...]], Mapping[str, Move]]
) -> dict[str, Move]:
    """What is decided about each of these mails, by id: `decide` sees them part by part. Equal moves are one object."""
    moves: dict[str, Move] = {}
    equal: dict[Move, Move] = {}
    for part in slices(mails, MOST_AT_ONCE):
        await trio.lowlevel.checkpoint()
        moves |= {id: equal.setdefault(move, move) for id, move in decide(part).items()}
    return moves


async def swept(made: Plan, mails: Iterable[Email], places: Places) -> dict[str, Move]:
    """What the plan does to these mails, by id; those with a label stay."""
    return await in_turns(mails, lambda part: sweep(made.sender, part, made.others, places))


async def with_moves(made: Plan, mails: Iterable[Email], places: Places) -> Plan:
    """The plan with what it does to these mails."""
    return replace(made, moves=await swept(made, mails, places))
