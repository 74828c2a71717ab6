"""Taking back a decision that was filed already, as `mailroom undo` does, or a tap that may be filed just now.

Never while a pass of this process runs: it would go on with what it read before, and decide once more.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import trio

from mailroom.account.triage_loop import LONGEST_PASS_SECONDS
from mailroom.decisions.note import Decision, Verb
from mailroom.errors import BatchRefused, ConfigError, SenderFailed
from mailroom.page.owner import Owner
from mailroom.senders.one_tap import Became, Mails, untap
from mailroom.senders.undo import NothingToUndo, Undo, find_undo, undo
from mailroom.triage.start_check import begin

_PATIENCE_SECONDS = 30.0
"""As long as somebody who tapped may wait for an answer, and less than proxies do."""


async def undo_decision(owner: Owner, sender: str, category: str) -> Undo:
    """Undo the last decision about a sender, which must be for this category: asked twice, it is no redo.

    Raises `MailroomError`; `ConfigError` says why there is nothing to undo, or that it has to wait.
    """
    async with _between_passes(owner):
        return await _undo(owner, sender, category)


async def undo_tap(owner: Owner, mails: Mails, category: str) -> dict[str, str]:
    """Take labels off that don't count yet, and what is filed back; why it can't be, by sender.

    Raises `MailroomError`; `ConfigError`, before anything is done, where a pass takes too long to be waited for.
    """
    async with _between_passes(owner):
        problems: dict[str, str] = {}
        for sender, is_off in (await untap(owner.client, owner.scheme, mails)).items():
            try:
                # Of a pass that was cut off the decision stands, though the label was there still.
                await _undo(owner, sender, category, _longest_pass_ago() if is_off is Became.DONE else "")
            except NothingToUndo as nothing:
                if is_off is not Became.DONE:
                    problems[sender] = str(nothing)
            except (ConfigError, SenderFailed, BatchRefused) as refused:
                problems[sender] = str(refused)
        return problems


async def _undo(owner: Owner, sender: str, category: str, since: str = "") -> Undo:
    """`since` is when the decision was made at the earliest, as notes tell it."""
    run = await begin(owner.client, await owner.contacts(), owner.scheme, datetime.now(UTC))
    found = await find_undo(run, sender)
    if found.undone.category != category or found.undone.when < since:
        raise NothingToUndo([f"the last decision about {sender} is another one by now"])
    await undo(run, found)
    return found


def _longest_pass_ago() -> str:
    """An older decision is no tap's whose label was there until now."""
    then = datetime.now(UTC) - timedelta(seconds=LONGEST_PASS_SECONDS)
    return Decision.at(Verb.TRIAGED, "", then).when


@asynccontextmanager
async def _between_passes(owner: Owner) -> AsyncIterator[None]:
    with trio.move_on_after(_PATIENCE_SECONDS) as patience:
        await owner.one_at_a_time.acquire()
    if patience.cancelled_caught:
        raise ConfigError(["mail is being filed just now. Try again in a moment"])
    try:
        yield
    finally:
        owner.one_at_a_time.release()
