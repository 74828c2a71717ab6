"""A decision about a whole domain or list, from the page."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mailroom.sandbox import Sandbox
from mailroom.sandbox.message import compose
from tests.page.support import page
from tests.screener import empty_sandbox


def sandbox_of_a_shop() -> Sandbox:
    sandbox = empty_sandbox()
    for address in ("news@shop.example", "orders@mail.shop.example", "ann@other.example"):
        sandbox.deliver(f"{address.partition('@')[0]} <{address}>", "Hi", ["Screener"])
    return sandbox


async def test_it_says_whom_it_catches_and_then_decides() -> None:
    sandbox = sandbox_of_a_shop()
    async with page(sandbox) as served_page, served_page.owner() as owner:
        mail = owner.mails_on_card("news@shop.example")[0]
        await owner.get(f"/whole?wide=domain&mail={mail}")
        assert "2 senders who wait would be decided" in owner.text
        assert "orders@mail.shop.example" in owner.text
        assert "ann@other.example" not in owner.text
        answer = await owner.post("/whole", wide="domain", mail=mail, category="Feed")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        while len(sandbox.mails_in("Feed")) < 2:
            await served_page.settled()
        await owner.get("/")
        assert owner.senders == ["ann@other.example"]


async def test_a_whole_list_is_offered_where_there_is_one() -> None:
    sandbox = sandbox_of_a_shop()
    raw = compose("Bob <bob@list.example>", "dev@list.example", "Hi", "Hi", datetime.now(UTC), "1@list.example")
    mail = sandbox.deliver(raw=b"List-Id: Devs <dev.list.example>\r\n" + raw, mailboxes=["Screener"])
    async with page(sandbox) as served_page, served_page.owner() as owner:
        assert owner.text.count("wide=list") == 1
        await owner.get(f"/whole?wide=list&mail={mail}")
        assert "dev.list.example" in owner.text
        await owner.post("/whole", wide="list", mail=mail, category="Feed")
        while not sandbox.mails_in("Feed"):
            await served_page.settled()


async def test_a_domain_that_many_share_is_refused_with_the_reason() -> None:
    sandbox = sandbox_of_a_shop()
    mail = sandbox.deliver("Eve <eve@gmail.com>", "Hi", ["Screener"])
    async with page(sandbox) as served_page, served_page.owner() as owner:
        await owner.get(f"/whole?wide=domain&mail={mail}")
        assert "Not possible: " in owner.text
        assert (await owner.post("/whole", wide="domain", mail=mail, category="Feed")).status_code == 400
        assert sandbox.mailboxes_of(mail) == {"Screener"}


@pytest.mark.parametrize("query", [{"wide": "all", "mail": "x"}, {"wide": "domain", "mail": "x"}, {}])
async def test_what_means_nothing_is_refused(query: dict[str, Any]) -> None:
    async with page(sandbox_of_a_shop()) as served_page, served_page.owner() as owner:
        assert (await owner.http.get("/whole", params=query)).status_code == 400
