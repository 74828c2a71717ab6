"""Writes that go out side by side."""

from collections.abc import Awaitable, Callable, Iterable

import trio

from mailroom.contacts.base import Failures
from mailroom.errors import MailroomError, SenderFailed

WRITES_AT_A_TIME = 4

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
