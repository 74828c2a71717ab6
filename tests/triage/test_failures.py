"""What goes wrong with one sender is that one's failure; what goes wrong with the pass is nobody's."""

import pytest
import structlog.testing
from trio.testing import MockClock

from mailroom.errors import BadReply, ServerFailed, Unavailable
from mailroom.sandbox import MethodError, Sandbox, SetError
from mailroom.sandbox.faults import status
from tests.exhaustive import always
from tests.screener import Screener, empty_sandbox, screener

SENDERS = [f"s{n}@example.org" for n in range(6)]
BAD = SENDERS[3]
ANN = "Ann Lee <ann@example.org>"


def labelled(sandbox: Sandbox) -> dict[str, str]:
    """One labelled mail of each sender, and an unlabelled one; the labelled one's id by address."""
    mails = {}
    for address in SENDERS:
        sandbox.deliver(f"Some One <{address}>", "Other", ["Screener"])
        mails[address] = sandbox.deliver(f"Some One <{address}>", "Labelled", ["Screener"])
        sandbox.label(mails[address], "@ToFeed")
    return mails


def others_are_settled(sandbox: Sandbox, mails: dict[str, str]) -> bool:
    settled = {address for address, mail in mails.items() if sandbox.mailboxes_of(mail) == {"Feed"}}
    return settled == set(SENDERS) - {BAD} and sandbox.groups()["Feed"] >= settled


@pytest.mark.parametrize("which", ["labelled", "other"])
async def test_a_mail_that_the_server_refuses_to_move_fails_its_sender_alone(which: str) -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    ids = sorted(sandbox.store.mails.objects)
    refused = mails[BAD] if which == "labelled" else ids[ids.index(mails[BAD]) - 1]
    async with screener(sandbox) as s:
        sandbox.faults.set_errors[refused] = SetError("forbidden")
        with structlog.testing.capture_logs() as logs:
            outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (5, 1)
        assert others_are_settled(sandbox, mails)
        assert "@ToFeed" in sandbox.mailboxes_of(mails[BAD])
        (failed,) = [entry for entry in logs if entry["event"] == "sender_failed"]
        assert failed["sender"] == BAD
        assert "forbidden" in failed["reason"]
        sandbox.faults.clear()
        await s.run()
        assert sandbox.mailboxes_of(mails[BAD]) == {"Feed"}


async def test_a_card_that_the_server_refuses_fails_its_sender_alone() -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    card = sandbox.add_card(BAD, "")
    async with screener(sandbox) as s:
        ref = sandbox.store.card_with_uid(card)
        assert ref is not None
        sandbox.faults.set_errors[ref.id] = SetError("forbidden")
        outcome = await s.run()
        assert outcome.senders_failing == 1
        assert others_are_settled(sandbox, mails)
        assert "@ToFeed" in sandbox.mailboxes_of(mails[BAD])


async def test_an_empty_group_that_refuses_its_first_members_fails_only_those_who_want_in() -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    sandbox.unlabel(mails[BAD], "@ToFeed")
    sandbox.label(mails[BAD], "@ToJail")
    async with screener(sandbox) as s:
        jail = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Jail")
        sandbox.faults.set_errors[jail.id] = SetError("forbidden")
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (5, 1)
        assert others_are_settled(sandbox, mails)
        assert sandbox.mailboxes_of(mails[BAD]) >= {"@ToJail"}
        feed = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Feed")
        assert len(feed.data["members"]) == 5


async def test_an_empty_group_that_refuses_everybody_fails_each_for_itself() -> None:
    sandbox = empty_sandbox()
    labelled(sandbox)
    async with screener(sandbox) as s:
        feed = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Feed")
        sandbox.faults.set_errors[feed.id] = SetError("forbidden")
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (0, 6)
        sandbox.faults.clear()
        assert (await s.run()).senders_triaged == 6


@pytest.mark.parametrize(
    ("method", "skip"),
    [
        # The scan asks for mails, too, and is for all of them.
        ("Email/query", 1),
        ("Email/get", 1),
        ("Email/set", 0),
        # The labels, after the other mails have moved.
        ("Email/set", 1),
        ("ContactCard/query", 0),
        ("ContactCard/set", 0),
    ],
)
async def test_a_batched_call_that_fails_as_a_whole_is_halved_and_repeated(method: str, skip: int) -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    async with screener(sandbox) as s:
        sandbox.faults.method_error(method, MethodError("invalidArguments"), skip=skip)
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (6, 0)
        assert all(sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails.values())
        assert outcome.mails_filed == s.tally.mails_filed == 12


