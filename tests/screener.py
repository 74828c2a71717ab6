"""A sandbox over loopback with a triage on top, for tests of passes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

import httpx
import trio
from pydantic import SecretStr

from mailroom.categories import DEFAULT_SCHEME, Scheme
from mailroom.contacts.jmap import JmapContacts
from mailroom.http import Credentials, bearer, http_client
from mailroom.jmap.client import Client
from mailroom.sandbox import FASTMAIL, Flavour, Limits, Sandbox, serve
from mailroom.sandbox.sample import create_folders
from mailroom.triage import Outcome, Triage, prepare

TODAY = date(2026, 3, 5)


def empty_sandbox(limits: Limits | None = None, flavour: Flavour = FASTMAIL) -> Sandbox:
    """An account with every mailbox and group of the usual scheme, and nothing in them."""
    sandbox = Sandbox(flavour, limits)
    create_folders(sandbox)
    return sandbox


@dataclass
class Screener:
    """A triage over a sandbox."""

    sandbox: Sandbox
    triage: Triage

    async def run(self, today: date = TODAY) -> Outcome:
        return await self.triage.run(today)

    async def requests_of_a_pass(self) -> int:
        """Run a pass and count its HTTP requests."""
        before = len(self.sandbox.requests)
        await self.run()
        return len(self.sandbox.requests) - before


@asynccontextmanager
async def jmap_client(sandbox: Sandbox, *, token: str | None = None) -> AsyncIterator[Client]:
    """Serve the sandbox, and connect a client to it."""
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery, http_client() as http:
            base_url = await nursery.start(serve, sandbox)
            url = httpx.URL(base_url).join("/jmap/session")
            yield Client(http, url, Credentials(bearer(SecretStr(token or sandbox.token)), url))
            nursery.cancel_scope.cancel()


async def start(client: Client, scheme: Scheme = DEFAULT_SCHEME) -> Triage:
    """What the daemon does before its first pass."""
    session = await client.session()
    assert session.contacts_account is not None
    return await prepare(client, JmapContacts(client, session.contacts_account, session.limits), scheme)


@asynccontextmanager
async def screener(sandbox: Sandbox | None = None, scheme: Scheme = DEFAULT_SCHEME) -> AsyncIterator[Screener]:
    """A triage, ready for its first pass."""
    sandbox = sandbox or empty_sandbox()
    async with jmap_client(sandbox) as client:
        yield Screener(sandbox, await start(client, scheme))
