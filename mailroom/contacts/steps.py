"""Steps in the address book, done together with the mail's requests, whichever protocol carries them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import trio

from mailroom.contacts.base import Failures, InBatch, Step
from mailroom.errors import MailroomError
from mailroom.jmap.batch import Batch, Replies
from mailroom.jmap.client import Client

A = TypeVar("A")
B = TypeVar("B")


async def alone(client: Client, step: Step[A]) -> A:
    """Do the step, in requests of its own whatever the protocol."""
    _, result = await beside(client, Batch(), step)
    return result


def _nothing(_: Batch) -> None:
    pass


async def beside(
    client: Client, batch: Batch, step: Step[A], fill: Callable[[Batch], None] = _nothing
) -> tuple[Replies, A]:
    """Send the batch and do the step: in the same requests, or side by side with them.

    `fill` adds to the batch what may be in it, once all is there that has to be.
    """
    if isinstance(step, InBatch):
        settle = step.stage(batch)
        fill(batch)
        replies = await client.send(batch)
        return replies, await settle(replies)
    fill(batch)
    return await _side_by_side(partial(client.send, batch), step.run)


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that goes before mail: `failed` is known already, `settle` tells all failures once the batch is back."""

    failed: Failures
    settle: Callable[[Replies], Awaitable[Failures]]


async def before(batch: Batch, step: Step[Failures]) -> Begun:
    """Do the step before what the batch gets from now on: as its first calls, or to its end."""
    if isinstance(step, InBatch):
        return Begun({}, step.stage(batch))
    failed = await step.run()

    async def settle(_: Replies) -> Failures:
        return failed

    return Begun(failed, settle)


async def _side_by_side(first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]]) -> tuple[A, B]:
    """Both results. Where both fail, the failure of the first is raised.

    A `MailroomError` is raised bare and once both are over: cut off, the other would lose its connection.
    """
    results: list[B] = []
    failures: list[MailroomError] = []

    async def run_second() -> None:
        try:
            results.append(await second())
        except MailroomError as failure:
            failures.append(failure)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_second)
        try:
            result = await first()
        except MailroomError as failure:
            failures.insert(0, failure)
    if failures:
        raise failures[0]
    return result, results[0]
