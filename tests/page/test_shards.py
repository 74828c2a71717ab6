"""What the page of one shard says to whom another shard serves.

Which accounts another process serves isn't known here, so it can't be told: only where each would be.
"""

import httpx
import pytest

from mailroom.config.shard import shard_of
from tests.page.support import PASSWORD, settings_for
from tests.page.test_login import BY_PROXY, PROXY, browser_of, cookies_in, process_of

OURS, OTHER = shard_of("ann", 50), shard_of("bob", 50)


async def test_another_shard_is_named_to_who_wants_to_log_in_there_whether_there_is_such_an_account_or_not() -> None:
    settings = settings_for("http://127.0.0.1/")
    async with process_of(OURS, ann=settings) as process, browser_of(process) as browser:
        await browser.get("/login")
        for name in ("bob", "nobody-at-all"):
            told = await browser.post("/login", name=name, password=PASSWORD)
            said = f"If there is an account of this name, shard {shard_of(name, 50)} serves it; this is shard"
            assert (told.status_code, f"{said} {OURS}" in told.text) == (503, True)
        assert (await browser.post("/login", name="ann", password=PASSWORD)).status_code == 303


async def test_another_shard_is_named_to_who_is_logged_in_there_and_the_login_stays_open_for_another_account() -> None:
    settings = settings_for("http://127.0.0.1/")
    async with process_of(OTHER, bob=settings) as theirs:
        cookies = await cookies_in(theirs, name="bob")
    said = f"If there is still the account that this browser logged in to, shard {OTHER} serves it"
    async with process_of(OURS, ann=settings) as process, browser_of(process, cookies) as browser:
        for path, headers in (("/", {}), ("/health", {}), ("/live", {"Accept": "text/event-stream"})):
            told = await browser.http.get(path, headers=headers)
            assert (told.status_code, said in told.text) == (503, True)
            assert 'href="/login"' in told.text
        tapped = await browser.post("/decide", {"HX-Request": "true"}, sender="ann@example.org")
        assert (tapped.status_code, said in tapped.text) == (503, True)
        await browser.get("/login")
        assert (await browser.post("/login", name="ann", password=PASSWORD)).status_code == 303
        assert (await browser.http.get("/health")).status_code == 200


@pytest.mark.parametrize("cookie", ["", "bob", "bob:", ":x.y.z", f"bob:{'x' * 1000}"])
async def test_no_shard_is_named_to_a_cookie_that_is_none_of_ours(cookie: str) -> None:
    settings = settings_for("http://127.0.0.1/")
    planted = httpx.Cookies({"mailroom": cookie})
    async with process_of(OURS, ann=settings) as process, browser_of(process, planted) as browser:
        assert (await browser.http.get("/")).headers["location"] == "/login"


async def test_another_shard_may_serve_whom_the_proxy_names_and_nobody_here_is() -> None:
    own = {name: value for name, value in PROXY.items() if name != "page_proxy_users"}
    for accounts in ({"ann": settings_for("http://127.0.0.1/", page_proxy_users="ann")}, {}):
        async with process_of(OURS, own, **accounts) as process, browser_of(process) as browser:
            browser.http.headers.update(BY_PROXY | {"Remote-User": "bob"})
            told = (await browser.http.get("/")).text
            assert f"This is shard {OURS}: another process may serve your account" in told
            assert "()" not in told


async def test_a_shard_without_an_account_says_so_to_all_and_lets_nobody_in() -> None:
    async with process_of(OURS) as process, browser_of(process) as browser:
        await browser.get("/")
        assert 'name="name"' in browser.text
        assert (await browser.post("/login", name="bob", password=PASSWORD)).status_code == 503
        assert (await browser.post("/login", name="ann", password=PASSWORD)).status_code == 403
