"""Screening turned on, off and to watch: what a pass does in each, and what it counts."""

from collections.abc import Sequence

import pytest
import structlog.testing
from structlog.typing import EventDict
from trio.testing import MockClock

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.decisions.state_card import read_state, uid_of
from mailroom.sandbox import JAMES, Flavour, Sandbox, SetError
from tests.flavours import every_flavour
from tests.new_mail import ANN, BOB, ON, WATCH, arrives, join, keywords_of, later, screening
from tests.screener import Screener, Wire, client_of, empty_sandbox, screener, start


def delivered(sandbox: Sandbox, minutes: float, sender: str = ANN) -> str:
    return sandbox.deliver(sender, "Hello", ["Inbox"], received_at=later(minutes))


def state_note(sandbox: Sandbox) -> str:
    card = sandbox.store.card_with_uid(uid_of(sandbox.account_id))
    return "" if card is None else str(next(iter(card.data["notes"].values()))["note"])


async def told(s: Screener, *minutes: float) -> Sequence[EventDict]:
    """What passes at these moments log about mail."""
    with structlog.testing.capture_logs() as logs:
        for each in minutes:
            await s.run(later(each))
    return [line for line in logs if line["event"].startswith("would_")]


# --- watch


@every_flavour
async def test_watching_tells_of_each_mail_once_what_would_happen_and_writes_nothing(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    join(sandbox, "Feed", sandbox.add_card("bob@example.org", "Bob"))
    sandbox.add_card("eve@example.org", "Eve")
    async with screening(sandbox, WATCH) as s:
        states = sandbox.store.states()
        for sender in (ANN, BOB, "Eve <eve@example.org>"):
            arrives(sandbox, sender)
        arrived = sandbox.store.states()
        lines = await told(s, 2, 3)
        assert sandbox.store.states() == arrived
        assert arrived["ContactCard"] == states["ContactCard"]
    assert [
        (line["event"], line["log_level"], line["reason"], line.get("category"), line.get("sender"))
        for line in sorted(lines, key=lambda line: (line["reason"], line["event"]))
    ] == [
        ("would_move_mail_of", "debug", "decided", None, "bob@example.org"),
        ("would_route", "info", "decided", "Feed", None),
        ("would_move_mail_of", "debug", "stranger", None, "ann@example.org"),
        ("would_screen", "info", "stranger", None, None),
    ]


async def test_watching_tells_nothing_of_mail_that_would_only_be_marked() -> None:
    sandbox = empty_sandbox()
    join(sandbox, "Feed", sandbox.add_card("bob@example.org", "Bob"))
    arrives(sandbox, ANN, mailbox="Screener")
    arrives(sandbox, BOB, mailbox="Screener")
    async with screening(sandbox, WATCH) as s:
        lines = await told(s, 2)
    assert [line["event"] for line in lines if line["log_level"] == "info"] == ["would_route"]


async def test_watching_begins_with_each_start() -> None:
    sandbox = empty_sandbox()
    before = delivered(sandbox, 1)
    async with screener(sandbox, WATCH, now=later(5)) as s:
        delivered(sandbox, 6)
        lines = await told(s, 7)
    assert [line["event"] for line in lines] == ["would_screen", "would_move_mail_of"]
    assert (sandbox.mailboxes_of(before), state_note(sandbox)) == ({"Inbox"}, "")


async def test_a_mail_that_was_watched_is_old_when_screening_is_turned_on() -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox, WATCH) as s:
        mail = delivered(sandbox, 1)
        await s.run(later(2))
    async with screener(sandbox, ON, now=later(3)) as s:
        await s.run(later(4))
    assert (sandbox.mailboxes_of(mail), keywords_of(sandbox, mail)) == ({"Inbox"}, set())


# --- on, off, on


@pytest.mark.parametrize("pause", [DEFAULT_SCHEME, WATCH], ids=["off", "watch"])
async def test_after_a_pause_screening_begins_anew_and_nobodys_old_inbox_is_emptied(pause: Scheme) -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox, ON) as s:
        screened = delivered(sandbox, 1)
        await s.run(later(2))
        late = delivered(sandbox, 3)
    assert read_state(state_note(sandbox)).screening_since == later(0)
    async with screener(sandbox, pause, now=later(4)) as s:
        assert "Screening since" not in state_note(sandbox)
        meanwhile = delivered(sandbox, 5)
        await s.run(later(6))
    async with screener(sandbox, ON, now=later(7)) as s:
        assert read_state(state_note(sandbox)).screening_since == later(7)
        new = delivered(sandbox, 8)
        await s.run(later(9))
    assert [sandbox.mailboxes_of(mail) for mail in (screened, late, meanwhile, new)] == [
        {"Screener"},
        {"Inbox"},
        {"Inbox"},
        {"Screener"},
    ]


