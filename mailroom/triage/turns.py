"""Thousands of mails of one sender, in turns: taps of others and the health port don't wait for all of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import trio

from mailroom.decisions.filing import sweep
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan
from mailroom.jmap.batch import slices
from mailroom.jmap.mail import Email, Move

MAILS_A_TURN = 500
"""They take some 30 ms."""


async def in_turns(
    mails: Iterable[Email], decide: Callable[[tuple[Email, ...]], Mapping[str, Move]]
) -> dict[str, Move]:
    """What is decided about each of these mails, by id: `decide` sees them part by part."""
    moves: dict[str, Move] = {}
    for part in slices(mails, MAILS_A_TURN):
        await trio.lowlevel.checkpoint()
        moves |= decide(part)
    return moves


async def with_moves(made: Plan, mails: Iterable[Email], places: Places) -> Plan:
    """The plan with what it does to these mails, of which those with a label stay."""
    return replace(made, moves=await in_turns(mails, lambda part: sweep(made.sender, part, made.others, places)))
