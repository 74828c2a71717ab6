"""Changes that are undone in any case, Ctrl-C included."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from mailroom.errors import MailroomError, Unavailable

SECONDS = 15
"""For a change, and again for undoing it; nothing interrupts these."""

T = TypeVar("T")


class NotUndone(MailroomError):
    """Something was left behind; `by_hand` says how to remove it."""

    def __init__(self, problem: str, by_hand: str) -> None:
        super().__init__(f"{problem}: {by_hand}")
        self.problem = problem
        self.by_hand = by_hand


class ChangeRefused(MailroomError):
    """The server doesn't make a change, for the reason that it gives."""


async def finished(change: Callable[[], Awaitable[T]]) -> T:
    """Make a change without being cut off: whether it happened must be known to undo it. Raises `Unavailable`, too."""
    result = await _shielded(change)
    # A cancellation that came meanwhile counts now.
    await trio.lowlevel.checkpoint_if_cancelled()
    return result


async def _shielded(change: Callable[[], Awaitable[T]]) -> T:
    try:
        with trio.fail_after(SECONDS, shield=True):
            return await change()
    except trio.TooSlowError:
        raise Unavailable(f"the server took longer than {SECONDS} s for a change") from None


@asynccontextmanager
async def undoing(
    undo: Callable[[], Awaitable[None]], by_hand: str, tell: Callable[[str], None]
) -> AsyncIterator[None]:
    """Undo what the block changed, whatever ends it. Raises `NotUndone` if the block succeeded and undoing doesn't.

    A block that ends otherwise goes on ending so; `tell` then says what was left behind.
    """
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        problem = await _problem_of(undo)
        if problem and not succeeded:
            tell(f"{problem}: {by_hand}")
    if problem:
        raise NotUndone(problem, by_hand)


async def _problem_of(undo: Callable[[], Awaitable[None]]) -> str:
    try:
        await _shielded(undo)
    except MailroomError as failure:
        return f"a change could not be undone ({failure})"
    return ""
