"""A sender is a contact card: passes over senders with several addresses."""

import structlog.testing
from trio.testing import MockClock

from mailroom.sandbox import MethodError, Sandbox, SetError
from mailroom.triage.patience import FAILURES_UNTIL_PAUSED
from tests.screener import empty_sandbox, screener

HOME, WORK, CLUB = "ann@home.example", "ann@work.example", "ann@club.example"


def with_card(*addresses: str, name: str = "Ann Lee") -> Sandbox:
    sandbox = empty_sandbox()
    add_card(sandbox, *addresses, name=name)
    return sandbox


def add_card(sandbox: Sandbox, *addresses: str, name: str = "Ann Lee", uid: str = "ann") -> None:
    emails = {f"e{number}": {"address": address} for number, address in enumerate(addresses)}
    sandbox.add_card(addresses[0], name, emails=emails, uid=uid)


def mail(sandbox: Sandbox, address: str, *mailboxes: str) -> str:
    return sandbox.deliver(f"Ann Lee <{address}>", "Hi", mailboxes or ["Screener"])


async def test_mail_of_every_address_of_the_card_is_filed_and_costs_one_request_more() -> None:
    sandbox = with_card(HOME, WORK, CLUB)
    labelled = mail(sandbox, HOME, "Screener", "@ToImbox")
    others = [mail(sandbox, WORK), mail(sandbox, CLUB), mail(sandbox, "Ann@WORK.example")]
    strangers = mail(sandbox, "notann@work.example")
    async with screener(sandbox) as s:
        assert await s.requests_of_a_pass() == 5
        for each in (labelled, *others):
            assert sandbox.mailboxes_of(each) == {"Imbox", "Inbox"}
        assert sandbox.mailboxes_of(strangers) == {"Screener"}
        assert await s.requests_of_a_pass() == 1


async def test_mail_of_a_further_address_that_arrives_meanwhile_is_filed_by_the_same_pass() -> None:
    sandbox = with_card(HOME, WORK)
    mail(sandbox, HOME, "Screener", "@ToFeed")
    apply = 4
    arrived: list[str] = []
    async with screener(sandbox, before={apply: lambda: arrived.append(mail(sandbox, WORK))}) as s:
        await s.run()
        assert sandbox.mailboxes_of(arrived[0]) == {"Feed"}


async def test_the_users_own_address_and_a_whole_domain_on_the_card_are_not_the_senders() -> None:
    sandbox = empty_sandbox()
    add_card(sandbox, HOME, sandbox.email, "*@work.example")
    mail(sandbox, HOME, "Screener", "@ToFeed")
    own, anyone = sandbox.deliver(f"Robin <{sandbox.email}>", "Hi", ["Screener"]), mail(sandbox, "*@work.example")
    async with screener(sandbox) as s:
        await s.run()
        assert sandbox.mailboxes_of(own) == sandbox.mailboxes_of(anyone) == {"Screener"}


