"""Who is in a category."""

from dataclasses import dataclass

from mailroom.config.scheme import Category
from mailroom.contacts.base import AddressBook
from mailroom.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Member:
    """An address of a contact that is in a category's group (None for a contact without one), and its name."""

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
        for address in (card.addresses or (None,))
    }
    return tuple(sorted(found, key=lambda each: (each.sender is None, each.sender or "", each.name)))
