"""Spam: what waits of a sender goes to Junk, and no contact is made of a spammer."""

from functools import partial

from mailroom.addresses import search_texts
from mailroom.config.scheme import Scheme
from mailroom.decisions.leaving import as_spam
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail_search import mail_found, search_mail
from mailroom.senders.parts import Changed, change
from mailroom.senders.waiting import read_account, screener_of
from mailroom.triage.look_up import from_any


async def report_spam(client: Client, scheme: Scheme, address: str) -> Changed:
    """Put all mail of this sender (a canonical address) that is in the Screener into Junk. Raises `MailroomError`.

    `ConfigError` for one of the user's own addresses, and where nothing waits.
    """
    account = await read_account(client, scheme)
    screener, junk = screener_of(account.places, scheme), account.places.junk
    if address in account.own:
        raise ConfigError([f"{address} is one of your own addresses: it sends no spam"])
    if junk is None:
        raise ConfigError(["the account has no mailbox with the role junk: move the mail in your mail app"])
    batch = Batch()
    wanted = from_any(search_texts(address))
    asked = search_mail(batch, await client.session(), within=[screener], any_condition=wanted)
    found = await mail_found(client, asked, await client.send(batch))
    ids = as_spam((email for email in found if email.sender == address), junk, account.places)
    if not ids:
        raise ConfigError([f"no mail of {address} waits in {scheme.screener}"])
    return await change(client, sorted(ids), partial(as_spam, junk=junk, places=account.places))
