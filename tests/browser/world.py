"""A daemon with the page over a sandbox, in a thread of its own: the browser's driver wants this one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Queue
from typing import TypeVar

import trio

from mailroom.config.scheme import Scheme
from mailroom.daemon import process as daemon
from mailroom.sandbox import Sandbox
from tests.page.support import SCREENING, configured
from tests.screener import served

T = TypeVar("T")


@dataclass
class World:
    """`url` is where the page is."""

    sandbox: Sandbox
    url: str
    _token: trio.lowlevel.TrioToken

    def do(self, act: Callable[[], T]) -> T:
        """Do something to the sandbox, between two steps of its own."""
        return trio.from_thread.run_sync(act, trio_token=self._token)

    def deliver(self, sender: str, subject: str, mailbox: str = "Screener") -> str:
        return self.do(lambda: self.sandbox.deliver(sender, subject, [mailbox]))


@contextmanager
def world(sandbox: Sandbox, scheme: Scheme = SCREENING) -> Iterator[World]:
    started: Queue[World | BaseException] = Queue()
    scope = trio.CancelScope()

    async def live() -> None:
        with scope:
            async with served(sandbox) as session_url, trio.open_nursery() as nursery:
                running = await nursery.start(daemon.serve, *configured(session_url, scheme))
                await running.status.success_after(None)
                token = trio.lowlevel.current_trio_token()
                # As a browser of this machine sees it.
                started.put(World(sandbox, f"http://localhost:{running.page_port}", token))

    def run() -> None:
        try:
            trio.run(live)
        except BaseException as failure:  # told in the test's own thread
            started.put(failure)

    thread = threading.Thread(target=run)
    thread.start()
    begun = started.get(timeout=60)
    if not isinstance(begun, World):
        raise begun
    try:
        yield begun
    finally:
        begun.do(scope.cancel)
        thread.join()
    if not started.empty() and isinstance(failure := started.get(), BaseException):
        raise failure
