"""What doctor says of screening, and that its try of a mark leaves nothing behind."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailroom.account.servers import open_servers
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Mode, Screening
from mailroom.decisions.state_card import State, uid_of, with_state
from mailroom.doctor import screening_checks
from mailroom.doctor.clean_up import NotUndone
from mailroom.doctor.findings import Examined, Outcome
from mailroom.doctor.screening_checks import check_marking, check_marking_rights, check_screening
from mailroom.errors import Unavailable
from mailroom.sandbox import CYRUS, JAMES, Flavour, Limits, MethodError, Sandbox, faults
from tests.commands.support import sets, settings_for
from tests.flavours import every_flavour
from tests.new_mail import keywords_of
from tests.screener import empty_sandbox

BEGAN = datetime.now(UTC) - timedelta(days=2)


def in_mode(mode: Mode) -> Scheme:
    return replace(DEFAULT_SCHEME, screening=Screening(mode))


@asynccontextmanager
async def examined(sandbox: Sandbox, mode: Mode = "on") -> AsyncIterator[Examined]:
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        yield Examined(settings, in_mode(mode), servers, print)


def begun(sandbox: Sandbox, open_until: datetime | None = None) -> None:
    note = with_state("", State(BEGAN, open_until))
    sandbox.add_card("", "Mailroom", uid=uid_of(sandbox.account_id), notes={"n": {"note": note}})


def has_arrived(sandbox: Sandbox, mailbox: str = "Inbox", *keywords: str, days_ago: float = 1) -> str:
    at = datetime.now(UTC) - timedelta(days=days_ago)
    mail = sandbox.deliver("Ann <ann@example.org>", "Hello", [mailbox], received_at=at)
    sandbox.store.change_mail(replace(sandbox.store.mails.objects[mail], keywords=frozenset(keywords)))
    return mail


# --- whether, since when, how much


@every_flavour
async def test_says_since_when_and_how_much_has_no_mark_yet(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    begun(sandbox)
    for mailbox, keywords, days in (
        ("Inbox", (), 1),
        ("Inbox", ("mailroom-seen",), 1),
        ("Inbox", (), 3),
        ("Screener", (), 30),
        ("Screener", ("mailroom-waiting",), 1),
    ):
        has_arrived(sandbox, mailbox, *keywords, days_ago=days)
    async with examined(sandbox) as it:
        found = await check_screening(it)
    assert (found.outcome, found.detail.splitlines()) == (
        Outcome.OK,
        [f"on since {BEGAN:%Y-%m-%d %H:%M} UTC", "mails without a mark yet: 1 in the Inbox, 1 in the Screener"],
    )


async def test_says_that_nothing_waits_and_until_when_screening_is_open() -> None:
    until = datetime.now(UTC) + timedelta(minutes=15)
    sandbox = empty_sandbox()
    begun(sandbox, open_until=until)
    async with examined(sandbox) as it:
        found = await check_screening(it)
    assert found.detail.splitlines() == [
        f"on since {BEGAN:%Y-%m-%d %H:%M} UTC; everybody is let in until {until:%Y-%m-%d %H:%M} UTC",
        "no mail waits for a verdict",
    ]


async def test_a_search_that_is_refused_is_a_warning() -> None:
    sandbox = empty_sandbox()
    begun(sandbox)
    async with examined(sandbox) as it:
        sandbox.faults.method_error("Email/query", MethodError("unsupportedFilter"))
        found = await check_screening(it)
    assert (found.outcome, found.detail.splitlines()[1]) == (Outcome.WARNING, screening_checks.CANNOT_ASK)


async def test_an_opening_that_is_over_is_not_told() -> None:
    sandbox = empty_sandbox()
    begun(sandbox, open_until=datetime.now(UTC) - timedelta(seconds=1))
    async with examined(sandbox) as it:
        assert "let in" not in (await check_screening(it)).detail


async def test_more_than_a_pass_takes_is_a_least_number() -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_get=20))
    begun(sandbox)
    for _ in range(21):
        has_arrived(sandbox)
    async with examined(sandbox) as it:
        assert "at least 20 in the Inbox" in (await check_screening(it)).detail


@pytest.mark.parametrize(
    ("mode", "detail"),
    [
        ("off", "off: the daemon leaves new mail where it is"),
        ("watch", "watch: the log says what would become of new mail, which stays where it is"),
        ("on", "on, but not begun: the daemon begins when it starts, and leaves mail from before alone"),
    ],
)
async def test_says_the_mode_where_nothing_has_begun(mode: Mode, detail: str) -> None:
    sandbox = empty_sandbox()
    async with examined(sandbox, mode) as it:
        found = await check_screening(it)
    assert (found.outcome, found.detail) == (Outcome.OK, detail)
    assert bool(found.advice) is (mode == "off")
    assert sets(sandbox) == []


@pytest.mark.parametrize(
    ("mode", "outcome"), [("off", Outcome.OK), ("watch", Outcome.WARNING), ("on", Outcome.WARNING)]
)
async def test_without_a_mailbox_for_sent_mail_nobody_was_written_to(mode: Mode, outcome: Outcome) -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("Sent")
    async with examined(sandbox, mode) as it:
        found = await check_screening(it)
    assert found.outcome is outcome
    if outcome is Outcome.WARNING:
        assert found.detail.endswith("\n" + screening_checks.NO_SENT)
        assert found.advice == screening_checks.GIVE_THE_ROLE


# --- keywords


@every_flavour
async def test_a_mail_that_was_read_takes_a_mark_and_loses_it_again(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    new, read = has_arrived(sandbox), has_arrived(sandbox, "Inbox", "$seen", "mine")
    async with examined(sandbox) as it:
        found = await check_marking(it)
    assert (found.outcome, found.detail.splitlines()[0]) == (
        Outcome.OK,
        "a mail in the Inbox took one, and lost it again",
    )
    assert (keywords_of(sandbox, new), keywords_of(sandbox, read)) == (set(), {"$seen", "mine"})
    assert sets(sandbox) == ["Email/set"] * 3


@every_flavour
async def test_a_server_that_does_not_look_at_the_state_is_told(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    async with examined(sandbox) as it:
        found = await check_marking(it)
    assert (screening_checks.UNCHECKED in found.detail) is (flavour is JAMES)
    assert found.outcome is Outcome.OK


async def test_what_has_marks_already_needs_no_try_and_unread_mail_is_not_touched() -> None:
    sandbox = empty_sandbox()
    new = has_arrived(sandbox)
    async with examined(sandbox) as it:
        states = sandbox.store.states()
        assert "no mail there has been read" in (await check_marking(it)).detail
        has_arrived(sandbox, "Inbox", "mailroom-seen", "$seen")
        states = sandbox.store.states()
        assert (await check_marking(it)).detail == "mail in the Inbox has them already"
    assert (keywords_of(sandbox, new), sandbox.store.states()) == (set(), states)


async def test_a_mailbox_that_is_full_of_keywords_is_a_warning() -> None:
    sandbox = empty_sandbox(Limits(max_keywords_per_mailbox=1), CYRUS)
    read = has_arrived(sandbox, "Inbox", "$seen", "mine")
    async with examined(sandbox) as it:
        found = await check_marking(it)
    assert (found.outcome, found.detail) == (Outcome.WARNING, "the server stores none in the Inbox: serverFail")
    assert found.advice == screening_checks.NEEDED
    assert keywords_of(sandbox, read) == {"$seen", "mine"}


async def test_read_only_asks_for_rights_alone() -> None:
    sandbox = empty_sandbox()
    async with examined(sandbox) as it:
        found = await check_marking_rights(it)
    assert (found.outcome, found.detail) == (Outcome.OK, "this login may set them in the Inbox (asked, not tried)")
    assert sets(sandbox) == []


async def test_a_mark_that_cannot_be_taken_off_is_told() -> None:
    sandbox = empty_sandbox()
    has_arrived(sandbox, "Inbox", "$seen")
    async with examined(sandbox) as it:
        sandbox.faults.method_error("Email/set", MethodError("forbidden"), skip=2)
        with pytest.raises(NotUndone, match=re.escape(screening_checks.BY_HAND)):
            await check_marking(it)


async def test_an_answer_that_is_lost_leaves_no_mark() -> None:
    sandbox = empty_sandbox()
    read = has_arrived(sandbox, "Inbox", "$seen")
    async with examined(sandbox) as it:
        # Before it: mailboxes and what there is to try it on.
        sandbox.faults.next_request(faults.CutAfter(), skip=2)
        with pytest.raises(Unavailable):
            await check_marking(it)
    assert sets(sandbox) == ["Email/set"] * 3
    assert keywords_of(sandbox, read) == {"$seen"}
