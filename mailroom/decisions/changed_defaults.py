"""What is different for an account that was set up when the usual categories were others (pure)."""

from collections.abc import Iterable

from mailroom.config.scheme import DEFAULT_CATEGORIES, Scheme
from mailroom.contacts.base import Card, Group
from mailroom.decisions import note

_CHANGED = ("Person", "Jail")
_DAY = len("2026-03-05")

WHAT_CHANGED = (
    "the usual categories have changed: new mail of a Person's goes to the Inbox, too, and Jail takes mail out of the "
    "Inbox"
)
_HOW_TO_KEEP = (
    "to keep the old way, write this into {}: categories = ["
    '{ name = "Imbox", add_to_inbox = true }, "Feed", "Paper Trail", "Jail", '
    '{ name = "Person", parent = "Imbox", contact_type = "person" }, '
    '{ name = "Billboard", parent = "Paper Trail" }, { name = "Truck", parent = "Paper Trail" }]. '
    "For the new way, import or install the rules again (`mailroom rules`); any categories there end this notice"
)


def how_to_keep(place: str) -> str:
    """What to do for it to be as it was; `place` is where keys of the scheme are written."""
    return _HOW_TO_KEEP.replace("{}", place, 1)


def may_concern(groups: Iterable[Group], scheme: Scheme) -> bool:
    """Whether the account relies on the usual categories (its file has none of its own) for senders that it has."""
    # The very tuple: who has written the same into a file has decided.
    is_usual = scheme.categories is DEFAULT_CATEGORIES
    return is_usual and any(group.members for group in groups if group.name in _CHANGED)


def settled_before(cards: Iterable[Card]) -> bool:
    """Whether somebody was settled before the change: until then notes told the day of a decision alone."""
    blocks = (note.read(card.note) for card in cards)
    return any(len(decision.when) == _DAY for block in blocks if block for decision in block.decisions)
