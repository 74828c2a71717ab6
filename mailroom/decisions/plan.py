"""The decisions: whom a pass treats, and what happens to each sender. Pure: no I/O, no clock, no log.

It follows the rules in their order: whom a pass sees (`select`), who is one sender (`people`), then contact, note,
groups and mail of a clean sender (`plan`), the warning and the last act (`settled`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from mailroom.config.scheme import Back, Category, Scheme, Target
from mailroom.contacts.base import AddressBook, Card, CardEdit, Change, Departure, NewCard
from mailroom.decisions import note, whole_card
from mailroom.decisions.contact import (
    card_change,
    fields_of,
    groups_to_change,
    matching_card,
    new_uid,
    provenance_to_join,
)
from mailroom.decisions.filing import Filing, Way, filed, marked, marks_of, sweep
from mailroom.decisions.going_back import WayBack, way_back
from mailroom.decisions.places import Places, how_to_mend
from mailroom.decisions.select import Sender, labels_of, taps_of
from mailroom.decisions.splits import diversions
from mailroom.decisions.warning import known_names, to_warn_of
from mailroom.decisions.whole import whole_labels
from mailroom.errors import SenderFailed
from mailroom.jmap.mail import Email, Move
from mailroom.names import comparable


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one sender: address book first, then the mails (`moves`, by id), then the labelled mails.

    `card_name` is the full name that the contact card will have, `warned` are the ids of labelled mails that show a
    name which isn't known to go with the sender. `contact` says what becomes of the card: made now, the user's with a
    note from now on, or one that has Mailroom's note already. `cards_found` counts the cards with this address, of
    which the others stay as they are. `filing` is where labelled mail goes, `others` where all other mail does.
    """

    sender: Sender
    change: Change
    departure: Departure
    moves: Mapping[str, Move]
    filing: Filing | WayBack
    others: Way
    card_name: str
    warned: frozenset[str]
    contact: Literal["created", "adopted", "known"]
    cards_found: int


def plan(
    sender: Sender,
    book: AddressBook,
    mails: Iterable[Email],
    places: Places,
    scheme: Scheme,
    account_id: str,
    now: datetime,
) -> Plan:
    """Decide for a clean sender; `mails` are candidates from everywhere. Raises `SenderFailed`."""
    filing = way_to(sender.category, places, scheme, now)
    contact = _contact(sender, book, scheme, account_id, now)
    joined, left = groups_to_change(contact.uid, sender.category, book, scheme)
    is_there = contact.card is not None or contact.change is not None
    provenance = provenance_to_join(contact.card, book, scheme) if is_there else ()
    return Plan(
        sender=sender,
        change=Change(sender.address, contact.uid, contact.change, (*provenance, *joined)),
        departure=Departure(sender.address, contact.uid, left),
        moves=sweep(sender, mails, filing, places),
        filing=filing,
        others=filing,
        card_name=contact.name,
        warned=_warned(sender, contact.name, book, places, scheme),
        contact="created" if contact.card is None else "known" if note.has_block(contact.card.note) else "adopted",
        cards_found=len(book.cards_by_address.get(sender.address, ())),
    )


def cards_about(sender: Sender, book: AddressBook) -> Iterable[Card]:
    """The cards whose notes a plan reads: the sender's own, and those of its names; for a domain or list all."""
    if sender.whole is not None:
        return book.cards
    own = [card for address in sender.addresses for card in book.cards_by_address.get(address, ())]
    names = {comparable(name) for name in (sender.name, *(card.fields.full_name for card in own))}
    return *own, *(card for name in names for card in book.cards_by_name.get(name, ()))


@dataclass(frozen=True, slots=True)
class _Contact:
    """The card of a sender, if there is one, what is written on it, and the name that it has then."""

    card: Card | None
    uid: str
    change: NewCard | CardEdit | None
    name: str


