"""Who is in a category."""

from dataclasses import dataclass

from mailroom.config.scheme import Category
from mailroom.contacts.base import AddressBook
from mailroom.decisions.reset import names_of
from mailroom.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Member:
    """An address of a contact that is in a category's group, or the whole domain (`@shop.example`) or list (`list:ID`)
    that it is of (None for a contact without either), and its name."""

    sender: str | None
    name: str


def members(book: AddressBook, category: Category) -> tuple[Member, ...]:
    """Whose contacts are in the category's group, by address; those without one last. Raises `ConfigError`."""
    groups = [group for group in book.groups if group.name == category.contact_group]
    if not groups:
        raise ConfigError([f"missing contact group: {category.contact_group}. `mailroom setup --apply` creates it"])
    uids = frozenset[str]().union(*(group.members for group in groups))
    found = {
        Member(address, card.fields.full_name)
        for card in book.cards
        if card.uid in uids
        for address in (names_of(card) or (None,))
    }
    return tuple(sorted(found, key=lambda each: (each.sender is None, each.sender or "", each.name)))
