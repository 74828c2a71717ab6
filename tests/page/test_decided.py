"""Decided, History, and the ways back: undo, spam, clear."""

from typing import Any

from tests.page.support import Browser, Page, page
from tests.page.test_waiting import HTMX, sandbox_with
from tests.screener import empty_sandbox

IN_FEED: dict[str, Any] = {"in": "Feed"}
IN_JAIL: dict[str, Any] = {"in": "Jail"}


async def filed(served_page: Page, owner: Browser, sender: str, category: str) -> None:
    await owner.tap(sender, category)
    await served_page.filed()


class TestUndo:
    async def test_of_what_is_filed_brings_the_card_back_and_is_no_redo(self) -> None:
        sandbox = sandbox_with(1, mails=2)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            await filed(served_page, owner, "s0@example.org", "Feed")
            card = await owner.undo("s0@example.org", mails, "Feed")
            assert 'value="Imbox"' in card.text
            assert len(sandbox.mails_in("Screener")) == 2
            assert not sandbox.groups()["Feed"]
            again = await owner.undo("s0@example.org", mails, "Feed")
            assert "another one by now" in again.text
            assert not sandbox.groups()["Feed"]

    async def test_goes_back_to_the_category_before(self) -> None:
        sandbox = sandbox_with(1)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            await filed(served_page, owner, "s0@example.org", "Feed")
            changed = await owner.post("/decided/change", sender="s0@example.org", category="Jail", **IN_FEED)
            assert "s0@example.org is in Jail now." in changed.text
            undone = await owner.post("/decided/change", sender="s0@example.org", category="", **IN_JAIL)
            assert "s0@example.org is back in Feed." in undone.text
            assert sandbox.groups()["Feed"] == {"s0@example.org"}
            assert len(sandbox.mails_in("Feed")) == 1


async def test_decided_shows_everybody_once_in_the_deepest_category() -> None:
    sandbox = sandbox_with(3)
    async with page(sandbox) as served_page, served_page.owner() as owner:
        for sender, category in (("s0@example.org", "Feed"), ("s1@example.org", "Truck"), ("s2@example.org", "Feed")):
            await filed(served_page, owner, sender, category)
        await owner.get("/decided")
        assert "3 senders" in owner.text
        for shelf, senders in (("Feed", ["s0@example.org", "s2@example.org"]), ("Truck", ["s1@example.org"])):
            await owner.get(f"/decided?in={shelf}")
            assert owner.senders == senders
        await owner.get("/decided?in=Paper+Trail")
        assert owner.senders == []
        owner.text = (await owner.post("/decided", q="s1")).text
        assert owner.senders == ["s1@example.org"]


async def test_a_change_that_can_not_be_says_why() -> None:
    async with page() as served_page, served_page.owner() as owner:
        unknown = await owner.post("/decided/change", sender="ann@example.org", category="Nowhere", **IN_FEED)
        assert "Nothing was changed: there is no such category any more" in unknown.text
        nobody = await owner.post("/decided/change", sender="ann@example.org", category="", **IN_FEED)
        assert "Nothing was changed: nothing was decided about ann@example.org" in nobody.text
        assert (await owner.post("/decided/change", sender="", category="Feed")).status_code == 400


async def test_history_tells_what_was_decided_and_undoes_the_last() -> None:
    sandbox = sandbox_with(2)
    async with page(sandbox) as served_page, served_page.owner() as owner:
        await owner.get("/history")
        assert "Nothing was decided yet" in owner.text
        await owner.get("/")
        await filed(served_page, owner, "s0@example.org", "Feed")
        await filed(served_page, owner, "s1@example.org", "Jail")
        await owner.get("/history")
        assert "2 decisions" in owner.text
        assert sorted(owner.senders) == ["s0@example.org", "s1@example.org"]
        undone = await owner.post("/history/undo", sender="s1@example.org", category="Jail")
        assert "s1@example.org is back in Screener." in undone.text
        assert '→ <span class="to">Screener</span>' in undone.text
        assert len(sandbox.mails_in("Screener")) == 1
        found = await owner.post("/history", q="s0")
        assert "1 decision for" in found.text


class TestSpam:
    async def test_goes_to_junk_and_makes_no_contact(self) -> None:
        sandbox = sandbox_with(2, mails=3)
        async with page(sandbox) as served_page, served_page.owner() as owner:
            mails = owner.mails_on_card("s0@example.org")
            line = await owner.post("/spam", HTMX, sender="s0@example.org", mail=mails)
            assert "3 mails to Junk" in line.text
            assert sorted(sandbox.mails_in("Junk")) == sorted(mails)
            assert not sandbox.cards()[len(sandbox.groups()) :]
            await owner.post("/undo", HTMX, sender="s0@example.org", mail=mails, did="spam")
            assert len(sandbox.mails_in("Screener")) == 6

    async def test_of_nobody_says_so(self) -> None:
        async with page(sandbox_with(1)) as served_page, served_page.owner() as owner:
            assert "no mail of x@example.org waits" in (await owner.post("/spam", HTMX, sender="x@example.org")).text
            assert (await owner.post("/spam", HTMX, sender="")).status_code == 400


async def test_what_is_left_can_be_cleared_without_a_decision() -> None:
    sandbox = sandbox_with(3, mails=2)
    async with page(sandbox) as served_page, served_page.owner() as owner:
        await owner.get("/clear")
        assert "6 mails of 3 senders" in owner.text
        assert (await owner.post("/clear", to="nowhere")).status_code == 400
        assert len(sandbox.mails_in("Screener")) == 6
        assert (await owner.post("/clear", to="archive")).status_code == 303
        assert len(sandbox.mails_in("Archive")) == 6
        await owner.get("/clear")
        assert "nothing to clear" in owner.text


async def test_a_sender_with_very_much_mail_is_let_in_with_all_of_it() -> None:
    sandbox = empty_sandbox()
    for _ in range(45):
        sandbox.deliver("Ann Lee <ann@example.org>", "Hi", ["Screener"])
    async with page(sandbox) as served_page, served_page.owner() as owner:
        mails = owner.mails_on_card("ann@example.org")
        assert len(mails) == 20
        line = await owner.post("/let-in", HTMX, sender="ann@example.org", mail=mails)
        assert "let in: 45 mails" in line.text
        assert len(sandbox.mails_in("Inbox")) == 45
