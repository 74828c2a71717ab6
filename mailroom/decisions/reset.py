"""What a reset undoes. Pure: no I/O.

All of it can be seen in the account: mail in a destination, the error and warning labels, cards with Mailroom's block
in their note, the provenance group. So a reset that is cut off begins again where it stopped.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailroom.config.scheme import ContactType, Scheme
from mailroom.contacts.base import AddressBook, Card, Departure, Fields, Group
from mailroom.decisions import note
from mailroom.decisions.contact import fields_for
from mailroom.decisions.places import Places
from mailroom.jmap.mail import Email, Move


@dataclass(frozen=True, slots=True)
class ContactUndo:
    """One card with Mailroom's block: the managed groups that it leaves, and why it stays (nothing: it is deleted).

    A card that stays loses the block.
    """

    card: Card
    leave: tuple[Group, ...]
    stays: tuple[str, ...]

    @property
    def departure(self) -> Departure:
        return Departure(self.card.ref, self.card.uid, self.leave)


@dataclass(frozen=True, slots=True)
class Undo:
    """All that there is to undo. `moves` are by mail id; `provenance` are the groups of that name with members."""

    moves: Mapping[str, Move]
    contacts: tuple[ContactUndo, ...]
    provenance: tuple[Group, ...]

    def __bool__(self) -> bool:
        return bool(self.moves or self.contacts or self.provenance)

    @property
    def deleted(self) -> tuple[ContactUndo, ...]:
        return tuple(each for each in self.contacts if not each.stays)

    @property
    def kept(self) -> tuple[ContactUndo, ...]:
        return tuple(each for each in self.contacts if each.stays)

    @property
    def provenance_members(self) -> frozenset[str]:
        return frozenset[str]().union(*(group.members for group in self.provenance))


def undo_mails(emails: Iterable[Email], places: Places) -> dict[str, Move]:
    """Where mails go, by id: out of the destinations into the Screener, error and warning label off.

    Mail in Trash, Junk, Drafts or Sent stays there alone. No mail is left without a mailbox.
    """
    return {email.id: move for email in emails if (move := _undone(email, places))}


def _undone(email: Email, places: Places) -> Move:
    filed = email.mailbox_ids & frozenset(places.destinations.values())
    leaving = filed | (email.mailbox_ids & {places.error_label, places.warning_label})
    staying = email.mailbox_ids - leaving
    needs_screener = not staying or (filed and not email.mailbox_ids & places.untouched)
    screener = frozenset({places.screener} if needs_screener and places.screener else ())
    return Move(add=screener - email.mailbox_ids, remove=leaving)


def moves_by_mailbox(moves: Iterable[Move]) -> Counter[str]:
    """How many mails leave each mailbox."""
    return Counter(id for move in moves for id in move.remove)


def made_by_mailroom(book: AddressBook) -> tuple[Card, ...]:
    """The cards that may be deleted; their properties decide."""
    return tuple(card for card in book.cards if note.says_created(card.note))


def undo_contacts(
    book: AddressBook, extras: Mapping[str, frozenset[str]], scheme: Scheme
) -> tuple[tuple[ContactUndo, ...], tuple[Group, ...]]:
    """The cards with a block, by address, and the provenance groups that have members.

    `extras` are the properties beyond what Mailroom wrote, by ref, of the cards `made_by_mailroom`; a card that is not
    in it stays.
    """
    ours = {*scheme.groups, scheme.provenance_group}
    own_groups = [group for group in book.groups if group.name not in ours]
    managed = [group for group in book.groups if group.name in scheme.groups]
    contacts = [
        ContactUndo(
            card,
            tuple(group for group in managed if card.uid in group.members),
            tuple(_why_it_stays(card, extras.get(card.ref), own_groups)),
        )
        for card in book.cards
        if note.has_block(card.note)
    ]
    provenance = (group for group in book.groups if group.name == scheme.provenance_group and group.members)
    return tuple(sorted(contacts, key=_by_address)), tuple(provenance)


def _by_address(undo: ContactUndo) -> tuple[str, str]:
    return min(undo.card.addresses, default=""), undo.card.uid


def _why_it_stays(card: Card, extras: frozenset[str] | None, own_groups: Sequence[Group]) -> Iterator[str]:
    """How a card differs from a new one of Mailroom's: that is the user's, and not deleted."""
    if not note.says_created(card.note):
        yield "yours before Mailroom"
        return
    if extras is None:
        yield "changed just now"
        return
    if len(card.addresses) != 1 or extras & {"emails", "EMAIL"}:
        yield "its addresses are edited"
    if card.fields not in _as_written(card.fields):
        yield "its name is edited"
    if note.stripped(card.note).strip():
        yield "it has a note of yours"
    if names := sorted(extras - {"emails", "EMAIL"}):
        yield f"you added {', '.join(names)}"
    if groups := sorted(group.name for group in own_groups if card.uid in group.members):
        yield f"it is in your group {', '.join(groups)}"


def _as_written(fields: Fields) -> tuple[Fields, ...]:
    kinds: tuple[ContactType, ...] = ("company", "person")
    return tuple(fields_for(fields.full_name, kind) for kind in kinds)