async def test_a_further_address_with_a_card_of_its_own_in_a_category_stays_there() -> None:
    sandbox = empty_sandbox()
    add_card(sandbox, HOME, WORK)
    add_card(sandbox, WORK, name="Work", uid="work")
    (jail,) = [card.uid for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Jail"]
    sandbox.change_card(jail, {"members": {"work": True}})
    mail(sandbox, HOME, "Screener", "@ToFeed")
    other = mail(sandbox, WORK, "Jail")
    async with screener(sandbox) as s:
        await s.run()
        assert sandbox.mailboxes_of(other) == {"Jail"}
        assert HOME in sandbox.groups()["Feed"]


async def test_a_card_that_mailroom_made_for_another_address_gets_it_back_and_the_decision_in_its_note() -> None:
    sandbox = empty_sandbox()
    first = mail(sandbox, HOME, "Screener", "@ToFeed")
    async with screener(sandbox) as s:
        await s.run()
        (card,) = sandbox.cards()
        sandbox.change_card(card["uid"], {"emails": {"e1": {"address": WORK}}})
        sandbox.label(first, "@ToImbox")
        # The search finds no card of that address, so a new one is refused: the next pass finds it.
        assert (await s.run()).senders_failing == 1
        assert (await s.run()).senders_failing == 0
    (card,) = sandbox.cards()
    assert [each["address"] for each in card["emails"].values()] == [WORK, HOME]
    lines = card["notes"]["n1"]["note"].splitlines()
    assert [line.partition(" on ")[0] for line in lines[2:]] == ["Triaged to Feed", "Re-triaged to Imbox"]
    assert sandbox.groups()["Feed"] == set()
    assert sandbox.mailboxes_of(first) == {"Imbox"}


async def test_two_addresses_of_one_card_under_one_label_are_one_sender() -> None:
    sandbox = with_card(HOME, WORK)
    mails = [mail(sandbox, address, "Screener", "@ToFeed") for address in (HOME, WORK)]
    async with screener(sandbox) as s:
        outcome = await s.run()
        assert outcome.senders_triaged == 1
        assert [sandbox.mailboxes_of(each) for each in mails] == [{"Feed"}, {"Feed"}]
    (card,) = sandbox.cards()
    assert str(card["notes"]).count("Triaged to Feed") == 1


async def test_two_addresses_of_one_card_under_different_labels_are_a_conflict() -> None:
    sandbox = with_card(HOME, WORK)
    one, two = mail(sandbox, HOME, "Screener", "@ToFeed"), mail(sandbox, WORK, "Screener", "@ToJail")
    bob = sandbox.deliver("Bob <bob@x.org>", "Hi", ["Screener", "@ToFeed"])
    async with screener(sandbox) as s:
        with structlog.testing.capture_logs() as logs:
            outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (1, 0)
        assert sandbox.mailboxes_of(one) == {"Screener", "@ToFeed", "@MailroomError"}
        assert sandbox.mailboxes_of(two) == {"Screener", "@ToJail", "@MailroomError"}
        assert sandbox.mailboxes_of(bob) == {"Feed"}
        assert sandbox.groups()["Feed"] == {"bob@x.org"}
        (conflict,) = [entry for entry in logs if entry["event"] == "conflict_detected"]
        assert (conflict["sender"], conflict["labels"], conflict["mails"]) == (HOME, ("@ToFeed", "@ToJail"), 2)
        assert await s.requests_of_a_pass() == 1


async def test_a_label_that_one_address_gets_before_the_look_up_is_part_of_the_conflict() -> None:
    sandbox = with_card(HOME, WORK)
    one, two = mail(sandbox, HOME, "Screener", "@ToFeed"), mail(sandbox, WORK)
    async with screener(sandbox, before={2: lambda: sandbox.label(two, "@ToJail")}) as s:
        await s.run()
        assert "@MailroomError" in sandbox.mailboxes_of(one) & sandbox.mailboxes_of(two)


async def test_a_conflict_of_a_card_that_no_label_can_tell_is_looked_at_less_and_less_often() -> None:
    sandbox = with_card(HOME, WORK)
    mail(sandbox, HOME, "Screener", "@ToFeed")
    mail(sandbox, WORK, "Screener", "@ToJail")
    sandbox.destroy_mailbox("@MailroomError")
    async with screener(sandbox) as s:
        assert [await s.requests_of_a_pass() for _ in range(4)] == [3, 3, 1, 1]


async def test_both_addresses_of_a_card_that_fails_get_the_error_label(mock_clock: MockClock) -> None:
    sandbox = with_card(HOME, WORK)
    mails = [mail(sandbox, address, "Screener", "@ToFeed") for address in (HOME, WORK)]
    card = sandbox.store.card_with_uid("ann")
    assert card is not None
    sandbox.faults.set_errors[card.id] = SetError("forbidden")
    async with screener(sandbox) as s:
        for _ in range(FAILURES_UNTIL_PAUSED):
            await s.run()
            mock_clock.jump(3600)
    assert all("@MailroomError" in sandbox.mailboxes_of(each) for each in mails)


async def test_a_conflict_of_a_card_is_found_in_halves_of_a_batch_too() -> None:
    sandbox = with_card(HOME, WORK)
    one, two = mail(sandbox, HOME, "Screener", "@ToFeed"), mail(sandbox, WORK, "Screener", "@ToJail")
    sandbox.faults.method_error("ContactCard/query", MethodError("requestTooLarge"), skip=2)
    async with screener(sandbox) as s:
        await s.run()
        assert "@MailroomError" in sandbox.mailboxes_of(one) & sandbox.mailboxes_of(two)
        assert sandbox.groups()["Feed"] == sandbox.groups()["Jail"] == set()
