"""The daemon screens new mail, or watches it: what happens, and what it tells of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import trio

from mailroom.observe.status import Health
from mailroom.sandbox import Flavour, Sandbox
from tests.daemon_process import DaemonProcess, daemon_process
from tests.flavours import every_flavour
from tests.guard import GUARD_SECONDS
from tests.new_mail import join
from tests.scrape import samples
from tests.screener import empty_sandbox, served
from tests.warm import mailroom

ANN = "Ann <ann@example.org>"


@asynccontextmanager
async def running(sandbox: Sandbox, mode: str, poll_interval: str) -> AsyncIterator[DaemonProcess]:
    """A daemon that hears of mail from now on."""
    async with served(sandbox) as url:
        settings = {"screening": mode, "poll_interval": poll_interval, "debounce_seconds": "0"}
        with trio.fail_after(GUARD_SECONDS):
            async with daemon_process(str(url), None, mailroom(), **settings) as process:
                assert (await process.logs("service_started"))["screening"] == mode
                await process.logs("eventsource_connected")
                await process.logs("poll_completed")
                yield process


async def health(process: DaemonProcess) -> Health:
    async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
        return Health(**(await http.get(process.health_url)).json())


async def metrics(process: DaemonProcess) -> dict[str, float]:
    async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
        return samples((await http.get(process.health_url.replace("healthz", "metrics"))).text)


async def another_pass(process: DaemonProcess) -> None:
    await process.logs("poll_completed", times=len(process.logged("poll_completed")) + 1)


@every_flavour
async def test_new_mail_goes_where_it_belongs_once_it_is_heard_of(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    join(sandbox, "Feed", sandbox.add_card("shop@example.org", "Shop"))
    async with running(sandbox, "on", poll_interval="3600") as process:
        stranger = sandbox.deliver(ANN, mailboxes=["Inbox"])
        await process.logs("mail_screened")
        routed = sandbox.deliver("Shop <shop@example.org>", mailboxes=["Inbox"])
        assert (await process.logs("mail_routed"))["category"] == "Feed"
        await another_pass(process)
        assert (sandbox.mailboxes_of(stranger), sandbox.mailboxes_of(routed)) == ({"Screener"}, {"Feed"})
        passes = [line for line in process.logged("poll_completed") if line["mails_screened"] or line["mails_routed"]]
        assert [(line["trigger"], line["level"], line["mails_screened"], line["mails_routed"]) for line in passes] == [
            ("push", "info", 1, 0),
            ("push", "info", 0, 1),
        ]
        told, counted = await health(process), await metrics(process)
    assert (told.screening, told.mails_waiting) == ("on", 1)
    assert counted["mailroom_mails_screened_total"] == counted["mailroom_mails_waiting"] == 1
    assert counted['mailroom_mails_routed_total{category="Feed"}'] == 1


async def test_watching_tells_once_a_mail_and_writes_nothing_and_a_restart_tells_of_newer_mail_alone() -> None:
    sandbox = empty_sandbox()
    for _ in range(2):
        async with running(sandbox, "watch", poll_interval="1") as process:
            sandbox.deliver(ANN, mailboxes=["Inbox"])
            arrived = sandbox.store.states()
            await process.logs("would_screen")
            for _ in range(3):
                await another_pass(process)
            assert len(process.logged("would_screen")) == 1
            assert (await health(process)).screening == "watch"
        assert sandbox.store.states() == arrived
