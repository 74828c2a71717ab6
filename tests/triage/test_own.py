"""What the user is told at the start, and the user's own addresses in a pass."""

import structlog.testing

from mailroom.config.scheme import Scheme
from mailroom.sandbox import Sandbox
from tests.screener import empty_sandbox, screener

OLD = {"n": {"note": "— Mailroom —\nCreated by Mailroom\nTriaged to Jail on 2026-03-05"}}


async def told_at_the_start(sandbox: Sandbox, scheme: Scheme | None = None) -> list[str]:
    with structlog.testing.capture_logs() as logs:
        async with screener(sandbox, scheme or Scheme()):
            return [entry["event"] for entry in logs]


async def test_addresses_that_the_configuration_names_are_never_triaged() -> None:
    sandbox = empty_sandbox()
    mails = [
        sandbox.deliver(f"Me <{address}>", mailboxes=["Screener", "@ToJail"])
        for address in ("me@work.example", "any@MINE.example", "any@not.mine.example")
    ]
    async with screener(sandbox, Scheme(own_addresses=("me@work.example", "*@mine.example"))) as s:
        await s.run()
    error = {"Screener", "@ToJail", "@MailroomError"}
    assert [sandbox.mailboxes_of(each) for each in mails] == [error, error, {"Jail"}]


async def test_a_category_that_takes_from_the_inbox_takes_all_mail_of_the_sender() -> None:
    sandbox = empty_sandbox()
    mails = [sandbox.deliver("Pest <pest@x.org>", mailboxes=where) for where in (["Inbox", "@ToJail"], ["Inbox"])]
    async with screener(sandbox) as s:
        await s.run()
        assert [sandbox.mailboxes_of(each) for each in mails] == [{"Jail"}, {"Jail"}]
        assert await s.requests_of_a_pass() == 1


async def test_an_account_whose_addresses_nobody_knows_is_told() -> None:
    sandbox = empty_sandbox()
    assert "own_addresses_unknown" not in await told_at_the_start(sandbox)
    sandbox.email, sandbox.identities = "robin", [("Robin", "")]
    assert "own_addresses_unknown" in await told_at_the_start(sandbox)
    assert "own_addresses_unknown" not in await told_at_the_start(sandbox, Scheme(own_addresses=("me@x.org",)))


async def test_an_account_from_before_is_told_of_changed_defaults_until_it_has_categories_of_its_own() -> None:
    sandbox = empty_sandbox()
    sandbox.add_card("pest@x.org", "Pest", notes=OLD)
    assert "defaults_changed" not in await told_at_the_start(sandbox)
    sandbox.add_group("Jail", ["pest@x.org"])
    assert "defaults_changed" in await told_at_the_start(sandbox)
    assert "defaults_changed" not in await told_at_the_start(sandbox, Scheme((*Scheme().categories,)))
