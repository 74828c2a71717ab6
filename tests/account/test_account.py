"""Which servers an account asks, and with which login. What it does there is in test_daemon.py."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.account.account import Account
from mailroom.account.servers import carddav_url
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.errors import ConfigError, Refused
from mailroom.http_clients import shared_http
from mailroom.sandbox import Sandbox
from tests.guard import GUARD_SECONDS
from tests.screener import empty_sandbox, served_here
from tests.scripted_server import Asked, ScriptedServer, reply, session_reply

TOKEN = SecretStr("mail-t0ken")
OWN_LOGIN = {"carddav_username": "jane", "carddav_password": SecretStr("b00k")}


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[ScriptedServer, ScriptedServer]]:
    """A JMAP server without contacts, and another server; both refuse every login for contacts."""
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            servers = ScriptedServer(), ScriptedServer()
            for server in servers:
                server.script("/session", session_reply())
                server.script("/", reply("401 Unauthorized"))
                server.script("/.well-known/carddav", reply("401 Unauthorized"))
                await nursery.start(server.serve)
            yield servers
            nursery.cancel_scope.cancel()


async def run(**settings: Any) -> None:
    async with shared_http() as http:
        await Account(AccountConfig(None, AccountSettings(**settings), DEFAULT_SCHEME), http).run()


def contacts_requests(server: ScriptedServer) -> list[Asked]:
    return [asked for asked in server.asked if asked.path != "/session"]


@pytest.mark.parametrize("contacts", ["auto", "carddav"])
async def test_an_address_book_with_a_login_of_its_own_gets_that_one(contacts: str) -> None:
    async with two_servers() as (mail, book):
        with pytest.RaisesGroup(
            pytest.RaisesExc(Refused, match=r"MAILROOM_JMAP_TOKEN \(mail\) or MAILROOM_CARDDAV_USERNAME")
        ):
            await run(
                jmap_token=TOKEN,
                jmap_session_url=f"{mail.origin}/session",
                contacts=contacts,
                carddav_url=f"{book.origin}/",
                **OWN_LOGIN,
            )
        assert {asked.headers["Authorization"] for asked in book.asked} == {basic("jane:b00k")}
        assert contacts_requests(mail) == []


async def test_an_address_book_on_the_mail_server_gets_the_mails_token() -> None:
    async with two_servers() as (mail, _):
        with pytest.RaisesGroup(pytest.RaisesExc(Refused, match="renew MAILROOM_JMAP_TOKEN and start again")):
            await run(jmap_token=TOKEN, jmap_session_url=f"{mail.origin}/session")
        assert {asked.headers["Authorization"] for asked in contacts_requests(mail)} == {"Bearer mail-t0ken"}


async def test_an_address_book_on_the_mail_server_gets_the_mails_password() -> None:
    async with two_servers() as (mail, _):
        with pytest.RaisesGroup(pytest.RaisesExc(Refused, match="renew MAILROOM_JMAP_USERNAME and _PASSWORD")):
            await run(jmap_username="jane", jmap_password=SecretStr("pw"), jmap_session_url=f"{mail.origin}/session")
        assert {asked.headers["Authorization"] for asked in mail.asked} == {basic("jane:pw")}


async def test_the_mails_login_is_not_shown_to_another_server() -> None:
    async with two_servers() as (mail, book):
        with pytest.RaisesGroup(
            pytest.RaisesExc(ConfigError, match="MAILROOM_CARDDAV_USERNAME and MAILROOM_CARDDAV_PASSWORD are missing")
        ):
            await run(jmap_token=TOKEN, jmap_session_url=f"{mail.origin}/session", carddav_url=f"{book.origin}/")
        assert book.asked == []


async def test_contacts_over_jmap_that_the_server_lacks_are_a_matter_of_settings() -> None:
    async with two_servers() as (mail, _):
        with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="MAILROOM_CONTACTS is jmap")):
            await run(jmap_token=TOKEN, jmap_session_url=f"{mail.origin}/session", contacts="jmap")


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "https://carddav.fastmail.com/"),
        ({"jmap_session_url": "https://mail.example:8443/.well-known/jmap?x=1"}, "https://mail.example:8443/"),
        (
            {"jmap_session_url": "https://mail.example/jmap/", "carddav_url": "https://b.example/x"},
            "https://b.example/x",
        ),
        ({"carddav_url": "https://b.example/x"}, "https://b.example/x"),
    ],
)
def test_contacts_are_where_the_setting_says_or_fastmails_or_the_mail_servers(
    settings: dict[str, Any], url: str
) -> None:
    assert carddav_url(AccountSettings(jmap_token=TOKEN, **settings)) == httpx.URL(url)


async def test_two_accounts_run_side_by_side_and_share_nothing() -> None:
    async def screen(sandbox: Sandbox, sender: str, nursery: trio.Nursery) -> str:
        mail = sandbox.deliver(sender)
        sandbox.label(mail, "@ToFeed")
        nursery.start_soon(account_of, sandbox)
        return mail

    async def account_of(sandbox: Sandbox) -> None:
        async with served_here(sandbox) as url:
            settings = AccountSettings(jmap_token=SecretStr(sandbox.token), jmap_session_url=str(url))
            await Account(AccountConfig(None, settings, DEFAULT_SCHEME), http).run()

    first, second = empty_sandbox(), empty_sandbox()
    with trio.fail_after(GUARD_SECONDS):
        async with shared_http() as http, trio.open_nursery() as nursery:
            one = await screen(first, "Ann <ann@example.org>", nursery)
            other = await screen(second, "Bob <bob@example.org>", nursery)
            while first.mailboxes_of(one) != {"Feed"} or second.mailboxes_of(other) != {"Feed"}:
                await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
    assert (first.groups()["Feed"], second.groups()["Feed"]) == ({"ann@example.org"}, {"bob@example.org"})
