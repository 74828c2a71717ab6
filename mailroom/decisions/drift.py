"""Contacts whose notes name a category that their groups don't: a group was deleted, a category renamed (pure)."""

from collections import Counter
from collections.abc import Collection, Iterator

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Card, Change
from mailroom.decisions.contact import managed_groups
from mailroom.decisions.note import last_category


def drift(book: AddressBook, scheme: Scheme) -> tuple[str, ...]:
    """What is to be mended, a line each."""
    return (*_unknown_categories(book, scheme), *_emptied_groups(book, scheme))


def refill(book: AddressBook, scheme: Scheme, names: Collection[str]) -> tuple[Change, ...]:
    """Who joins the groups of these names by their notes, by card ref; of several groups of one name the first.

    Who is in a group of another category was put there since the note was written, and stays there.
    """
    groups = {name: book.groups_by_name[name][0] for name in names if name in book.groups_by_name}
    changes: list[Change] = []
    for card in book.cards:
        chain = _groups_of_note(card, scheme)
        joined = tuple(groups[name] for name in chain if name in groups and card.uid not in groups[name].members)
        if joined and not _names_of_groups(card, book, scheme) - set(chain):
            changes.append(Change(card.ref, card.uid, None, joined))
    return tuple(changes)


def _unknown_categories(book: AddressBook, scheme: Scheme) -> Iterator[str]:
    lost = [card for card in book.cards if not managed_groups(card.uid, book, scheme)]
    named = Counter(name for card in lost if (name := last_category(card.note)) and name not in scheme.by_name)
    if named:
        names = ", ".join(f"{name} ({named[name]})" for name in sorted(named))
        yield (
            f"{_contacts(named.total())} a note of a category that isn't configured: {names}. Configure it with the "
            "contact_group and destination_mailbox that it had, or settle these senders anew"
        )


def _emptied_groups(book: AddressBook, scheme: Scheme) -> Iterator[str]:
    """A setup that was killed leaves such a group: it was made, and not refilled yet."""
    filled = {group.name for group in book.groups if group.members}
    empty = sorted(scheme.groups & book.groups_by_name.keys() - filled)
    for name in empty:
        count = len(refill(book, scheme, [name]))
        if count:
            yield (
                f"the contact group {name} is empty, and {_contacts(count)} a note that belongs there. To have them "
                "back, delete the group in your address book app and run `mailroom setup --apply`, which refills it"
            )


def _contacts(count: int) -> str:
    return "1 contact carries" if count == 1 else f"{count} contacts carry"


def _groups_of_note(card: Card, scheme: Scheme) -> tuple[str, ...]:
    category = scheme.by_name.get(last_category(card.note) or "")
    return () if category is None else tuple(dict.fromkeys(each.contact_group for each in scheme.chain(category)))


def _names_of_groups(card: Card, book: AddressBook, scheme: Scheme) -> set[str]:
    return {group.name for group in managed_groups(card.uid, book, scheme)}