async def test_who_is_settled_in_a_pass_that_fails_later_is_counted() -> None:
    sandbox = empty_sandbox()
    labelled(sandbox)
    async with screener(sandbox) as s:
        sandbox.faults.refused_texts[BAD] = MethodError("serverFail")
        with pytest.raises(ServerFailed):
            await s.run()
        assert s.tally.senders_triaged["Feed"] == 5
        assert s.tally.mails_filed == 10


async def test_a_sender_that_always_fails_a_batched_call_is_alone_in_the_end() -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    async with screener(sandbox) as s:
        sandbox.faults.refused_texts[BAD] = MethodError("invalidArguments")
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (5, 1)
        assert others_are_settled(sandbox, mails)
        assert sandbox.mailboxes_of(mails[BAD]) == {"Screener", "@ToFeed"}


@pytest.mark.parametrize("error", ["serverUnavailable", "rateLimit"])
async def test_a_passing_method_error_fails_the_pass_and_no_sender(error: str) -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    async with screener(sandbox) as s:
        sandbox.faults.method_error("Email/set", MethodError(error))
        with pytest.raises(Unavailable):
            await s.run()
        outcome = await s.run()
        assert outcome.senders_failing == 0
        assert all(sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails.values())


@pytest.mark.parametrize("method", always(1, ["ContactCard/set", "Email/set", "ContactCard/query"]))
async def test_an_account_that_may_not_be_used_so_fails_the_pass_and_no_sender(method: str) -> None:
    sandbox = empty_sandbox()
    labelled(sandbox)
    async with screener(sandbox) as s:
        for _ in range(6):
            sandbox.faults.method_error(method, MethodError("accountReadOnly"))
            with pytest.raises(BadReply, match="accountReadOnly"):
                await s.run()
        assert sandbox.mails_in("@MailroomError") == []
        assert (await s.run()).senders_triaged == 6


async def test_a_server_that_fails_once_is_asked_again_for_fewer_at_a_time() -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    async with screener(sandbox) as s:
        sandbox.faults.method_error("Email/set", MethodError("serverFail"))
        assert (await s.run()).senders_triaged == 6
        assert all(sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails.values())


async def test_a_server_that_always_fails_at_one_sender_fails_the_pass_and_the_others_are_settled() -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    async with screener(sandbox) as s:
        sandbox.faults.refused_texts[BAD] = MethodError("serverFail")
        for _ in range(6):
            with pytest.raises(ServerFailed):
                await s.run()
        assert others_are_settled(sandbox, mails)
        assert sandbox.mailboxes_of(mails[BAD]) == {"Screener", "@ToFeed"}


async def test_a_server_that_fails_at_everybody_is_not_asked_for_each() -> None:
    sandbox = empty_sandbox()
    for n in range(64):
        sandbox.label(sandbox.deliver(f"N <n{n:02}@x.org>", "Hi", ["Screener"]), "@ToFeed")
    async with screener(sandbox) as s:
        sandbox.faults.refused_texts["@x.org"] = MethodError("serverFail")
        before = s.wire.requests
        with pytest.raises(ServerFailed):
            await s.run()
        # The scan; 64, 32, 16, 8, 4, 2 senders; two alone; the next two, and one of these alone.
        assert s.wire.requests - before == 1 + 6 + 2 + 1 + 1
        assert len(sandbox.mails_in("@ToFeed")) == 64


@pytest.mark.parametrize("error", ["serverFail", "rateLimit"])
async def test_a_passing_set_error_fails_the_pass_and_no_sender(error: str) -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    async with screener(sandbox) as s:
        sandbox.faults.set_errors[mails[BAD]] = SetError(error)
        with pytest.raises(Unavailable):
            await s.run()
        if error == "serverFail":
            assert others_are_settled(sandbox, mails)
        sandbox.faults.clear()
        outcome = await s.run()
        assert outcome.senders_failing == 0
        assert all(sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails.values())


async def test_an_outage_never_counts_against_a_sender() -> None:
    sandbox = empty_sandbox()
    labelled(sandbox)
    async with screener(sandbox) as s:
        for _ in range(7):
            sandbox.faults.next_request(status(503), skip=1)
            with pytest.raises(Unavailable):
                await s.run()
        assert (await s.run()).senders_failing == 0
        assert sandbox.mails_in("@MailroomError") == []


