"""Whom a pass sees: labelled mails by sender, and which of them wait for the user (pure)."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import islice

from mailroom.config.scheme import Target
from mailroom.decisions.places import Places
from mailroom.jmap.mail import Email, Move
from mailroom.names import display_name

MOST_NAMES = 100
"""Of one sender: the newest mails, whose names are looked at. Nobody labels more, and a name may take a millisecond."""


class Reason(Enum):
    """Why mails are paused: they get the error label and wait for the user."""

    CONFLICT = "one sender has different triage labels: take off all but one"
    OWN_ADDRESS = "the sender is one of your own addresses"
    NO_SENDER = "the From header names no usable address, or several"
    CONVERSATION = "several senders in one conversation: take the label off, and label one mail of the one you mean"
    FAILING = "the sender failed again and again; the log says why. Take the error label off to try again"


@dataclass(frozen=True, slots=True)
class Sender:
    """Someone to triage: canonical address, newest clean display name (or empty), the labelled mails, oldest first.

    `category` is where the label sends them, which may be back to the Screener. `also` are the other addresses whose
    mail goes with this one's: those of the same contact card.
    """

    address: str
    name: str
    category: Target
    mails: tuple[Email, ...]
    also: frozenset[str] = frozenset()

    @property
    def addresses(self) -> frozenset[str]:
        return self.also | {self.address}


@dataclass(frozen=True, slots=True)
class Pause:
    """Mails that need the user; `sender` is None where there is no usable one."""

    reason: Reason
    sender: str | None
    labels: tuple[str, ...]
    mails: tuple[Email, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom a pass treats, sorted by address, and which mails it pauses.

    `aside` are patches by mail id that come before all else: these mails have a label that means somebody else.
    """

    senders: tuple[Sender, ...]
    pauses: tuple[Pause, ...]
    aside: Mapping[str, Move] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.senders or self.pauses or self.aside)

    @property
    def is_divisible(self) -> bool:
        """Whether there is more in it than one sender, or than pauses."""
        return len(self.senders) > 1 or bool(self.senders and self.pauses)

    def halves(self) -> tuple["Selection", "Selection"]:
        """Two smaller selections; the pauses make up one of them if only one sender is left."""
        if len(self.senders) == 1:
            return replace(self, pauses=()), Selection((), self.pauses)
        middle = len(self.senders) // 2
        return replace(self, senders=self.senders[:middle]), Selection(self.senders[middle:], ())


_EACH_ALONE: Mapping[str, str] = {}


def select(
    labelled: Iterable[Email], places: Places, own: Container[str], same: Mapping[str, str] = _EACH_ALONE
) -> Selection:
    """Sort the labelled mails by sender. `own` holds the user's canonical addresses.

    `same` names, for addresses of one contact card, the one that stands for all: they are one sender.
    """
    by_sender: dict[str | None, list[Email]] = defaultdict(list)
    for email in sorted(labelled, key=by_age):
        if labels_of(email, places) and places.error_label not in email.mailbox_ids:
            address = sender_of(email)
            by_sender[address and same.get(address, address)].append(email)
    senders: list[Sender] = []
    pauses: list[Pause] = []
    for address in sorted(by_sender, key=lambda each: each or ""):
        mails = tuple(by_sender[address])
        labels = frozenset[str]().union(*(labels_of(email, places) for email in mails))
        if (reason := _reason_to_pause(address, labels, own)) is not None:
            pauses.append(Pause(reason, address, tuple(sorted(places.labels[id].label for id in labels)), mails))
        elif address is not None:
            (label,) = labels
            senders.append(Sender(address, newest_name(mails), places.labels[label], mails))
    return Selection(tuple(senders), tuple(pauses))


def _reason_to_pause(address: str | None, labels: frozenset[str], own: Container[str]) -> Reason | None:
    if address is None:
        return Reason.NO_SENDER
    if address in own:
        return Reason.OWN_ADDRESS
    return Reason.CONFLICT if len(labels) > 1 else None


def by_age(email: Email) -> tuple[str, str]:
    """What to sort mails by so that the oldest come first; the same whoever sorts them."""
    return email.received_at, email.id


def labels_of(email: Email, places: Places) -> frozenset[str]:
    """The ids of the triage labels on a mail."""
    return email.mailbox_ids & places.labels.keys()


def sender_of(email: Email) -> str | None:
    """The From address, canonical; None where there is none that is usable, or several."""
    return email.sender


def name_of(email: Email) -> str:
    """The display name that goes with the address of `sender_of`."""
    names = (display_name(each.name) for each in email.senders or () if each.canonical)
    return next(filter(None, names), "") if sender_of(email) else ""


def newest_name(mails: Sequence[Email]) -> str:
    """The name on the newest of these mails that has one, sorted by age; empty where none of the newest has."""
    return next(filter(None, map(name_of, islice(reversed(mails), MOST_NAMES))), "")
