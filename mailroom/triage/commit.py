"""The last step: the labels, on the mails as they are now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog

from mailroom.decisions.conversation import still_asks
from mailroom.decisions.filing import paused
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan, settled
from mailroom.decisions.select import Pause, Reason, Selection, Sender, select
from mailroom.jmap.batch import Batch, Replies, Slot
from mailroom.jmap.mail import Email, Move, move_emails
from mailroom.jmap.session import Session
from mailroom.jmap.set import SetResult
from mailroom.triage import filing
from mailroom.triage.apply import Applied
from mailroom.triage.one_pass import Pass
from mailroom.triage.turns import in_turns, worked_out

log = structlog.get_logger(component="triage")


@dataclass(frozen=True, slots=True)
class Committed:
    """Senders whose mails the server refused to move, and why; the mails that wait for the user after all.

    `marked` is whether each of these has the error label now.
    """

    failed: Mapping[str, str]
    pauses: tuple[Pause, ...]
    marked: bool


async def commit(
    run: Pass, plans: Sequence[Plan], applied: Applied, same: Mapping[str, str], asking: Sequence[Pause] = ()
) -> Committed:
    """The last act: the labels, on the mails as they are NOW: the user may have changed their mind.

    `asking` are pauses that can't be seen on single mails.
    """
    still = [each for each in asking if still_asks(each, applied.labelled, run.places)]
    asked = {email.id for each in asking for email in each.mails}
    labelled_now = [email for email in applied.labelled if email.id not in asked]
    now = await worked_out(len(labelled_now), lambda: select(labelled_now, run.places, run.own, same))
    pauses = (*now.pauses, *still)
    labelled = {sender.address: sender.mails for sender in now.senders} | _by_whole(now)
    endings = {plan.sender.address: await _ending(plan, labelled, run.places) for plan in plans}
    session = await run.client.session()
    batch = Batch()
    filed = filing.stage(batch, session, endings)
    held = hold(batch, session, pauses, run.places)
    replies = await run.client.send(batch)
    marked = report_held(replies, held) and run.places.error_label is not None
    return Committed(await filing.settle(run, replies, filed), pauses, marked)


async def _ending(plan: Plan, labelled: Mapping[str, Sequence[Email]], places: Places) -> dict[str, Move]:
    return await in_turns(labelled.get(plan.sender.address, ()), lambda part: settled(plan, part, places))


def _by_whole(now: Selection) -> dict[str, tuple[Email, ...]]:
    """The mails on which a label for a whole domain or list is alone, by what people type for that."""
    by_whole = groupby(now.joinings, key=lambda each: each.whole)
    return {str(whole): tuple(email for each in group for email in each.mails) for whole, group in by_whole}


def hold(batch: Batch, session: Session, pauses: Iterable[Pause], places: Places) -> tuple[Slot[SetResult], ...]:
    """The error label on mails that wait for the user; nothing happens if the account has no error label.

    One call a sender: a crash that leaves half of a conflict's mails without it would settle the conflict.
    """
    return tuple(slot for pause in pauses for slot in move_emails(batch, session, paused(pause.mails, places)))


def report_held(replies: Replies, slots: Iterable[Slot[SetResult]]) -> bool:
    """Whether all mails of `hold` have the error label now. One that can't even get that is told in the log."""
    refused = filing.refusals(replies, slots)
    for error in refused:
        log.warning("error_label_failed", reason=str(error))
    return not refused


async def give_up(run: Pass, senders: Sequence[Sender]) -> list[Sender]:
    """The error label on all labelled mails of these senders; taking it off starts anew. Returns who has it now."""
    if run.places.error_label is None:
        return []
    batch = Batch()
    session = await run.client.session()
    pauses = [Pause(Reason.FAILING, sender.address, (sender.category.label,), sender.mails) for sender in senders]
    held = [hold(batch, session, [pause], run.places) for pause in pauses]
    replies = await run.client.send(batch)
    marked: list[Sender] = []
    for sender, pause, slots in zip(senders, pauses, held, strict=True):
        if report_held(replies, slots):
            log_pause(pause)
            marked.append(sender)
    return marked


def log_pause(pause: Pause) -> None:
    event = "conflict_detected" if pause.reason is Reason.CONFLICT else "mail_paused"
    log.warning(event, sender=pause.sender, labels=pause.labels, mails=len(pause.mails), reason=pause.reason.value)
