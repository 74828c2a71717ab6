"""Taking back a decision that was filed already, as `mailroom undo` does."""

from datetime import UTC, datetime

from mailroom.errors import ConfigError
from mailroom.page.owner import Owner
from mailroom.senders.undo import Undo, find_undo, undo
from mailroom.triage.start_check import begin


async def undo_decision(owner: Owner, sender: str, category: str) -> Undo:
    """Undo the last decision about a sender, which must be for this category: asked twice, it is no redo.

    Raises `MailroomError`; `ConfigError` says why there is nothing to undo.
    """
    run = await begin(owner.client, await owner.contacts(), owner.scheme, datetime.now(UTC))
    found = await find_undo(run, sender)
    if found.undone.category != category:
        raise ConfigError([f"the last decision about {sender} is another one by now"])
    await undo(run, found)
    return found
