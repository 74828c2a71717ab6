"""Photographs the page over the sample mailbox, for README.md: `just shots`. Needs Debian's chromium."""

from pathlib import Path

from mailroom.sandbox import Sandbox, fill_sample
from tests.browser.conftest import CHROMIUM, SWITCHES
from tests.browser.visitor import DESK, PHONE, visitor
from tests.browser.world import world

DOCS = Path(__file__).parent
SHOTS = (("page-phone.png", PHONE, "light"), ("page-desk.png", DESK, "dark"))


def main() -> None:
    # Only this needs it.
    from playwright.sync_api import sync_playwright

    sandbox = Sandbox()
    fill_sample(sandbox)
    with sync_playwright() as playwright, world(sandbox) as running:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        for name, size, look in SHOTS:
            with visitor(chromium, running, viewport=size, color_scheme=look) as owner:
                owner.log_in()
                owner.tap("no-reply" if size is PHONE else "Forum Digest", "Feed")
                owner.shows("in Feed")
                owner.page.mouse.move(0, 0)
                # The line fades in.
                owner.page.wait_for_timeout(300)
                owner.page.screenshot(path=DOCS / name)
        chromium.close()


if __name__ == "__main__":
    main()
