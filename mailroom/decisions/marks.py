"""What is written on new mail once it is judged: keywords and mailboxes, one patch a mail (pure).

Mail with a triage label is `plan`'s. What was dealt with is marked, so that it isn't found again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from mailroom.decisions.arrival import Arrival
from mailroom.decisions.judge import Outcome, Reason, Verdict
from mailroom.decisions.keywords import DEALT_WITH, FORGED, FROM_INBOX, SEEN, WAITING
from mailroom.decisions.places import Places
from mailroom.decisions.routes import Route
from mailroom.jmap.mail import Move

MOST = 500
"""Mails in one write: a hundred take 20 to 60 ms, and every other mail has to wait for them."""

MOVED_BY_USER = Move(set=frozenset({SEEN}), clear=frozenset({WAITING, FROM_INBOX}))
"""The user has put the mail where it is: a reset leaves it there."""


@dataclass(frozen=True, slots=True)
class WorkList:
    """What the queries of a pass found, each in the order found, the same mail perhaps twice.

    `moved` carries `mailroom-waiting` and is somewhere outside the Screener, `inbox` lacks `mailroom-seen`, `screener`
    lacks `mailroom-waiting`: believe them about these keywords, whatever the mail shows.
    """

    moved: tuple[Arrival, ...] = ()
    inbox: tuple[Arrival, ...] = ()
    screener: tuple[Arrival, ...] = ()


def is_idle(work: WorkList, places: Places) -> bool:
    """Whether nothing is to be done about any of these: a mail that waits and has another mailbox is found again and
    again, and so is one that waits for its label."""
    return not (to_judge(work, places) or marks(work, {}, places))


def to_judge(work: WorkList, places: Places) -> tuple[Arrival, ...]:
    """The mails that need a verdict."""
    return tuple(mail for mail in _new(work, places).values() if not left_alone(mail, places))


def marks(work: WorkList, verdicts: Mapping[str, Verdict], places: Places, most: int = MOST) -> dict[str, Move]:
    """Patches by mail id: of mail that the user moved, then of the Inbox, then of the Screener, no more than `most`.

    `verdicts` are by mail id. A mail that has none, or none yet, has no patch, nor one that can't go where it belongs.
    """
    moved = dict.fromkeys(_moved(work, places), MOVED_BY_USER)
    new = _new(work, places).items()
    judged = {id: patch for id, mail in new if (patch := _patch(mail, verdicts.get(id), places)) is not None}
    return dict(islice((moved | judged).items(), most))


def left_alone(mail: Arrival, places: Places) -> bool:
    """Whether the user has dealt with a mail, or it has a home: it is marked, and nothing else.

    In the Screener it waits all the same, read or not.
    """
    stopped = {places.error_label, places.warning_label} | places.untouched
    if mail.mailbox_ids & stopped:
        return True
    is_dealt_with = bool(mail.keywords & DEALT_WITH or mail.mailbox_ids & places.managed)
    return is_dealt_with and places.screener not in mail.mailbox_ids


def _moved(work: WorkList, places: Places) -> Iterator[str]:
    """Mail that the user took out of the Screener without a label; the query finds mail that is there, too."""
    shown = (mail for mail in work.inbox if WAITING in mail.keywords)
    for mail in (*work.moved, *shown):
        if places.screener not in mail.mailbox_ids and not mail.mailbox_ids & places.labels.keys():
            yield mail.id


def _new(work: WorkList, places: Places) -> dict[str, Arrival]:
    """Mail in Inbox or Screener that is neither `plan`'s nor moved."""
    where = {places.inbox, places.screener}
    moved = set(_moved(work, places))
    return {
        mail.id: mail
        for mail in (*work.inbox, *work.screener)
        if mail.mailbox_ids & where and mail.id not in moved and not _is_plans(mail, places)
    }


def _is_plans(mail: Arrival, places: Places) -> bool:
    """A triage label decides, unless the mail carries the error label: then nobody looks at it."""
    return bool(mail.mailbox_ids & places.labels.keys()) and places.error_label not in mail.mailbox_ids


def _patch(mail: Arrival, verdict: Verdict | None, places: Places) -> Move | None:
    if left_alone(mail, places):
        return _marked(mail, places)
    if verdict is None or verdict.outcome is Outcome.UNDECIDED:
        return None
    patch = _in_screener(mail, verdict, places) if places.screener in mail.mailbox_ids else _in_inbox(verdict, places)
    return None if patch is None else _warned(patch, verdict, places)


def _marked(mail: Arrival, places: Places) -> Move:
    is_waiting = places.screener in mail.mailbox_ids
    return Move(set=frozenset({SEEN, WAITING} if is_waiting else {SEEN}))


def _in_screener(mail: Arrival, verdict: Verdict, places: Places) -> Move | None:
    """Filed where its sender's mail belongs, as all that waits; else it waits there, whatever would let it stay."""
    if verdict.reason is Reason.FORGED:
        return Move(set=frozenset({SEEN, WAITING, FORGED}))
    if verdict.route is None or FORGED in mail.keywords:
        return _marked(mail, places)
    destinations = _destinations(verdict.route, places)
    if destinations is None:
        return None
    inbox = _inbox(places) if verdict.route.inbox else frozenset[str]()
    return Move(
        add=(destinations | inbox) - mail.mailbox_ids,
        remove=(places.managed - destinations) & mail.mailbox_ids,
        set=frozenset({SEEN}),
        clear=frozenset({WAITING}),
    )


def _in_inbox(verdict: Verdict, places: Places) -> Move | None:
    """Out of the Inbox, unless it stays; its other mailboxes are the user's."""
    if verdict.outcome is Outcome.STAYS:
        return Move(set=frozenset({SEEN}))
    if verdict.route is not None:
        destinations = _destinations(verdict.route, places)
        if destinations is None:
            return None
        if verdict.route.inbox:
            return Move(destinations, set=frozenset({SEEN}))
        return Move(destinations, _inbox(places), frozenset({SEEN, FROM_INBOX}))
    if places.screener is None:
        return None
    forged = {FORGED} if verdict.reason is Reason.FORGED else frozenset[str]()
    return Move(frozenset({places.screener}), _inbox(places), frozenset({SEEN, WAITING, FROM_INBOX}) | forged)


def _warned(patch: Move, verdict: Verdict, places: Places) -> Move:
    """The warning label is a mailbox; without one there is no warning."""
    if not verdict.is_warned or places.warning_label is None:
        return patch
    return replace(patch, add=patch.add | {places.warning_label})


def _inbox(places: Places) -> frozenset[str]:
    return frozenset() if places.inbox is None else frozenset({places.inbox})


def _destinations(route: Route, places: Places) -> frozenset[str] | None:
    """The mailboxes of a route; None where one is missing."""
    found = [places.destinations.get(name) for name in route.destinations]
    return None if None in found else frozenset(id for id in found if id is not None)
