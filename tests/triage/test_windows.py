"""What happens between the requests of a pass, when another client acts just then.

The requests of a pass: 1 scan, 2 look up, 3 apply, 4 commit; with a re-triage, or mail that came meanwhile, 4 follows
that up and 5 is the commit. Every window ends right after one more pass at the latest.
"""

import pytest

from mailroom.errors import Unavailable
from mailroom.sandbox import MethodError, Sandbox, SetError
from tests.screener import empty_sandbox, screener

ANN = "Ann Lee <ann@example.org>"
LOOK_UP, APPLY, COMMIT = 2, 3, 4
WINDOWS = pytest.mark.parametrize("window", [LOOK_UP, APPLY, COMMIT], ids=["look up", "apply", "commit"])


def labelled(sandbox: Sandbox, label: str = "@ToFeed") -> str:
    mail = sandbox.deliver(ANN, "Labelled", ["Screener"])
    sandbox.label(mail, label)
    return mail


@WINDOWS
async def test_a_label_taken_off_leaves_that_mail_alone(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    async with screener(sandbox, before={window: lambda: sandbox.unlabel(mail, "@ToFeed")}) as s:
        await s.run()
        # Between the read-back and the commit is no request: there the patch meets the change and files the mail.
        assert sandbox.mailboxes_of(mail) == ({"Feed"} if window == COMMIT else {"Screener"})
        await s.run()
        assert "@MailroomError" not in sandbox.mailboxes_of(mail)


@pytest.mark.parametrize("window", [LOOK_UP, APPLY], ids=["look up", "apply"])
async def test_a_second_label_is_a_conflict(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    async with screener(sandbox, before={window: lambda: sandbox.label(mail, "@ToJail")}) as s:
        await s.run()
        assert sandbox.mailboxes_of(mail) == {"Screener", "@ToFeed", "@ToJail", "@MailroomError"}


async def test_a_second_label_at_the_last_moment_moves_the_sender_on() -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    async with screener(sandbox, before={COMMIT: lambda: sandbox.label(mail, "@ToJail")}) as s:
        await s.run()
        assert sandbox.mailboxes_of(mail) == {"Feed", "@ToJail"}
        await s.run()
        assert sandbox.mailboxes_of(mail) == {"Jail"}
        assert sandbox.groups()["Feed"] == set()


@WINDOWS
async def test_a_mail_that_goes_to_the_trash_stays_there(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    async with screener(sandbox, before={window: lambda: sandbox.move(mail, "Trash")}) as s:
        outcome = await s.run()
        assert "Trash" in sandbox.mailboxes_of(mail)
        assert "@ToFeed" not in sandbox.mailboxes_of(mail)
        assert outcome.senders_failing == 0


@WINDOWS
async def test_a_mail_that_is_deleted_fails_nobody(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    other = sandbox.deliver(ANN, "Another", ["Screener"])
    async with screener(sandbox, before={window: lambda: sandbox.delete(mail)}) as s:
        outcome = await s.run()
        assert outcome.senders_failing == 0
        assert sandbox.mailboxes_of(other) == {"Feed"}


@pytest.mark.parametrize("window", [LOOK_UP, APPLY], ids=["look up", "apply"])
async def test_a_mail_that_arrives_is_filed_by_the_same_pass(window: int) -> None:
    sandbox = empty_sandbox()
    labelled(sandbox)
    async with screener(sandbox, before={window: lambda: sandbox.deliver(ANN, "New", ["Screener"])}) as s:
        await s.run()
        assert sandbox.mails_in("Screener") == []
        assert len(sandbox.mails_in("Feed")) == 2


async def test_a_mail_that_arrives_and_cant_be_filed_keeps_the_label_on_the_first() -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)

    def arrive() -> None:
        sandbox.faults.set_errors[sandbox.deliver(ANN, "New", ["Screener"])] = SetError("forbidden")

    async with screener(sandbox, before={APPLY: arrive}) as s:
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (0, 1)
        assert sandbox.mailboxes_of(mail) == {"Screener", "@ToFeed"}
        sandbox.faults.clear()
        await s.run()
        assert sandbox.mails_in("Screener") == []
        assert len(sandbox.mails_in("Feed")) == 2


async def test_an_outage_after_a_mail_arrived_keeps_the_label_on_the_first() -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)

    def arrive() -> None:
        sandbox.deliver(ANN, "New", ["Screener"])
        sandbox.faults.method_error("Email/set", MethodError("rateLimit"))

    async with screener(sandbox, before={APPLY: arrive}) as s:
        with pytest.raises(Unavailable):
            await s.run()
        assert sandbox.mailboxes_of(mail) == {"Screener", "@ToFeed"}
        await s.run()
        assert sandbox.mails_in("Screener") == []
        assert len(sandbox.mails_in("Feed")) == 2


@pytest.mark.parametrize("window", [APPLY, COMMIT], ids=["apply", "commit"])
@pytest.mark.parametrize("category", ["Feed", "Jail"])
async def test_another_clients_change_of_a_group_survives(window: int, category: str) -> None:
    sandbox = empty_sandbox()
    labelled(sandbox)
    bob = sandbox.add_card("bob@example.org", "Bob")

    def join() -> None:
        group = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == category)
        sandbox.change_card(group.data["uid"], {"members": {**group.data.get("members", {}), bob: True}})

    async with screener(sandbox, before={window: join}) as s:
        await s.run()
        await s.run()
        assert "bob@example.org" in sandbox.groups()[category]
        assert "ann@example.org" in sandbox.groups()["Feed"]


@pytest.mark.parametrize("window", [APPLY, COMMIT], ids=["apply", "commit"])
async def test_a_card_that_another_client_deletes_is_made_anew(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    uid = sandbox.add_card("ann@example.org", "Ann Lee")
    async with screener(sandbox, before={window: lambda: sandbox.destroy_card(uid)}) as s:
        first = await s.run()
        await s.run()
        if window == APPLY:
            # The edit of the card failed, so the label stayed, and the next pass began anew.
            assert first.senders_failing == 1
            assert sandbox.groups()["Feed"] == {"ann@example.org"}
        assert sandbox.mailboxes_of(mail) == {"Feed"}


@WINDOWS
async def test_what_the_user_writes_into_a_note_stays_and_the_decision_is_recorded(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    uid = sandbox.add_card("ann@example.org", "Ann Lee", notes={"n1": {"note": "Met in Rome"}})

    def note() -> str:
        (card,) = sandbox.cards()
        return str(card["notes"]["n1"]["note"])

    def write() -> None:
        sandbox.change_card(uid, {"notes": {"n1": {"note": f"Allergic to nuts\n{note()}"}}})

    async with screener(sandbox, before={window: write}) as s:
        await s.run()
        await s.run()
        assert note().splitlines()[:2] == ["Allergic to nuts", "Met in Rome"]
        assert note().count("Triaged to Feed") == 1
        assert sandbox.mailboxes_of(mail) == {"Feed"}


@pytest.mark.parametrize("window", [1, LOOK_UP, APPLY], ids=["scan", "look up", "apply"])
async def test_a_destination_that_is_made_anew_is_used_under_its_new_id(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)

    def make_anew() -> None:
        sandbox.rename_mailbox("Feed", "Old feed")
        sandbox.create_mailbox("Feed")

    async with screener(sandbox, before={window: make_anew}) as s:
        await s.run()
        await s.run()
        # Mail filed under the old id lies where the user moved that mailbox: the pass had begun.
        assert sandbox.mailboxes_of(mail) == ({"Feed"} if window == 1 else {"Old feed"})


@pytest.mark.parametrize("window", [1, LOOK_UP, APPLY, COMMIT], ids=["scan", "look up", "apply", "commit"])
async def test_a_destination_that_is_gone_keeps_the_label_until_it_is_back(window: int) -> None:
    sandbox = empty_sandbox()
    mail = labelled(sandbox)
    async with screener(sandbox, before={window: lambda: sandbox.destroy_mailbox("Feed")}) as s:
        outcome = await s.run()
        assert outcome.senders_failing == 1
        assert sandbox.mailboxes_of(mail) == {"Screener", "@ToFeed"}
        sandbox.create_mailbox("Feed")
        await s.run()
        assert sandbox.mailboxes_of(mail) == {"Feed"}


async def test_a_label_that_is_made_anew_is_found_under_its_new_id() -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox) as s:
        sandbox.destroy_mailbox("@ToFeed")
        sandbox.create_mailbox("@ToFeed")
        mail = labelled(sandbox)
        await s.run()
        assert sandbox.mailboxes_of(mail) == {"Feed"}


async def test_a_label_that_vanished_stops_no_other_label() -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox) as s:
        sandbox.destroy_mailbox("@ToJail")
        mail = labelled(sandbox)
        outcome = await s.run()
        assert sandbox.mailboxes_of(mail) == {"Feed"}
        assert outcome.mailboxes_missing == 1
        assert await s.requests_of_a_pass() == 1


async def test_a_sender_who_changes_category_is_in_a_group_at_any_moment() -> None:
    seen: list[set[str]] = []
    async with screener() as s:
        mail = s.sandbox.deliver()
        s.sandbox.label(mail, "@ToFeed")
        await s.run()

        def look() -> None:
            seen.append(groups_of("ann@example.org", s.sandbox))

        s.wire.before = {s.wire.requests + n: look for n in range(1, 10)}
        s.sandbox.label(mail, "@ToJail")
        await s.run()
    assert seen == [{"Feed"}, {"Feed"}, {"Feed"}, {"Feed", "Jail"}, {"Jail"}]


async def test_a_sender_whom_the_new_group_refuses_stays_in_the_old_one() -> None:
    async with screener() as s:
        mail = s.sandbox.deliver()
        s.sandbox.label(mail, "@ToFeed")
        await s.run()
        groups = {card.data["name"]["full"]: id for id, card in s.sandbox.store.cards.objects.items()}
        s.sandbox.faults.set_errors[groups["Jail"]] = SetError("forbidden")
        s.sandbox.label(mail, "@ToJail")
        await s.run()
        assert groups_of("ann@example.org", s.sandbox) == {"Feed"}
        assert "@ToJail" in s.sandbox.mailboxes_of(mail)


def groups_of(address: str, sandbox: Sandbox) -> set[str]:
    return {name for name, members in sandbox.groups().items() if address in members} - {"Mailroom"}
