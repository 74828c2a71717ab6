"""An account, and what acts on it outside a pass."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mailroom.contacts.jmap import JmapContacts
from mailroom.jmap.client import Client
from mailroom.sandbox import Sandbox
from tests.screener import Wire, client_of


@dataclass
class Postbox:
    """The account, and ways to its servers."""

    sandbox: Sandbox
    client: Client
    contacts: JmapContacts
    wire: Wire


@asynccontextmanager
async def postbox(sandbox: Sandbox) -> AsyncIterator[Postbox]:
    wire = Wire()
    async with client_of(sandbox, wire) as client:
        session = await client.session()
        assert session.contacts_account is not None
        yield Postbox(sandbox, client, JmapContacts(client, session.contacts_account, session.limits), wire)
