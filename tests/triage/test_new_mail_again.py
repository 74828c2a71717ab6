"""New mail that a pass has met before: what is found again, moved by the user, or refused by the server."""

from dataclasses import replace

import pytest
import structlog.testing
from trio.testing import MockClock

from mailroom.sandbox import CYRUS, Limits, MethodError, Sandbox, SetError
from tests.new_mail import ANN, BOB, SCREENED, WATCH, arrives, keywords_of, later, screening, seen
from tests.screener import Screener, empty_sandbox


async def passes(s: Screener, count: int = 1) -> list[str]:
    """Run passes; returns the events of their log."""
    with structlog.testing.capture_logs() as logs:
        for _ in range(count):
            await s.run(later(2))
    return [str(line["event"]) for line in logs]


async def test_a_mail_that_the_user_takes_out_of_the_screener_loses_its_mark_in_the_same_run() -> None:
    sandbox = empty_sandbox()
    async with screening(sandbox) as s:
        mail = arrives(sandbox)
        for elsewhere in ("Inbox", "Archive", "Inbox", "Trash"):
            sandbox.move(mail, "Screener")
            await s.run(later(2))
            assert seen(sandbox, mail)[1] >= {"mailroom-seen", "mailroom-waiting"}
            sandbox.move(mail, elsewhere)
            await s.run(later(2))
            assert sandbox.mailboxes_of(mail) == {elsewhere}
            assert "mailroom-waiting" not in keywords_of(sandbox, mail)


async def test_a_mail_that_waits_and_has_another_mailbox_costs_an_idle_pass_nothing() -> None:
    sandbox = empty_sandbox()
    sandbox.create_mailbox("Work")
    mail = arrives(sandbox)
    sandbox.label(mail, "Work")
    async with screening(sandbox) as s:
        await s.run(later(2))
        assert seen(sandbox, mail) == ({"Screener", "Work"}, SCREENED)
    async with screening(sandbox) as s:
        assert await s.requests_of_a_pass() == 1


async def test_a_keyword_that_the_server_refuses_leaves_that_mail_alone_and_is_told_once() -> None:
    sandbox = empty_sandbox(flavour=CYRUS)
    # A mailbox of Cyrus takes 100 names.
    sandbox.deliver(ANN, "Old", ["Archive"], keywords=tuple(f"k{number}" for number in range(98)))
    archived, new = arrives(sandbox), arrives(sandbox, BOB)
    sandbox.label(archived, "Archive")
    async with screening(sandbox) as s:
        events = await passes(s, 4)
        assert events.count("new_mail_not_marked") == 1
        assert seen(sandbox, archived) == ({"Inbox", "Archive"}, set())
        assert seen(sandbox, new) == ({"Screener"}, SCREENED)
        assert await s.requests_of_a_pass() == 1


async def test_what_was_refused_is_tried_again_less_and_less_often(autojump_clock: MockClock) -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    async with screening(sandbox) as s:
        sandbox.faults.set_errors[mail] = SetError("forbidden")
        assert (await passes(s, 2)).count("new_mail_not_marked") == 1
        sandbox.faults.clear()
        await passes(s)
        assert sandbox.mailboxes_of(mail) == {"Inbox"}
        autojump_clock.jump(61)
        await passes(s)
        assert seen(sandbox, mail) == ({"Screener"}, SCREENED)


async def test_a_server_that_finds_what_was_marked_is_told_of_once_and_not_written_to_again() -> None:
    sandbox = empty_sandbox()
    sandbox.add_card("ann@example.org", "Ann")
    mail = arrives(sandbox)
    async with screening(sandbox) as s:
        await passes(s)
        forget_keywords(sandbox, mail)
        assert (await passes(s)).count("new_mail_found_again") == 1
        states = sandbox.store.states()
        assert "new_mail_found_again" not in await passes(s, 2)
        assert sandbox.store.states() == states
        assert await s.requests_of_a_pass() == 1


def forget_keywords(sandbox: Sandbox, mail: str) -> None:
    """As a server whose search doesn't see keywords."""
    store = sandbox.store
    store.change_mail(replace(store.mails.objects[mail], keywords=frozenset()))


async def test_watching_tells_of_a_mail_once_the_server_has_answered() -> None:
    sandbox = empty_sandbox()
    arrives(sandbox)
    async with screening(sandbox, WATCH) as s:
        sandbox.faults.method_error("Email/query", MethodError("unsupportedSort"), skip=4)
        assert "would_screen" not in await passes(s)
        assert (await passes(s, 2)).count("would_screen") == 1


@pytest.mark.parametrize("limits", [Limits(max_objects_in_get=5, max_objects_in_set=3), Limits(max_objects_in_set=3)])
async def test_more_than_a_pass_writes_is_worked_off_at_once(limits: Limits) -> None:
    sandbox = empty_sandbox(limits)
    mails = [arrives(sandbox, f"S <s{number}@example.org>") for number in range(11)]
    async with screening(sandbox) as s:
        count = 1
        while (await s.run(later(2))).has_more:
            count += 1
        assert {frozenset(sandbox.mailboxes_of(mail)) for mail in mails} == {frozenset({"Screener"})}
        assert count == 4


async def test_new_mail_of_a_labelled_sender_ends_alike_however_many_there_are() -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_set=3))
    mails = [arrives(sandbox) for _ in range(8)]
    sandbox.label(sandbox.deliver(ANN, "Old", ["Screener"]), "@ToFeed")
    async with screening(sandbox) as s:
        while (await s.run(later(2))).has_more:
            pass
    assert {frozenset(sandbox.mailboxes_of(mail)) for mail in mails} == {frozenset({"Feed"})}
