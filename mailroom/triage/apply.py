"""The third step: contacts, then mail without a label; and what has to follow in a request of its own."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailroom.contacts.base import LookUp
from mailroom.contacts.steps import before
from mailroom.decisions.filing import sweep
from mailroom.decisions.plan import Plan
from mailroom.decisions.select import Pause
from mailroom.jmap.batch import Batch, Replies, Slot
from mailroom.jmap.mail import Email, Move, get_emails, move_emails
from mailroom.jmap.set import SetResult, merged_errors
from mailroom.triage.look_up import mails_found, mails_of, searches_from
from mailroom.triage.one_pass import Pass
from mailroom.triage.screening import NOTHING_NEW, Judged, Written, settle, stage


@dataclass(frozen=True, slots=True)
class Applied:
    """How the account looks after the apply step: labelled mails read back, mails that are still in the Screener."""

    failed: Mapping[str, str]
    labelled: tuple[Email, ...]
    strays: Mapping[str, Sequence[Email]]
    written: Written


async def apply(
    run: Pass, contacts: LookUp, plans: Sequence[Plan], pauses: Sequence[Pause], new: Judged = NOTHING_NEW
) -> Applied:
    """Mark and move new mail, write contacts, file every mail but the labelled ones; then read back what the commit
    depends on.

    New mail goes first: our own filing changes the state that its write relies on.
    """
    session = await run.client.session()
    batch = Batch()
    marked = stage(batch, session, new)
    added = await before(batch, contacts.add([plan.change for plan in plans]))
    going = [plan for plan in plans if plan.sender.address not in added.failed]
    moves = {
        plan.sender.address: {id: move for id, move in plan.moves.items() if id not in new.patches} for plan in going
    }
    owners = {id: address for address, by_id in moves.items() for id in by_id}
    filed = move_emails(batch, session, merged_moves(moves.values()))
    waiting = [*(plan.sender.mails for plan in going), *(pause.mails for pause in pauses)]
    labelled = get_emails(batch, session, sorted(email.id for mails in waiting for email in mails))
    addresses = sorted(frozenset[str]().union(*(plan.sender.addresses for plan in going)))
    strays = searches_from(batch, session, addresses, *filter(None, [run.places.screener]))
    replies = await run.client.send(batch)
    refused = refused_moves(run, replies, filed, owners)
    return Applied(
        failed={**await added.settle(replies), **refused},
        labelled=tuple(email for slot in labelled for email in replies[slot]),
        strays=await mails_found(run, strays, replies),
        written=settle(replies, marked),
    )


def refused_moves(
    run: Pass, replies: Replies, slots: Iterable[Slot[SetResult]], owners: Mapping[str, str]
) -> dict[str, str]:
    """Count the mails that moved; returns the senders whose mails the server refused to move.

    A mail that is gone needs no filing. `owners` are the senders by mail id.
    """
    slots = tuple(slots)
    for slot in slots:
        # Counted first: a call that failed as a whole raises below.
        if replies.error(slot) is None:
            for id in owners.keys() & replies[slot].updated:
                run.moved.add(owners[id], id)
    errors = merged_errors(replies[slot] for slot in slots)
    return {
        owners[id]: f"a mail could not be filed: {error}" for id, error in errors.items() if error.type != "notFound"
    }


async def follow_up(run: Pass, contacts: LookUp, plans: Sequence[Plan], applied: Applied) -> Mapping[str, str]:
    """Take re-triaged senders out of their former groups, and file the stragglers; no request if there is neither.

    Returns the reasons of the senders that failed.

    Calls in one request run on after a failed one: not in that of the joins, which a leave depends on, nor in that of
    the labels, which depend on all of it.
    """
    batch = Batch()
    removed = await before(batch, contacts.remove([plan.departure for plan in plans if plan.departure.leave]))
    strays = {
        plan.sender.address: sweep(plan.sender, mails_of(plan.sender, applied.strays), plan.destinations, run.places)
        for plan in plans
    }
    owners = {id: address for address, moves in strays.items() for id in moves}
    filed = move_emails(batch, await run.client.session(), merged_moves(strays.values()))
    replies = await run.client.send(batch)
    refused = refused_moves(run, replies, filed, owners)
    return {**await removed.settle(replies), **refused}


def merged_moves(moves: Iterable[Mapping[str, Move]]) -> dict[str, Move]:
    return {id: move for by_id in moves for id, move in by_id.items()}
