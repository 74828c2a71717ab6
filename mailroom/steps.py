"""The requests of a pass after its scan: look up, apply, follow up, commit. Each is one for all senders.

Failures are reasons by sender address: what went wrong with one sender alone. A call that fails as a whole raises
`BatchRefused`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import structlog

from mailroom.addresses import search_texts
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Contacts
from mailroom.decisions.filing import paused, sweep
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan, settled
from mailroom.decisions.select import Pause, Sender, select, sender_of
from mailroom.jmap.batch import Batch, MethodError, Replies, Slot, slices
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email, Move, get_emails, move_emails
from mailroom.jmap.query import Filter, Search, all_of, any_of, search
from mailroom.jmap.session import Session
from mailroom.jmap.set import SetError, SetResult, merged_errors

log = structlog.get_logger(component="triage")

_TEXTS_PER_SEARCH = 200
"""Each makes two conditions of a filter; Cyrus takes no more than 499 of them together with a mailbox."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What stays the same while one pass runs. `own` holds the user's canonical addresses, `account` is an id."""

    client: Client
    contacts: Contacts
    scheme: Scheme
    places: Places
    own: frozenset[str]
    account: str
    today: date


@dataclass(frozen=True, slots=True)
class Found:
    """What the look-up brought: the senders' cards and all groups, and mails by sender."""

    book: AddressBook
    mails: Mapping[str, Sequence[Email]]


async def look_up(run: Pass, senders: Sequence[Sender]) -> Found:
    """The senders' contact cards, all groups, and their mail everywhere."""
    if not senders:
        return Found(AddressBook((), ()), {})
    session = await run.client.session()
    batch = Batch()
    book = run.contacts.look_up([sender.address for sender in senders], batch)
    searches = _searches(batch, session, senders)
    replies = await run.client.send(batch)
    return Found(await book(replies), await _mails_found(run, searches, replies))


def _searches(batch: Batch, session: Session, senders: Iterable[Sender], *where: Filter) -> list[Search[Email]]:
    """For mail that may be from one of the senders, and is where the filters say."""
    texts = [text for sender in senders for text in search_texts(sender.address)]
    return [
        search(batch, EMAIL, session.mail_account, session.limits, all_of([*where, _from_any(part)]))
        for part in slices(texts, _TEXTS_PER_SEARCH)
    ]


def _from_any(texts: Iterable[str]) -> Filter:
    """Candidates: `from` is a text search that may lag behind, the header condition needs no index. Ask for either."""
    return any_of([condition for text in texts for condition in ({"from": text}, {"header": ["From", text]})])


async def _mails_found(run: Pass, searches: Iterable[Search[Email]], replies: Replies) -> dict[str, list[Email]]:
    """By sender. Of several addresses in From each may have been searched for: a mail counts once."""
    emails = {email.id: email for each in searches for email in await run.client.all_found(each, replies)}
    mails: dict[str, list[Email]] = {}
    for email in emails.values():
        if (address := sender_of(email)) is not None:
            mails.setdefault(address, []).append(email)
    return mails


@dataclass(frozen=True, slots=True)
class Applied:
    """How the account looks after the apply step: labelled mails read back, mails that are still in the Screener."""

    failed: Mapping[str, str]
    labelled: tuple[Email, ...]
    strays: Mapping[str, Sequence[Email]]


async def apply(run: Pass, plans: Sequence[Plan], pauses: Sequence[Pause]) -> Applied:
    """Write contacts, file every mail but the labelled ones, then read back what the commit depends on."""
    session = await run.client.session()
    batch = Batch()
    staged = await run.contacts.add([plan.change for plan in plans], batch)
    going = [plan for plan in plans if plan.sender.address not in staged.failed]
    owners = {id: plan.sender.address for plan in going for id in plan.moves}
    filed = move_emails(batch, session, {id: move for plan in going for id, move in plan.moves.items()})
    waiting = [*(plan.sender.mails for plan in going), *(pause.mails for pause in pauses)]
    labelled = get_emails(batch, session, sorted(email.id for mails in waiting for email in mails))
    strays = _searches(batch, session, (plan.sender for plan in going), {"inMailbox": run.places.screener})
    replies = await run.client.send(batch)
    return Applied(
        failed={**await staged.settle(replies), **_refused(replies, filed, owners)},
        labelled=tuple(email for slot in labelled for email in replies[slot]),
        strays=await _mails_found(run, strays, replies),
    )


