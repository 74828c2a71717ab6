"""Several senders through the steps of a pass: all at once, and in halves where a call fails as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
import trio

from mailroom.config.scheme import Back
from mailroom.decisions.arrival import Known
from mailroom.decisions.next_best import next_best, once_taken_back
from mailroom.decisions.note import Verb
from mailroom.decisions.people import as_people, standing_for
from mailroom.decisions.plan import Plan, cards_about, plan
from mailroom.decisions.select import Pause, Reason, Selection, Sender
from mailroom.errors import BatchRefused, MailroomError, SenderFailed, ServerFailed, TooMany
from mailroom.jmap.batch import slices
from mailroom.jmap.mail import Email
from mailroom.triage.apply import Applied, apply, follow_up
from mailroom.triage.commit import commit, log_pause
from mailroom.triage.look_up import Found, look_up
from mailroom.triage.new_mail import NewFound
from mailroom.triage.one_pass import Pass
from mailroom.triage.screening import NO_NEW_MAIL, NewMailDone, judged, strangers
from mailroom.triage.turns import size_of, with_moves, worked_out
from mailroom.triage.whole import known_with, mails_to_sweep, wider_categories

log = structlog.get_logger(component="triage")


_OUTAGES_OF_ALL = 3
"""A server that fails at so many senders, each alone, fails at all of them: the others are not tried in this pass."""

SENDERS_AT_ONCE = 1_000
"""Nobody labels more between two passes; their plans, and the requests that these make, take 0.2 s a step."""


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


@dataclass(frozen=True, slots=True)
class Paused:
    """Mails that have the error label now, or would have if the account had one."""

    pause: Pause


Result = Settled | Failed | Paused


@dataclass(frozen=True, slots=True)
class Treated:
    """What became of the senders of a pass, and of new mail; what `failure` cut off is in neither."""

    results: tuple[Result, ...]
    new_mail: NewMailDone = NO_NEW_MAIL
    failure: MailroomError | None = None

    @property
    def settled(self) -> tuple[Settled, ...]:
        return tuple(each for each in self.results if isinstance(each, Settled))


@dataclass(frozen=True, slots=True)
class _Part:
    """What goes through the steps at once."""

    selection: Selection
    new: NewFound | None

    def halves(self) -> tuple["_Part", ...]:
        """Two smaller parts, labels before new mail; none if there is nothing to divide."""
        if self.selection and self.new:
            return _Part(self.selection, None), _Part(Selection((), ()), self.new)
        if self.new or not self.selection.is_divisible:
            return ()
        return tuple(_Part(half, None) for half in self.selection.halves())


async def treat(run: Pass, selection: Selection, new: NewFound | None = None) -> Treated:
    """Treat all at once; where a call fails as a whole, in halves, until the one that makes it fail is alone.

    Every step is idempotent, so that the half that was fine may go through it twice.
    """
    results: list[Result] = []
    outages: list[ServerFailed] = []
    done = NO_NEW_MAIL
    waiting = list(reversed(_parts(selection, new)))
    while waiting and len(outages) < _OUTAGES_OF_ALL:
        part = waiting.pop()
        try:
            settled, new_mail = await _treat_at_once(run, part)
            results += settled
            done = new_mail.refusing(done.written.refused) if part.new else done
        except (BatchRefused, ServerFailed, TooMany) as failed:
            if halves := part.halves():
                waiting += reversed(halves)
            elif part.new and not done.written.refused and (refused := await _refused_senders(run, part.new)):
                done = done.refusing(_by_mail(part.new, refused))
                waiting.append(_Part(part.selection, part.new.of(set(part.new.senders) - refused.keys())))
            elif isinstance(failed, ServerFailed):
                outages.append(failed)
            elif part.new:
                # Doubt keeps mail where it is, without a mark: the next pass judges again.
                log.warning("new_mail_not_judged", reason=str(failed))
            elif part.selection.senders:
                results.append(Failed(part.selection.senders[0], _why(failed)))
            else:
                return Treated(tuple(results), done, failed)
        except MailroomError as failure:
            return Treated(tuple(results), done, failure)
    return Treated(tuple(results), done, outages[0] if outages else None)


def _why(failed: MailroomError) -> str:
    """Why a sender can't be settled for whom alone a call fails; a server may refuse it, or find too much."""
    if not isinstance(failed, TooMany):
        return str(failed)
    return (
        f"there is more mail of it than can be filed ({failed}): delete old mail of it for good; or take the label "
        "off and change the groups of its contact yourself, by which new mail goes"
    )


