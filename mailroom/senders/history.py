"""What was decided about whom, and when: the address book remembers it."""

from mailroom.contacts.base import Contacts
from mailroom.decisions.history import Entry, entries
from mailroom.decisions.state_card import Expired
from mailroom.jmap.client import Client
from mailroom.triage.state import read_card, state_in
from mailroom.triage.turns import size_of, worked_out


async def history(contacts: Contacts, who: str | None = None) -> tuple[Entry, ...]:
    """All decisions, the newest first; about `who` alone if given: a canonical address, `@shop.example`, `list:ID`.

    Reads all cards. Raises `MailroomError`.
    """
    cards = (await contacts.read_all()).book.cards
    found = await worked_out(size_of(cards), lambda: entries(cards))
    return tuple(each for each in found if who is None or who in each.who)


async def expired(client: Client, contacts: Contacts) -> tuple[Expired, ...]:
    """How much mail left the Screener by itself, the newest first. Raises `MailroomError`."""
    account_id = (await client.session()).mail_account
    return state_in((await read_card(client, contacts, account_id)).book, account_id).expired[::-1]
