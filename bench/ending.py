"""How an account looks after a pass, in terms that two accounts can be compared in."""

from collections import Counter
from dataclasses import dataclass

from mailroom.account.servers import open_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.jmap.batch import Batch
from mailroom.jmap.mail import EMAIL
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.jmap.query import search


@dataclass(frozen=True, slots=True)
class Ending:
    """`mails` counts the mails by sender and mailbox names, `groups` are members' addresses by name, `cards` are name
    and note by address."""

    mails: Counter[tuple[str, frozenset[str]]]
    groups: dict[str, frozenset[str]]
    cards: dict[str, tuple[str, str]]


async def read_ending(settings: AccountSettings) -> Ending:
    async with open_servers(settings) as servers:
        session = await servers.client.session()
        batch = Batch()
        mailboxes = batch.add(get_mailboxes(session.mail_account))
        page = search(batch, EMAIL, session.mail_account, session.limits, {})
        replies = await servers.client.send(batch)
        names = {mailbox.id: mailbox.name for mailbox in replies[mailboxes]}
        mails = await servers.client.all_found(page, replies)
        book = (await (await servers.contacts()).read_all()).book
    # The state card of screening has none.
    address_of = {card.uid: next(iter(card.addresses), "") for card in book.cards}
    return Ending(
        Counter(
            (mail.senders[0].email if mail.senders else "", frozenset(names[id] for id in mail.mailbox_ids))
            for mail in mails
        ),
        {group.name: frozenset(address_of[uid] for uid in group.members) for group in book.groups},
        {address_of[card.uid]: (card.fields.full_name, card.note) for card in book.cards},
    )