async def test_a_card_that_breaks_the_planner_stops_nobody_else() -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    async with screener(sandbox) as s:
        # A card without a readable uid: wrong on the server's side, and read as malformed on ours.
        uid = sandbox.add_card(BAD, "Bad")
        broken = sandbox.store.card_with_uid(uid)
        assert broken is not None
        broken.data["name"] = 17
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (5, 1)
        assert others_are_settled(sandbox, mails)


async def test_five_failures_in_a_row_put_the_error_label_on_and_taking_it_off_tries_again(
    mock_clock: MockClock,
) -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    card = sandbox.store.card_with_uid(sandbox.add_card(BAD, ""))
    assert card is not None
    async with screener(sandbox) as s:
        sandbox.faults.set_errors[card.id] = SetError("forbidden")
        for _ in range(5):
            assert "@MailroomError" not in sandbox.mailboxes_of(mails[BAD])
            await s.run()
            mock_clock.jump(8 * 60)
        assert sandbox.mailboxes_of(mails[BAD]) == {"Screener", "@ToFeed", "@MailroomError"}
        sandbox.faults.clear()
        assert (await s.run()).senders_triaged == 0
        sandbox.unlabel(mails[BAD], "@MailroomError")
        await s.run()
        assert sandbox.mailboxes_of(mails[BAD]) == {"Feed"}


async def _ten_tries_less_and_less_often(s: Screener, clock: MockClock) -> None:
    for minutes in (0, 0, 1, 2, 4, 8, 16, 32, 60, 60):
        if minutes:
            clock.jump(60 * minutes - 1)
            assert await s.requests_of_a_pass() == 1
            clock.jump(1)
        await s.run()


@pytest.mark.parametrize("why", always(1, ["refused", "missing"]))
async def test_without_an_error_label_a_failing_sender_is_left_alone_for_longer_and_longer(
    why: str, mock_clock: MockClock
) -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    if why == "missing":
        sandbox.destroy_mailbox("@MailroomError")
    async with screener(sandbox) as s:
        sandbox.faults.set_errors[mails[BAD]] = SetError("forbidden")
        with structlog.testing.capture_logs() as logs:
            await _ten_tries_less_and_less_often(s, mock_clock)
        assert [entry["failures"] for entry in logs if entry["event"] == "sender_failed"] == list(range(1, 11))
        assert [entry for entry in logs if entry["event"] == "mail_paused"] == []


@pytest.mark.parametrize("sender", always(1, [ANN, "undisclosed"]))
@pytest.mark.parametrize("why", always(1, ["missing", "refused"]))
async def test_a_mail_that_waits_for_the_user_without_an_error_label_is_left_alone_for_longer_and_longer(
    why: str, sender: str, mock_clock: MockClock
) -> None:
    sandbox = empty_sandbox()
    mails = [sandbox.deliver(sender, "Hi", ["Screener"]) for _ in range(2)]
    sandbox.label(mails[0], "@ToFeed")
    sandbox.label(mails[1], "@ToJail")
    if why == "missing":
        sandbox.destroy_mailbox("@MailroomError")
    else:
        sandbox.faults.set_errors |= dict.fromkeys(mails, SetError("forbidden"))
    async with screener(sandbox) as s:
        with structlog.testing.capture_logs() as logs:
            await _ten_tries_less_and_less_often(s, mock_clock)
        told = [entry for entry in logs if entry["event"] in ("conflict_detected", "mail_paused")]
        assert len(told) == 10
        sandbox.faults.clear()
        if why == "missing":
            sandbox.create_mailbox("@MailroomError")
        else:
            mock_clock.jump(60 * 60)
        await s.run()
        assert sandbox.mails_in("@MailroomError") == sorted(mails)
        assert await s.requests_of_a_pass() == 1


async def test_a_sender_that_failed_twice_is_left_alone_for_a_minute(mock_clock: MockClock) -> None:
    sandbox = empty_sandbox()
    mails = labelled(sandbox)
    card = sandbox.store.card_with_uid(sandbox.add_card(BAD, ""))
    assert card is not None
    async with screener(sandbox) as s:
        sandbox.faults.set_errors[card.id] = SetError("forbidden")
        await s.run()
        await s.run()
        sandbox.faults.clear()
        mock_clock.jump(59)
        assert (await s.run()).senders_failing == 1
        mock_clock.jump(1)
        assert (await s.run()).senders_failing == 0
        assert sandbox.mailboxes_of(mails[BAD]) == {"Feed"}
