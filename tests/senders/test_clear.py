"""The Screener cleared, and spam reported, outside of a pass."""

from datetime import timedelta

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.errors import ConfigError, Unavailable
from mailroom.sandbox import Flavour, Limits, Sandbox, SetError
from mailroom.senders.clear import To, clear, find_clearable
from mailroom.senders.history import history
from mailroom.senders.parts import Changed
from mailroom.senders.screen import CHANGED_MEANWHILE
from mailroom.senders.spam import report_spam
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.new_mail import keywords_of
from tests.screener import NOW, Wire, empty_sandbox
from tests.senders.support import asking, client_of
from tests.triage.test_crash import seen

WAITS = ("mailroom-seen", "mailroom-waiting", "mailroom-from-inbox")


def waits(sandbox: Sandbox, sender: str = "Ann <ann@x.org>", days: float = 1, *also: str) -> str:
    """A mail that was screened so many days ago."""
    when = NOW - timedelta(days=days)
    return sandbox.deliver(sender, "Hi", ["Screener", *also], received_at=when, keywords=WAITS)


async def cleared(
    sandbox: Sandbox, to: To = To.ARCHIVE, older_days: int | None = None, wire: Wire | None = None
) -> Changed:
    async with client_of(sandbox, wire) as client:
        return await clear(await find_clearable(client, DEFAULT_SCHEME, to, older_days, NOW))


@every_flavour
async def test_what_waits_leaves_the_screener_without_a_decision(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mails = [waits(sandbox), waits(sandbox, "Bob <bob@x.org>"), waits(sandbox, "undisclosed")]
    labelled = waits(sandbox, "Cy <cy@x.org>", 1, "@ToFeed")
    assert await cleared(sandbox) == Changed(3)
    assert [sandbox.mailboxes_of(id) for id in mails] == [{"Archive"}] * 3
    assert [keywords_of(sandbox, id) for id in mails] == [{"mailroom-seen"}] * 3
    assert sandbox.mailboxes_of(labelled) == {"Screener", "@ToFeed"}
    assert not [card for card in sandbox.cards() if card.get("emails")]
    assert await cleared(sandbox) == Changed()


@pytest.mark.parametrize("to", To)
async def test_it_goes_where_its_owner_says(to: To) -> None:
    sandbox = empty_sandbox()
    mail = waits(sandbox)
    await cleared(sandbox, to)
    assert sandbox.mailboxes_of(mail) == {to.value.title()}


async def test_what_waits_is_told_before_by_its_senders_and_only_what_is_older_leaves() -> None:
    sandbox = empty_sandbox()
    waits(sandbox, days=1)
    old = [waits(sandbox, days=days) for days in (8, 9)]
    async with client_of(sandbox) as client:
        found = await find_clearable(client, DEFAULT_SCHEME, To.ARCHIVE, 7, NOW)
        assert [(each.sender, each.mails) for each in found.senders] == [("ann@x.org", 2)]
        assert sorted(found.ids) == sorted(old)
        done: list[int] = []
        assert await clear(found, done.append) == Changed(2)
    assert done == [2]


async def test_it_goes_in_parts_and_says_how_far_it_is() -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_set=2, max_objects_in_get=500))
    for _ in range(5):
        waits(sandbox)
    async with client_of(sandbox) as client:
        done: list[int] = []
        found = await find_clearable(client, DEFAULT_SCHEME, To.ARCHIVE, None, NOW)
        assert await clear(found, done.append) == Changed(5)
    assert done == [2, 2, 1]


async def test_without_such_a_mailbox_it_says_so() -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("Archive")
    async with client_of(sandbox) as client:
        with pytest.raises(ConfigError, match="no mailbox with the role archive"):
            await find_clearable(client, DEFAULT_SCHEME, To.ARCHIVE, None, NOW)


async def test_what_is_refused_is_counted_by_its_reason() -> None:
    sandbox = empty_sandbox()
    for id in (waits(sandbox), waits(sandbox)):
        sandbox.faults.set_errors[id] = SetError("forbidden")
    waits(sandbox)
    assert await cleared(sandbox) == Changed(1, {"forbidden": 2})


