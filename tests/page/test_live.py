"""What a page that is open hears, and what it costs the daemon."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import httpx
import trio

from mailroom.account.account import Account
from mailroom.config.account_settings import AccountConfig
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.http_clients import shared_http
from mailroom.page.live import Live
from mailroom.page.owner import Owner
from mailroom.page.words import key_of
from mailroom.sandbox.faults import Delay
from tests.daemon_process import daemon_process, stops_at_once
from tests.guard import GUARD_SECONDS
from tests.page.support import PASSWORD, Browser, page, settings_for
from tests.page.test_waiting import sandbox_with
from tests.real.processes import free_port
from tests.screener import served
from tests.warm import mailroom


class Heard:
    """The events of one stream, as they come."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._said = ""

    async def next(self, kind: str) -> str:
        """The data of the next event of this kind; others before it are passed over."""
        while True:
            while "\n\n" not in self._said:
                part = await self._stream.receive_some()
                assert part, "the stream ended"
                self._said += part.decode()
            event, _, self._said = self._said.partition("\n\n")
            lines = event.split("\n")
            if f"event: {kind}" in lines:
                return "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))


@asynccontextmanager
async def listening(browser: Browser, since: str = "0") -> AsyncIterator[Heard]:
    url = browser.http.base_url
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    # In HTTP/1.0 the events come as they are, without chunks around them.
    head = f"GET /live?since={since} HTTP/1.0\r\nHost: {url.netloc.decode()}\r\nCookie: {cookies}\r\n\r\n"
    async with await trio.open_tcp_stream(url.host, url.port or 0) as stream:
        await stream.send_all(head.encode())
        yield Heard(stream)


async def test_a_page_is_told_who_waits_and_what_other_browsers_did() -> None:
    sandbox = sandbox_with(2, mails=3)
    async with (
        page(sandbox) as served_page,
        served_page.owner() as owner,
        served_page.owner() as other,
        listening(owner) as stream,
    ):
        waiting = json.loads(await stream.next("waiting"))
        keys = {key_of("s0@example.org"), key_of("s1@example.org")}
        assert (waiting["count"], waiting["crowd"], set(waiting["keys"])) == (2, "2 senders, 6 mails", keys)
        await other.tap("s0@example.org", "Feed")
        assert "→ Feed, being filed" in await stream.next("card")
        filed = await stream.next("card")
        assert "Sender 0" in filed
        assert "filed 3 mails in Feed" in filed
        assert other.token not in filed
        left = json.loads(await stream.next("waiting"))
        assert (left["crowd"], left["keys"]) == ("1 sender, 3 mails", [key_of("s1@example.org")])


async def test_who_waits_is_told_anew_after_an_undo_right_at_the_end_of_the_pass() -> None:
    sandbox = sandbox_with(2)
    async with page(sandbox) as served_page, served_page.owner() as owner, listening(owner) as stream:
        assert json.loads(await stream.next("waiting"))["count"] == 2
        mails = owner.mails_on_card("s0@example.org")
        sandbox.faults.next_request(Delay(0.3), skip=4)
        await owner.tap("s0@example.org", "Feed")
        await served_page.struck()
        await owner.undo("s0@example.org", mails, "Feed")
        while json.loads(await stream.next("waiting"))["count"] != 2:
            pass


async def test_new_senders_are_counted_from_when_the_page_was_made() -> None:
    sandbox = sandbox_with(1)
    async with (
        page(sandbox) as served_page,
        served_page.owner() as owner,
        listening(owner, since="2020-01-01T00:00:00Z") as stream,
    ):
        await stream.next("waiting")
        sandbox.deliver("Bob <bob@example.org>", "Hi", ["Screener"])
        assert key_of("bob@example.org") in json.loads(await stream.next("waiting"))["new"]


async def test_a_stream_of_an_account_that_is_no_more_ends() -> None:
    settings = settings_for("http://127.0.0.1:1/")
    async with trio.open_nursery() as nursery, shared_http() as http:
        owner = Owner.of(Account(AccountConfig("ann", settings, DEFAULT_SCHEME), http), settings, "ann")
        owners = {"ann": owner}
        events = Live(nursery, owners)._events(owner, "")
        assert await anext(events) == b"retry: 2000\n\n"
        del owners["ann"]
        assert [event async for event in events] == []
        nursery.cancel_scope.cancel()


async def test_nobody_who_looks_costs_the_mail_server_nothing() -> None:
    sandbox = sandbox_with(1)
    async with page(sandbox) as served_page, served_page.owner() as owner:
        async with listening(owner) as stream:
            await stream.next("waiting")
        before = len(sandbox.requests)
        sandbox.deliver("Bob <bob@example.org>", "Hi", ["Screener"])
        await served_page.settled()
        assert len(sandbox.requests) - before == 1


async def test_three_hundred_half_open_connections_hold_up_no_tap() -> None:
    sandbox = sandbox_with(1)
    async with page(sandbox) as served_page, served_page.owner() as owner:
        port = httpx.URL(served_page.url).port
        with ExitStack() as held:
            for _ in range(300):
                client = held.enter_context(socket.create_connection(("127.0.0.1", port or 0)))
                client.sendall(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n")
            (mail,) = sandbox.mails_in("Screener")
            sandbox.label(mail, "@ToFeed")
            await served_page.filed()
            assert sandbox.mailboxes_of(mail) == {"Feed"}
            assert (await owner.get("/")).status_code == 200


async def test_the_daemon_ends_at_once_with_streams_open() -> None:
    sandbox = sandbox_with(1)
    port = free_port()
    with trio.fail_after(2 * GUARD_SECONDS):
        async with (
            served(sandbox) as session_url,
            daemon_process(str(session_url), None, mailroom(), page_password=PASSWORD, page_port=str(port)) as process,
        ):
            started = await process.logs("service_started")
            assert started["page_port"] == port
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                browser = Browser(http, url)
                await browser.log_in()
                async with listening(browser) as one, listening(browser) as two:
                    await one.next("waiting")
                    await two.next("waiting")
                    await stops_at_once(process)
    said = json.dumps(process.lines)
    assert PASSWORD not in said
    assert browser.http.cookies["mailroom"] not in said
