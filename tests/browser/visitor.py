"""Somebody with a browser, and everything that the browser complains of."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from tests.browser.world import World
from tests.page.support import PASSWORD

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@dataclass
class Visitor:
    """`page` is playwright's; `expected` are parts of the complaints that a test brings about."""

    page: Any
    world: World
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def visit(self, path: str = "/") -> None:
        self.page.goto(self.world.url + path)

    def log_in(self) -> None:
        self.visit("/login")
        self.page.fill("[name=password]", PASSWORD)
        self.page.click("button.main")
        self.page.wait_for_selector("#cards", state="attached")

    def card(self, name: str) -> Any:
        """The card of a sender, or the line that it has become."""
        return self.page.locator(".card", has_text=name).first

    def tap(self, name: str, button: str) -> None:
        self.card(name).get_by_role("button", name=button, exact=True).click()

    def shows(self, text: str) -> None:
        """Wait until it is there to be read."""
        self.page.get_by_text(text).first.wait_for()

    def evaluate(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def accessibility_problems(self) -> list[str]:
        """What axe finds (WCAG 2.2 A and AA, and its best practices)."""
        session = self.page.context.new_cdp_session(self.page)
        # Not as a script of the page, which its policy forbids.
        axe = files("axe_playwright_python").joinpath("axe.min.js").read_text()
        session.send("Runtime.evaluate", {"expression": axe})
        found = session.send(
            "Runtime.evaluate",
            {
                "expression": "axe.run().then(found => found.violations.map("
                "each => `${each.id}: ${each.nodes[0].html} (${each.nodes[0].failureSummary})`))",
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
        return list(found["result"]["value"])

    def small_targets(self) -> list[str]:
        """What can be tapped and is less than 44 px high."""
        return list(
            self.evaluate(
                """[...document.querySelectorAll("button, a, summary, input:not([type=hidden])")]
                .filter(each => each.checkVisibility() && !each.matches(".skip, .unseen, .pick input"))
                .filter(each => each.getBoundingClientRect().height < 43.9)
                .map(each => each.outerHTML.slice(0, 120))"""
            )
        )

    def hear(self, message: Any) -> None:
        """A line in the browser's console."""
        if message.type in ("error", "warning"):
            self._complain(message.text)

    def _complain(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.complaints.append(text)


@contextmanager
def visitor(chromium: Any, world: World, *, expected: tuple[str, ...] = (), **context: Any) -> Iterator[Visitor]:
    """Somebody who must have nothing to complain of at the end: no error in the console (a violation of the page's
    policy is one), no script that failed, nothing asked of another origin, no dialog."""
    with chromium.new_context(**{"viewport": PHONE} | context) as opened:
        page = opened.new_page()
        page.set_default_timeout(20_000)
        one = Visitor(page, world, expected=expected)
        page.on("console", one.hear)
        page.on("pageerror", lambda error: one._complain(f"script: {error}"))
        page.on("dialog", lambda dialog: one._complain(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _check_origin(one, request.url))
        yield one
        assert one.complaints == [], one.complaints


def _check_origin(one: Visitor, url: str) -> None:
    asked, own = urlsplit(url), urlsplit(one.world.url)
    if (asked.scheme, asked.netloc) != (own.scheme, own.netloc):
        one._complain(f"asked {url}")
