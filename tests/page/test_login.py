"""Who comes in, and who doesn't."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
import trio
from itsdangerous import TimestampSigner
from pydantic import SecretStr

from mailroom.account.account import Account
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.shard import Shard
from mailroom.daemon import process as daemon
from mailroom.http_clients import shared_http
from mailroom.observe.status import Status
from mailroom.page.access import Access
from mailroom.page.app import serve_page
from mailroom.page.owner import Owner
from mailroom.sandbox import Sandbox
from tests.exhaustive import first_of
from tests.page.support import NONE, PASSWORD, Browser, Page, configured, page, process_for, settings_for
from tests.screener import empty_sandbox, served_here

PUBLIC: dict[str, Any] = {"page_url": "https://mail.example.com"}
SECRET = "s" * 32
PROXY: dict[str, Any] = {
    "page_proxy_header": "Remote-User",
    "page_proxy_from": "127.0.0.1",
    "page_proxy_users": "ann, ann@example.org",
    "page_proxy_secret": SecretStr(SECRET),
}
BY_PROXY = {"Remote-User": "ann", "X-Mailroom-Proxy-Secret": SECRET}


async def test_the_page_is_off_until_it_has_a_login() -> None:
    async with served_here(empty_sandbox()) as session_url, trio.open_nursery() as nursery:
        running = await nursery.start(daemon.serve, *configured(session_url, page_password=None))
        assert running.page_port is None
        nursery.cancel_scope.cancel()


async def test_a_stranger_sees_the_login_alone() -> None:
    async with page() as served_page, served_page.browser() as stranger:
        for path in ("/", "/health", "/live", "/search"):
            response = await stranger.http.get(path)
            assert (response.status_code, response.headers["location"]) == (303, "/login")
        assert (await stranger.post("/decide", sender="ann@example.org")).headers["location"] == "/login"
        part = await stranger.http.get("/live", headers={"Accept": "text/event-stream"})
        assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login")


async def test_the_password_opens_and_a_wrong_one_does_not() -> None:
    async with page() as served_page, served_page.browser() as browser:
        refused = await browser.log_in("wrong")
        assert refused.status_code == 403
        assert "The password is wrong. It is the one in MAILROOM_PAGE_PASSWORD." in refused.text
        assert not browser.http.cookies
        assert (await browser.log_in()).status_code == 303
        assert "Waiting" in browser.text


async def test_log_out_ends_it() -> None:
    async with page() as served_page, served_page.owner() as owner:
        assert (await owner.post("/logout")).headers["location"] == "/login"
        assert (await owner.http.get("/")).headers["location"] == "/login"


def cookies_of(response: httpx.Response) -> SimpleCookie:
    found = SimpleCookie()
    for line in response.headers.get_list("set-cookie"):
        found.load(line)
    return found


@pytest.mark.parametrize(("settings", "prefix", "is_secure"), [({}, "", False), (PUBLIC, "__Host-", True)])
async def test_cookies_are_for_the_browser_alone_and_over_https_for_https_alone(
    settings: dict[str, Any], prefix: str, is_secure: bool
) -> None:
    async with page(**settings) as served_page, served_page.browser() as browser:
        if settings:
            browser.http.headers["Host"] = "mail.example.com"
            browser.origin = "https://mail.example.com"
        cookies = cookies_of(await browser.post("/login", password=PASSWORD))
    assert sorted(cookies) == [f"{prefix}mailroom", f"{prefix}mailroom-browser"]
    for cookie in cookies.values():
        assert (cookie["httponly"], bool(cookie["secure"]), cookie["samesite"]) == (True, is_secure, "Lax")
        assert (cookie["path"], cookie["domain"]) == ("/", "")
        assert PASSWORD not in cookie.value


async def test_a_session_that_was_planted_is_none_and_is_replaced() -> None:
    async with page() as served_page, served_page.owner() as owner, served_page.browser() as victim:
        planted = "planted"
        victim.http.cookies.set("mailroom", planted)
        assert (await victim.http.get("/")).headers["location"] == "/login"
        await victim.log_in()
        mine = victim.http.cookies.get("mailroom", domain="127.0.0.1")
        assert mine not in (planted, owner.http.cookies["mailroom"])


class TestOtherHosts:
    """A name that somebody lets lead here is not ours, nor is a form of another page."""

    @first_of("host", ["evil.example", "evil.example:8081", "127.0.0.1:1", "127.0.0.1"])
    async def test_are_misdirected(self, host: str) -> None:
        async with page() as served_page, served_page.owner() as owner:
            response = await owner.http.get("/", headers={"Host": host})
            assert response.status_code == 421
            assert "MAILROOM_PAGE_URL" in response.text

    async def test_are_misdirected_when_the_page_has_a_url_this_machines_name_too(self) -> None:
        async with page(**PUBLIC) as served_page, served_page.browser() as browser:
            assert (await browser.http.get("/login")).status_code == 421
            named = await browser.http.get("/login", headers={"Host": "MAIL.example.com"})
            assert named.status_code == 200

    @first_of("origin", [None, "null", "https://evil.example", "http://127.0.0.1", "file://"])
    async def test_can_send_no_form(self, origin: str | None) -> None:
        async with page() as served_page, served_page.owner() as owner:
            mail = served_page.sandbox.deliver("Ann <ann@example.org>", "Hi", ["Screener"])
            headers = {} if origin is None else {"Origin": origin}
            form = {"token": owner.token, "sender": "ann@example.org", "mail": mail, "category": "Feed"}
            assert (await owner.http.post("/decide", data=form, headers=headers)).status_code == 403
            assert (await owner.http.post("/login", data={"password": PASSWORD}, headers=headers)).status_code == 403
            assert served_page.sandbox.mailboxes_of(mail) == {"Screener"}


async def test_a_form_needs_the_token_of_its_session() -> None:
    async with page() as served_page, served_page.owner() as owner, served_page.owner() as elsewhere:
        mail = served_page.sandbox.deliver("Ann <ann@example.org>", "Hi", ["Screener"])
        for token in ("", "00", "zz", "00" * 64, elsewhere.token, "é"):
            form = {"token": token, "sender": "ann@example.org", "mail": mail, "category": "Feed"}
            refused = await owner.http.post("/decide", data=form, headers={"Origin": owner.origin})
            assert refused.status_code == 403
        assert served_page.sandbox.mailboxes_of(mail) == {"Screener"}


async def test_every_answer_says_what_a_browser_may_do_with_it() -> None:
    async with page() as served_page, served_page.owner() as owner:
        paths = ["/", "/login", "/health", "/nothing", "/manifest.webmanifest"]
        answers = [await owner.http.get(path) for path in paths]
        answers.append(await owner.http.get("/", headers={"Host": "evil.example"}))
        for answer in answers:
            headers = answer.headers
            assert headers["content-security-policy"] == (
                "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
            )
            assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
            assert "server" not in headers
        assert all(answer.headers["cache-control"] == "no-store" for answer in answers[:4])


@asynccontextmanager
async def process_of(
    shard: Shard | None = None, settings: Mapping[str, Any] = NONE, /, **accounts: AccountSettings
) -> AsyncIterator[Page]:
    """A process that serves the page to these accounts, and asks no mail server: `/health` needs none."""
    async with trio.open_nursery() as nursery, shared_http() as http:
        owners = {
            name: Owner.of(Account(AccountConfig(name, each, DEFAULT_SCHEME), http), each, name)
            for name, each in accounts.items()
        }
        process = process_for(page_url="http://localhost:8081", **settings).model_copy(update={"shard": shard})
        port = await nursery.start(serve_page, owners, process)
        yield Page(f"http://127.0.0.1:{port}", Sandbox(), Status(60))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def browser_of(process: Page, cookies: httpx.Cookies | None = None) -> AsyncIterator[Browser]:
    async with process.browser(Host="localhost:8081") as browser:
        browser.origin = "http://localhost:8081"
        browser.http.cookies.update(cookies or {})
        yield browser


async def cookies_in(process: Page, **form: Any) -> httpx.Cookies:
    async with browser_of(process) as browser:
        assert (await browser.post("/login", password=PASSWORD, **form)).status_code == 303
        return browser.http.cookies


async def is_let_in(process: Page, cookies: httpx.Cookies) -> bool:
    async with browser_of(process, cookies) as browser:
        return (await browser.http.get("/health")).status_code == 200


async def test_a_restart_keeps_sessions_and_a_new_password_or_token_ends_them() -> None:
    before = settings_for("http://127.0.0.1/")
    async with process_of(ann=before) as process:
        cookies = await cookies_in(process, name="ann")
    for change, stays in (
        ({}, True),
        ({"page_password": SecretStr("another horse battery")}, False),
        ({"jmap_token": SecretStr("another-token")}, False),
    ):
        async with process_of(ann=before.model_copy(update=change)) as process:
            assert await is_let_in(process, cookies) == stays


@pytest.mark.parametrize(("days", "stays"), [(29, True), (31, False)])
async def test_a_session_lasts_thirty_days(days: int, stays: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async with process_of(ann=settings_for("http://127.0.0.1/")) as process:
        cookies = await cookies_in(process, name="ann")
        later = time.time() + days * 24 * 60 * 60
        monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: int(later))
        assert await is_let_in(process, cookies) == stays


async def test_one_owner_is_nobody_in_another_account_though_their_passwords_are_the_same() -> None:
    settings = settings_for("http://127.0.0.1/")
    async with process_of(ann=settings, bob=settings) as process:
        cookies = await cookies_in(process, name="ann")
        assert await is_let_in(process, cookies)
        forged = httpx.Cookies({name: value.replace("ann:", "bob:") for name, value in cookies.items()})
        assert not await is_let_in(process, forged)


async def test_whom_a_proxy_names_is_the_owner_of_one_account_at_most() -> None:
    ann = settings_for("http://127.0.0.1/", page_proxy_users="ann, both")
    bob = settings_for("http://127.0.0.1/", page_proxy_users="bob, both")
    own = {name: value for name, value in PROXY.items() if name != "page_proxy_users"}
    async with trio.open_nursery() as nursery, shared_http() as http:
        owners = {
            name: Owner.of(Account(AccountConfig(name, each, DEFAULT_SCHEME), http), each, name)
            for name, each in (("a", ann), ("b", bob))
        }
        port = await nursery.start(serve_page, owners, process_for(**own))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as browser:
            for user, status in (("ann", 200), ("bob", 200), ("both", 403), ("eve", 403)):
                assert (await browser.get("/health", headers=BY_PROXY | {"Remote-User": user})).status_code == status
        nursery.cancel_scope.cancel()


async def test_with_several_accounts_a_name_is_asked_for() -> None:
    settings = settings_for("http://127.0.0.1/")
    async with process_of(ann=settings, bob=settings) as process, browser_of(process) as browser:
        await browser.get("/login")
        assert 'name="name"' in browser.text
        for name in ("", "eve", "ann:", "../ann"):
            refused = await browser.post("/login", name=name, password=PASSWORD)
            assert (refused.status_code, "file has its own: page_password, or" in refused.text) == (403, True)


async def test_a_name_that_a_phone_wrote_with_a_capital_is_the_accounts() -> None:
    settings = settings_for("http://127.0.0.1/")
    async with process_of(ann=settings) as process, browser_of(process) as browser:
        await browser.get("/login")
        assert (await browser.post("/login", name="Ann ", password=PASSWORD)).status_code == 303


class TestTries:
    async def test_of_one_address_are_few(self) -> None:
        async with page() as served_page, served_page.browser() as guesser:
            assert [(await guesser.log_in(f"guess {n}")).status_code for n in range(5)] == [403] * 5
            refused = await guesser.log_in()
            assert refused.status_code == 429
            assert 0 < int(refused.headers["retry-after"]) <= 60

    async def test_from_many_addresses_are_few_and_the_owner_gets_in_all_the_same(self) -> None:
        async with page(page_proxy_from="127.0.0.1") as served_page, served_page.owner() as owner:
            statuses = []
            for number in range(25):
                async with served_page.browser(**{"X-Forwarded-For": f"10.0.{number}.1"}) as guesser:
                    statuses.append((await guesser.log_in(f"guess {number}")).status_code)
            # The owner's own login was the first of the twenty.
            assert statuses == [403] * 19 + [429] * 6
            await owner.post("/logout")
            assert (await owner.log_in()).status_code == 303

    async def test_a_forwarded_address_of_a_stranger_counts_for_nothing(self) -> None:
        async with page() as served_page:
            statuses = []
            for number in range(6):
                async with served_page.browser(**{"X-Forwarded-For": f"10.0.{number}.1"}) as guesser:
                    statuses.append((await guesser.log_in("guess")).status_code)
            assert statuses == [403] * 5 + [429]


class TestProxy:
    async def test_that_is_trusted_lets_the_owner_in(self) -> None:
        async with page(page_password=None, **PROXY) as served_page, served_page.browser(**BY_PROXY) as owner:
            await owner.get("/")
            assert "Nobody at the door" in owner.text
            assert "Log out" not in owner.text
            mail = served_page.sandbox.deliver("Ann <ann@example.org>", "Hi", ["Screener"])
            await owner.get("/")
            await owner.tap("ann@example.org", "Feed")
            await served_page.filed()
            assert served_page.sandbox.mailboxes_of(mail) == {"Feed"}

    @first_of(
        "headers",
        [
            BY_PROXY | {"Remote-User": "eve"},
            BY_PROXY | {"Remote-User": "ann, eve"},
            BY_PROXY | {"Remote-User": ""},
            BY_PROXY | {"X-Mailroom-Proxy-Secret": "wrong"},
            {"Remote-User": "ann"},
        ],
    )
    async def test_names_nobody_else(self, headers: dict[str, str]) -> None:
        async with page(**PROXY) as served_page, served_page.browser(**headers) as stranger:
            assert (await stranger.http.get("/")).status_code == 403

    @pytest.mark.parametrize("name", ["Remote-User", "X-Mailroom-Proxy-Secret"])
    async def test_says_each_thing_once(self, name: str) -> None:
        twice = [*BY_PROXY.items(), (name, BY_PROXY[name])]
        async with page(**PROXY) as served_page, served_page.browser() as stranger:
            assert (await stranger.http.get("/", headers=twice)).status_code == 403

    async def test_is_believed_at_its_address_alone(self) -> None:
        settings = PROXY | {"page_proxy_from": "10.1.2.3"}
        async with page(**settings) as served_page, served_page.browser(**BY_PROXY) as stranger:
            assert (await stranger.http.get("/")).status_code == 403

    async def test_that_strips_a_header_of_another_spelling_is_not_gone_around(self) -> None:
        headers = {"Remote_User": "ann", "X-Mailroom-Proxy-Secret": SECRET}
        async with page(**PROXY) as served_page, served_page.browser(**headers) as stranger:
            assert (await stranger.http.get("/")).headers["location"] == "/login"

    async def test_alone_leaves_no_password_to_try(self) -> None:
        async with page(page_password=None, **PROXY) as served_page, served_page.browser() as stranger:
            assert (await stranger.http.get("/login")).status_code == 403
            assert (await stranger.log_in("")).status_code == 403


def test_a_header_without_the_proxy_means_nothing() -> None:
    access = Access.of(process_for(), 8081)
    assert access.named_by_proxy("127.0.0.1", ["ann"], []) is None


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        ([], "10.0.0.1"),
        (["192.0.2.7"], "192.0.2.7"),
        (["8.8.8.8, 192.0.2.7"], "192.0.2.7"),
        (["8.8.8.8", "192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        (["nonsense"], "10.0.0.1"),
    ],
)
def test_the_last_address_that_the_proxy_did_not_add_for_itself_counts(forwarded: list[str], caller: str) -> None:
    access = Access.of(process_for(page_proxy_from="10.0.0.0/24"), 8081)
    assert access.caller("10.0.0.1", forwarded) == caller
    assert access.caller("192.0.2.1", forwarded) == "192.0.2.1"
