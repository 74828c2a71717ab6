"""A sandbox with a client on top, and calls to try them with."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio
from pydantic import SecretStr

from mailroom.http import Credentials, bearer
from mailroom.http_clients import http_client
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mailbox import Mailbox, get_mailboxes
from mailroom.sandbox import Sandbox, serve
from tests.guard import GUARD_SECONDS
from tests.in_process import SESSION_URL, InProcess

ACCOUNT = "u1"


@dataclass
class Connected:
    """A client of a sandbox; `bodies` are the API requests that it sent, decoded."""

    sandbox: Sandbox
    client: Client
    base_url: httpx.URL
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def endpoints(self) -> list[str]:
        """What was asked for so far, in order."""
        return [request.endpoint.value for request in self.sandbox.requests]

    async def mailboxes(self) -> tuple[Mailbox, ...]:
        """A call as good as any."""
        batch = Batch()
        slot = batch.add(get_mailboxes(ACCOUNT))
        return (await self.client.send(batch))[slot]


@asynccontextmanager
async def served(sandbox: Sandbox) -> AsyncIterator[httpx.URL]:
    """Serve a sandbox while the block runs; gives its base url."""
    async with trio.open_nursery() as nursery:
        yield httpx.URL(await nursery.start(serve, sandbox))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def connected(
    sandbox: Sandbox, *, session_path: str = "/jmap/session", token: str | None = None
) -> AsyncIterator[Connected]:
    """A client that reaches the sandbox over loopback."""
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as base_url, http_client() as http:
            yield _connection(sandbox, http, base_url.join(session_path), token)


@asynccontextmanager
async def in_process(sandbox: Sandbox, *, token: str | None = None) -> AsyncIterator[Connected]:
    """A client that reaches the sandbox without sockets, for what is not about the wire."""
    with trio.fail_after(GUARD_SECONDS):
        async with httpx.AsyncClient(transport=InProcess(sandbox)) as http:
            yield _connection(sandbox, http, SESSION_URL, token)


def _connection(sandbox: Sandbox, http: httpx.AsyncClient, session_url: httpx.URL, token: str | None) -> Connected:
    client = Client(http, session_url, Credentials(bearer(SecretStr(token or sandbox.token)), session_url))
    connection = Connected(sandbox, client, session_url.join("/"))

    async def record(request: httpx.Request) -> None:
        if request.method == "POST":
            connection.bodies.append(json.loads(request.content))

    http.event_hooks["request"].append(record)
    return connection
