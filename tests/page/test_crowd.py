"""Thousands who wait: what the page does for them is bounded, and others have their turn meanwhile."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from queue import Queue
from types import FrameType

import httpx
import pytest
import trio

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon import process as daemon
from mailroom.decisions.domains import registrable
from mailroom.decisions.own import OwnAddresses
from mailroom.decisions.places import find_places
from mailroom.jmap.mail import Address, Email
from mailroom.sandbox import Sandbox, serve
from mailroom.senders.screener import waiting_senders
from tests.between_checkpoints import Stretch, counting
from tests.guard import GUARD_SECONDS
from tests.page.support import Browser, configured
from tests.page.test_live import listening
from tests.screener import empty_sandbox

SENDERS = 10_000
MOST_CALLS = 250_000
"""Of functions between two checkpoints: 0.1 s of work. All that is asked of 10,000 senders in one go were 930,000."""


class Calls(Stretch):
    """Of functions."""

    _now = 0

    def begin(self) -> None:
        self._now = 0

    def see(self, frame: FrameType, event: str) -> None:
        self._now += event in ("call", "c_call")

    def amount(self) -> int:
        return self._now


@asynccontextmanager
async def served_elsewhere(sandbox: Sandbox) -> AsyncIterator[httpx.URL]:
    """A sandbox in a thread of its own, whose work isn't the daemon's."""
    started: Queue[tuple[httpx.URL, trio.CancelScope, trio.lowlevel.TrioToken]] = Queue()

    async def live() -> None:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                url = await nursery.start(serve, sandbox)
                started.put((httpx.URL(f"{url}/jmap/session"), scope, trio.lowlevel.current_trio_token()))

    thread = threading.Thread(target=trio.run, args=(live,))
    thread.start()
    url, scope, token = await trio.to_thread.run_sync(started.get)
    try:
        yield url
    finally:
        token.run_sync_soon(scope.cancel)
        await trio.to_thread.run_sync(thread.join)


@asynccontextmanager
async def crowded(senders: int) -> AsyncIterator[tuple[Sandbox, Browser]]:
    """The owner before the page, and so many who wait."""
    sandbox = empty_sandbox()
    for number in range(senders):
        sandbox.deliver(f"Sender {number} <s{number}@host{number % 97}.example>", f"Offer {number}", ["Screener"])
    with trio.fail_after(8 * GUARD_SECONDS):
        async with served_elsewhere(sandbox) as session_url, trio.open_nursery() as nursery:
            process, account = configured(session_url)
            running = await nursery.start(daemon.serve, process, account)
            await running.status.success_after(None)
            url = f"http://127.0.0.1:{running.page_port}"
            async with httpx.AsyncClient(base_url=url, timeout=8 * GUARD_SECONDS) as http:
                owner = Browser(http, url)
                await owner.log_in()
                yield sandbox, owner
            nursery.cancel_scope.cancel()


async def test_others_have_their_turn_while_it_is_found_out_who_waits() -> None:
    mails = [
        Email(id=f"e{number}", mailbox_ids=frozenset({"m1"}), senders=(Address(email=f"s{number}@shop.example"),))
        for number in range(2_000)
    ]
    with counting(Calls()) as calls:
        found = await waiting_senders(mails, find_places((), DEFAULT_SCHEME), OwnAddresses(frozenset()))
    assert (len(found), len(found[0].mails)) == (2_000, 1)
    assert 0 < calls.most < 50_000


@pytest.mark.exhaustive
async def test_of_ten_thousand_fifty_are_shown_and_no_work_holds_up_others() -> None:
    # Read once by each process, and no work of the page's: the list of public suffixes.
    registrable("shop.example")
    async with crowded(SENDERS) as (sandbox, owner):
        before = len(sandbox.requests)
        with counting(Calls()) as calls:
            await owner.get("/")
            assert len(sandbox.requests) - before == 3
            assert f"{SENDERS:,} senders" in owner.text
            assert len(owner.senders) == 50
            assert len(owner.text) < 200_000
            found = await owner.post("/search", q="offer 777")
            assert found.text.count('<li class="card') == sum("777" in str(number) for number in range(SENDERS))
            async with listening(owner) as stream:
                assert f'"count": {SENDERS}' in await stream.next("waiting")
            assert f"{SENDERS:,} mails of {SENDERS:,} senders" in (await owner.get("/clear")).text
            await owner.get("/")
            mails = owner.mails_on_card(owner.senders[0])
            assert "would be decided at once" in (await owner.get(f"/whole?wide=domain&mail={mails[0]}")).text
            await owner.get("/")
            assert "being filed" in (await owner.tap(owner.senders[0], "Feed")).text
        assert 0 < calls.most < MOST_CALLS
