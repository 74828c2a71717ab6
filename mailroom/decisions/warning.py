"""Names that give somebody away who may be posing as somebody else (pure)."""

from collections.abc import Sequence

from mailroom.contacts.base import AddressBook, Card
from mailroom.decisions import note
from mailroom.decisions.contact import as_written
from mailroom.decisions.select import MOST_NAMES, Sender, name_of
from mailroom.jmap.mail import Email
from mailroom.names import comparable, contact_name, is_full_name


def names_shown(sender: Sender) -> frozenset[str]:
    """The full names on the newest labelled mails: other contacts may be called so."""
    shown = {contact_name(name_of(email)) for email in sender.mails[-MOST_NAMES:]}
    return frozenset(filter(is_full_name, shown))


def known_names(sender: Sender, full_name: str, book: AddressBook) -> frozenset[str]:
    """The comparable names that go with a sender whose card will have this one.

    Those of its own cards but the ones that somebody else has as well.
    """
    own = [card for address in sender.addresses for card in book.cards_by_address.get(address, ())]
    # Who has two cards for two people of one name knows them both.
    told_apart = {comparable(card.fields.full_name) for card in own if _is_named_by_user(card)}
    names = {comparable(name) for name in (full_name, *(card.fields.full_name for card in own))}
    return frozenset(name for name in names if name in told_apart or not _is_anothers(name, sender, book))


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


def to_warn_of(mails: Sequence[Email], known: frozenset[str]) -> frozenset[str]:
    """The ids of mails, of which the oldest is first, that get the warning label: of each name that isn't known the
    newest, as one warning is enough.

    No name is shown by most machines, and needs none.
    """
    newest = {comparable(name_of(email)): email.id for email in mails[-MOST_NAMES:]}
    return frozenset(id for name, id in newest.items() if name and name not in known)