def _refused(replies: Replies, slots: Iterable[Slot[SetResult]], owners: Mapping[str, str]) -> dict[str, str]:
    """Senders whose mails the server refused to move. A mail that is gone needs no filing."""
    errors = merged_errors(replies[slot] for slot in slots)
    return {
        owners[id]: f"a mail could not be filed: {error}" for id, error in errors.items() if error.type != "notFound"
    }


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """How many stragglers were filed, by sender."""

    failed: Mapping[str, str]
    mails: Mapping[str, int]


async def follow_up(run: Pass, plans: Sequence[Plan], applied: Applied) -> FollowedUp:
    """Take re-triaged senders out of their former groups, and file the stragglers; no request if there is neither.

    Calls in one request run on after a failed one: not in that of the joins, which a leave depends on, nor in that of
    the labels, which depend on all of it.
    """
    batch = Batch()
    staged = await run.contacts.remove([plan.departure for plan in plans if plan.departure.leave], batch)
    strays = {
        plan.sender.address: sweep(
            plan.sender, applied.strays.get(plan.sender.address, ()), plan.destinations, run.places
        )
        for plan in plans
    }
    owners = {id: address for address, moves in strays.items() for id in moves}
    filed = move_emails(batch, await run.client.session(), _merged(strays.values()))
    replies = await run.client.send(batch)
    failed = {**staged.failed, **await staged.settle(replies), **_refused(replies, filed, owners)}
    return FollowedUp(failed, {address: len(moves) for address, moves in strays.items()})


@dataclass(frozen=True, slots=True)
class Committed:
    """How many mails moved in the last act, by sender; the mails that wait for the user after all."""

    failed: Mapping[str, str]
    mails: Mapping[str, int]
    pauses: tuple[Pause, ...]


async def commit(run: Pass, plans: Sequence[Plan], applied: Applied) -> Committed:
    """The last act: the labels, on the mails as they are NOW: the user may have changed their mind."""
    now = select(applied.labelled, run.places, run.own)
    labelled = {sender.address: sender.mails for sender in now.senders}
    endings = {plan.sender.address: _ending(run, plan, labelled.get(plan.sender.address, ())) for plan in plans}
    session = await run.client.session()
    batch = Batch()
    slots = move_emails(batch, session, _merged(endings.values()))
    held = hold(batch, session, now.pauses, run.places)
    replies = await run.client.send(batch)
    owners = {id: address for address, moves in endings.items() for id in moves}
    report_held(replies, held)
    failed = _refused(replies, slots, owners)
    return Committed(failed, {address: len(moves) for address, moves in endings.items()}, now.pauses)


def _ending(run: Pass, plan: Plan, labelled: Iterable[Email]) -> dict[str, Move]:
    """The last moves for one sender, by mail id."""
    moves = {email.id: settled(plan, email, run.places) for email in labelled}
    return {id: move for id, move in moves.items() if move}


def _merged(moves: Iterable[Mapping[str, Move]]) -> dict[str, Move]:
    return {id: move for by_id in moves for id, move in by_id.items()}


def hold(batch: Batch, session: Session, pauses: Iterable[Pause], places: Places) -> tuple[Slot[SetResult], ...]:
    """The error label on mails that wait for the user; nothing happens if the account has no error label.

    One call a sender: a crash that leaves half of a conflict's mails without it would settle the conflict.
    """
    return tuple(slot for pause in pauses for slot in move_emails(batch, session, paused(pause.mails, places)))


def report_held(replies: Replies, slots: Iterable[Slot[SetResult]]) -> bool:
    """Whether all mails of `hold` have the error label now. One that can't even get that is told in the log."""
    refused = [error for slot in slots for error in _why_not_held(replies, slot)]
    for error in refused:
        log.warning("error_label_failed", reason=str(error))
    return not refused


def _why_not_held(replies: Replies, slot: Slot[SetResult]) -> Sequence[MethodError | SetError]:
    if (whole := replies.error(slot)) is not None:
        return [whole]
    return [error for error in replies[slot].errors().values() if error.type != "notFound"]
