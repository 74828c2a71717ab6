"""New mail in a pass: what is asked about it, the verdicts, the one write, and what is told (screening, I/O part)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

import structlog
import trio

from mailroom.addresses import canonical_list_id, domain_of
from mailroom.contacts.base import AddressBook
from mailroom.decisions.arrival import Known
from mailroom.decisions.domains import covering
from mailroom.decisions.judge import Outcome, Reason, Verdict, judge, undecided
from mailroom.decisions.marks import MOST, marks, to_judge
from mailroom.decisions.note import whole_list_line
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan
from mailroom.decisions.routes import routes
from mailroom.decisions.splits import diversions
from mailroom.decisions.standing import Standings, after, standings
from mailroom.decisions.state_card import uid_of
from mailroom.decisions.whole import WholeDomain
from mailroom.jmap.batch import Batch, Replies, Slot
from mailroom.jmap.mail import Move
from mailroom.jmap.new_mail import update_emails_in_state
from mailroom.jmap.session import Session
from mailroom.jmap.set import SetResult
from mailroom.triage.correspondence import NOBODY_NEW, NOTHING_ASKED, Correspondence, Questions, Strangers
from mailroom.triage.look_up import Found
from mailroom.triage.new_mail import NewFound
from mailroom.triage.one_pass import Pass
from mailroom.triage.state import state_in
from mailroom.triage.turns import size_of, worked_out

log = structlog.get_logger(component="triage")


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts on the new mail of a pass, and what is to be written, both by mail id.

    `begins_anew` is whether nobody knows any more since when mail is screened. `most` is how many mails one write
    takes: the rest is the next pass's.
    """

    state: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    patches: Mapping[str, Move] = field(default_factory=dict)
    begins_anew: bool = False
    most: int = 0

    @property
    def written_now(self) -> Mapping[str, Move]:
        return dict(islice(self.patches.items(), self.most))

    @property
    def is_cut(self) -> bool:
        return len(self.patches) > self.most

    @property
    def decided(self) -> frozenset[str]:
        """The ids of mails that have a verdict; what nobody knows yet is judged again."""
        return frozenset(id for id, each in self.verdicts.items() if each.outcome is not Outcome.UNDECIDED)

    @property
    def judged(self) -> frozenset[str]:
        """The mails that are moved by their verdict, now or in the next pass, and by no sweep."""
        return frozenset(self.verdicts.keys() & self.patches.keys())


NOTHING_NEW = Judged("")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the write: ids of mails that have it, reasons of those that were refused it.

    `is_outdated` is whether mail has changed since it was read, so that nothing was written.
    """

    done: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    is_outdated: bool = False


@dataclass(frozen=True, slots=True)
class NewMailDone:
    """What a pass did with new mail."""

    judged: Judged
    written: Written

    def refusing(self, refused: Mapping[str, str]) -> "NewMailDone":
        """With mails that were left alone, and why, by id."""
        return replace(self, written=replace(self.written, refused={**self.written.refused, **refused}))

    @property
    def _moved(self) -> list[Verdict]:
        """Of what was moved; mail that only got a mark isn't."""
        patches = self.judged.patches
        return [self.judged.verdicts[id] for id in self.written.done if id in patches and patches[id].changes_mailboxes]

    @property
    def screened(self) -> int:
        """Mails put into the Screener."""
        return sum(verdict.outcome is Outcome.SCREENED for verdict in self._moved)

    @property
    def routed(self) -> Mapping[str, int]:
        """Mails put where their senders' go, by the name of the category."""
        return Counter(verdict.route.category.name for verdict in self._moved if verdict.route is not None)


NO_NEW_MAIL = NewMailDone(NOTHING_NEW, Written())


async def strangers(run: Pass, new: NewFound | None) -> Strangers:
    """Whose cards are needed for the verdicts, and what is asked, whoever turns out to be decided."""
    if not new:
        return NOBODY_NEW
    mails = to_judge(new.work, run.places)
    nothing = known_of(run, Standings())
    threads: set[str] = set()
    senders: set[str] = set()
    for mail in mails:
        await trio.lowlevel.checkpoint()
        asked = undecided((mail,), nothing)
        threads |= asked.threads
        senders |= asked.senders

    async def still_undecided(book: AddressBook) -> frozenset[str]:
        size = size_of(book.cards) + len(mails)
        return await worked_out(size, lambda: undecided(mails, known_of(run, standings(book, run.scheme))).senders)

    addresses = sorted({mail.sender for mail in mails if mail.sender})
    domains = sorted({domain for address in addresses for domain in covering(domain_of(address))})
    lists = sorted({id for mail in mails if (id := canonical_list_id(mail.list_id))})
    return Strangers(
        tuple(addresses),
        (uid_of(run.account_id),),
        tuple(WholeDomain(domain).address for domain in domains),
        tuple(map(whole_list_line, lists)),
        Questions(tuple(sorted(threads)), tuple(sorted(senders)), run.places.sent),
        still_undecided,
    )


