"""The page of a daemon over a sandbox, and browsers without a screen."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

import httpx
import trio
from pydantic import SecretStr

from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.daemon import process as daemon
from mailroom.observe.status import Status
from mailroom.sandbox import Sandbox
from tests.guard import GUARD_SECONDS
from tests.screener import empty_sandbox, served_here

PASSWORD = "correct horse battery"  # noqa: S105  invented
NONE: Mapping[str, str] = {}
SCREENING = replace(DEFAULT_SCHEME, screening=Screening(mode="on"))


def process_for(**values: Any) -> ProcessSettings:
    """The process's settings, on free ports."""
    return ProcessSettings(**values).model_copy(update={"page_port": 0, "health_port": 0})


def settings_for(session_url: object, **values: Any) -> AccountSettings:
    """An account's settings with the page on."""
    given: dict[str, Any] = {"page_password": SecretStr(PASSWORD), "debounce_seconds": 0} | values
    return AccountSettings(jmap_token=SecretStr("sandbox-token"), jmap_session_url=str(session_url), **given)


def configured(
    session_url: object, scheme: Scheme = DEFAULT_SCHEME, **values: Any
) -> tuple[ProcessSettings, AccountConfig]:
    """Both, each with what is its own of the values."""
    own = {name: value for name, value in values.items() if name in ProcessSettings.model_fields}
    others = {name: value for name, value in values.items() if name not in own}
    return process_for(**own), AccountConfig(None, settings_for(session_url, **others), scheme)


@dataclass
class Browser:
    """Cookies, and the forms of the page that was seen last. `origin` is what it says that its forms come from."""

    http: httpx.AsyncClient
    origin: str
    text: str = ""

    async def get(self, path: str = "/") -> httpx.Response:
        return self._seen(await self.http.get(path, follow_redirects=True))

    async def post(self, path: str, /, headers: Mapping[str, str] = NONE, **fields: Any) -> httpx.Response:
        """Send a form of the page that was seen last."""
        form = {"token": self.token} | fields
        return await self.http.post(path, data=form, headers={"Origin": self.origin, **headers})

    async def log_in(self, password: str = PASSWORD, **fields: str) -> httpx.Response:
        response = await self.post("/login", NONE, password=password, **fields)
        if response.is_redirect:
            await self.get("/")
        return response

    async def tap(self, sender: str, category: str, called: str = "") -> httpx.Response:
        """Tap a category on the card of a sender, with JavaScript."""
        return await self.post(
            "/decide",
            {"HX-Request": "true"},
            sender=sender,
            called=called,
            mail=self.mails_on_card(sender),
            category=category,
        )

    async def undo(self, sender: str, mails: Sequence[str], category: str) -> httpx.Response:
        """Tap Undo on the line that a tap for this category became, with JavaScript."""
        form = {"sender": sender, "mail": mails, "did": "decided", "category": category}
        return await self.post("/undo", {"HX-Request": "true"}, **form)

    def _seen(self, response: httpx.Response) -> httpx.Response:
        self.text = response.text
        return response

    @property
    def token(self) -> str:
        found = re.search(r'<meta name="token" content="(\w+)">', self.text)
        return found[1] if found else ""

    @property
    def senders(self) -> list[str]:
        """Whose cards are shown, from the top."""
        return [unescape(each) for each in re.findall(r'type="hidden" name="sender" value="([^"]*)"', self.text)]

    def mails_on_card(self, sender: str) -> list[str]:
        _, _, card = self.text.partition(f'name="sender" value="{sender}"')
        return re.findall(r'name="mail" value="([^"]*)"', card.partition("</form>")[0])


@dataclass
class Page:
    url: str
    sandbox: Sandbox
    status: Status

    @asynccontextmanager
    async def browser(self, **headers: str) -> AsyncIterator[Browser]:
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as http:
            yield Browser(http, self.url)

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[Browser]:
        """A browser that has logged in."""
        async with self.browser() as browser:
            assert (await browser.log_in()).status_code == 303
            yield browser

    async def filed(self) -> None:
        """Wait until no label is left of what was tapped: the pass may be over before an answer is read."""
        while any(map(self.sandbox.mails_in, DEFAULT_SCHEME.labels)):
            await self.settled()

    async def struck(self) -> None:
        """Wait until a request has met the sandbox's fault."""
        while not self.sandbox.faults.struck:
            await trio.lowlevel.checkpoint()

    async def settled(self) -> None:
        """Wait until a pass has run that began from now on."""
        seen = self.status.last_success
        await self.status.success_after(seen)


@asynccontextmanager
async def page(sandbox: Sandbox | None = None, scheme: Scheme = DEFAULT_SCHEME, **settings: Any) -> AsyncIterator[Page]:
    """A daemon with a page over a sandbox, after its first pass."""
    sandbox = sandbox or empty_sandbox()
    with trio.fail_after(4 * GUARD_SECONDS):
        async with served_here(sandbox) as session_url, trio.open_nursery() as nursery:
            running = await nursery.start(daemon.serve, *configured(session_url, scheme, **settings))
            await running.status.success_after(None)
            yield Page(f"http://127.0.0.1:{running.page_port}", sandbox, running.status)
            nursery.cancel_scope.cancel()
