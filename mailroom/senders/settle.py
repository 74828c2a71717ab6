"""Senders settled by hand, many in one pass: a label on a mail of each, as the phone does, and then the pass.

Cut off anywhere, it is finished by the daemon's next pass, or by the same call: the labels are on. For a sender without
mail there is nothing to label.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from mailroom.config.scheme import Category
from mailroom.contacts.base import Card
from mailroom.decisions.contact import readable_card
from mailroom.decisions.people import other_addresses, same_person
from mailroom.decisions.places import Places
from mailroom.decisions.select import Selection, Sender, by_age, newest_name
from mailroom.errors import ConfigError
from mailroom.jmap.mail import Email, Move
from mailroom.senders.tap import as_scanned, clearing, label_for, other_labels, put_labels
from mailroom.senders.waiting import who_waits
from mailroom.suggest import did_you_mean
from mailroom.triage.look_up import look_up, mails_of
from mailroom.triage.one_pass import Pass
from mailroom.triage.treat import Failed, Paused, Result, Settled, treat


class Permission(Enum):
    """What the owner allows beyond the usual."""

    NEW = auto()
    """To settle an address that nobody has written from yet, and that no contact has."""

    FORCE = auto()
    """To decide where other triage labels, or the error label, are on the sender's mail."""


Permissions = frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who is settled, and why others are not: one line each, sorted."""

    settled: tuple[Settled, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One person whom the owner named: with all addresses, the mails of these, and the card, if there is one."""

    sender: Sender
    mails: Sequence[Email]
    card: Card | None


async def settle(run: Pass, addresses: Sequence[str], category: Category, permissions: Permissions) -> Outcome:
    """Settle the senders with these canonical addresses. Raises `MailroomError`.

    `ConfigError` names all that stands in the way of any of them; nothing is written then.
    """
    asked = await _look(run, addresses, category)
    problems = [*await _unknown(run, asked, permissions), *_undecided(asked, run, permissions)]
    if problems:
        raise ConfigError(problems)
    taps = {each.sender.address: label_for(each.mails, category, run.places) for each in asked}
    refused = await put_labels(run, _moves(asked, taps, run.places, permissions))
    failed = {
        address: f"the mail could not be labelled: {refused[tap[0]]}. Run the same command again"
        for address, tap in taps.items()
        if tap is not None and tap[0] in refused
    }
    going = [each for each in asked if each.sender.address not in failed]
    labelled = await as_scanned(run, [each.sender for each in going if taps[each.sender.address] is not None])
    unlabelled = [_named(each) for each in going if taps[each.sender.address] is None]
    treated = await treat(run, Selection((*labelled, *unlabelled), ()))
    if treated.failure is not None:
        raise treated.failure
    settled = [each for each in treated.results if isinstance(each, Settled)]
    failed |= {each.sender.address: _why(each, treated.results) for each in going if not _among(each, settled)}
    return Outcome(tuple(settled), tuple(failed[address] for address in sorted(failed)))


async def _look(run: Pass, addresses: Sequence[str], category: Category) -> list[_Asked]:
    """The people with these addresses, each once."""
    found = await look_up(run, [Sender(address, "", category, ()) for address in addresses])
    people = dict.fromkeys(same_person(addresses, found.book, run.scheme).values())
    senders = [
        Sender(each, "", category, (), other_addresses(each, found.book, run.scheme, run.own)) for each in people
    ]
    return [
        _Asked(each, mails_of(each, found.mails), readable_card(each.address, found.book, run.scheme))
        for each in senders
    ]


async def _unknown(run: Pass, asked: Iterable[_Asked], permissions: Permissions) -> list[str]:
    """A line for each address that nobody writes from, with the nearest one that is known."""
    strangers = [each.sender.address for each in asked if not each.mails and each.card is None]
    if not strangers or Permission.NEW in permissions:
        return []
    known = {each.sender for each in (await who_waits(run.client, run.scheme)).senders if each.sender}
    known.update(*(card.addresses for card in (await run.contacts.read_all()).book.cards))
    return [
        f"nobody writes from {address}: there is no mail and no contact"
        f"{did_you_mean(address, known) or '; check the spelling.'} With --new it is settled before its first mail"
        for address in strangers
    ]


def _undecided(asked: Iterable[_Asked], run: Pass, permissions: Permissions) -> Iterator[str]:
    """A line for each sender with other labels on its mail: the owner has to say which one counts."""
    for each in asked if Permission.FORCE not in permissions else ():
        address, category = each.sender.address, each.sender.category
        others = other_labels(each.mails, category, run.places)
        waits = any(run.places.error_label in email.mailbox_ids for email in each.mails)
        if others and waits:
            labels = ", ".join((*others, run.scheme.error_label))
            yield f"mail of {address} waits for you: it carries {labels}. --force decides for {category.name}"
        elif others:
            yield (
                f"mail of {address} already carries {', '.join(others)}: take that off, wait until it is settled, "
                f"or decide for {category.name} with --force"
            )


def _moves(
    asked: Iterable[_Asked],
    taps: Mapping[str, tuple[str, Move] | None],
    places: Places,
    permissions: Permissions,
) -> dict[str, Move]:
    """The taps, by mail id; with force, all other labels of these senders off as well."""
    moves: dict[str, Move] = {}
    for each in asked:
        if Permission.FORCE in permissions:
            moves |= clearing(each.mails, each.sender.category, places)
        if (tap := taps[each.sender.address]) is not None:
            id, move = tap
            moves[id] = Move(move.add, move.remove | moves.get(id, Move()).remove)
    return moves


def _named(asked: _Asked) -> Sender:
    """A sender whose mail is out of play, or who has none, called as the newest mail or else the card says."""
    name = newest_name(sorted(asked.mails, key=by_age))
    return replace(asked.sender, name=name or (asked.card.fields.full_name if asked.card else ""))


def _among(asked: _Asked, settled: Iterable[Settled]) -> bool:
    return any(each.plan.sender.addresses & asked.sender.addresses for each in settled)


def _why(asked: _Asked, results: Iterable[Result]) -> str:
    """Why somebody isn't settled."""
    address, label = asked.sender.address, asked.sender.category.label
    for result in results:
        if isinstance(result, Paused) and result.pause.sender in asked.sender.addresses:
            return f"{address} waits for you: {result.pause.reason.value}"
        if isinstance(result, Failed) and result.sender.address in asked.sender.addresses:
            stays = f"{label} stays on the mail; the daemon tries again, and so does" if result.sender.mails else ""
            return f"{address} could not be settled: {result.reason}. {stays or 'To try again, run'} the same command"
    return (
        f"{label} is gone from the mail of {address} already: a daemon that runs has settled it, or someone took it "
        f"off. `mailroom senders --category '{asked.sender.category.name}'` shows who is there"
    )