async def test_a_restart_goes_on_where_the_last_run_stopped() -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox, ON):
        while_it_was_down = delivered(sandbox, 1)
    async with screener(sandbox, ON, now=later(5)) as s:
        await s.run(later(6))
    assert sandbox.mailboxes_of(while_it_was_down) == {"Screener"}


async def test_a_card_that_cannot_be_written_is_tried_again_less_and_less_often(mock_clock: MockClock) -> None:
    sandbox = empty_sandbox()
    sandbox.faults.set_errors["new0"] = SetError("forbidden")
    before = delivered(sandbox, 1)
    with structlog.testing.capture_logs() as logs:
        async with screener(sandbox, ON) as s:
            await s.run(later(2))
            await s.run(later(3))
            assert [line["failures"] for line in logs if line["event"] == "screening_not_begun"] == [1, 2]
            assert (sandbox.mailboxes_of(before), state_note(sandbox)) == ({"Inbox"}, "")
            sandbox.faults.set_errors.clear()
            assert await s.requests_of_a_pass() == 1
            mock_clock.jump(61)
            await s.run(later(4))
            new = delivered(sandbox, 5)
            await s.run(later(6))
            assert await s.requests_of_a_pass() == 1
    assert read_state(state_note(sandbox)).screening_since == later(4)
    assert (sandbox.mailboxes_of(before), sandbox.mailboxes_of(new)) == ({"Inbox"}, {"Screener"})


async def test_two_that_begin_at_the_same_moment_agree() -> None:
    async def both_start(number: int) -> int:
        """The second one starts before a request of the first one's start, which are so many."""
        sandbox = empty_sandbox()
        wire = Wire()

        async def starts() -> None:
            async with client_of(sandbox, Wire()) as client:
                await start(client, ON, now=later(number))

        wire.before = {number: starts}
        with structlog.testing.capture_logs() as logs:
            async with client_of(sandbox, wire) as client:
                triage = await start(client, ON)
                mail = delivered(sandbox, number + 1)
                await triage.run(later(number + 2))
        assert "screening_not_begun" not in [line["event"] for line in logs]
        assert len(sandbox.cards()) == 1
        assert sandbox.mailboxes_of(mail) == {"Screener"}
        return wire.requests

    for number in range(1, await both_start(0)):
        await both_start(number)


# --- what is counted


async def test_what_becomes_of_new_mail_and_what_waits_is_counted() -> None:
    sandbox = empty_sandbox()
    join(sandbox, "Feed", sandbox.add_card("bob@example.org", "Bob"))
    sandbox.add_card("eve@example.org", "Eve")
    async with screening(sandbox) as s:
        for sender in (ANN, ANN, BOB, "Eve <eve@example.org>"):
            arrives(sandbox, sender)
        first = await s.run(later(2))
        second = await s.run(later(3))
    assert (first.mails_screened, first.mails_routed, first.mails_waiting) == (2, 1, 0)
    assert (second.mails_screened, second.mails_routed, second.mails_waiting) == (0, 0, 2)
    assert (s.tally.mails_screened, s.tally.mails_routed["Feed"], s.tally.mails_filed) == (2, 1, 0)


@every_flavour
async def test_mail_that_waits_is_counted_where_nobody_screens_too(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    arrives(sandbox, mailbox="Screener")
    async with screener(sandbox) as s:
        assert (await s.run()).mails_waiting == 1
        sandbox.destroy_mailbox("Screener")
        assert (await s.run()).mails_waiting is None


async def test_a_server_that_gives_fewer_ids_than_asked_for_is_asked_again_at_once() -> None:
    sandbox = empty_sandbox(flavour=JAMES)
    mails = [arrives(sandbox) for _ in range(300)]
    async with screening(sandbox) as s:
        outcomes = [await s.run(later(2)) for _ in range(2)]
    assert [(each.mails_screened, each.has_more) for each in outcomes] == [(256, True), (44, False)]
    assert {frozenset(sandbox.mailboxes_of(mail)) for mail in mails} == {frozenset({"Screener"})}
