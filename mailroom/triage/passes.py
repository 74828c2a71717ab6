"""One pass: scan, look up, apply, commit. Four JMAP requests, however many senders wait; an idle pass is one.

A fifth, before the commit, follows up what the apply step brought about: groups to leave, mail that came meanwhile.

What concerns one sender alone is that sender's failure; a batched call that is refused as a whole halves the batch. The
triage label goes last, so whatever cuts a pass off, the next one finds the same labels and finishes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog
import trio

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.places import Places
from mailroom.decisions.plan import name_differs
from mailroom.decisions.select import Pause, Reason, Sender, select
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.observe.status import PassOutcome, Tally
from mailroom.triage.commit import hold, report_held
from mailroom.triage.memory import Memory
from mailroom.triage.one_pass import Moved, Pass
from mailroom.triage.patience import FAILURES_UNTIL_PAUSED
from mailroom.triage.scan import scan
from mailroom.triage.start_check import check_account
from mailroom.triage.treat import Result, Settled, log_pause, treat

log = structlog.get_logger(component="triage")


async def prepare(client: Client, contacts: Contacts, scheme: Scheme, tally: Tally) -> "Triage":
    """Check at the start what a pass needs; passes count in `tally` what they do.

    Raises `ConfigError` that lists everything missing.
    """
    account = await check_account(client, contacts, scheme)
    return Triage(client, contacts, scheme, account.own, Memory(account.places), tally)


class Triage:
    """The passes over one account; what is remembered between them is in `memory`."""

    def __init__(
        self,
        client: Client,
        contacts: Contacts,
        scheme: Scheme,
        own: frozenset[str],
        memory: Memory,
        tally: Tally,
    ) -> None:
        self._client = client
        self._contacts = contacts
        self._scheme = scheme
        self._own = own
        self._memory = memory
        self._tally = tally

    async def run(self, now: datetime) -> PassOutcome:
        """One pass; `now` is for the notes. Raises `Unavailable`, `Refused` or `BadReply`.

        Whatever was not done is done by the next one.
        """
        found = await scan(self._client, self._scheme, self._memory.places)
        self._memory.see(found.places)
        started = trio.current_time()
        selection = self._memory.due(select(found.labelled, found.places, self._own), started)
        run = await self._begin(found.places, now)
        try:
            treated = await treat(run, selection)
        finally:
            self._tally.mails_filed += run.moved.total
        self._memory.tried_to_mark(selection.pauses, started)
        await self._tell(run, treated.results)
        if treated.failure is not None:
            raise treated.failure
        return self._outcome(run, treated.results)

    async def _begin(self, places: Places, now: datetime) -> Pass:
        session = await self._client.session()
        return Pass(self._client, self._contacts, self._scheme, places, self._own, session.mail_account, now, Moved())

    async def _tell(self, run: Pass, results: Iterable[Result]) -> None:
        """Log and count what happened to each sender; those that keep failing get the error label, for all to see."""
        hopeless: list[Sender] = []
        for result in results:
            if isinstance(result, Settled):
                self._memory.failing.forget(result.plan.sender.address)
                self._tally.senders_triaged[result.plan.sender.category.name] += 1
                _log_settled(result, run.scheme)
                continue
            failures = self._memory.failing.failed(result.sender.address, trio.current_time())
            log.warning("sender_failed", sender=result.sender.address, reason=result.reason, failures=failures)
            if failures >= FAILURES_UNTIL_PAUSED:
                hopeless.append(result.sender)
        for sender in await _give_up(run, hopeless):
            self._memory.failing.forget(sender.address)

    def _outcome(self, run: Pass, results: Iterable[Result]) -> PassOutcome:
        settled = [result for result in results if isinstance(result, Settled)]
        return PassOutcome(
            triaged_by_category=Counter(result.plan.sender.category.name for result in settled),
            mails_filed=run.moved.total,
            senders_failing=len(self._memory.failing),
            mailboxes_missing=len(run.places.missing),
        )


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
    log.info("sender_triaged", sender=sender, category=category, mails=settled.mails, contact=plan.contact)
    if plan.cards_found > 1:
        log.info("several_contact_cards", sender=sender, cards=plan.cards_found, chosen_uid=plan.change.uid)
    if plan.departure.leave:
        left = sorted(group.name for group in plan.departure.leave)
        log.info("group_reassigned", sender=sender, category=category, removed_from=left)
    if scheme.warnings_enabled and any(name_differs(email, plan) for email in plan.sender.mails):
        log.warning("name_mismatch_warning", sender=sender, category=category)
