"""The contact card `Mailroom`, on which Mailroom keeps what has to outlive a start: it is as before at the end."""

from account import Account
from support import Failed

from mailroom.contacts.base import Card, Departure
from mailroom.decisions.state_card import read_state
from mailroom.triage.state import read_card, state_card, write_state


async def put_own_card_back_at_the_end(account: Account) -> None:
    """Arrange that the card is as it is now, or gone if there is none."""
    account.run.clean_up.push_async_callback(_put_back, account, await _own_card(account))


async def _own_card(account: Account) -> Card | None:
    """The card on which Mailroom keeps since when it screens, if there is one."""
    client = account.run.servers.client
    account_id = (await client.session()).mail_account
    return state_card((await read_card(client, account.contacts, account_id)).book, account_id)


async def _put_back(account: Account, before: Card | None) -> None:
    """Let that card be as it was."""
    client, scheme = account.run.servers.client, account.run.scheme
    account_id = (await client.session()).mail_account
    found = await read_card(client, account.contacts, account_id)
    if before is not None:
        await write_state(client, found, scheme, account_id, read_state(before.note))
    elif (card := state_card(found.book, account_id)) is not None:
        joined = tuple(group for group in found.book.groups if card.uid in group.members)
        await account.leave(Departure(card.uid, card.uid, joined))
        now = await read_card(client, account.contacts, account_id)
        if failures := await now.delete_cards(now.book.cards):
            raise Failed(f"the contact card Mailroom could not be deleted: {'; '.join(failures.values())}")
