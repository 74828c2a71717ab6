"""The third step: contacts, then mail without a label; and what has to follow in a request of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from mailroom.contacts.base import LookUp
from mailroom.contacts.steps import before
from mailroom.decisions.next_best import NextBest
from mailroom.decisions.plan import Plan
from mailroom.decisions.select import Pause
from mailroom.jmap.batch import Batch, Replies
from mailroom.jmap.mail import EMAIL, EMAIL_IN_FULL, Email, Move, get_emails, move_emails
from mailroom.jmap.mail_search import MailSearch
from mailroom.jmap.session import Session
from mailroom.jmap.set import read_set_errors
from mailroom.triage import filing
from mailroom.triage.look_up import (
    Found,
    mails_found,
    mails_of,
    mails_of_wholes,
    searches_from,
    searches_of,
    with_splits,
)
from mailroom.triage.one_pass import Pass
from mailroom.triage.scan import labelled_kind
from mailroom.triage.screening import NOTHING_NEW, Judged, Written, settle, stage
from mailroom.triage.turns import swept
from mailroom.triage.whole import known_with, of_known_people, sweepable

log = structlog.get_logger(component="triage")


@dataclass(frozen=True, slots=True)
class Applied:
    """How the account looks after the apply step: labelled mails read back, and mails that are still in the Screener.

    But for those that wait for a verdict.
    """

    failed: Mapping[str, str]
    labelled: tuple[Email, ...]
    strays: Mapping[str, Sequence[Email]]
    written: Written


async def apply(
    run: Pass,
    contacts: LookUp,
    plans: Sequence[Plan],
    pauses: Sequence[Pause],
    aside: Mapping[str, Move],
    new: Judged = NOTHING_NEW,
) -> Applied:
    """Mark and move new mail, write contacts, file every mail but the labelled ones; then read back what the commit
    depends on.

    New mail goes first: our own filing changes the state that its write relies on. `aside` is next, by mail id: a label
    that means somebody else must not outlive the one that counts.
    """
    session = await run.client.session()
    batch = Batch()
    marked = stage(batch, session, new)
    set_aside = move_emails(batch, session, aside, read_set_errors)
    added = await before(batch, contacts.add([plan.change for plan in plans]))
    going = [plan for plan in plans if plan.sender.address not in added.failed]
    filed = filing.stage(
        batch,
        session,
        {each.sender.address: {id: move for id, move in each.moves.items() if id not in new.judged} for each in going},
    )
    waiting = [*(plan.sender.mails for plan in going), *(pause.mails for pause in pauses)]
    ids = sorted(email.id for mails in waiting for email in mails)
    labelled = get_emails(batch, session, ids, with_splits(labelled_kind(run.places), run.scheme))
    strays = _search_strays(batch, session, run, going)
    replies = await run.client.send(batch)
    refused = await filing.settle(run, replies, filed)
    for error in filing.refusals(replies, set_aside):
        log.warning("label_not_taken_off", reason=str(error))
    written = settle(replies, marked)
    judged = new.judged.difference(written.refused)
    return Applied(
        failed={**await added.settle(replies), **refused},
        labelled=tuple(email for slot in labelled for email in replies[slot]),
        strays={
            sender: [email for email in emails if email.id not in judged]
            for sender, emails in (await _strays(run, strays, replies)).items()
        },
        written=written,
    )


@dataclass(frozen=True, slots=True)
class _StraySearch:
    """For mail that is still in the Screener: of senders, and of whole domains and lists."""

    of_senders: Sequence[MailSearch]
    of_wholes: Mapping[str, MailSearch]


def _search_strays(batch: Batch, session: Session, run: Pass, plans: Sequence[Plan]) -> _StraySearch:
    screener = [id for id in (run.places.screener,) if id is not None]
    people = [plan for plan in plans if plan.sender.whole is None]
    addresses = sorted(frozenset[str]().union(*(plan.sender.addresses for plan in people)))
    kind = EMAIL_IN_FULL if any(isinstance(plan.others, NextBest) for plan in people) else EMAIL
    wholes = [plan.sender.whole for plan in plans if plan.sender.whole is not None]
    return _StraySearch(
        searches_from(batch, session, addresses, with_splits(kind, run.scheme), *screener),
        searches_of(batch, session, wholes, run.scheme, *screener),
    )


async def _strays(run: Pass, asked: _StraySearch, replies: Replies) -> Mapping[str, Sequence[Email]]:
    of_senders = await mails_found(run, asked.of_senders, replies)
    return {**of_senders, **await mails_of_wholes(run, asked.of_wholes, replies)}


async def follow_up(run: Pass, found: Found, plans: Sequence[Plan], applied: Applied) -> Mapping[str, str]:
    """Take re-triaged senders out of their former groups, and file the stragglers; no request if there is neither.

    Returns the reasons of the senders that failed.

    Calls in one request run on after a failed one: not in that of the joins, which a leave depends on, nor in that of
    the labels, which depend on all of it.
    """
    batch = Batch()
    removed = await before(batch, found.contacts.remove([plan.departure for plan in plans if plan.departure.leave]))
    known = await known_with(run, [plan.sender for plan in plans], found)
    strays: dict[str, Mapping[str, Move]] = {}
    for plan in plans:
        candidates = of_known_people(plan.sender, mails_of(plan.sender, applied.strays), found)
        mails = await sweepable(plan.sender, candidates, known)
        strays[plan.sender.address] = await swept(plan, mails, run.places)
    filed = filing.stage(batch, await run.client.session(), strays)
    replies = await run.client.send(batch)
    refused = await filing.settle(run, replies, filed)
    return {**await removed.settle(replies), **refused}