async def test_mail_that_the_user_moved_meanwhile_stays_there() -> None:
    sandbox = empty_sandbox()
    mail, other = waits(sandbox), waits(sandbox)
    wire = Wire()
    async with client_of(sandbox, wire) as client:
        found = await find_clearable(client, DEFAULT_SCHEME, To.ARCHIVE, None, NOW)
        wire.before = {wire.requests + 2: lambda: sandbox.move(mail, "Trash")}
        assert await clear(found) == Changed(1)
    assert sandbox.mailboxes_of(mail) == {"Trash"}
    assert sandbox.mailboxes_of(other) == {"Archive"}


async def test_mail_that_changes_again_and_again_is_left_alone() -> None:
    sandbox = empty_sandbox()
    mail = waits(sandbox)
    wire = Wire()
    async with client_of(sandbox, wire) as client:
        found = await find_clearable(client, DEFAULT_SCHEME, To.ARCHIVE, None, NOW)
        wire.before = {
            wire.requests + n: lambda: sandbox.deliver("Bob <bob@x.org>", "Hi", ["Inbox"]) for n in (2, 4, 6)
        }
        assert await clear(found) == Changed(0, {CHANGED_MEANWHILE: 1})
    assert sandbox.mailboxes_of(mail) == {"Screener"}


@pytest.mark.parametrize("when", always(1, ["cut_after", "cut_before"]))
async def test_cut_off_at_any_request_the_next_run_does_the_rest(when: str) -> None:
    def filled() -> Sandbox:
        sandbox = empty_sandbox(Limits(max_objects_in_set=2))
        for _ in range(3):
            waits(sandbox)
        return sandbox

    whole, wire = filled(), Wire()
    await cleared(whole, wire=wire)
    for k in range(1, wire.requests + 1) if when == "cut_before" else wire.writes:
        sandbox = filled()
        try:
            await cleared(sandbox, wire=Wire(**{when: k}))
        except* Unavailable:
            await cleared(sandbox)
        assert seen(sandbox) == seen(whole), f"{when} request {k}"


class TestSpam:
    async def report(self, sandbox: Sandbox, address: str, wire: Wire | None = None) -> Changed:
        async with client_of(sandbox, wire) as client:
            return await report_spam(client, DEFAULT_SCHEME, address)

    @every_flavour
    async def test_goes_to_junk_and_makes_no_contact(self, flavour: Flavour) -> None:
        sandbox = empty_sandbox(flavour=flavour)
        mails = [waits(sandbox), waits(sandbox, "Ann <ANN@X.org>")]
        others = [waits(sandbox, "Ann <notann@x.org>"), sandbox.deliver("Ann <ann@x.org>", "Hi", ["Inbox"])]
        assert await self.report(sandbox, "ann@x.org") == Changed(2)
        for id in mails:
            assert sandbox.mailboxes_of(id) == {"Junk"}
            assert keywords_of(sandbox, id) == {"mailroom-seen", "$junk"}
        assert [sandbox.mailboxes_of(id) for id in others] == [{"Screener"}, {"Inbox"}]
        assert not [card for card in sandbox.cards() if card.get("emails")]

    async def test_of_nobody_who_waits_is_told(self) -> None:
        async with client_of(empty_sandbox()) as client:
            with pytest.raises(ConfigError, match=r"no mail of bob@x\.org waits in Screener"):
                await report_spam(client, DEFAULT_SCHEME, "bob@x.org")

    async def test_is_never_ones_own(self) -> None:
        sandbox = empty_sandbox()
        async with asking(sandbox) as run:
            own = min(run.own.addresses)
            with pytest.raises(ConfigError, match="one of your own addresses"):
                await report_spam(run.client, DEFAULT_SCHEME, own)

    async def test_needs_a_mailbox_for_it(self) -> None:
        sandbox = empty_sandbox()
        sandbox.destroy_mailbox("Junk")
        async with client_of(sandbox) as client:
            with pytest.raises(ConfigError, match="no mailbox with the role junk"):
                await report_spam(client, DEFAULT_SCHEME, "ann@x.org")


async def test_the_history_is_read_from_all_cards_or_told_of_one() -> None:
    sandbox = empty_sandbox()
    for name, when in (("ann", "05"), ("bob", "06")):
        note = f"— Mailroom —\nCreated by Mailroom\nTriaged to Feed on 2026-03-{when}"
        sandbox.add_card(f"{name}@x.org", name, notes={"n": {"note": note}})
    async with asking(sandbox) as run:
        assert [each.name for each in await history(run.contacts)] == ["bob", "ann"]
        assert [each.name for each in await history(run.contacts, "ann@x.org")] == ["ann"]
