"""A sandbox with a triage on top, for tests of passes."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from inspect import isawaitable

import httpx
import trio
from pydantic import SecretStr

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.contacts.jmap import JmapContacts
from mailroom.http import Credentials, bearer
from mailroom.jmap.client import Client
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Tally
from mailroom.sandbox import FASTMAIL, Flavour, Limits, Sandbox, serve
from mailroom.sandbox.sample import create_folders
from mailroom.triage.passes import Triage, prepare
from tests.in_process import SESSION_URL, InProcess, past_sockets

NOW = datetime(2026, 3, 5, 14, 3, tzinfo=UTC)


def empty_sandbox(limits: Limits | None = None, flavour: Flavour = FASTMAIL) -> Sandbox:
    """An account with every mailbox and group of the usual scheme, and nothing in them."""
    sandbox = Sandbox(flavour, limits)
    create_folders(sandbox)
    return sandbox


class Wire(httpx.AsyncBaseTransport):
    """The way to the servers, with a place before each request where something else may happen.

    `before` maps the number of a request (from 1) to what another client does just then; `cut_before` and
    `cut_after` are the requests whose connection breaks before the server sees them, or after it acted. `writes` are
    the numbers of those that change anything: an answer to another one is lost like the request itself. `most_at_once`
    is how many were under way at the same time, `reads_subjects` whether any asked for the subject of a mail. It is a
    network of sockets, but for `client_of`.
    """

    def __init__(self, *, cut_before: int | None = None, cut_after: int | None = None) -> None:
        self.network: httpx.AsyncBaseTransport | None = None
        self.before: Mapping[int, Callable[[], object]] = {}
        self._cut_before = cut_before
        self._cut_after = cut_after
        self.requests = 0
        self.writes: list[int] = []
        self.reads_subjects = False
        self.most_at_once = 0
        self._at_once = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._handle(request)
        finally:
            self._at_once -= 1

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        number = self.requests
        body = await request.aread()
        if request.method in ("PUT", "DELETE") or b'/set"' in body:
            self.writes.append(number)
        self.reads_subjects |= b'"subject"' in body
        if number in self.before and isawaitable(acting := self.before[number]()):
            await acting
        if number == self._cut_before:
            raise httpx.ConnectError("cut before the server saw it")
        if self.network is None:
            self.network = httpx.AsyncHTTPTransport()
        response = await self.network.handle_async_request(request)
        if number == self._cut_after:
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("cut before the answer arrived")
        return response

    async def aclose(self) -> None:
        if self.network is not None:
            await self.network.aclose()


@dataclass
class Screener:
    """A triage over a sandbox. `wire.requests` counts from the start of the passes, `tally` what they did."""

    sandbox: Sandbox
    triage: Triage
    wire: Wire
    tally: Tally

    async def run(self, now: datetime = NOW) -> PassOutcome:
        return await self.triage.run(now)

    async def requests_of_a_pass(self) -> int:
        """Run a pass and count its HTTP requests."""
        before = self.wire.requests
        await self.run()
        return self.wire.requests - before


@asynccontextmanager
async def served(sandbox: Sandbox) -> AsyncIterator[httpx.URL]:
    """Serve the sandbox; gives the url of its session."""
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, sandbox)
        yield httpx.URL(base_url).join("/jmap/session")
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def served_here(sandbox: Sandbox) -> AsyncIterator[httpx.URL]:
    """The same, but what this process asks goes past the sockets: for tests that give no more than a url to what they
    try, and are about anything but the wire."""
    async with served(sandbox) as url:
        with past_sockets(url, sandbox):
            yield url


@asynccontextmanager
async def connected(sandbox: Sandbox, session_url: httpx.URL, wire: Wire) -> AsyncIterator[Client]:
    """A client of the sandbox."""
    async with httpx.AsyncClient(transport=wire, timeout=30) as http:
        yield Client(http, session_url, Credentials(bearer(SecretStr(sandbox.token)), session_url))


@asynccontextmanager
async def client_of(sandbox: Sandbox, wire: Wire) -> AsyncIterator[Client]:
    """A client of the sandbox in the same process, without sockets between them."""
    wire.network = InProcess(sandbox)
    async with connected(sandbox, SESSION_URL, wire) as client:
        yield client


async def start(
    client: Client, scheme: Scheme = DEFAULT_SCHEME, tally: Tally | None = None, now: datetime = NOW
) -> Triage:
    """What the daemon does before its first pass."""
    session = await client.session()
    assert session.contacts_account is not None
    contacts = JmapContacts(client, session.contacts_account, session.limits)
    return await prepare(client, contacts, scheme, tally or Tally(), now)


@asynccontextmanager
async def screener(
    sandbox: Sandbox | None = None,
    scheme: Scheme = DEFAULT_SCHEME,
    before: Mapping[int, Callable[[], object]] | None = None,
    now: datetime = NOW,
) -> AsyncIterator[Screener]:
    """A triage that starts at `now`, ready for its first pass; requests count from there."""
    sandbox = sandbox or empty_sandbox()
    wire = Wire()
    async with client_of(sandbox, wire) as client:
        tally = Tally()
        triage = await start(client, scheme, tally, now)
        wire.requests, wire.before = 0, before or {}
        yield Screener(sandbox, triage, wire, tally)
