"""One pass: scan, look up, apply, commit. Four JMAP requests, however many senders wait; an idle pass is one.

A fifth, before the commit, follows up what the apply step brought about: groups to leave, mail that came meanwhile.

What concerns one sender alone is that sender's failure; a batched call that is refused as a whole halves the batch. The
triage label goes last, so whatever cuts a pass off, the next one finds the same labels and finishes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import structlog
import trio

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan, name_differs, plan
from mailroom.decisions.select import Pause, Reason, Selection, Sender, select
from mailroom.errors import BatchRefused, SenderFailed, ServerFailed
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.observe.status import Outcome
from mailroom.patience import FAILURES_UNTIL_PAUSED, Patience
from mailroom.scan import check_account, scan
from mailroom.steps import Found, Pass, apply, commit, follow_up, hold, look_up, report_held

log = structlog.get_logger(component="triage")

_PASSES_UNTIL_ERROR = 3

_OUTAGES_OF_ALL = 3
"""A server that fails at so many senders, each alone, fails at all of them: the others are not tried in this pass."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A sender that is done; `mails` counts those that moved."""

    plan: Plan
    mails: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A sender that keeps its labels, and why."""

    sender: Sender
    reason: str


Result = Settled | Failed


@dataclass(frozen=True, slots=True)
class Treated:
    """What became of the senders of a pass. Those at whose turn the server failed are in no result: `outage`."""

    results: tuple[Result, ...]
    outage: ServerFailed | None = None


@dataclass(frozen=True, slots=True)
class _Unmarked:
    """Mails that wait for the user without the error label, whose id is None if there is none."""

    pause: Pause
    error_label: str | None


async def prepare(client: Client, contacts: Contacts, scheme: Scheme) -> "Triage":
    """Check at the start what a pass needs. Raises `ConfigError` that lists everything missing."""
    account = await check_account(client, contacts, scheme)
    return Triage(client, contacts, scheme, account.places, account.own)


class Triage:
    """The passes over one account, and what is remembered between them."""

    def __init__(self, client: Client, contacts: Contacts, scheme: Scheme, places: Places, own: frozenset[str]) -> None:
        self._client = client
        self._contacts = contacts
        self._scheme = scheme
        self._places = places
        self._own = own
        self._patience = Patience[str]()
        self._unmarked = Patience[_Unmarked]()
        self._passes_missing = Counter(dict.fromkeys(places.missing, _PASSES_UNTIL_ERROR - 1))

    async def run(self, today: date) -> Outcome:
        """One pass. Raises `Unavailable`, `Refused` or `BadReply`; whatever was not done is done by the next one."""
        found = await scan(self._client, self._scheme, self._places)
        self._places = found.places
        self._report_missing(found.places.missing)
        selection = select(found.labelled, found.places, self._own)
        self._patience.keep_only({sender.address for sender in selection.senders})
        now = trio.current_time()
        ready = tuple(each for each in selection.senders if self._patience.may_try(each.address, now))
        waiting = [_Unmarked(pause, found.places.error_label) for pause in selection.pauses]
        self._unmarked.keep_only(set(waiting))
        to_mark = [each for each in waiting if self._unmarked.may_try(each, now)]
        account = (await self._client.session()).mail_account
        run = Pass(self._client, self._contacts, self._scheme, found.places, self._own, account, today)
        treated = await _treat_by_halves(run, Selection(ready, tuple(each.pause for each in to_mark)))
        for each in to_mark:
            # One that has the error label now isn't seen again, and so forgotten.
            self._unmarked.failed(each, now)
        await self._note(run, treated.results)
        if treated.outage is not None:
            raise treated.outage
        settled = [result for result in treated.results if isinstance(result, Settled)]
        return Outcome(
            triaged_by_category=Counter(result.plan.sender.category.name for result in settled),
            mails_filed=sum(result.mails for result in settled),
            senders_failing=len(self._patience),
            mailboxes_missing=len(found.places.missing),
        )

    def _report_missing(self, missing: Sequence[str]) -> None:
        """A warning once, and an error once if it lasts: someone may be renaming things just now.

        What is missing at the start is an error at once.
        """
        self._passes_missing = Counter({name: self._passes_missing[name] + 1 for name in missing})
        for name, passes in self._passes_missing.items():
            if passes in (1, _PASSES_UNTIL_ERROR):
                report = log.error if passes == _PASSES_UNTIL_ERROR else log.warning
                report("mailbox_missing", mailbox=name, hint="create it, or run `mailroom setup --apply`")

    async def _note(self, run: Pass, results: Iterable[Result]) -> None:
        """Log what happened to each sender; those that keep failing get the error label, for the user to see."""
        hopeless: list[Sender] = []
        for result in results:
            if isinstance(result, Settled):
                self._patience.forget(result.plan.sender.address)
                _log_settled(result, run.scheme)
                continue
            failures = self._patience.failed(result.sender.address, trio.current_time())
            log.warning("sender_failed", sender=result.sender.address, reason=result.reason, failures=failures)
            if failures >= FAILURES_UNTIL_PAUSED:
                hopeless.append(result.sender)
        for sender in await _give_up(run, hopeless):
            self._patience.forget(sender.address)


async def treat_one(run: Pass, sender: Sender) -> Result:
    """Take one sender alone through the steps of a pass; one without labelled mail gets card, groups and filing."""
    treated = await _treat_by_halves(run, Selection((sender,), ()))
    if treated.outage is not None:
        raise treated.outage
    (result,) = treated.results
    return result


async def _treat_by_halves(run: Pass, selection: Selection) -> Treated:
    """Treat all at once; where a call fails as a whole, in halves, until the one that makes it fail is alone.

    Every step is idempotent, so that the half that was fine may go through it twice.
    """
    results: list[Result] = []
    outages: list[ServerFailed] = []
    waiting = [selection]
    while waiting and len(outages) < _OUTAGES_OF_ALL:
        part = waiting.pop()
        try:
            results += await _treat(run, part)
        except (BatchRefused, ServerFailed) as failed:
            if part.is_divisible:
                waiting += reversed(part.halves())
            elif isinstance(failed, ServerFailed):
                outages.append(failed)
            elif part.senders:
                results.append(Failed(part.senders[0], str(failed)))
            else:
                raise
    return Treated(tuple(results), outages[0] if outages else None)


async def _treat(run: Pass, selection: Selection) -> list[Result]:
    if not selection:
        return []
    found = await look_up(run, selection.senders)
    plans, failed = _decide(run, selection.senders, found)
    applied = await apply(run, plans, selection.pauses)
    failed |= applied.failed
    followed = await follow_up(run, [each for each in plans if each.sender.address not in failed], applied)
    failed |= followed.failed
    done = await commit(run, [each for each in plans if each.sender.address not in failed], applied)
    failed |= done.failed
    for each in done.pauses:
        _log_pause(each)
    mails = Counter(followed.mails) + Counter(done.mails)
    settled = (each for each in plans if each.sender.address not in failed)
    return [
        *(Failed(sender, failed[sender.address]) for sender in selection.senders if sender.address in failed),
        *(Settled(each, len(each.moves) + mails[each.sender.address]) for each in settled),
    ]


def _decide(run: Pass, senders: Sequence[Sender], found: Found) -> tuple[list[Plan], dict[str, str]]:
    """A plan for each sender, and the reasons of those that can't have one.

    Of several senders on one contact card the first is treated now; the others keep their labels until the next
    pass, which sees the card as this one leaves it.
    """
    plans: dict[str, Plan] = {}
    failed: dict[str, str] = {}
    for sender in senders:
        mails = found.mails.get(sender.address, ())
        try:
            decided = plan(sender, found.book, mails, run.places, run.scheme, run.account, run.today)
        except SenderFailed as reason:
            failed[sender.address] = str(reason)
        except Exception as bug:  # a card that nobody thought of must not stop the other senders
            log.exception("sender_planning_failed", sender=sender.address)
            failed[sender.address] = f"it breaks the planner ({type(bug).__name__}); please report this"
        else:
            plans.setdefault(decided.change.uid, decided)
    return list(plans.values()), failed


async def _give_up(run: Pass, senders: Sequence[Sender]) -> list[Sender]:
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
            _log_pause(pause)
            marked.append(sender)
    return marked


def _log_settled(settled: Settled, scheme: Scheme) -> None:
    plan = settled.plan
    sender, category = plan.sender.address, plan.sender.category.name
    log.info("sender_triaged", sender=sender, category=category, mails=settled.mails, contact=plan.origin)
    if plan.cards_found > 1:
        log.info("several_contact_cards", sender=sender, cards=plan.cards_found, chosen_uid=plan.change.uid)
    if plan.departure.leave:
        left = sorted(group.name for group in plan.departure.leave)
        log.info("group_reassigned", sender=sender, category=category, removed_from=left)
    if scheme.warnings_enabled and any(name_differs(email, plan) for email in plan.sender.mails):
        log.warning("name_mismatch_warning", sender=sender, category=category)


def _log_pause(pause: Pause) -> None:
    event = "conflict_detected" if pause.reason is Reason.CONFLICT else "mail_paused"
    log.warning(event, sender=pause.sender, labels=pause.labels, mails=len(pause.mails), reason=pause.reason.value)
