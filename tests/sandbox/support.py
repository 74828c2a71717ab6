"""What the sandbox's tests share: a fixed clock, method calls with and without HTTP, a running sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any

import httpx
import trio

from mailroom.sandbox import FASTMAIL, Flavour, Limits, Sandbox, serve
from mailroom.sandbox.dispatch import CONTACTS, CORE, MAIL, SUBMISSION, Request, offered, process
from tests.guard import GUARD_SECONDS

USING = (CORE, MAIL, SUBMISSION, CONTACTS)
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
Json = dict[str, Any]


def make_sandbox(flavour: Flavour = FASTMAIL, limits: Limits | None = None) -> Sandbox:
    """A sandbox with a clock that stands still, an Inbox, a Trash, a Screener and a Feed."""
    sandbox = Sandbox(flavour, limits, clock=lambda: NOON)
    sandbox.create_mailbox("Inbox", "inbox")
    sandbox.create_mailbox("Trash", "trash")
    sandbox.create_mailbox("Screener")
    sandbox.create_mailbox("Feed")
    return sandbox


def calls(sandbox: Sandbox, *method_calls: tuple[str, Json]) -> list[tuple[str, Json]]:
    """Run the calls in one request, ids c0, c1, …; gives name and arguments of each response."""
    using = sorted(offered(sandbox.flavour))
    request = Request.model_validate({"using": using, "methodCalls": with_ids(sandbox, method_calls)})
    responses = process(request, sandbox.context(), sandbox.account_id, sandbox.faults.take_method_error)
    sandbox.announce()
    return [(name, answer) for name, answer, _ in responses]


def call(sandbox: Sandbox, method: str, **arguments: Any) -> Json:
    """Run one call that must succeed."""
    [(name, answer)] = calls(sandbox, (method, arguments))
    assert name == method, answer
    return answer


def error_of(sandbox: Sandbox, method: str, **arguments: Any) -> str:
    """Run one call that must fail; gives the error's type."""
    [(name, answer)] = calls(sandbox, (method, arguments))
    assert name == "error", answer
    return str(answer["type"])


def with_ids(sandbox: Sandbox, method_calls: tuple[tuple[str, Json], ...]) -> list[tuple[str, Json, str]]:
    return [
        (name, {"accountId": sandbox.account_id, **arguments}, f"c{number}")
        for number, (name, arguments) in enumerate(method_calls)
    ]


def reference(number: int, method: str, path: str) -> Json:
    """A back-reference to the response of call `number`."""
    return {"resultOf": f"c{number}", "name": method, "path": path}


@dataclass
class Events:
    """The chunks of an event stream; the sandbox sends every event as a chunk of its own."""

    chunks: trio.MemoryReceiveChannel[str]
    was_cut: bool = False

    async def next(self) -> str:
        return await self.chunks.receive()

    async def rest(self) -> list[str]:
        """What comes until the stream ends."""
        return [chunk async for chunk in self.chunks]

    async def pump(self, response: httpx.Response, sender: trio.MemorySendChannel[str]) -> None:
        """Read in a task of its own: httpx's generators end well only with the stream, or by
        cancellation inside them; so the body of the loop never waits."""
        with sender:
            try:
                async for chunk in response.aiter_text():
                    sender.send_nowait(chunk)
            except httpx.RemoteProtocolError:
                self.was_cut = True


@dataclass(frozen=True)
class Running:
    """A sandbox that listens, and an HTTP client that is logged in."""

    sandbox: Sandbox
    base_url: str
    http: httpx.AsyncClient

    async def post(self, *method_calls: tuple[str, Json], using: tuple[str, ...] = USING) -> httpx.Response:
        document = {"using": using, "methodCalls": with_ids(self.sandbox, method_calls)}
        return await self.http.post("/jmap/api/", json=document)

    @asynccontextmanager
    async def events(self, query: str = "", **headers: str) -> AsyncIterator[Events]:
        """An open event stream, after its first comment."""
        async with (
            self.http.stream("GET", f"/jmap/event/{query}", headers=headers) as response,
            trio.open_nursery() as nursery,
        ):
            assert response.status_code == 200
            sender, receiver = trio.open_memory_channel[str](inf)
            events = Events(receiver)
            nursery.start_soon(events.pump, response, sender)
            assert await events.next() == ": connected\n\n"
            yield events
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def running(sandbox: Sandbox) -> AsyncIterator[Running]:
    """Serve the sandbox on a free port while the block runs."""
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            base_url = await nursery.start(serve, sandbox)
            headers = {"Authorization": f"Bearer {sandbox.token}"}
            async with httpx.AsyncClient(base_url=base_url, headers=headers) as http:
                yield Running(sandbox, base_url, http)
            nursery.cancel_scope.cancel()
