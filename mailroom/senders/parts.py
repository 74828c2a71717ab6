"""Mail that its owner has changed: in parts, so that nobody waits for long.

Each part only if nobody changed mail since it was read. What is done needs nothing more, so whatever cuts it off, the
next run does the rest.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailroom.decisions.marks import MOST
from mailroom.jmap.batch import Batch, slices
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email, Move, get_emails
from mailroom.jmap.new_mail import update_emails_in_state
from mailroom.senders.screen import CHANGED_MEANWHILE, TRIES, Advance

Decide = Callable[[Iterable[Email]], Mapping[str, Move]]
"""What becomes of mails as they are now, by mail id."""


@dataclass(frozen=True, slots=True)
class Changed:
    """How many mails were changed, and how many were not, by the reason."""

    mails: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "Changed") -> "Changed":
        return Changed(self.mails + other.mails, Counter(self.failed) + Counter(other.failed))


def nobody_watches(_: int) -> None:
    """For callers that show no progress."""


async def change(client: Client, ids: Sequence[str], decide: Decide, advance: Advance = nobody_watches) -> Changed:
    """Change these mails. Raises `MailroomError`; what is done by then is done."""
    limits = (await client.session()).limits
    changed = Changed()
    for part in slices(ids, min(MOST, limits.max_objects_in_get, limits.max_objects_in_set)):
        changed += await _change_part(client, part, decide)
        advance(len(part))
    return changed


async def _change_part(client: Client, ids: Sequence[str], decide: Decide) -> Changed:
    session = await client.session()
    for _ in range(TRIES):
        batch = Batch()
        state = batch.add(EMAIL.get_state(session.mail_account))
        slots = get_emails(batch, session, ids)
        replies = await client.send(batch)
        moves = decide(email for slot in slots for email in replies[slot])
        if not moves:
            return Changed()
        batch = Batch()
        written = update_emails_in_state(batch, session, replies[state], moves)
        replies = await client.send(batch)
        error = replies.error(written)
        if error is None or error.type != "stateMismatch":
            result = replies[written]
            failed = (str(each) for each in result.errors().values() if each.type != "notFound")
            return Changed(len(result.updated), Counter(failed))
    return Changed(0, {CHANGED_MEANWHILE: len(moves)})