async def judged(run: Pass, new: NewFound | None, found: Found, plans: Sequence[Plan]) -> Judged:
    """The verdicts, with the contact groups as they will be after this pass.

    No verdicts where it isn't known any more since when mail is screened: then screening begins anew.
    """
    if not new:
        return NOTHING_NEW
    is_on = run.scheme.screening.is_on
    if is_on and state_in(found.book, run.account_id).screening_since is None:
        return replace(NOTHING_NEW, begins_anew=True)
    said = await verdicts(run, new, found, plans)
    if not is_on:
        return Judged(new.state, said)
    # One patch a mail: what needs no verdict may be filed with its sender, and is marked by that.
    swept = {id for plan in plans for id in plan.moves}.difference(said)
    written = await with_patches(run, new, said)
    return replace(written, patches={id: patch for id, patch in written.patches.items() if id not in swept})


async def verdicts(run: Pass, new: NewFound, found: Found, plans: Sequence[Plan] = ()) -> dict[str, Verdict]:
    """The verdicts by mail id, with the contact groups as they will be after these plans."""
    then = after(found.book, (plan.change for plan in plans), (plan.departure for plan in plans))
    open_until = state_in(found.book, run.account_id).open_until
    standing = await worked_out(size_of(then.cards), lambda: standings(then, run.scheme))
    known = known_of(run, standing, found.told, open_until)
    told: dict[str, Verdict] = {}
    for mail in to_judge(new.work, run.places):
        await trio.lowlevel.checkpoint()
        told[mail.id] = judge(mail, known)
    return told


async def with_patches(run: Pass, new: NewFound, verdicts: Mapping[str, Verdict]) -> Judged:
    """What these verdicts write."""
    most = min(MOST, (await run.client.session()).limits.max_objects_in_set)
    return Judged(new.state, verdicts, marks(new.work, verdicts, run.places, most=len(new.findings)), most=most)


def known_of(
    run: Pass, standing: Standings, told: Correspondence = NOTHING_ASKED, open_until: datetime | None = None
) -> Known:
    """What the verdicts of a pass go by."""
    return Known(
        own=run.own.addresses,
        standings=standing,
        routes=routes(run.scheme),
        screening=run.scheme.screening,
        now=run.now,
        open_until=open_until,
        subject_code=run.subject_code,
        holds_sent=told.holds_sent,
        written_to=told.written_to,
        diversions=diversions(run.scheme),
    )


def stage(batch: Batch, session: Session, new: Judged) -> Slot[SetResult] | None:
    """The one write: mark and move of all new mail, and none of it if any mail has changed since it was read."""
    if not new.patches:
        return None
    return update_emails_in_state(batch, session, new.state, new.written_now)


def settle(replies: Replies, slot: Slot[SetResult] | None) -> Written:
    """What became of the write. Raises `BatchRefused` where all of it was refused for another reason."""
    if slot is None:
        return Written()
    error = replies.error(slot)
    if error is not None and error.type == "stateMismatch":
        return Written(is_outdated=True)
    result = replies[slot]
    refused = {id: str(error) for id, error in result.errors().items() if error.type != "notFound"}
    return Written(result.updated, refused)


def tell(done: NewMailDone, new: NewFound) -> None:
    """Log what was done; with whose mail, and why, at debug."""
    senders = _senders(new)
    for id in sorted(done.written.done & done.judged.verdicts.keys()):
        log.debug("mail_judged", sender=senders[id], reason=_reason(done.judged.verdicts[id]))
    if done.screened:
        log.info("mail_screened", mails=done.screened)
    for category, mails in sorted(done.routed.items()):
        log.info("mail_routed", category=category, mails=mails)


def tell_what_would_be(judged: Judged, new: NewFound, places: Places) -> None:
    """Log for each mail that `on` would move where to, and why; whose mail it is at debug, as everywhere."""
    senders = _senders(new)
    for id, patch in sorted(marks(new.work, judged.verdicts, places, most=len(new.findings)).items()):
        verdict = judged.verdicts.get(id)
        if verdict is None or verdict.outcome is Outcome.STAYS or not patch.changes_mailboxes:
            continue
        if verdict.route is None:
            log.info("would_screen", reason=_reason(verdict))
        else:
            log.info("would_route", reason=_reason(verdict), category=verdict.route.category.name)
        log.debug("would_move_mail_of", sender=senders[id], reason=_reason(verdict))


def in_unrelated_groups(judged: Judged, new: NewFound) -> frozenset[str]:
    """The senders whose contact groups contradict each other, so that nobody knows where their mail belongs."""
    senders = _senders(new)
    return frozenset(senders[id] for id, each in judged.verdicts.items() if each.reason is Reason.UNRELATED_GROUPS)


def tell_unrelated_groups(senders: Iterable[str]) -> None:
    for sender in sorted(senders):
        log.warning("groups_unrelated", sender=sender, hint=Reason.UNRELATED_GROUPS.text)


def _senders(new: NewFound) -> dict[str, str]:
    return {mail.id: mail.sender for mail in (*new.work.inbox, *new.work.screener)}


def _reason(verdict: Verdict) -> str:
    return verdict.reason.name.lower()
