"""A decision undone: the sender goes where they were before, and the note on the contact says so, last of all.

Mail and groups come first. So whatever cuts it off, the note still tells the decision that is to be undone, and the
same call does the rest.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from mailroom.contacts.base import Card, Change, Failures, LookUp, Wanted
from mailroom.contacts.steps import alone
from mailroom.decisions import note, whole_card
from mailroom.decisions.contact import readable_card
from mailroom.decisions.filing import Filing
from mailroom.decisions.going_back import WayBack
from mailroom.decisions.next_best import next_best, without_decision
from mailroom.decisions.people import other_addresses
from mailroom.decisions.plan import Plan
from mailroom.decisions.select import Sender, belongs, by_age, labels_of, newest_name
from mailroom.decisions.standing import standings
from mailroom.decisions.undo import (
    After,
    NoDecision,
    Subject,
    after_undo,
    holding,
    leaves_mail_to_others,
    plan_undo,
    target_of,
)
from mailroom.decisions.whole import whole_labels
from mailroom.errors import BadReply, ConfigError, SenderFailed, Unavailable
from mailroom.jmap.mail import EMAIL_IN_FULL, Email
from mailroom.triage.apply import apply, follow_up
from mailroom.triage.correspondence import NO_QUESTIONS, Strangers
from mailroom.triage.look_up import Found, look_up, mails_of
from mailroom.triage.one_pass import Pass
from mailroom.triage.screening import known_of
from mailroom.triage.turns import with_moves, worked_out
from mailroom.triage.whole import known_with, mails_to_sweep, wider_categories

log = structlog.get_logger(component="senders")


class NothingToUndo(ConfigError):
    """There is no such decision."""


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoing the last decision means. `who` is a sender's address, or a whole domain or list as people type it.

    `undone` is that decision, `after` where the sender goes; `plan` is all that changes, with what it was planned on.
    `going` are the numbers of mails that move, by the category, or the Screener, where they go.
    """

    who: str
    undone: note.Decision
    after: After
    plan: Plan
    found: Found
    going: Mapping[str, int]

    @property
    def contacts(self) -> LookUp:
        return self.found.contacts

    @property
    def to(self) -> str:
        """The category, or the Screener, where the sender is then; several where parts of the mail go elsewhere."""
        if not isinstance(self.after, NoDecision):
            return self.after.name
        rest = self.after.domain or self.plan.sender.category
        return " and ".join(each.name for each in (*self.after.parts, rest))

    @property
    def mails(self) -> int:
        """How many mails move."""
        return sum(self.going.values())


async def find_undo(run: Pass, subject: Subject, undone: note.Decision | None = None) -> Undo:
    """What undoing the last decision about somebody would mean. Writes nothing; raises `MailroomError`.

    With `undone` nothing but that decision is undone, so that asking twice is no redo. `ConfigError` says why nothing
    can be undone, `NothingToUndo` that nothing was decided.
    """
    if subject in run.own:
        raise ConfigError([f"{subject} is one of your own addresses: nothing is ever decided about these"])
    sender = Sender(str(subject), "", run.scheme.back, (), whole=None if isinstance(subject, str) else subject)
    found = await look_up(run, [sender], _WIDER, EMAIL_IN_FULL)
    size = found.size
    card, last = await worked_out(size, lambda: _last_decision_found(run, subject, found))
    if undone is not None and undone != last:
        raise NothingToUndo([f"the last decision about {subject} is another one by now. {_HOW_TO_LOOK}"])
    if sender.whole is None:
        sender = replace(sender, also=other_addresses(sender.address, found.book, run.scheme, run.own))
    # All mail tells what holds then, however much of it was moved before this was cut off.
    standing = await worked_out(size, lambda: standings(found.book, run.scheme))
    known = known_of(run, without_decision(sender, standing))
    told = await wider_categories((each for each in mails_of(sender, found.mails) if belongs(each, sender)), known)
    after = after_undo(card.note, run.scheme, holding(subject, card, known, told.values()))
    sender = replace(sender, category=target_of(after, run.scheme))
    mails = await _mails(run, sender, found)
    named = replace(sender, name=newest_name(sorted(mails, key=by_age)) or card.fields.full_name)
    plan = await worked_out(
        size, lambda: plan_undo(named, after, card, found.book, run.places, run.scheme, run.account_id, run.now)
    )
    if leaves_mail_to_others(sender, after):
        plan = replace(plan, others=next_best(known, told, run.places, run.scheme, run.now))
    plan = await with_moves(plan, mails, run.places)
    going = Counter(_to(plan.others.of(each), run) for each in mails if each.id in plan.moves)
    return Undo(str(subject), last, after, plan, found, going)


