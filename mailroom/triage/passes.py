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
from mailroom.decisions.plan import name_differs
from mailroom.decisions.select import Pause, Reason, Selection, Sender, select
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.observe.status import PassOutcome
from mailroom.triage.commit import hold, report_held
from mailroom.triage.one_pass import Pass
from mailroom.triage.patience import FAILURES_UNTIL_PAUSED, Patience
from mailroom.triage.scan import scan
from mailroom.triage.start_check import check_account
from mailroom.triage.treat import Result, Settled, log_pause, treat

log = structlog.get_logger(component="triage")

_PASSES_UNTIL_ERROR = 3


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

    async def run(self, today: date) -> PassOutcome:
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
        treated = await treat(run, Selection(ready, tuple(each.pause for each in to_mark)))
        for each in to_mark:
            # One that has the error label now isn't seen again, and so forgotten.
            self._unmarked.failed(each, now)
        await self._note(run, treated.results)
        if treated.outage is not None:
            raise treated.outage
        settled = [result for result in treated.results if isinstance(result, Settled)]
        return PassOutcome(
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
            log_pause(pause)
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
