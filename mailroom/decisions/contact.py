"""A sender's contact card: which one it is, what is written on it, which groups it joins and leaves (pure)."""

import uuid
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from mailroom.config.scheme import Back, ContactType, Scheme, Target
from mailroom.contacts.base import AddressBook, Card, CardEdit, Fields, Group, NewCard
from mailroom.decisions import note
from mailroom.decisions.inventory import unreadable_group
from mailroom.decisions.select import Sender
from mailroom.errors import SenderFailed
from mailroom.names import contact_name

if TYPE_CHECKING:
    from nameparser import HumanName
    from nameparser.config import Constants

# The parser's own list has Bishop, Dean, King and Major in it, which are names as well.
_TITLES = (
    *("mr", "mrs", "ms", "mx", "miss", "dr", "doctor", "prof", "professor", "rev", "reverend", "herr", "frau"),
    *("dipl", "ing", "mag", "mme", "madame", "mlle", "monsieur", "sr", "sra", "señor", "señora", "dott", "sig"),
)


def matching_card(address: str, book: AddressBook, scheme: Scheme) -> Card | None:
    """The card of an address: of several the one in a managed group, else the oldest. Raises `SenderFailed`."""
    card = readable_card(address, book, scheme)
    if card is None and (unreadable := book.unreadable_by_address.get(address)):
        broken = unreadable[0]
        raise SenderFailed(f"the contact card {broken.known_as} can't be read ({broken.reason}): mend or delete it")
    return card


def readable_card(address: str, book: AddressBook, scheme: Scheme) -> Card | None:
    """As `matching_card`; None, too, where the only card can't be read."""
    cards = book.cards_by_address.get(address, ())
    return min(cards, key=lambda card: (not managed_groups(card.uid, book, scheme), card.age, card.uid), default=None)


def managed_groups(uid: str, book: AddressBook, scheme: Scheme) -> tuple[Group, ...]:
    """The groups of categories that a card is in."""
    return tuple(group for group in book.groups_by_member.get(uid, ()) if group.name in scheme.groups)


def new_uid(account_id: str, address: str) -> str:
    """The uid of the card that Mailroom makes for an address: always the same, so that there is never a second one."""
    return str(uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, f"jmap:{account_id}"), address))


def card_change(
    sender: Sender, uid: str, card: Card | None, fields: Fields, now: datetime
) -> NewCard | CardEdit | None:
    if card is None:
        return NewCard(uid, sender.address, fields, noted("", sender.category, now, note.CREATED, sender.verb))
    text = noted(card.note, sender.category, now, note.ADOPTED, sender.verb)
    if isinstance(sender.category, Back):
        return None if text == card.note else CardEdit(card, Fields(), text)
    recast = _recast(card, sender.category.contact_type)
    fill = Fields() if recast else _empty_fields(card.fields, fields)
    if fill.full_name:
        text = note.named(text, fill.full_name)
    unchanged = fill == Fields() and recast is None and text == card.note
    return None if unchanged else CardEdit(card, fill, text, recast)


def noted(text: str, target: Target, now: datetime, origin: str, verb: note.Verb = note.Verb.TRIAGED) -> str:
    """A note with the line for a decision of now; a block that is missing begins with `origin`."""
    if isinstance(target, Back):
        return note.taken_back(text, note.Verb.BACK, now, origin)
    return note.recorded(text, target.name, now, origin, verb)


def fields_of(sender: Sender) -> Fields:
    name = contact_name(sender.name) or sender.address.rpartition("@")[0]
    return fields_for(name, "company" if isinstance(sender.category, Back) else sender.category.contact_type)


def _parsed(full_name: str) -> "HumanName":
    # Imported with the first person: 33 ms and 2 MB that a start without one does without.
    from nameparser import HumanName

    return HumanName(full_name, constants=_words_of_names())


@cache
def _words_of_names() -> "Constants":
    """The parser's words, made once: that takes 3 ms."""
    from nameparser.config import Constants

    return Constants(titles=_TITLES, first_name_titles=())


def fields_for(full_name: str, contact_type: ContactType) -> Fields:
    """What a new card says of somebody with this name."""
    if contact_type == "company":
        return Fields(full_name, organization=full_name)
    name = _parsed(full_name)
    given = " ".join(part for part in (name.first, name.middle) if part)
    return Fields(full_name, given=given if given or name.last else full_name, family=name.last)


def as_written(fields: Fields) -> ContactType | None:
    """As what Mailroom wrote these fields; None if somebody else has written there since."""
    kinds: tuple[ContactType, ...] = ("company", "person")
    return next((kind for kind in kinds if fields == fields_for(fields.full_name, kind)), None)


def _recast(card: Card, contact_type: ContactType) -> Fields | None:
    """What a card says once it is a person's and no longer a company's, or the reverse.

    None for a card that is one already, and for any that is not just as Mailroom wrote it.
    """
    written = as_written(card.fields) if note.says_created(card.note) else None
    return None if written in (None, contact_type) else fields_for(card.fields.full_name, contact_type)


def _empty_fields(has: Fields, wanted: Fields) -> Fields:
    """What may be filled in: fields that are empty, and never a company's on a person's card or the reverse."""
    is_named = bool(has.organization or has.given or has.family)
    return Fields(
        full_name="" if has.full_name else wanted.full_name,
        organization="" if is_named else wanted.organization,
        given="" if is_named else wanted.given,
        family="" if is_named else wanted.family,
    )


def provenance_to_join(card: Card | None, book: AddressBook, scheme: Scheme) -> tuple[Group, ...]:
    """The provenance group, if the card is Mailroom's own and not in it: new, or its start was cut off in between."""
    if card is not None and not note.says_created(card.note):
        return ()
    group = _group(scheme.provenance_group, book)
    return () if card is not None and card.uid in group.members else (group,)


def groups_to_change(
    uid: str, target: Target, book: AddressBook, scheme: Scheme
) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """The groups that the card joins and those that it leaves: ALL managed groups against the category's chain, which
    is empty on the way back."""
    names = [each.contact_group for each in scheme.chain(target)]
    old = managed_groups(uid, book, scheme)
    joined = tuple(_group(name, book) for name in dict.fromkeys(names) if name not in {group.name for group in old})
    return joined, tuple(group for group in old if group.name not in names)


def _group(name: str, book: AddressBook) -> Group:
    """The group of a name, the first by ref if there are several. Raises `SenderFailed`."""
    groups = book.groups_by_name.get(name)
    if not groups:
        raise SenderFailed(
            unreadable_group(name, book) or f"no contact group {name}: create it, or run `mailroom setup --apply`"
        )
    return groups[0]
