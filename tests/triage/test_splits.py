"""One sender's mail in two categories, in passes."""

from dataclasses import replace

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.splits import Split
from mailroom.sandbox import Sandbox
from tests.new_mail import ON, arrives, join, later, screening
from tests.screener import Screener, empty_sandbox, screener

SHOP = "Shop <news@shop.example>"
SPLITS = (
    Split(("order", "receipt"), "Paper Trail", domain="shop.example"),
    Split(("pay",), "Imbox", address="news@shop.example"),
    Split(("order",), "Jail", address="news@shop.example"),
)
SCHEME = replace(DEFAULT_SCHEME, splits=SPLITS)


def deliver(sandbox: Sandbox, subject: str, *mailboxes: str, sender: str = SHOP) -> str:
    return sandbox.deliver(sender, subject, mailboxes or ("Screener",))


async def ends(s: Screener) -> None:
    """A second pass writes nothing."""
    states = s.sandbox.store.states()
    await s.run(later(5))
    assert s.sandbox.store.states() == states


async def test_a_label_files_each_mail_of_the_sender_by_its_subject() -> None:
    async with screener(scheme=SCHEME) as s:
        news, order = deliver(s.sandbox, "News"), deliver(s.sandbox, "Your ORDER 5", "Inbox")
        pay, labelled = deliver(s.sandbox, "Please pay"), deliver(s.sandbox, "Receipt")
        other = deliver(s.sandbox, "Your order", sender="Ann <ann@example.org>")
        s.sandbox.label(labelled, "@ToFeed")
        assert await s.requests_of_a_pass() == 4
        assert s.sandbox.groups()["Feed"] == {"news@shop.example"}
        assert s.sandbox.mailboxes_of(news) == {"Feed"}
        assert s.sandbox.mailboxes_of(order) == {"Paper Trail", "Inbox"}
        assert s.sandbox.mailboxes_of(pay) == {"Imbox", "Inbox"}
        assert s.sandbox.mailboxes_of(labelled) == {"Paper Trail"}
        assert s.sandbox.mailboxes_of(other) == {"Screener"}
        assert s.wire.reads_subjects
        await ends(s)


async def test_a_category_that_takes_mail_from_the_inbox_takes_what_is_split_off_to_it() -> None:
    scheme = replace(DEFAULT_SCHEME, splits=(Split(("win",), "Jail", address="news@shop.example"),))
    async with screener(scheme=scheme) as s:
        won, labelled = deliver(s.sandbox, "You win", "Inbox"), deliver(s.sandbox, "News")
        s.sandbox.label(labelled, "@ToImbox")
        await s.run()
        assert s.sandbox.mailboxes_of(won) == {"Jail"}
        assert s.sandbox.mailboxes_of(labelled) == {"Imbox", "Inbox"}
        await ends(s)


async def test_without_a_split_no_subject_is_read() -> None:
    sandbox = empty_sandbox()
    arrives(sandbox)
    async with screening(sandbox) as s:
        s.sandbox.label(deliver(sandbox, "News"), "@ToFeed")
        await s.run(later(2))
        assert not s.wire.reads_subjects


async def test_new_mail_of_a_decided_sender_goes_by_its_subject_and_a_strangers_waits() -> None:
    sandbox = empty_sandbox()
    join(sandbox, "Feed", sandbox.add_card("news@shop.example", "Shop"))
    at = later(1)
    mails = {
        subject: sandbox.deliver(sender, subject, ("Inbox",), received_at=at)
        for subject, sender in [("News", SHOP), ("Receipt 5", SHOP), ("Pay", SHOP), ("Order", "a@shop.example")]
    }
    waiting = sandbox.deliver(SHOP, "Order 7", ("Screener",), received_at=at)
    async with screening(sandbox, replace(ON, splits=SPLITS)) as s:
        outcome = await s.run(later(2))
        assert {subject: sandbox.mailboxes_of(mail) for subject, mail in mails.items()} == {
            "News": {"Feed"},
            "Receipt 5": {"Paper Trail"},
            "Pay": {"Imbox", "Inbox"},
            "Order": {"Screener"},
        }
        assert sandbox.mailboxes_of(waiting) == {"Paper Trail"}
        assert (outcome.mails_routed, outcome.mails_screened) == (4, 1)
        await ends(s)


async def test_a_split_whose_mailbox_is_gone_leaves_the_sender_for_later() -> None:
    async with screener(scheme=SCHEME) as s:
        order = deliver(s.sandbox, "Order")
        s.sandbox.label(order, "@ToFeed")
        s.sandbox.destroy_mailbox("Paper Trail")
        assert (await s.run()).senders_failing == 1
        assert s.sandbox.mailboxes_of(order) == {"Screener", "@ToFeed"}
        s.sandbox.create_mailbox("Paper Trail")
        await s.run(later(60))
        assert s.sandbox.mailboxes_of(order) == {"Paper Trail"}
