"""Writes that go out side by side."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import trio

from mailroom.contacts.base import Failures
from mailroom.errors import MailroomError, SenderFailed

WRITES_AT_A_TIME = 6
"""As browsers open to one host. Radicale takes 8 connections; with 16 writes, some waited for a second (3.9)."""

Write = Callable[[], Awaitable[object]]


async def write_all(writes: Iterable[tuple[str, Write]]) -> Failures:
    """Run the writes, a few at a time; the reasons of those that raised `SenderFailed`, by the key of each.

    Any other `MailroomError` is raised once the writes under way are done, and no further one begins.
    """
    failed: dict[str, str] = {}
    outages: list[MailroomError] = []
    limiter = trio.CapacityLimiter(WRITES_AT_A_TIME)

    async def run(key: str, write: Write) -> None:
        async with limiter:
            if outages:
                return
            try:
                await write()
            except SenderFailed as failure:
                failed[key] = str(failure)
            except MailroomError as outage:
                # Raised after the others: a write under way is better finished than cut off.
                outages.append(outage)

    async with trio.open_nursery() as nursery:
        for key, write in writes:
            nursery.start_soon(run, key, write)
    if outages:
        raise outages[0]
    return failed


def in_turns(orders: Iterable[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Each key once, a few at a time: a key's turn comes when nothing is left before it in any of the orders.

    Of those whose turn it could be, the ones that others wait for go first. Orders that contradict each other are
    kept as far as they can be.
    """
    left = [list(order) for order in orders]
    keys = list(dict.fromkeys(key for order in left for key in order))
    while keys:
        waiting = {key for order in left for key in order[1:]}
        leading = {order[0] for order in left if len(order) > 1}
        ready = [key for key in keys if key not in waiting] or keys[:1]
        turn = sorted(ready, key=lambda key: key not in leading)[:WRITES_AT_A_TIME]
        yield tuple(turn)
        keys = [key for key in keys if key not in turn]
        left = [[key for key in order if key not in turn] for order in left]
