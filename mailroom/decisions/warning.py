"""Names that give somebody away who may be posing as somebody else (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailroom.contacts.base import AddressBook, Card
from mailroom.decisions import note
from mailroom.decisions.contact import as_written
from mailroom.decisions.select import Sender, by_age, name_of
from mailroom.jmap.mail import Email
from mailroom.names import comparable, contact_name, is_full_name


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Comparable names that go with a sender: those of its own cards but the ones that somebody else has as well."""

    own: frozenset[str]

    def differ_from(self, name: str) -> bool:
        """Whether mail that shows this name is to be warned of; none is shown by most machines."""
        shown = comparable(name)
        return bool(shown) and shown not in self.own


def names_shown(senders: Iterable[Sender]) -> tuple[str, ...]:
    """The full names on labelled mail, sorted: other contacts may be called so."""
    shown = {contact_name(name_of(email)) for sender in senders for email in sender.mails}
    return tuple(sorted(filter(is_full_name, shown)))


def known_names(sender: Sender, full_name: str, book: AddressBook) -> KnownNames:
    """What is known of a sender whose card will have this name."""
    own = [card for address in sender.addresses for card in book.cards_by_address.get(address, ())]
    # Who has two cards for two people of one name knows them both.
    told_apart = {comparable(card.fields.full_name) for card in own if _is_named_by_user(card)}
    names = {comparable(name) for name in (full_name, *(card.fields.full_name for card in own))}
    return KnownNames(frozenset(name for name in names if name in told_apart or not _is_anothers(name, sender, book)))


def _is_anothers(name: str, sender: Sender, book: AddressBook) -> bool:
    """Whether a contact that has other addresses alone is called so."""
    cards = (card for card in book.cards_by_name.get(name, ()) if card.addresses.isdisjoint(sender.addresses))
    return any(card.addresses and _is_somebody(card) for card in cards)


def _is_named_by_user(card: Card) -> bool:
    """Whether the user wrote a card's name: Mailroom neither made the card nor filled the name in."""
    block = note.read(card.note) or note.NOTHING_WRITTEN
    return not block.created and not _is_from_mail(card, block)


def _is_somebody(card: Card) -> bool:
    """Whether nobody else should be called so. A name just as Mailroom wrote it only repeats what some sender shows.

    Many companies write from many addresses; and what a pass wrote before it was cut off must not alarm the next.
    """
    block = note.read(card.note) or note.NOTHING_WRITTEN
    is_made_by_us = block.created and as_written(card.fields) is not None
    return is_full_name(card.fields.full_name) and not (is_made_by_us or _is_from_mail(card, block))


def _is_from_mail(card: Card, block: note.Block) -> bool:
    return comparable(card.fields.full_name) in map(comparable, block.names_from_mail)


def to_warn_of(mails: Iterable[Email], known: KnownNames) -> frozenset[str]:
    """The ids of mails that get the warning label: of each name that differs the newest, as one warning is enough."""
    newest = {
        comparable(name): email.id for email in sorted(mails, key=by_age) if known.differ_from(name := name_of(email))
    }
    return frozenset(newest.values())