async def _refused_senders(run: Pass, new: NewFound) -> Mapping[str, str]:
    """The senders of new mail about whom the server refuses to be asked, and why; the first few of them."""
    refused: dict[str, str] = {}
    waiting = [new.senders]
    while waiting and len(refused) < _OUTAGES_OF_ALL:
        senders = waiting.pop()
        try:
            await look_up(run, (), await strangers(run, new.of(senders)))
        except (BatchRefused, ServerFailed) as failed:
            if len(senders) == 1:
                refused[senders[0]] = str(failed)
            else:
                waiting += [senders[: len(senders) // 2], senders[len(senders) // 2 :]]
        except MailroomError:
            break
    return refused


def _by_mail(new: NewFound, refused: Mapping[str, str]) -> dict[str, str]:
    """Why their mails stay where they are, by id."""
    return {each.id: why for sender, why in refused.items() for each in new.of({sender}).findings}


def _parts(selection: Selection, new: NewFound | None) -> list[_Part]:
    """All at once, unless it is very much: new mail then comes last, when the senders' cards say where it goes."""
    first, *others = list(slices(selection.senders, SENDERS_AT_ONCE)) or [()]
    rest = (Selection(each, (), resting=selection.resting) for each in others)
    selections = [replace(selection, senders=first), *rest]
    return [_Part(each, None) for each in selections[:-1]] + [_Part(selections[-1], new)]


async def _treat_at_once(run: Pass, part: _Part) -> tuple[list[Result], NewMailDone]:
    selection = part.selection
    if not selection and not part.new:
        return [], NO_NEW_MAIL
    looked_up = await look_up(run, selection.senders, await strangers(run, part.new))
    found = looked_up.after({**selection.resting, **selection.aside})
    people = await worked_out(
        found.size, lambda: as_people(selection, found.mails, found.book, run.places, run.scheme, run.own)
    )
    plans, failed = await _decide(run, people.senders, found)
    new = await judged(run, part.new, found, plans)
    run.pulse.beat()
    applied = await apply(run, found.contacts, plans, (*selection.pauses, *people.pauses), selection.aside, new)
    failed |= applied.failed
    going = [each for each in plans if each.sender.address not in failed]
    run.pulse.beat()
    failed |= await follow_up(run, found, going, applied)
    run.pulse.beat()
    results = await _commit(run, selection, people, plans, failed, applied)
    return results, NewMailDone(new, applied.written)


async def _commit(
    run: Pass, selection: Selection, people: Selection, plans: Sequence[Plan], failed: dict[str, str], applied: Applied
) -> list[Result]:
    same = standing_for(people)
    asking = [each for each in selection.pauses if each.reason is Reason.CONVERSATION]
    done = await commit(run, [each for each in plans if each.sender.address not in failed], applied, same, asking)
    failed |= done.failed
    for each in done.pauses:
        log_pause(each)
    if not done.marked:
        # Nothing in the account says that they wait: they are tried again like those that failed, less and less often.
        failed |= {each.sender: each.reason.value for each in people.pauses if each.sender}
    why = {sender: failed.get(same.get(sender.address, sender.address)) for sender in selection.senders}
    return [
        *map(Paused, done.pauses),
        *(Failed(sender, reason) for sender, reason in why.items() if reason is not None),
        *(Settled(each, run.moved.count(each.sender.address)) for each in plans if each.sender.address not in failed),
    ]


async def _decide(run: Pass, senders: Sequence[Sender], found: Found) -> tuple[list[Plan], dict[str, str]]:
    """A plan for each sender, and the reasons of those that can't have one.

    Should two come to one card after all (a new one has the uid of one that the user gave another address), the first
    is treated now; the other keeps its label until the next pass, which sees the card as this one leaves it.
    """
    plans: dict[str, Plan] = {}
    failed: dict[str, str] = {}
    known = await known_with(run, senders, found)
    then = once_taken_back(senders, known)
    for sender in senders:
        # Thousands of them must not hold up the health port.
        await trio.lowlevel.checkpoint()
        mails = await mails_to_sweep(sender, found, known)
        try:
            decided = await _planned(run, sender, mails, found, then)
        except SenderFailed as reason:
            failed[sender.address] = str(reason)
        except Exception as bug:  # a card that nobody thought of must not stop the other senders
            log.exception("sender_planning_failed", sender=sender.address)
            failed[sender.address] = f"it breaks the planner ({type(bug).__name__}); please report this"
        else:
            plans.setdefault(decided.change.uid, decided)
    return list(plans.values()), failed


async def _planned(run: Pass, sender: Sender, mails: Sequence[Email], found: Found, then: Known) -> Plan:
    """As `plan`, with time for others between parts of the mails.

    A whole domain or list that is taken back leaves its mail to what is decided beside.
    """
    size = size_of(cards_about(sender, found.book))
    decided = await worked_out(
        size, lambda: plan(sender, found.book, (), run.places, run.scheme, run.account_id, run.now)
    )
    if sender.whole is not None and isinstance(sender.category, Back):
        told = await wider_categories(mails, then)
        decided = replace(decided, others=next_best(then, told, run.places, run.scheme, run.now))
    return await with_moves(decided, mails, run.places)


def log_settled(settled: Settled) -> None:
    plan = settled.plan
    sender, category = plan.sender.address, plan.sender.category.name
    left = sorted(group.name for group in plan.departure.leave)
    is_back = isinstance(plan.sender.category, Back)
    if is_back:
        log.info("decision_taken_back", sender=sender, to=category, mails=settled.mails, removed_from=left)
    else:
        tap = "move" if plan.sender.verb is Verb.MOVED else "label"
        log.info("sender_triaged", sender=sender, category=category, mails=settled.mails, contact=plan.contact, tap=tap)
    if plan.cards_found > 1:
        log.info("several_contact_cards", sender=sender, cards=plan.cards_found, chosen_uid=plan.change.uid)
    if left and not is_back:
        log.info("group_reassigned", sender=sender, category=category, removed_from=left)
    if plan.warned:
        log.warning("name_mismatch_warning", sender=sender, category=category)
