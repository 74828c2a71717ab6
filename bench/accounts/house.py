"""One server with many mailboxes in memory, to which mail comes when told to, with a label or without."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import hypercorn.trio
import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

from mailroom.sandbox import Sandbox
from mailroom.sandbox.app import make_app
from mailroom.sandbox.sample import create_folders
from mailroom.sandbox.server import bind, with_cut

WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Push:
    """One mail that came: milliseconds to the account's first request, and, of a labelled one, to the filed mail."""

    woken_ms: float
    filed_ms: float | None


@dataclass
class Tenant:
    """One mailbox; `asked` is set when a request to its API comes, for all pushes that wait for one."""

    sandbox: Sandbox
    app: Any = None
    asked: trio.Event = field(default_factory=trio.Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    async def plain(self) -> Push:
        """A mail comes without a label: the daemon looks, and has nothing to do. Raises `trio.TooSlowError`."""
        with trio.fail_after(WITHIN_SECONDS):
            began = time.perf_counter()
            await self._deliver("Screener")
            return Push(_ms_since(began), None)

    async def labelled(self) -> Push:
        """A mail comes with a label on it. Raises `trio.TooSlowError` if it isn't filed."""
        with trio.fail_after(WITHIN_SECONDS):
            began = time.perf_counter()
            mail = await self._deliver("Screener", "@ToFeed")
            woken_ms = _ms_since(began)
            while "@ToFeed" in self.sandbox.mailboxes_of(mail):
                await self.sandbox.changed()
            return Push(woken_ms, _ms_since(began))

    async def _deliver(self, *mailboxes: str) -> str:
        """The mail's id, once the account has asked for something."""
        number = next(self._numbers)
        if self.asked.is_set():
            self.asked = trio.Event()
        asked = self.asked
        mail = self.sandbox.deliver(f"Sender {number} <s{number}@example.org>", mailboxes=mailboxes)
        await asked.wait()
        return mail


def _ms_since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


def tenant_of(number: int) -> Tenant:
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


async def serve_house(
    house: House, pem: str = "", *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until cancelled, on a free port; starts with the origin. `pem` is a file for TLS: certificate and key."""
    listener = bind("127.0.0.1", 0)
    listener.listen(4096)
    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.include_server_header = False
    config.accesslog = config.errorlog = None
    config.keep_alive_timeout = 600
    if pem:
        config.certfile = config.keyfile = pem
        config.alpn_protocols = ["http/1.1"]
    async with trio.open_nursery() as nursery:
        await nursery.start(hypercorn.trio.serve, house, config)
        task_status.started(f"{'https' if pem else 'http'}://127.0.0.1:{port}")
