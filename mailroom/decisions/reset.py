"""What a reset undoes. Pure: no I/O.

All of it can be seen in the account: cards with Mailroom's block in their note, mail of their addresses in a
destination, labels, keywords, the state card, the provenance group. So a reset that is cut off begins again where it
stopped.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from mailroom.addresses import domain_of
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Card, Departure, Group
from mailroom.decisions import note
from mailroom.decisions.contact import as_written
from mailroom.decisions.domains import covering
from mailroom.decisions.keywords import FROM_INBOX, WAITING
from mailroom.decisions.places import Places
from mailroom.decisions.select import sender_of
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.decisions.whole_card import whole_of
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
class MailUndo:
    """What happens to the mail that was looked at. `moves` are by mail id.

    `senders` are, by mail id, whose card with Mailroom's block makes it move (`names_of`): without the block such mail
    would not be found again. `left` counts, by mailbox id, the mails in destinations that Mailroom has nothing to do
    with.
    """

    moves: Mapping[str, Move]
    senders: Mapping[str, str]
    left: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Undo:
    """All that there is to undo.

    `marked` are the ids of the mails with a keyword of Mailroom's, `state_card` keeps since when new mail is screened,
    `provenance` are the groups of that name with members.
    """

    mails: MailUndo
    marked: tuple[str, ...]
    state_card: Card | None
    contacts: tuple[ContactUndo, ...]
    provenance: tuple[Group, ...]

    def __bool__(self) -> bool:
        return bool(self.mails.moves or self.marked or self.state_card or self.contacts or self.provenance)

    @property
    def deleted(self) -> tuple[ContactUndo, ...]:
        return tuple(each for each in self.contacts if not each.stays)

    @property
    def kept(self) -> tuple[ContactUndo, ...]:
        return tuple(each for each in self.contacts if each.stays)

    @property
    def provenance_members(self) -> frozenset[str]:
        return frozenset[str]().union(*(group.members for group in self.provenance))


@dataclass(frozen=True, slots=True)
class SettledBy:
    """Whose mail Mailroom may have filed: `addresses` and `wholes` are of the cards with its block.

    `users` are the addresses of other cards: their mail goes with no domain and no list.
    """

    addresses: Set[str]
    wholes: Set[Whole] = frozenset()
    users: Set[str] = frozenset()

    def whose(self, email: Email) -> str | None:
        """Whose card made Mailroom file a mail, as in `names_of`; None if nobody's did."""
        sender = sender_of(email)
        if sender in self.addresses:
            return sender
        if sender is None or sender in self.users:
            return None
        covering_it: list[Whole] = [WholeDomain(domain) for domain in covering(domain_of(sender))]
        if email.mailing_list:
            covering_it.insert(0, WholeList(email.mailing_list))
        return next((str(each) for each in covering_it if each in self.wholes), None)


def settled_by(book: AddressBook) -> SettledBy:
    """Whose mail Mailroom may have filed, by all cards."""
    ours = [card for card in book.cards if note.has_block(card.note)]
    return SettledBy(
        frozenset[str]().union(*(card.addresses for card in ours)),
        frozenset(whole for card in ours if (whole := _whole(card)) is not None),
        frozenset[str]().union(*(card.addresses for card in book.cards if not note.has_block(card.note))),
    )


def names_of(card: Card) -> frozenset[str]:
    """What a card is known by: its addresses, or what people type for the whole domain or list that it is of."""
    whole = _whole(card)
    return card.addresses if whole is None else frozenset({str(whole)})


def _whole(card: Card) -> Whole | None:
    return whole_of(card, note.read(card.note) or note.NOTHING_WRITTEN)


def undo_mails(emails: Iterable[Email], places: Places, settled: SettledBy) -> MailUndo:
    """Where mails go: those of `settled` senders, and what came straight from the Inbox, out of the destinations; what
    was screened out of the Screener, and every label of Mailroom's off.

    What has another home, be it the Trash, stays there. What would have no mailbox goes to the Inbox where its keywords
    say that it came from there, else to the Screener.
    """
    moves: dict[str, Move] = {}
    senders: dict[str, str] = {}
    left: Counter[str] = Counter()
    for email in emails:
        filed = email.mailbox_ids & frozenset(places.destinations.values())
        if filed and (sender := settled.whose(email)) is not None:
            senders[email.id] = sender
        elif not _is_routed(email):
            left.update(filed)
            filed = frozenset()
        if move := _undone(email, filed, places):
            moves[email.id] = move
    return MailUndo(moves, senders, left)


def _is_routed(email: Email) -> bool:
    """Put where it is by Mailroom; what waits, and isn't in the Screener, was put there by the user."""
    return FROM_INBOX in email.keywords and WAITING not in email.keywords


def _undone(email: Email, filed: frozenset[str], places: Places) -> Move:
    is_from_inbox = bool(email.keywords & {FROM_INBOX, WAITING})
    screener = frozenset({places.screener} if places.screener else ())
    leaving = email.mailbox_ids & (filed | places.all_labels | (screener if is_from_inbox else frozenset()))
    if email.mailbox_ids - leaving:
        return Move(remove=leaving)
    home = frozenset({places.inbox}) if is_from_inbox and places.inbox else screener
    return Move(add=home - leaving, remove=leaving - home) if home else Move()


def left_by_mailbox(moves: Iterable[Move]) -> Counter[str]:
    """How many mails leave each mailbox."""
    return Counter(id for move in moves for id in move.remove)


def entered_by_mailbox(moves: Iterable[Move]) -> Counter[str]:
    """How many mails come into each mailbox."""
    return Counter(id for move in moves for id in move.add)


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
    return min(names_of(undo.card), default=""), undo.card.uid


def _why_it_stays(card: Card, extras: frozenset[str] | None, own_groups: Sequence[Group]) -> Iterator[str]:
    """How a card differs from a new one of Mailroom's: that is the user's, and not deleted."""
    if not note.says_created(card.note):
        yield "yours before Mailroom"
        return
    if extras is None:
        yield "changed just now"
        return
    whole = _whole(card)
    addresses = 0 if isinstance(whole, WholeList) else 1
    if len(card.addresses) != addresses or extras & {"emails", "EMAIL"}:
        yield "its addresses are edited"
    is_as_written = card.fields.organization == whole.named if whole else as_written(card.fields) is not None
    if not is_as_written:
        yield "its name is edited"
    if note.stripped(card.note).strip():
        yield "it has a note of yours"
    if names := sorted(extras - {"emails", "EMAIL"}):
        yield f"you added {', '.join(names)}"
    if groups := sorted(group.name for group in own_groups if card.uid in group.members):
        yield f"it is in your group {', '.join(groups)}"
