"""Decisions about whole domains and lists by their owner: first whom one catches, then the decision, as labels make it.

A label on a mail of each, where one can say it, so that what is cut off is finished by the daemon's next pass. Where
none can (no mail, no such label, a domain below the registered one), by the same call.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mailroom.config.scheme import Target
from mailroom.decisions.arrival import Known
from mailroom.decisions.domains import refusal
from mailroom.decisions.judge import Reason
from mailroom.decisions.select import (
    Selection,
    Sender,
    belongs,
    by_age,
    labels_of,
    name_of_whole,
    newest_name,
    sender_of,
)
from mailroom.decisions.whole import Whole, WholeDomain, asked_for, whole_labels
from mailroom.decisions.whole_sweep import why_not
from mailroom.errors import ConfigError
from mailroom.jmap.mail import Email, Move
from mailroom.senders.settle import Outcome, Permission, Permissions
from mailroom.senders.tap import as_scanned, label_for, put_labels
from mailroom.triage.look_up import Found, look_up
from mailroom.triage.one_pass import Pass
from mailroom.triage.treat import Failed, Paused, Settled, treat
from mailroom.triage.whole import known_with, mails_to_sweep


@dataclass(frozen=True, slots=True)
class Caught:
    """A sender whom a decision catches, or not: canonical address (None without a usable one), the name on the newest
    mail that has one, the number of mails that are in play, and what speaks for those that it leaves alone."""

    sender: str | None
    name: str
    mails: int
    left_alone: Reason | None = None


@dataclass(frozen=True, slots=True)
class Catch:
    """Whom a decision about a whole domain or list catches, and whom it leaves alone; the most mails first."""

    whole: Whole
    senders: tuple[Caught, ...]
    left_alone: tuple[Caught, ...]

    @property
    def mails(self) -> int:
        return sum(each.mails for each in self.senders)


async def whom_it_catches(run: Pass, wholes: Sequence[Whole], target: Target) -> tuple[Catch, ...]:
    """Whose mail would go to the target, one catch for each of the wholes. Writes nothing.

    Raises `MailroomError`; `ConfigError` names all that nothing can be decided about.
    """
    senders = _senders(run, wholes, target)
    found = await look_up(run, senders)
    known = await known_with(run, senders, found)
    return tuple(_catch(run, whole, sender, found, known) for whole, sender in zip(wholes, senders, strict=True))


async def settle_wide(run: Pass, wholes: Sequence[Whole], target: Target, permissions: Permissions) -> Outcome:
    """Decide about these. Raises `MailroomError`; `ConfigError` names all that stands in the way of any of them."""
    senders = _senders(run, wholes, target)
    found = await look_up(run, senders)
    senders = [
        replace(each, name=name_of_whole(whole, found.mails.get(each.address, ())))
        for each, whole in zip(senders, wholes, strict=True)
    ]
    if Permission.FORCE not in permissions and (problems := [*_conflicts(run, senders, found)]):
        raise ConfigError(problems)
    known = await known_with(run, senders, found)
    taps = {each.address: _tap(run, each, await mails_to_sweep(each, found, known)) for each in senders}
    moves = {id: move for tap in taps.values() if tap for id, move in [tap]}
    if Permission.FORCE in permissions:
        moves = _together(_forced(run, senders, found), moves)
    refused = await put_labels(run, moves)
    failed = {
        address: f"a mail of {address} could not be labelled: {refused[tap[0]]}. Run the same command again"
        for address, tap in taps.items()
        if tap and tap[0] in refused
    }
    going = [each for each in senders if each.address not in failed]
    labelled = await as_scanned(run, [each for each in going if taps[each.address]])
    treated = await treat(run, Selection((*labelled, *(each for each in going if not taps[each.address])), ()))
    if treated.failure is not None:
        raise treated.failure
    settled = tuple(each for each in treated.results if isinstance(each, Settled))
    done = {each.plan.sender.address for each in settled}
    why = {_whose(each): _why(each) for each in treated.results if isinstance(each, Failed | Paused)}
    failed |= {each.address: why.get(each.address, _gone(each)) for each in going if each.address not in done}
    return Outcome(settled, tuple(failed[address] for address in sorted(failed)))


def _senders(run: Pass, wholes: Iterable[Whole], target: Target) -> list[Sender]:
    problems: list[str] = []
    for whole in wholes:
        if isinstance(whole, WholeDomain) and (why := refusal(whole.domain, run.own)):
            problems.append(f"nothing can be decided about {whole}: {why.value}")
    if problems:
        raise ConfigError(problems)
    return [Sender(str(whole), "", target, (), whole=whole) for whole in wholes]


def _catch(run: Pass, whole: Whole, sender: Sender, found: Found, known: Known) -> Catch:
    by_sender: dict[tuple[str | None, Reason | None], list[Email]] = defaultdict(list)
    for email in sorted(found.mails.get(sender.address, ()), key=by_age):
        if belongs(email, sender) and not email.mailbox_ids & run.places.untouched:
            by_sender[sender_of(email), why_not(email, sender, known)].append(email)
    everybody = [
        Caught(address, newest_name(mails), len(mails), reason) for (address, reason), mails in by_sender.items()
    ]
    everybody.sort(key=lambda each: (-each.mails, each.sender or ""))
    caught = tuple(each for each in everybody if each.left_alone is None)
    return Catch(whole, caught, tuple(each for each in everybody if each.left_alone is not None))


def _conflicts(run: Pass, senders: Iterable[Sender], found: Found) -> Iterable[str]:
    """A line for each with labels for another category on its mail: the owner has to say which one counts."""
    for sender in senders:
        labelled = [email for email in found.mails.get(sender.address, ()) if whole_labels(email, run.places)]
        mine = [email for email in labelled if asked_for(email, run.places, run.own) == sender.whole]
        labels = {run.places.labels[id].label for email in mine for id in labels_of(email, run.places)}
        if others := sorted(labels - {sender.category.label}):
            yield (
                f"mail of {sender.address} already carries {', '.join(others)}: take that off, wait until it is "
                f"settled, or decide for {sender.category.name} with --force"
            )


def _forced(run: Pass, senders: Iterable[Sender], found: Found) -> dict[str, Move]:
    """All labels off mail that already asks for a decision about one of these."""
    moves: dict[str, Move] = {}
    for email in (email for sender in senders for email in found.mails.get(sender.address, ())):
        if wide := whole_labels(email, run.places):
            asks = wide | labels_of(email, run.places) | ({run.places.error_label} & email.mailbox_ids)
            moves[email.id] = Move(run.places.home_beside(email.mailbox_ids - asks), frozenset(id for id in asks if id))
    return moves


def _together(forced: Mapping[str, Move], taps: Mapping[str, Move]) -> dict[str, Move]:
    """Both, by mail id; what a tap puts on stays on."""
    both = {id: Move(move.add, (move.remove | forced.get(id, Move()).remove) - move.add) for id, move in taps.items()}
    return {**forced, **both}


def _tap(run: Pass, sender: Sender, mails: Sequence[Email]) -> tuple[str, Move] | None:
    """The mail to label, by id, with the labels that say it; None where no label can."""
    places = run.places
    label = places.domain_label if isinstance(sender.whole, WholeDomain) else places.list_label
    if label is None:
        return None
    able = [
        email
        for email in mails
        if not whole_labels(email, places) - {label}
        and asked_for(_with_label(email, label), places, run.own) == sender.whole
    ]
    tap = label_for(able, sender.category, places)
    if tap is None:
        return None
    id, move = tap
    return id, replace(move, add=move.add | {label})


def _with_label(email: Email, label: str) -> Email:
    return replace(email, mailbox_ids=email.mailbox_ids | {label})


def _whose(result: Failed | Paused) -> str | None:
    return result.sender.address if isinstance(result, Failed) else result.pause.sender


def _why(result: Failed | Paused) -> str:
    if isinstance(result, Paused):
        return f"{result.pause.sender} waits for you: {result.pause.reason.value}"
    return f"{result.sender.address} could not be settled: {result.reason}. To try again, run the same command"


def _gone(sender: Sender) -> str:
    return (
        f"the labels are gone from the mail of {sender.address} already: a daemon that runs has settled it, or someone "
        f"took them off. `mailroom senders --category '{sender.category.name}'` shows who is there"
    )