_HOW_TO_LOOK = "`mailroom history` shows what was"

_WIDER = Strangers((), (), (), note.WIDE, NO_QUESTIONS)
"""The cards of all whole domains and lists are looked up, too: which of them cover the mail, only that tells."""


def _to(filing: Filing | WayBack, run: Pass) -> str:
    return filing.category.name if isinstance(filing, Filing) else run.scheme.back.name


def _last_decision_found(run: Pass, subject: Subject, found: Found) -> tuple[Card, note.Decision]:
    """The card that tells of somebody, and the last decision on it."""
    if isinstance(subject, str):
        card = readable_card(subject, found.book, run.scheme)
    else:
        card = whole_card.matching_card(subject, run.account_id, found.book, run.scheme)
    last = None if card is None else (note.read(card.note) or note.NOTHING_WRITTEN).last
    if card is None or last is None:
        raise NothingToUndo([f"nothing was decided about {subject}: no contact has a note of it. {_HOW_TO_LOOK}"])
    return card, last


async def _mails(run: Pass, sender: Sender, found: Found) -> Sequence[Email]:
    """The mails that move. Raises `ConfigError` where one of them waits for a pass."""
    mails = await mails_to_sweep(sender, found, await known_with(run, [sender], found))
    if labels := _labels(run, sender, mails):
        how = "take that off, or wait until it is settled"
        raise ConfigError([f"mail of {sender.address} carries {', '.join(labels)}: {how}"])
    return mails


def _labels(run: Pass, sender: Sender, mails: Sequence[Email]) -> list[str]:
    """The names of the labels that a pass would act on, and that are about the sender, or the whole domain or list."""
    seen = [email for email in mails if run.places.error_label not in email.mailbox_ids]
    if sender.whole is not None:
        seen = [email for email in seen if whole_labels(email, run.places)]
    return sorted({run.places.labels[id].label for email in seen for id in labels_of(email, run.places)})


async def undo(run: Pass, found: Undo) -> int:
    """Undo it; returns how many mails moved. Raises `MailroomError`; the same call again does the rest."""
    await _move(run, found)
    # New mail may have been filed by the decision while it still held.
    again = await find_undo(run, found.plan.sender.whole or found.who, found.undone)
    if again.mails:
        await _move(run, again)
    await _write_note(run, again, replace(again.plan.change, join=()))
    mails = run.moved.count(found.who)
    left = sorted(group.name for group in found.plan.departure.leave)
    log.info("decision_taken_back", sender=found.who, to=found.to, mails=mails, removed_from=left)
    return mails


async def _move(run: Pass, found: Undo) -> None:
    """Groups and mail."""
    joining = replace(found.plan, change=replace(found.plan.change, card=None))
    applied = await apply(run, found.contacts, [joining], (), {})
    _raise(applied.failed)
    _raise(await follow_up(run, found.found, [joining], applied))


async def _write_note(run: Pass, found: Undo, change: Change) -> None:
    """The last write. Where its answer is lost, the note itself is asked: undone again it would be a redo."""
    try:
        failed = await alone(run.client, found.contacts.add([change]))
    except (Unavailable, BadReply):
        if await _last_decision(run, change.uid) in (None, found.undone):
            raise
        return
    _raise(failed)


async def _last_decision(run: Pass, uid: str) -> note.Decision | None:
    try:
        found = await alone(run.client, run.contacts.look_up(Wanted(uids=(uid,))))
    except (Unavailable, BadReply):
        return None
    texts = [card.note for card in found.book.cards if card.uid == uid]
    return (note.read(texts[0]) or note.NOTHING_WRITTEN).last if texts else None


def _raise(failed: Failures) -> None:
    for reason in failed.values():
        raise SenderFailed(reason)
