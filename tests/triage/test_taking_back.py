"""The label that takes a decision back, in whole passes."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from mailroom.sandbox import Flavour, Sandbox
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.new_mail import SCREENED, arrives, join, keywords_of, later, screening
from tests.screener import NOW, Wire, empty_sandbox, screener
from tests.triage.test_crash import ended_early, seen, triage

ANN = "Ann Lee <ann@example.org>"


async def decided(sandbox: Sandbox, label: str = "@ToImbox") -> str:
    """Ann has been settled by a label on a mail in the Screener, which is filed now."""
    mail = sandbox.deliver(ANN, "First", ["Screener"], received_at=NOW - timedelta(days=1))
    sandbox.label(mail, label)
    async with screener(sandbox) as mailroom:
        await mailroom.run()
    return mail


def members(sandbox: Sandbox) -> set[str]:
    return {name for name, addresses in sandbox.groups().items() if "ann@example.org" in addresses}


def last_line(sandbox: Sandbox) -> str:
    (card,) = (each for each in sandbox.cards() if "ann@example.org" in str(each))
    (text,) = (each["note"] for each in card["notes"].values())
    return str(text).splitlines()[-1]


@every_flavour
async def test_a_sender_waits_in_the_screener_again(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.create_mailbox("Work")
    first = await decided(sandbox)
    old = sandbox.deliver(ANN, "Old", ["Imbox", "Inbox"], received_at=NOW - timedelta(days=31))
    read = sandbox.deliver(ANN, "Read", ["Imbox", "Inbox"], received_at=NOW, keywords=("$seen",))
    kept = sandbox.deliver(ANN, "Kept", ["Imbox", "Work"], received_at=NOW)
    sandbox.label(first, "@ToScreener")
    async with screener(sandbox) as mailroom:
        with capture_logs() as logs:
            outcome = await mailroom.run()
    assert members(sandbox) == {"Mailroom"}
    assert last_line(sandbox) == "Back to the Screener on 2026-03-05T14:03Z"
    assert sandbox.mailboxes_of(first) == {"Screener"}
    assert keywords_of(sandbox, first) == SCREENED
    assert sandbox.mailboxes_of(old) == {"Imbox", "Inbox"}
    assert sandbox.mailboxes_of(read) == {"Inbox"}
    assert sandbox.mailboxes_of(kept) == {"Work"}
    (told,) = (each for each in logs if each["event"] == "decision_taken_back")
    assert told["sender"] == "ann@example.org"
    assert (told["to"], told["mails"], told["removed_from"]) == ("Screener", 3, ["Imbox"])
    assert not [each for each in logs if each["event"] in ("sender_triaged", "group_reassigned")]
    assert (outcome.senders_triaged, mailroom.tally.senders_triaged.total()) == (0, 0)


async def test_taking_back_costs_as_many_requests_as_another_category() -> None:
    requests = []
    for label in ("@ToFeed", "@ToScreener"):
        sandbox = empty_sandbox()
        sandbox.label(await decided(sandbox), label)
        async with screener(sandbox) as mailroom:
            requests.append(await mailroom.requests_of_a_pass())
            assert await mailroom.requests_of_a_pass() == 1
    assert requests == [5, 5]


async def test_a_later_label_is_a_new_decision() -> None:
    sandbox = empty_sandbox()
    mail = await decided(sandbox, "@ToFeed")
    for label, line in (("@ToScreener", "Back to the Screener"), ("@ToFeed", "Triaged to Feed")):
        sandbox.label(mail, label)
        async with screener(sandbox) as mailroom:
            await mailroom.run()
        assert last_line(sandbox) == f"{line} on 2026-03-05T14:03Z"
    assert sandbox.mailboxes_of(mail) == {"Feed"}
    assert keywords_of(sandbox, mail) == {"mailroom-seen"}
    assert members(sandbox) == {"Mailroom", "Feed"}


async def test_two_labels_of_which_one_takes_back_are_a_conflict() -> None:
    sandbox = empty_sandbox()
    first = await decided(sandbox)
    other = sandbox.deliver(ANN, "Other", ["Imbox"], received_at=NOW)
    sandbox.label(first, "@ToScreener")
    sandbox.label(other, "@ToFeed")
    async with screener(sandbox) as mailroom:
        await mailroom.run()
        assert members(sandbox) == {"Mailroom", "Imbox"}
        assert "@MailroomError" in sandbox.mailboxes_of(first) & sandbox.mailboxes_of(other)
        sandbox.unlabel(other, "@ToFeed")
        await mailroom.run()
    assert sandbox.mailboxes_of(first) == sandbox.mailboxes_of(other) == {"Screener"}
    assert members(sandbox) == {"Mailroom"}


async def test_without_that_label_in_the_account_all_else_works() -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("@ToScreener")
    mail = await decided(sandbox, "@ToFeed")
    assert sandbox.mailboxes_of(mail) == {"Feed"}
    sandbox.create_mailbox("@ToScreener")
    sandbox.label(mail, "@ToScreener")
    async with screener(sandbox) as mailroom:
        await mailroom.run()
    assert sandbox.mailboxes_of(mail) == {"Screener"}


async def test_new_mail_of_a_sender_who_is_taken_back_is_screened_in_the_same_pass_and_later() -> None:
    sandbox = empty_sandbox()
    mail = await decided(sandbox)
    async with screening(sandbox) as s:
        await s.run(later(0))
        sandbox.label(mail, "@ToScreener")
        now = arrives(sandbox, ANN)
        await s.run(later(2))
        then = arrives(sandbox, ANN)
        await s.run(later(3))
    for each in (now, then):
        assert (sandbox.mailboxes_of(each), keywords_of(sandbox, each)) == ({"Screener"}, SCREENED)


def to_take_back(sandbox: Sandbox) -> None:
    """Senders in categories, one with a card of the user's, and one whom no card knows."""
    for name, group, boxes in (
        ("ann", "Imbox", ["Imbox", "Inbox"]),
        ("bob", "Feed", ["Feed"]),
        ("cy", "", ["Archive"]),
    ):
        sender = f"{name.title()} <{name}@x.org>"
        mails = [
            sandbox.deliver(sender, f"Mail {number}", boxes, received_at=later(-60 * 24 * days))
            for number, days in enumerate((1, 2, 40))
        ]
        sandbox.label(mails[0], "@ToScreener")
        if group:
            join(sandbox, group, sandbox.add_card(f"{name}@x.org", name.title(), notes={"n": {"note": "Mine."}}))


@pytest.mark.parametrize("when", always(1, ["cut_after", "cut_before"]))
async def test_taking_back_that_is_cut_off_at_any_request_is_finished_by_the_next_start(when: str) -> None:
    def waiting() -> Sandbox:
        sandbox = empty_sandbox()
        to_take_back(sandbox)
        return sandbox

    whole, wire = waiting(), Wire()
    await triage(whole, wire)
    expected = seen(whole)
    assert {frozenset({"Screener"}), frozenset({"Archive"}), frozenset({"Feed"})} <= set(expected.mails.values())
    for k in range(1, wire.requests + 1) if when == "cut_before" else wire.writes:
        sandbox = waiting()
        await ended_early(sandbox, Wire(**{when: k}))
        await triage(sandbox, Wire())
        assert seen(sandbox) == expected, f"{when} request {k}"
