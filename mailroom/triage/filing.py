"""Mail that moves to where its sender's mail goes, with its marks; and without them where the server refuses one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from mailroom.decisions.keywords import ALL_MARKS
from mailroom.jmap.batch import Batch, MethodError, Replies, Slot, raise_if_transient
from mailroom.jmap.mail import Move, move_emails
from mailroom.jmap.session import Session
from mailroom.jmap.set import SetError, SetResult, merged_errors, read_set_errors
from mailroom.triage.one_pass import Pass

log = structlog.get_logger(component="triage")


@dataclass(frozen=True, slots=True)
class Staged:
    """Moves in a batch, by mail id; `owners` are the senders by mail id."""

    moves: Mapping[str, Move]
    owners: Mapping[str, str]
    slots: tuple[Slot[SetResult], ...]


def stage(batch: Batch, session: Session, by_sender: Mapping[str, Mapping[str, Move]]) -> Staged:
    """File mails, by sender and id."""
    moves = {id: move for by_id in by_sender.values() for id, move in by_id.items()}
    owners = {id: sender for sender, by_id in by_sender.items() for id in by_id}
    return Staged(moves, owners, _staged(batch, session, moves))


def _staged(batch: Batch, session: Session, moves: Mapping[str, Move]) -> tuple[Slot[SetResult], ...]:
    return move_emails(batch, session, moves, read_set_errors)


async def settle(run: Pass, replies: Replies, staged: Staged) -> dict[str, str]:
    """Count the mails that moved; returns the senders whose mails the server refused to move, and why.

    A mail that is gone needs no filing. One that is refused with its marks is moved without them: a mailbox that takes
    no further keyword (Cyrus after 100) must not keep its mail from being filed.
    """
    refused = _refused(run, replies, staged)
    for lighter in (_unmarked, _cleared):
        marked = {id: lighter(move) for id, move in staged.moves.items() if id in refused and move.is_marked}
        if marked:
            log.warning("marks_refused", mails=len(marked), reason=str(refused[min(marked)]))
            batch = Batch()
            again = replace(staged, moves=marked, slots=_staged(batch, await run.client.session(), marked))
            still = _refused(run, await run.client.send(batch), again)
            refused = {id: error for id, error in refused.items() if id not in marked} | still
    for error in refused.values():
        raise_if_transient(error)
    return {staged.owners[id]: f"a mail could not be filed: {error}" for id, error in refused.items()}


def _unmarked(move: Move) -> Move:
    """Cyrus has put a refused mail into the new mailbox already, without keywords, and needs no more than this."""
    return Move(move.add, move.remove)


def _cleared(move: Move) -> Move:
    """The marks that the mail has may be those that are refused where it goes."""
    return Move(move.add, move.remove, clear=ALL_MARKS)


def _refused(run: Pass, replies: Replies, staged: Staged) -> dict[str, SetError]:
    """Why mails were refused, by id. Those that moved are counted first: a call that failed as a whole raises."""
    for slot in staged.slots:
        if replies.error(slot) is None:
            for id in staged.owners.keys() & replies[slot].updated:
                run.moved.add(staged.owners[id], id)
    errors = merged_errors(replies[slot] for slot in staged.slots)
    return {id: error for id, error in errors.items() if id in staged.moves and error.type != "notFound"}


def refusals(replies: Replies, slots: Iterable[Slot[SetResult]]) -> list[MethodError | SetError]:
    """Why mails were not changed, or whole calls; a mail that is gone needs no change."""
    return [error for slot in slots for error in _refusals(replies, slot)]


def _refusals(replies: Replies, slot: Slot[SetResult]) -> Sequence[MethodError | SetError]:
    if (whole := replies.error(slot)) is not None:
        return [whole]
    return [error for error in replies[slot].errors().values() if error.type != "notFound"]
