"""Where mail goes: out of the Screener into the destinations, with its marks, and the error label (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from mailroom.config.scheme import Category, Scheme
from mailroom.decisions.going_back import WayBack
from mailroom.decisions.keywords import FORGED, FROM_INBOX, SEEN, WAITING
from mailroom.decisions.places import Places
from mailroom.decisions.select import Sender, belongs, labels_of, moved_to, taps_of
from mailroom.decisions.splits import Diversion, content_of, diverted
from mailroom.decisions.whole import whole_labels
from mailroom.jmap.mail import Email, Move


@dataclass(frozen=True, slots=True)
class Filing:
    """Where mail of a category's senders goes: `destinations` are the mailbox ids of the category and its ancestors.

    `marks` are the keywords that say that it needs no verdict; none where new mail isn't screened. `diverted` is where
    mail goes instead that falls under a split.
    """

    category: Category
    destinations: frozenset[str]
    marks: frozenset[str] = frozenset()
    diverted: tuple[tuple[Diversion, frozenset[str]], ...] = ()

    def of(self, email: Email) -> "Filing":
        """Where this mail goes."""
        if not self.diverted:
            return self
        destinations = dict(self.diverted)
        diversion = diverted(content_of(email), destinations)
        return self if diversion is None else Filing(diversion.route.category, destinations[diversion], self.marks)


def marks_of(scheme: Scheme) -> frozenset[str]:
    """The keywords on all mail that is filed."""
    return frozenset({SEEN}) if scheme.screening.is_on else frozenset()


class Way(Protocol):
    """Where mail goes. `marks` are the keywords on all of it."""

    @property
    def marks(self) -> frozenset[str]: ...

    def of(self, email: Email, /) -> Filing | WayBack:
        """Where this mail goes."""
        ...


def sweep(sender: Sender, mails: Iterable[Email], way: Way, places: Places) -> dict[str, Move]:
    """Where a sender's other mails go, by id; one that is where it belongs goes nowhere.

    One that had a triage label when the pass began stays: who takes it off thinks again about that mail.
    """
    labelled = {email.id for email in sender.mails}
    return {
        email.id: marked(move, email, way, places)
        for email in mails
        if belongs(email, sender)
        and email.id not in labelled
        and not _decides_alone(email, places)
        and (move := filed(email, way, places))
    }


def _decides_alone(email: Email, places: Places) -> bool:
    """A triage label decides in its turn, but one that waits with the error label does not: what it asked is decided
    now. Nothing but its own label brings forged mail out of the Screener."""
    if taps_of(email, places):
        return places.error_label not in email.mailbox_ids
    return FORGED in email.keywords and places.screener in email.mailbox_ids


def filed(email: Email, way: Way, places: Places) -> Move:
    """Destinations on, other managed mailboxes and an old warning off; the labels of a mail that waits go, too.

    The Inbox is added only to mail from the Screener, and taken only by a category that takes it.
    """
    answered = _labels_of_one_that_waits(email, places)
    if email.mailbox_ids & places.untouched:
        return Move(remove=answered)
    filing = way.of(email)
    if isinstance(filing, WayBack):
        back = filing.returned(email, places)
        return replace(back, remove=back.remove | answered)
    category, destinations = filing.category, filing.destinations
    # A mail app that knows only folders moves a mail into the label's mailbox, or to where it goes.
    is_moved = email.mailbox_ids <= places.all_labels or moved_to(email, places) is not None
    from_screener = places.screener in email.mailbox_ids or is_moved
    inbox = {places.inbox} if category.add_to_inbox and from_screener and places.inbox else frozenset[str]()
    warning = {places.warning_label} if places.warning_label else frozenset[str]()
    taken = {places.inbox} if category.takes_from_inbox and places.inbox else frozenset[str]()
    leaving = (places.managed - destinations) | warning | taken | answered
    return Move(add=(destinations | inbox) - email.mailbox_ids, remove=leaving & email.mailbox_ids)


def marked(move: Move, email: Email, way: Way, places: Places) -> Move:
    """The move with its marks: out of the Inbox, and waiting again or no longer."""
    from_inbox = {FROM_INBOX} if places.inbox in move.remove else frozenset[str]()
    waiting = {SEEN, WAITING} if places.screener in move.add else frozenset[str]()
    waits = places.screener in (email.mailbox_ids | move.add) - move.remove
    return replace(
        move, set=way.marks | from_inbox | waiting, clear=frozenset() if waits else email.keywords & {WAITING}
    )


def _labels_of_one_that_waits(email: Email, places: Places) -> frozenset[str]:
    if places.error_label is None or places.error_label not in email.mailbox_ids:
        return frozenset()
    return labels_of(email, places) | whole_labels(email, places) | {places.error_label}


def paused(mails: Iterable[Email], places: Places) -> dict[str, Move]:
    """The error label on mails that wait for the user, by id; nothing if the account has no error label."""
    if places.error_label is None:
        return {}
    held = Move(add=frozenset({places.error_label}))
    return {email.id: held for email in mails}
