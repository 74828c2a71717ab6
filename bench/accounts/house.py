"""One server with many mailboxes in memory, and a user in each of them who labels a mail when told to."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from mailroom.sandbox import Sandbox
from mailroom.sandbox.app import make_app
from mailroom.sandbox.sample import create_folders
from mailroom.sandbox.server import with_cut

FILED_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Tap:
    """One label: milliseconds until the first request of the account came, and until its mail was filed."""

    woken_ms: float
    filed_ms: float


@dataclass
class Tenant:
    """One mailbox; `asked` is set when a request to its API comes, for all labels that wait for one."""

    sandbox: Sandbox
    app: Any = None
    asked: trio.Event = field(default_factory=trio.Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def tap(self) -> Tap:
        """A mail comes with a label on it. Raises `trio.TooSlowError` if it isn't filed."""
        number = next(self._numbers)
        if self.asked.is_set():
            self.asked = trio.Event()
        asked = self.asked
        with trio.fail_after(FILED_WITHIN_SECONDS):
            began = time.perf_counter()
            mail = self.sandbox.deliver(f"Sender {number} <s{number}@example.org>", mailboxes=("Screener", "@ToFeed"))
            await asked.wait()
            woken = time.perf_counter()
            while "@ToFeed" in self.sandbox.mailboxes_of(mail):
                await self.sandbox.changed()
            filed = time.perf_counter()
        return Tap(1000 * (woken - began), 1000 * (filed - began))


def tenant(number: int) -> Tenant:
    """An account without mail, whose token is `token-NUMBER`."""
    sandbox = Sandbox(token=f"token-{number}", email=f"user{number}@example.com")
    sandbox.change_account(f"u{number}")
    create_folders(sandbox)
    return Tenant(sandbox)


@dataclass
class House:
    """An ASGI app of all tenants, told apart by their tokens; counts connections by where they come from."""

    tenants: Mapping[str, Tenant]
    requests: int = 0
    connections: set[tuple[str, int]] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            await with_cut(make_app(next(iter(self.tenants.values())).sandbox))(scope, receive, send)
            return
        self.requests += 1
        if scope["client"] is not None:
            self.connections.add((scope["client"][0], scope["client"][1] or 0))
        headers = dict(scope["headers"])
        tenant = self.tenants[headers[b"authorization"].decode().removeprefix("Bearer ")]
        if scope["method"] == "POST":
            tenant.asked.set()
        if tenant.app is None:
            tenant.app = with_cut(make_app(tenant.sandbox))
        await tenant.app(scope, receive, send)
