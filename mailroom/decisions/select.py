"""Whom a pass sees: labelled mails by sender, and which of them wait for the user (pure)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import islice
from typing import Protocol

from mailroom.config.scheme import Category, Target
from mailroom.decisions.keywords import WAITING
from mailroom.decisions.note import Verb
from mailroom.decisions.places import Places
from mailroom.decisions.whole import Refusal, Whole, WholeDomain, WholeList, asked_for, list_name, whole_labels
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
    mail goes with this one's: those of the same contact card. Of a `whole` domain or list `address` is what people type
    for it: `@shop.example`, `list:ID`. `verb` is `MOVED` where nothing but a move asks for it.
    """

    address: str
    name: str
    category: Target
    mails: tuple[Email, ...]
    also: frozenset[str] = frozenset()
    whole: Whole | None = None
    verb: Verb = Verb.TRIAGED

    @property
    def addresses(self) -> frozenset[str]:
        return self.also | {self.address}


@dataclass(frozen=True, slots=True)
class Pause:
    """Mails that need the user; `sender` is None where there is no usable one."""

    reason: Reason | Refusal
    sender: str | None
    labels: tuple[str, ...]
    mails: tuple[Email, ...]


@dataclass(frozen=True, slots=True)
class Joining:
    """Mails of a sender (a canonical address) with a label that widens decisions and no triage label.

    The domain or list joins the category of the sender, if there is one.
    """

    whole: Whole
    sender: str
    mails: tuple[Email, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom a pass treats, sorted by address, and which mails it pauses.

    `aside` are patches by mail id that come before all else: these mails have a label that means somebody else.
    `joinings` wait for the category of their sender. `resting` are patches such as those of `aside` that the server
    refused and that aren't tried now; these mails are taken as if they had them.
    """

    senders: tuple[Sender, ...]
    pauses: tuple[Pause, ...]
    aside: Mapping[str, Move] = field(default_factory=dict)
    joinings: tuple[Joining, ...] = ()
    resting: Mapping[str, Move] = field(default_factory=dict)

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
        first, second = self.senders[:middle], self.senders[middle:]
        return replace(self, senders=first), Selection(second, (), resting=self.resting)


_EACH_ALONE: Mapping[str, str] = {}


def select(
    labelled: Iterable[Email], places: Places, own: Collection[str], same: Mapping[str, str] = _EACH_ALONE
) -> Selection:
    """Sort the labelled mails by sender, or by the whole domain or list that their labels are about.

    `own` holds the user's canonical addresses. `same` names, for addresses of one contact card, the one that stands for
    all: they are one sender.
    """
    by_sender: dict[str | None, list[Email]] = defaultdict(list)
    widened: list[Email] = []
    for email in sorted(labelled, key=by_age):
        if places.error_label in email.mailbox_ids:
            continue
        if whole_labels(email, places):
            widened.append(email)
        elif taps_of(email, places):
            address = sender_of(email)
            by_sender[address and same.get(address, address)].append(email)
    wide = _select_wide(widened, places, own)
    senders = list(wide.senders)
    pauses: list[Pause] = []
    for address in sorted(by_sender, key=lambda each: each or ""):
        mails = tuple(by_sender[address])
        targets = all_taps(mails, places)
        if (reason := _reason_to_pause(address, targets, own)) is not None:
            pauses.append(Pause(reason, address, _names(targets), mails))
        elif address is not None:
            (target,) = targets
            senders.append(Sender(address, newest_name(mails), target, mails, verb=_verb(mails, places)))
    ordered = sorted(senders, key=lambda each: each.address)
    return Selection(tuple(ordered), (*pauses, *wide.pauses), joinings=wide.joinings)


def _select_wide(mails: Iterable[Email], places: Places, own: Collection[str]) -> Selection:
    """Mails with a label that widens decisions, oldest first, by the domain or list that it means."""
    by_whole: dict[Whole, list[Email]] = defaultdict(list)
    refused: dict[tuple[str | None, Reason | Refusal], list[Email]] = defaultdict(list)
    for email in mails:
        asked = asked_for(email, places, own) if _has_subject(email, places) else Reason.NO_SENDER
        if isinstance(asked, WholeDomain | WholeList):
            by_whole[asked].append(email)
        else:
            refused[sender_of(email), asked].append(email)
    senders: list[Sender] = []
    pauses = [Pause(why, sender, (), tuple(each)) for (sender, why), each in refused.items()]
    joinings: list[Joining] = []
    for whole, each in sorted(by_whole.items(), key=lambda item: str(item[0])):
        targets = all_taps(each, places)
        if not targets:
            joinings += _joinings(whole, each)
        elif len(targets) > 1:
            pauses.append(Pause(Reason.CONFLICT, str(whole), _names(targets), tuple(each)))
        else:
            (target,) = targets
            senders.append(Sender(str(whole), name_of_whole(whole, each), target, tuple(each), whole=whole))
    return Selection(tuple(senders), tuple(pauses), joinings=tuple(joinings))


def _has_subject(email: Email, places: Places) -> bool:
    return sender_of(email) is not None or places.domain_label not in email.mailbox_ids


def _joinings(whole: Whole, mails: Sequence[Email]) -> Iterator[Joining]:
    """By sender; mail of no usable sender waits for a triage label."""
    for sender in sorted({address for email in mails if (address := sender_of(email))}):
        yield Joining(whole, sender, tuple(email for email in mails if sender_of(email) == sender))


def _names(targets: Iterable[Target]) -> tuple[str, ...]:
    return tuple(sorted(each.label for each in targets))


def _verb(mails: Iterable[Email], places: Places) -> Verb:
    return Verb.TRIAGED if any(labels_of(email, places) for email in mails) else Verb.MOVED


def _reason_to_pause(address: str | None, targets: frozenset[Target], own: Collection[str]) -> Reason | None:
    if address is None:
        return Reason.NO_SENDER
    if address in own:
        return Reason.OWN_ADDRESS
    return Reason.CONFLICT if len(targets) > 1 else None


def name_of_whole(whole: Whole, mails: Sequence[Email]) -> str:
    """What the last of these mails calls its mailing list; empty where none does, and for a whole domain."""
    if isinstance(whole, WholeDomain):
        return ""
    return next(filter(None, (list_name(email.list_id or "") for email in reversed(mails))), "")


def belongs(email: Email, sender: Sender) -> bool:
    """Whether a mail is of a sender, exactly: what a search finds is only a candidate."""
    return sender.whole.covers(email) if sender.whole else sender_of(email) in sender.addresses


def by_age(email: Email) -> tuple[str, str]:
    """What to sort mails by so that the oldest come first; the same whoever sorts them."""
    return email.received_at, email.id


def labels_of(email: Email, places: Places) -> frozenset[str]:
    """The ids of the triage labels on a mail."""
    return email.mailbox_ids & places.triage_labels


def taps_of(email: Email, places: Places) -> frozenset[Target]:
    """Where a mail asks to have its sender sent: by its triage labels, or else by where the user moved it."""
    if labels := labels_of(email, places):
        return frozenset(places.labels[id] for id in labels)
    category = moved_to(email, places)
    return frozenset({category}) if category else frozenset()


def all_taps(mails: Iterable[Email], places: Places) -> frozenset[Target]:
    """Where any of these mails asks to have its sender sent."""
    # Tens of thousands of mails lie in the same few mailboxes.
    differing = {(email.mailbox_ids, email.keywords): email for email in mails}
    return frozenset[Target]().union(*(taps_of(email, places) for email in differing.values()))


class _Placed(Protocol):
    @property
    def mailbox_ids(self) -> frozenset[str]: ...
    @property
    def keywords(self) -> frozenset[str]: ...


def moved_to(mail: _Placed, places: Places) -> Category | None:
    """The category into whose mailbox the user moved a mail out of the Screener; None where moves aren't followed.

    Mail of a server's rules there has never waited. Of several categories' mailboxes nobody knows which one is meant,
    unless they are one's and its ancestors'. The Inbox, Trash and the like are for this mail alone.
    """
    if WAITING not in mail.keywords or mail.mailbox_ids & {places.screener, places.inbox, *places.untouched}:
        return None
    inside = mail.mailbox_ids & frozenset(places.destinations.values())
    fitting = (each.category for each in places.followed if each.mailbox in inside and inside <= each.chain)
    return next(fitting, None)


def sender_of(email: Email) -> str | None:
    """The From address, canonical; None where there is none that is usable, or several."""
    return email.sender


def by_sender(emails: Iterable[Email]) -> dict[str, list[Email]]:
    """The mails by the address that they are from; those of no usable sender are left out."""
    mails: dict[str, list[Email]] = {}
    for email in emails:
        if (address := sender_of(email)) is not None:
            mails.setdefault(address, []).append(email)
    return mails


def name_of(email: Email) -> str:
    """The display name that goes with the address of `sender_of`."""
    names = (display_name(each.name) for each in email.senders or () if each.canonical)
    return next(filter(None, names), "") if sender_of(email) else ""


def newest_name(mails: Sequence[Email]) -> str:
    """The name on the newest of these mails that has one, sorted by age; empty where none of the newest has."""
    return next(filter(None, map(name_of, islice(reversed(mails), MOST_NAMES))), "")
