"""The decisions: whom a pass treats, and what happens to each sender. Pure: no I/O, no clock, no log.

It follows the rules in their order: whom a pass sees (`select`), then contact, note, groups and mail of a clean
sender (`plan`), the warning and the last act (`settled`).
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal

from nameparser import HumanName

from mailroom import note
from mailroom.addresses import display_name
from mailroom.config.scheme import Category, ContactType, Scheme
from mailroom.contacts.base import AddressBook, Card, CardEdit, Change, Departure, Fields, Group, NewCard
from mailroom.errors import SenderFailed
from mailroom.jmap.mail import Email, Move
from mailroom.mailboxes import Places


class Reason(Enum):
    """Why mails are paused: they get the error label and wait for the user."""

    CONFLICT = "one sender has different triage labels: take off all but one"
    OWN_ADDRESS = "the sender is one of your own addresses"
    NO_SENDER = "the From header names no usable address"
    FAILING = "the sender failed again and again; the log says why. Take the error label off to try again"


@dataclass(frozen=True, slots=True)
class Sender:
    """Someone to triage: canonical address, newest clean display name (or empty), the labelled mails, oldest first."""

    address: str
    name: str
    category: Category
    mails: tuple[Email, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Mails that need the user; `sender` is None where there is no usable one."""

    reason: Reason
    sender: str | None
    labels: tuple[str, ...]
    mails: tuple[Email, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom a pass treats, sorted by address, and which mails it pauses."""

    senders: tuple[Sender, ...]
    pauses: tuple[Pause, ...]

    def __bool__(self) -> bool:
        return bool(self.senders or self.pauses)

    @property
    def is_divisible(self) -> bool:
        """Whether there is more in it than one sender, or than pauses."""
        return len(self.senders) > 1 or bool(self.senders and self.pauses)

    def halves(self) -> tuple["Selection", "Selection"]:
        """Two smaller selections; the pauses make up one of them if only one sender is left."""
        if len(self.senders) == 1:
            return Selection(self.senders, ()), Selection((), self.pauses)
        middle = len(self.senders) // 2
        return Selection(self.senders[:middle], self.pauses), Selection(self.senders[middle:], ())


def select(labelled: Iterable[Email], places: Places, own: frozenset[str]) -> Selection:
    """Sort the labelled mails by sender. `own` holds the user's canonical addresses."""
    by_sender: dict[str | None, list[Email]] = defaultdict(list)
    for email in sorted(labelled, key=_age):
        if labels_of(email, places) and places.error_label not in email.mailbox_ids:
            by_sender[sender_of(email)].append(email)
    senders: list[Sender] = []
    pauses: list[Pause] = []
    for address in sorted(by_sender, key=lambda each: each or ""):
        mails = tuple(by_sender[address])
        labels = frozenset[str]().union(*(labels_of(email, places) for email in mails))
        if (reason := _reason_to_pause(address, labels, own)) is not None:
            pauses.append(Pause(reason, address, tuple(sorted(places.labels[id].label for id in labels)), mails))
        elif address is not None:
            (label,) = labels
            names = [name for email in mails if (name := name_of(email))]
            senders.append(Sender(address, names[-1] if names else "", places.labels[label], mails))
    return Selection(tuple(senders), tuple(pauses))


def _reason_to_pause(address: str | None, labels: frozenset[str], own: frozenset[str]) -> Reason | None:
    if address is None:
        return Reason.NO_SENDER
    if address in own:
        return Reason.OWN_ADDRESS
    return Reason.CONFLICT if len(labels) > 1 else None


def _age(email: Email) -> tuple[str, str]:
    return email.received_at, email.id


def labels_of(email: Email, places: Places) -> frozenset[str]:
    """The ids of the triage labels on a mail."""
    return email.mailbox_ids & places.labels.keys()


def sender_of(email: Email) -> str | None:
    """The first usable From address, canonical."""
    return next((address for each in email.senders or () if (address := each.canonical)), None)


def name_of(email: Email) -> str:
    """The display name that goes with the address of `sender_of`."""
    return next((display_name(each.name) for each in email.senders or () if each.canonical), "")


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one sender: address book first, then the mails (`moves`, by id), then the labelled mails.

    `destinations` are the mailbox ids of the category and its ancestors, `card_name` is the full name that the
    contact card will have, `origin` says who made the card. `cards_found` counts the cards with this address, of
    which the others stay as they are.
    """

    sender: Sender
    change: Change
    departure: Departure
    moves: Mapping[str, Move]
    destinations: frozenset[str]
    card_name: str
    origin: Literal["created", "adopted"]
    cards_found: int


def plan(
    sender: Sender, book: AddressBook, mails: Iterable[Email], places: Places, scheme: Scheme, account: str, today: date
) -> Plan:
    """Decide for a clean sender; `mails` are candidates from everywhere. Raises `SenderFailed`."""
    destinations = _destinations(sender.category, places, scheme)
    card = matching_card(sender.address, book, scheme)
    uid = card.uid if card else new_uid(account, sender.address)
    fields = _fields(sender)
    joined, left = _groups(uid, sender.category, book, scheme)
    provenance = _provenance(card, book, scheme)
    return Plan(
        sender=sender,
        change=Change(sender.address, uid, _card_change(sender, uid, card, fields, today), (*provenance, *joined)),
        departure=Departure(sender.address, uid, left),
        moves=sweep(sender, mails, destinations, places),
        destinations=destinations,
        card_name=(card.fields.full_name if card else "") or fields.full_name,
        origin="created" if card is None or note.says_created(card.note) else "adopted",
        cards_found=len(_cards_of(sender.address, book)),
    )


def _destinations(category: Category, places: Places, scheme: Scheme) -> frozenset[str]:
    names = [each.destination_mailbox for each in scheme.chain(category)]
    missing = sorted(name for name in names if name not in places.destinations)
    if missing or places.screener is None:
        absent = ", ".join(missing or [scheme.screener])
        raise SenderFailed(f"no mailbox {absent}: create it, or run `mailroom setup --apply`")
    return frozenset(places.destinations[name] for name in names)


def matching_card(address: str, book: AddressBook, scheme: Scheme) -> Card | None:
    """The card of an address: of several the one in a managed group, else the oldest."""
    cards = _cards_of(address, book)
    if not cards:
        if (unreadable := next((each for each in book.unreadable if address in each.addresses), None)) is not None:
            raise SenderFailed(
                f"the contact card {unreadable.ref} can't be read ({unreadable.reason}): mend or delete it"
            )
        return None
    settled = frozenset[str]().union(*(group.members for group in book.groups if group.name in scheme.groups))
    return min(cards, key=lambda card: (card.uid not in settled, card.age, card.uid))


def _cards_of(address: str, book: AddressBook) -> list[Card]:
    return [card for card in book.cards if address in card.addresses]


def new_uid(account: str, address: str) -> str:
    """The uid of the card that Mailroom makes for an address: always the same, so that there is never a second one."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, f"jmap:{account}"), address))


def _card_change(sender: Sender, uid: str, card: Card | None, fields: Fields, today: date) -> NewCard | CardEdit | None:
    if card is None:
        text = note.recorded("", sender.category.name, today, note.CREATED)
        return NewCard(uid, sender.address, fields, text)
    fill = _empty_fields(card.fields, fields)
    text = note.recorded(card.note, sender.category.name, today, note.ADOPTED)
    return None if fill == Fields() and text == card.note else CardEdit(card, fill, text)


def _fields(sender: Sender) -> Fields:
    return fields_for(sender.name or sender.address.rpartition("@")[0], sender.category.contact_type)


def fields_for(full_name: str, contact_type: ContactType) -> Fields:
    """What a new card says of somebody with this name."""
    if contact_type == "company":
        return Fields(full_name, organization=full_name)
    name = HumanName(full_name)
    given = " ".join(part for part in (name.first, name.middle) if part)
    return Fields(full_name, given=given or name.last, family=name.last if given else "")


def _empty_fields(has: Fields, wanted: Fields) -> Fields:
    """What may be filled in: fields that are empty, and never a company's on a person's card or the reverse."""
    is_named = bool(has.organization or has.given or has.family)
    return Fields(
        full_name="" if has.full_name else wanted.full_name,
        organization="" if is_named else wanted.organization,
        given="" if is_named else wanted.given,
        family="" if is_named else wanted.family,
    )


def _provenance(card: Card | None, book: AddressBook, scheme: Scheme) -> tuple[Group, ...]:
    """The provenance group, if the card is Mailroom's own and not in it: new, or its start was cut off in between."""
    if card is not None and not note.says_created(card.note):
        return ()
    group = _group(scheme.provenance_group, book)
    return () if card is not None and card.uid in group.members else (group,)


def _groups(
    uid: str, category: Category, book: AddressBook, scheme: Scheme
) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """The groups that the card joins and those that it leaves: ALL managed groups against the category's chain."""
    names = [each.contact_group for each in scheme.chain(category)]
    old = [group for group in book.groups if group.name in scheme.groups and uid in group.members]
    joined = tuple(_group(name, book) for name in dict.fromkeys(names) if name not in {group.name for group in old})
    return joined, tuple(group for group in old if group.name not in names)


def _group(name: str, book: AddressBook) -> Group:
    """The group of a name, the first by ref if there are several. Raises `SenderFailed`."""
    group = next((group for group in book.groups if group.name == name), None)
    if group is None:
        raise SenderFailed(f"no contact group {name}: create it, or run `mailroom setup --apply`")
    return group


def sweep(sender: Sender, mails: Iterable[Email], destinations: frozenset[str], places: Places) -> dict[str, Move]:
    """Where a sender's other mails go, by id. A mail with a triage label stays: that label decides, in its turn.

    So does one that had the label when the pass began: who takes it off thinks again about that mail.
    """
    labelled = {email.id for email in sender.mails}
    return {
        email.id: move
        for email in mails
        if sender_of(email) == sender.address
        and email.id not in labelled
        and not labels_of(email, places)
        and (move := _filed(email, sender.category, destinations, places))
    }


def _filed(email: Email, category: Category, destinations: frozenset[str], places: Places) -> Move:
    """Destinations on, other managed mailboxes and an old warning off; Inbox only from the Screener."""
    if email.mailbox_ids & places.untouched:
        return Move()
    # A mail app that knows only folders moves a mail into the label's mailbox, out of the Screener.
    from_screener = places.screener in email.mailbox_ids or email.mailbox_ids <= places.all_labels
    inbox = {places.inbox} if category.add_to_inbox and from_screener and places.inbox else frozenset[str]()
    warning = {places.warning_label} if places.warning_label else frozenset[str]()
    return Move(
        add=(destinations | inbox) - email.mailbox_ids,
        remove=((places.managed - destinations) | warning) & email.mailbox_ids,
    )


def name_differs(email: Email, plan: Plan) -> bool:
    """Whether a mail shows another name than the contact card of its sender: someone may be posing as someone else."""
    name = name_of(email)
    return bool(name) and name.strip().casefold() != plan.card_name.strip().casefold()


def settled(plan: Plan, email: Email, places: Places) -> Move:
    """The last act for a labelled mail as it is NOW: filed, warned of if need be, triage label off.

    Nothing for a mail whose label was taken off meanwhile (the user thought again) or that got a second one or the
    error label. A mail in Trash, Junk, Drafts or Sent loses its label only.
    """
    labels = labels_of(email, places)
    if {places.labels[id] for id in labels} != {plan.sender.category} or places.error_label in email.mailbox_ids:
        return Move()
    if email.mailbox_ids & places.untouched:
        return Move(remove=labels)
    move = _filed(email, plan.sender.category, plan.destinations, places)
    if places.warning_label and name_differs(email, plan):
        warning = frozenset({places.warning_label})
        return Move(move.add | (warning - email.mailbox_ids), (move.remove - warning) | labels)
    return Move(move.add, move.remove | labels)


def paused(mails: Iterable[Email], places: Places) -> dict[str, Move]:
    """The error label on mails that wait for the user, by id; nothing if the account has no error label."""
    if places.error_label is None:
        return {}
    return {email.id: Move(add=frozenset({places.error_label})) for email in mails}
