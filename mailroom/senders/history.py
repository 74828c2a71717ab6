"""What was decided about whom, and when: the address book remembers it."""

from mailroom.contacts.base import Contacts
from mailroom.decisions.history import Entry, entries


async def history(contacts: Contacts, who: str | None = None) -> tuple[Entry, ...]:
    """All decisions, the newest first; about `who` alone if given: a canonical address, `@shop.example`, `list:ID`.

    Reads all cards. Raises `MailroomError`.
    """
    found = entries((await contacts.read_all()).book.cards)
    return tuple(each for each in found if who is None or who in each.who)
