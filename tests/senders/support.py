"""What an owner asks on a sandbox, with a connection that may be cut at any request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.contacts.jmap import JmapContacts
from mailroom.jmap.client import Client
from mailroom.sandbox import Sandbox
from mailroom.triage.one_pass import Pass
from mailroom.triage.start_check import begin
from tests import screener
from tests.screener import NOW, Wire


@asynccontextmanager
async def client_of(sandbox: Sandbox, wire: Wire | None = None) -> AsyncIterator[Client]:
    async with screener.client_of(sandbox, wire or Wire()) as client:
        yield client


async def contacts_of(client: Client) -> JmapContacts:
    session = await client.session()
    assert session.contacts_account is not None
    return JmapContacts(client, session.contacts_account, session.limits)


@asynccontextmanager
async def asking(sandbox: Sandbox, wire: Wire | None = None, scheme: Scheme = DEFAULT_SCHEME) -> AsyncIterator[Pass]:
    """What the functions need that an owner asks outside of a pass."""
    async with client_of(sandbox, wire) as client:
        yield await begin(client, await contacts_of(client), scheme, NOW)
