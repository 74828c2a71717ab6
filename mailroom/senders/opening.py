"""Screening open for a while: everybody's new mail stays in the Inbox, until the moment that the state card keeps.

The daemon reads the card whenever there is new mail, so that nothing else has to be told.
"""

from dataclasses import replace
from datetime import datetime

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.jmap.client import Client
from mailroom.triage.state import change_state


async def open_until(client: Client, contacts: Contacts, scheme: Scheme, until: datetime | None) -> datetime | None:
    """Open screening until a moment, or close it (None); gives until when it was open before, if it ever was.

    Raises `MailroomError`; `SenderFailed` where the card can't be written.
    """
    account_id = (await client.session()).mail_account
    before, _ = await change_state(client, contacts, scheme, account_id, lambda state: replace(state, open_until=until))
    return before.open_until
