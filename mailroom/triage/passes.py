"""One pass: scan, look up, apply, commit. Four JMAP requests, however many senders wait; an idle pass is one.

A fifth, before the commit, follows up what the apply step brought about: groups to leave, mail that came meanwhile.

What concerns one sender alone is that sender's failure; a batched call that is refused as a whole halves the batch. The
triage label goes last, so whatever cuts a pass off, the next one finds the same labels and finishes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import structlog
import trio
from pydantic import SecretStr

from mailroom.config.keys import VARIABLES, Keys
from mailroom.config.scheme import Back, Scheme
from mailroom.contacts.base import Contacts, LookUp
from mailroom.decisions.changed_defaults import WHAT_CHANGED, how_to_keep
from mailroom.decisions.marks import is_idle
from mailroom.decisions.own import OwnAddresses
from mailroom.decisions.pauses import released
from mailroom.decisions.places import Places
from mailroom.decisions.select import Reason, Sender, select
from mailroom.errors import SenderFailed
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import Email, Move, move_emails, moved
from mailroom.observe.outcome import Deed, PassOutcome
from mailroom.observe.status import Tally
from mailroom.triage.commit import give_up, report_held
from mailroom.triage.meaning import meant
from mailroom.triage.memory import Memory
from mailroom.triage.new_mail import NewFound, Window
from mailroom.triage.one_pass import Moved, Pass, Pulse, StoodStill
from mailroom.triage.patience import FAILURES_UNTIL_PAUSED
from mailroom.triage.scan import Scan, scan
from mailroom.triage.screening import NewMailDone, in_unrelated_groups, tell, tell_unrelated_groups, tell_what_would_be
from mailroom.triage.start_check import check_account, defaults_changed, how_to_name_your_addresses
from mailroom.triage.state import read_card, settle_screening
from mailroom.triage.treat import Failed, Paused, Result, Settled, Treated, log_settled, treat
from mailroom.triage.turns import worked_out
from mailroom.triage.whole import with_joinings

log = structlog.get_logger(component="triage")


_TRIES = 3
"""How often a pass looks again when new mail was changed by somebody else between its look and its write."""

_STANDSTILL_SECONDS = 10.0
"""Less than it takes a twin to settle a tap after the usual waits, and its owner to think again."""


async def prepare(
    client: Client,
    contacts: Contacts,
    scheme: Scheme,
    tally: Tally,
    now: datetime,
    subject_code: SecretStr | None = None,
    names: Keys = VARIABLES,
) -> "Triage":
    """Check at the start what a pass needs; passes count in `tally` what they do. `now` is when screening begins,
    `names` are those of the settings, for what is told.

    Raises `ConfigError` that lists everything missing.
    """
    account = await check_account(client, contacts, scheme)
    if not account.own:
        log.warning("own_addresses_unknown", hint=how_to_name_your_addresses(names.scheme_place))
    if await defaults_changed(account, contacts, scheme):
        log.warning("defaults_changed", what=WHAT_CHANGED, hint=how_to_keep(names.scheme_place))
    triage = Triage(client, contacts, scheme, account.own, Memory(account.places), tally, subject_code)
    await triage.begin_screening(account.contacts, now)
    return triage


_TOLD_A_TURN = 100


class Triage:
    """The passes over one account; what is remembered between them is in `memory`."""

    def __init__(
        self,
        client: Client,
        contacts: Contacts,
        scheme: Scheme,
        own: OwnAddresses,
        memory: Memory,
        tally: Tally,
        subject_code: SecretStr | None,
    ) -> None:
        self._client = client
        self._contacts = contacts
        self._scheme = scheme
        self._own = own
        self._memory = memory
        self._tally = tally
        self._subject_code = subject_code

    async def begin_screening(self, found: LookUp, now: datetime) -> None:
        """Find out since when new mail is screened, by the state card in `found`, and write down what isn't yet.

        A card that can't be written leaves new mail alone; the rest works, and the card is tried again.
        """
        account_id = (await self._client.session()).mail_account
        try:
            self._memory.screening_since = await settle_screening(
                self._client, self._contacts, found, self._scheme, account_id, now
            )
            self._memory.beginning.forget(account_id)
        except SenderFailed as reason:
            failures = self._memory.beginning.failed(account_id, trio.current_time())
            log.error("screening_not_begun", reason=str(reason), failures=failures)

    async def _begin_after_all(self, now: datetime) -> None:
        """Try again what failed at the start, less and less often."""
        account_id = (await self._client.session()).mail_account
        if self._memory.beginning and self._memory.beginning.may_try(account_id, trio.current_time()):
            await self.begin_screening(await read_card(self._client, self._contacts, account_id), now)

    async def run(self, now: datetime) -> PassOutcome:
        """One pass; `now` is for the notes. Raises `Unavailable`, `Refused` or `BadReply`.

        Whatever was not done is done by the next one. Where new mail has changed between look and write, all of it is
        looked at again.
        """
        outcome = await self._awake(now)
        for _ in range(_TRIES - 1):
            if not outcome.is_outdated:
                break
            outcome = outcome.and_then(await self._awake(now))
        return outcome

    async def _awake(self, now: datetime) -> PassOutcome:
        """Look again where the process stood still; but once, for a slow server has to be lived with.

        What either of the two moved is counted.
        """
        all_moved = Moved()
        try:
            try:
                return await self._once(now, Pulse(_STANDSTILL_SECONDS), all_moved)
            except StoodStill as stood_still:
                log.info("pass_begun_anew", reason=str(stood_still))
            # Not where the error is at hand: it holds all that the first try has read.
            return await self._once(now, Pulse(), all_moved)
        finally:
            self._tally.mails_filed += all_moved.total

    async def _once(self, now: datetime, pulse: Pulse, all_moved: Moved) -> PassOutcome:
        await self._begin_after_all(now)
        found = await scan(self._client, self._scheme, self._memory.places, self._window(now))
        self._memory.see(found.places, self._scheme)
        started = trio.current_time()
        run = await self._begin(found.places, now, pulse, all_moved)
        taps = await meant(run, await self._release(found, started), self._memory.tapped(started))
        size = len(taps.labelled)
        selected = taps.among(await worked_out(size, lambda: select(taps.labelled, found.places, self._own)))
        selection = self._memory.due(await with_joinings(run, selected), started)
        new = self._new_due(found, started)
        treated = await treat(run, selection, new)
        self._memory.tried(selection, started)
        self._memory.settled((each.plan.sender for each in treated.settled), taps.taps, found.places, started)
        await self._tell(run, treated.results)
        if new:
            await self._tell_new_mail(new, treated.new_mail, now)
        if treated.failure is not None:
            raise treated.failure
        return self._outcome(run, treated, found)

    def _new_due(self, found: Scan, started: float) -> NewFound | None:
        """New mail that there is something to do about; None if there is none."""
        if found.new is None:
            return None
        due = self._memory.new_due(found.new, started)
        return None if is_idle(due.work, found.places) else due

    def _window(self, now: datetime) -> Window | None:
        """Which mail is new; None where none is looked for."""
        since = self._memory.screening_since
        if since is None:
            return None
        with_subject = self._subject_code is not None or bool(self._scheme.splits)
        return Window(self._scheme.screening.new_after(since, now), with_subject)

    async def _begin(self, places: Places, now: datetime, pulse: Pulse, all_moved: Moved) -> Pass:
        session = await self._client.session()
        return Pass(
            self._client,
            self._contacts,
            self._scheme,
            places,
            self._own,
            session.mail_account,
            now,
            all_moved,
            self._subject_code,
            pulse,
        )

    async def _release(self, found: Scan, now: float) -> Sequence[Email]:
        """Take the error label off mail whose reason to wait is gone; gives the mails as they are then."""
        asking = found.asking
        gone = released(asking, found.places, self._memory.conflicts_among(asking))
        moves = dict(self._memory.releasing.due(gone.items(), now))
        if not moves:
            return asking
        batch = Batch()
        slots = move_emails(batch, await self._client.session(), moves)
        replies = await self._client.send(batch)
        self._memory.releasing.tried(moves.items(), now)
        if not report_held(replies, slots):
            return asking
        log.info("error_label_taken_off", mails=len(moves))
        return [moved(email, moves.get(email.id, Move())) for email in asking]

    async def _tell_new_mail(self, new: NewFound, done: NewMailDone, now: datetime) -> None:
        """Log and count what happened to new mail, and remember what is not to be asked for again."""
        if done.judged.begins_anew:
            # Somebody took the card away: nobody's old Inbox is ever emptied.
            account_id = (await self._client.session()).mail_account
            await self.begin_screening(await read_card(self._client, self._contacts, account_id), now)
            return
        tell_unrelated_groups(self._memory.first_met(in_unrelated_groups(done.judged, new)))
        if self._scheme.screening.mode == "watch":
            tell_what_would_be(done.judged, new, self._memory.places)
            self._memory.leave_alone(each for each in new.findings if each.id in done.judged.decided)
            return
        written = done.written
        self._memory.wrote(each for each in new.findings if each.id in written.done)
        refused = [each for each in new.findings if each.id in written.refused]
        for id in sorted({each.id for each in self._memory.refused(refused, trio.current_time())}):
            log.warning("new_mail_not_marked", mail=id, reason=written.refused[id])
        tell(done, new)
        self._tally.mails_screened += done.screened
        self._tally.mails_routed.update(done.routed)

    async def _tell(self, run: Pass, results: Iterable[Result]) -> None:
        """Log and count what happened to each sender; those that keep failing get the error label, for all to see."""
        hopeless: list[Sender] = []
        for count, result in enumerate(results):
            if count % _TOLD_A_TURN == 0:
                await trio.lowlevel.checkpoint()
            if isinstance(result, Settled):
                self._memory.failing.forget(result.plan.sender.address)
                if not isinstance(result.plan.sender.category, Back):
                    self._tally.senders_triaged[result.plan.sender.category.name] += 1
                log_settled(result)
                continue
            if isinstance(result, Paused):
                if result.pause.reason is Reason.CONFLICT:
                    self._memory.note_conflict(frozenset(email.id for email in result.pause.mails))
                continue
            failures = self._memory.failing.failed(result.sender.address, trio.current_time())
            log.warning("sender_failed", sender=result.sender.address, reason=result.reason, failures=failures)
            if failures >= FAILURES_UNTIL_PAUSED:
                hopeless.append(result.sender)
        for sender in await give_up(run, hopeless):
            self._memory.failing.forget(sender.address)

    def _outcome(self, run: Pass, treated: Treated, found: Scan) -> PassOutcome:
        targets = [each.plan.sender.category for each in treated.settled]
        done = treated.new_mail
        goes_on = bool(done.written.done or (found.moved and targets))
        return PassOutcome(
            triaged_by_category=Counter(each.name for each in targets if not isinstance(each, Back)),
            mails_filed=run.moved.total,
            senders_failing=len(self._memory.failing),
            mailboxes_missing=len(run.places.missing),
            mails_screened=done.screened,
            mails_routed=sum(done.routed.values()),
            mails_waiting=found.mails_waiting,
            has_more=goes_on and (done.judged.is_cut or found.is_full),
            is_outdated=done.written.is_outdated,
            deeds=tuple(_deeds(treated.results)),
        )


def _deeds(results: Iterable[Result]) -> Iterator[Deed]:
    """What the owner may want to see of each sender; mail without a usable one shows it by its error label."""
    for result in results:
        match result:
            case Settled(plan, mails):
                yield Deed(plan.sender.address, plan.sender.category.name, mails, name=plan.sender.name)
            case Failed(sender, reason):
                yield Deed(sender.address, sender.category.name, 0, reason, sender.name)
            case Paused(pause) if pause.sender is not None:
                yield Deed(pause.sender, "", 0, pause.reason.value)
