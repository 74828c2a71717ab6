"""The demo of the page: what it prints is where it is, and what opens it."""

import re

import trio

from mailroom.commands.demo_page import show_page
from mailroom.commands.demo_report import Teller
from tests.commands.test_demo import captured
from tests.guard import GUARD_SECONDS
from tests.page.support import Page


async def test_it_says_where_to_look_and_how_to_come_in() -> None:
    screen, output = captured()
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            teller = Teller(screen)
            await nursery.start(show_page, teller)
            found = re.search(r"Open +(\S+)\nPassword +(\S+)", output.getvalue())
            assert found is not None
            page = Page(found[1], None, None)  # type: ignore[arg-type]  # a browser needs the url alone
            async with page.browser() as browser:
                assert (await browser.log_in(found[2])).status_code == 303
                assert "Kiosk Weekly" in browser.text
            nursery.cancel_scope.cancel()
