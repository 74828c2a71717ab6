"""Passes over mail that waits for the user: the error label goes off when its reason is gone."""

from trio.testing import MockClock

from mailroom.sandbox import Sandbox, SetError
from tests.screener import empty_sandbox, screener

ANN, WORK = "ann@x.org", "ann@work.example"
ERROR = "@MailroomError"


def conflict(sandbox: Sandbox, *addresses: str) -> tuple[str, str]:
    """One mail for the Feed and one for the Jail."""
    one, two = addresses or (ANN, ANN)
    return (
        sandbox.deliver(f"Ann <{one}>", "One", ["Screener", "@ToFeed"]),
        sandbox.deliver(f"Ann <{two}>", "Two", ["Screener", "@ToJail"]),
    )


async def test_a_label_taken_off_ends_a_conflict_and_the_other_one_counts_in_the_same_pass() -> None:
    sandbox = empty_sandbox()
    one, two = conflict(sandbox)
    async with screener(sandbox) as s:
        await s.run()
        assert ERROR in sandbox.mailboxes_of(one) & sandbox.mailboxes_of(two)
        assert await s.requests_of_a_pass() == 1
        sandbox.unlabel(two, "@ToJail")
        assert (await s.run()).senders_triaged == 1
        assert sandbox.mailboxes_of(one) == sandbox.mailboxes_of(two) == {"Feed"}
        assert await s.requests_of_a_pass() == 1


async def test_so_it_does_on_one_mail_with_two_labels_and_after_a_new_start_that_saw_the_conflict() -> None:
    sandbox = empty_sandbox()
    only = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", "@ToFeed", "@ToJail"])
    async with screener(sandbox) as s:
        await s.run()
    async with screener(sandbox) as s:
        await s.run()
        assert sandbox.mailboxes_of(only) == {"Screener", "@ToFeed", "@ToJail", ERROR}
        sandbox.unlabel(only, "@ToFeed")
        await s.run()
        assert sandbox.mailboxes_of(only) == {"Jail"}


async def test_a_conflict_of_two_addresses_of_one_card_ends_in_the_same_way() -> None:
    sandbox = empty_sandbox()
    sandbox.add_card(ANN, "Ann", emails={"a": {"address": ANN}, "b": {"address": WORK}})
    one, two = conflict(sandbox, ANN, WORK)
    async with screener(sandbox) as s:
        await s.run()
        sandbox.unlabel(one, "@ToFeed")
        await s.run()
        assert sandbox.mailboxes_of(one) == sandbox.mailboxes_of(two) == {"Jail"}


async def test_all_labels_taken_off_leave_mail_where_it_was() -> None:
    sandbox = empty_sandbox()
    one, two = conflict(sandbox)
    moved = sandbox.deliver("undisclosed", mailboxes=["@ToFeed"])
    async with screener(sandbox) as s:
        await s.run()
        assert sandbox.mailboxes_of(moved) == {"@ToFeed", ERROR}
        sandbox.unlabel(one, "@ToFeed")
        sandbox.unlabel(two, "@ToJail")
        sandbox.unlabel(moved, "@ToFeed")
        await s.run()
        assert [sandbox.mailboxes_of(each) for each in (one, two, moved)] == [{"Screener"}] * 3
        assert await s.requests_of_a_pass() == 1


async def test_a_sender_settled_by_another_mail_takes_those_that_waited_along() -> None:
    sandbox = empty_sandbox()
    one, two = conflict(sandbox)
    third = sandbox.deliver(f"Ann <{ANN}>", "Three")
    async with screener(sandbox) as s:
        await s.run()
        sandbox.label(third, "@ToImbox")
        await s.run()
        assert [sandbox.mailboxes_of(each) for each in (one, two, third)] == [{"Imbox", "Inbox"}] * 3
        assert await s.requests_of_a_pass() == 1


async def test_a_mail_that_keeps_its_one_label_waits_until_the_user_takes_the_error_label_off() -> None:
    sandbox = empty_sandbox()
    failed = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", "@ToFeed", ERROR])
    nobody = sandbox.deliver("undisclosed", mailboxes=["Screener", "@ToFeed", ERROR])
    async with screener(sandbox) as s:
        assert await s.requests_of_a_pass() == 1
        assert ERROR in sandbox.mailboxes_of(failed) & sandbox.mailboxes_of(nobody)


async def test_an_error_label_that_the_server_keeps_is_tried_again_less_and_less_often(
    autojump_clock: MockClock,
) -> None:
    sandbox = empty_sandbox()
    stuck = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", ERROR])
    sandbox.faults.set_errors[stuck] = SetError("forbidden")
    async with screener(sandbox) as s:
        assert [await s.requests_of_a_pass() for _ in range(4)] == [2, 2, 1, 1]
        assert sandbox.mailboxes_of(stuck) == {"Screener", ERROR}
        sandbox.faults.clear()
        autojump_clock.jump(61)
        await s.run()
        assert sandbox.mailboxes_of(stuck) == {"Screener"}


async def test_an_error_label_that_is_made_anew_is_looked_into() -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox) as s:
        sandbox.destroy_mailbox(ERROR)
        await s.run()
        sandbox.create_mailbox(ERROR)
        mail = sandbox.deliver(f"Ann <{ANN}>", mailboxes=["Screener", ERROR])
        await s.run()
        assert sandbox.mailboxes_of(mail) == {"Screener"}