def _contact(sender: Sender, book: AddressBook, scheme: Scheme, account_id: str, now: datetime) -> _Contact:
    if (whole := sender.whole) is not None:
        card = whole_card.matching_card(whole, account_id, book, scheme)
        uid = card.uid if card else whole_card.uid_of(whole, account_id)
        change = whole_card.card_change(whole, sender.name, sender.category, uid, card, now)
        return _Contact(card, uid, change, (card.fields.full_name if card else "") or sender.name or whole.named)
    card = matching_card(sender.address, book, scheme)
    uid = card.uid if card else new_uid(account_id, sender.address)
    fields = fields_of(sender)
    change = card_change(sender, uid, card, fields, now)
    return _Contact(card, uid, change, (card.fields.full_name if card else "") or fields.full_name)


def _warned(sender: Sender, card_name: str, book: AddressBook, places: Places, scheme: Scheme) -> frozenset[str]:
    """All kinds of people write from a whole domain or to a whole list: nobody is warned of them."""
    if not scheme.warnings_enabled or sender.whole is not None or isinstance(sender.category, Back):
        return frozenset()
    mails = [email for email in sender.mails if not email.mailbox_ids & places.untouched]
    return to_warn_of(mails, known_names(sender, card_name, book))


def way_to(target: Target, places: Places, scheme: Scheme, now: datetime) -> Filing | WayBack:
    """Where mail goes. Raises `SenderFailed` where a mailbox is missing."""
    if isinstance(target, Back):
        _mailboxes([], places, scheme)
        return way_back(scheme, now, marks_of(scheme))
    return filing_to(target, places, scheme)


def filing_to(category: Category, places: Places, scheme: Scheme) -> Filing:
    """Where mail of a category's senders goes. Raises `SenderFailed` where a mailbox is missing."""
    names = [each.destination_mailbox for each in scheme.chain(category)]
    diverted = tuple((each, _mailboxes(each.route.destinations, places, scheme)) for each in diversions(scheme))
    return Filing(category, _mailboxes(names, places, scheme), marks_of(scheme), diverted)


def _mailboxes(names: Sequence[str], places: Places, scheme: Scheme) -> frozenset[str]:
    """Their ids; the Screener has to be there, too."""
    missing = sorted(name for name in names if name not in places.destinations)
    if missing or places.screener is None:
        absent = missing or [scheme.screener]
        raise SenderFailed("; ".join(f"no mailbox {name}: {how_to_mend(name, places, scheme)}" for name in absent))
    return frozenset(places.destinations[name] for name in names)


def settled(plan: Plan, labelled: Sequence[Email], places: Places) -> dict[str, Move]:
    """The last act for the labelled mails as they are NOW, by id: filed, warned of if need be, triage label off.

    Nothing for a mail whose label was taken off meanwhile (the user thought again) or that got a second one or the
    error label, nor for one that was moved elsewhere. A mail in Trash, Junk, Drafts or Sent loses its label only.
    """
    ready = [email for email in labelled if _carries_just(plan.sender, email, places)]
    moves = {email.id: _ending(plan, email, places) for email in ready}
    if (label := places.warning_label) is None:
        return moves
    mailboxes = {email.id: email.mailbox_ids for email in ready}
    return {id: _with(label, mailboxes[id], move) if id in plan.warned else move for id, move in moves.items()}


def _carries_just(sender: Sender, email: Email, places: Places) -> bool:
    """A label for a whole domain or list may be alone on a mail."""
    if places.error_label in email.mailbox_ids:
        return False
    categories = taps_of(email, places)
    return categories == {sender.category} or (sender.whole is not None and not categories)


def _ending(plan: Plan, email: Email, places: Places) -> Move:
    move = filed(email, plan.filing, places)
    labels = labels_of(email, places) | whole_labels(email, places)
    return marked(replace(move, remove=move.remove | labels), email, plan.filing, places)


def _with(label: str, mailboxes: frozenset[str], move: Move) -> Move:
    """The move that also puts a label on, or leaves it there."""
    return replace(move, add=move.add | ({label} - mailboxes), remove=move.remove - {label})
