"""New mail in the Inbox is judged by the daemon itself: the lines of the verdict, requests, doubt and crashes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import structlog.testing

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.decisions.state_card import read_state, uid_of
from mailroom.sandbox import CYRUS, FASTMAIL, JAMES, STALWART, Flavour, MethodError, Sandbox
from tests.screener import NOW, Screener, empty_sandbox, screener

ON = replace(DEFAULT_SCHEME, screening=Screening(mode="on"))
WATCH = replace(DEFAULT_SCHEME, screening=Screening(mode="watch"))
ANN = "Ann Lee <ann@example.org>"
FLAVOURS = pytest.mark.parametrize("flavour", [FASTMAIL, CYRUS, JAMES, STALWART], ids=lambda flavour: flavour.name)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def arrives(sandbox: Sandbox, sender: str = ANN, *header: str) -> str:
    """A new mail in the Inbox, a minute after screening began, with further header fields."""
    return sandbox.deliver(raw=raw(sender, *header), mailboxes=["Inbox"], received_at=later(1))


def raw(sender: str, *header: str) -> bytes:
    return "\r\n".join([f"From: {sender}", "Subject: Hello", *header, "", "Text", ""]).encode()


def keywords_of(sandbox: Sandbox, mail: str) -> set[str]:
    return set(sandbox.store.mails.objects[mail].keywords)


@asynccontextmanager
async def screening(sandbox: Sandbox, scheme: Scheme = ON) -> AsyncIterator[Screener]:
    async with screener(sandbox, scheme) as s:
        yield s


@FLAVOURS
async def test_mail_of_a_stranger_leaves_the_inbox_and_that_of_a_friend_stays(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.add_card("bob@example.org", "Bob")
    stranger, friend = arrives(sandbox), arrives(sandbox, "Bob <bob@example.org>")
    async with screening(sandbox) as s:
        outcome = await s.run(NOW + timedelta(minutes=2))
        assert (outcome.mails_screened, outcome.mails_routed) == (1, 0)
        assert sandbox.mailboxes_of(stranger) == {"Screener"}
        assert keywords_of(sandbox, stranger) == {"mailroom-seen", "mailroom-waiting", "mailroom-from-inbox"}
        assert (sandbox.mailboxes_of(friend), keywords_of(sandbox, friend)) == ({"Inbox"}, {"mailroom-seen"})
        before = sandbox.store.states()
        again = await s.run(NOW + timedelta(minutes=3))
        assert (again.mails_screened, sandbox.store.states()) == (0, before)


async def test_mail_from_before_screening_began_is_neither_read_nor_marked() -> None:
    sandbox = empty_sandbox()
    old = sandbox.deliver(ANN, "Old", ["Inbox"], received_at=later(-1))
    async with screening(sandbox) as s:
        await s.run(NOW + timedelta(minutes=2))
    assert (sandbox.mailboxes_of(old), keywords_of(sandbox, old)) == ({"Inbox"}, set())


async def test_the_moment_is_kept_on_a_card_and_taken_off_when_screening_is_off() -> None:
    sandbox = empty_sandbox()

    def note() -> str:
        card = sandbox.store.card_with_uid(uid_of(sandbox.account_id))
        assert card is not None
        return str(next(iter(card.data["notes"].values()))["note"])

    async with screening(sandbox):
        assert read_state(note()).screening_since == NOW
    async with screening(sandbox, DEFAULT_SCHEME):
        assert read_state(note()).screening_since is None


async def test_a_card_that_is_gone_begins_screening_anew_and_judges_nothing() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    async with screening(sandbox) as s:
        card = sandbox.store.card_with_uid(uid_of(sandbox.account_id))
        assert card is not None
        sandbox.destroy_card(uid_of(sandbox.account_id))
        await s.run(NOW + timedelta(minutes=2))
        await s.run(NOW + timedelta(minutes=3))
        assert sandbox.mailboxes_of(mail) == {"Inbox"}
        newer = sandbox.deliver(ANN, "Newer", ["Inbox"], received_at=later(4))
        await s.run(NOW + timedelta(minutes=5))
        assert (sandbox.mailboxes_of(mail), sandbox.mailboxes_of(newer)) == ({"Inbox"}, {"Screener"})


async def test_watching_tells_once_and_writes_nothing() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    async with screening(sandbox, WATCH) as s:
        before = sandbox.store.states()
        with structlog.testing.capture_logs() as logs:
            await s.run(NOW + timedelta(minutes=2))
            await s.run(NOW + timedelta(minutes=3))
        assert [(line["reason"]) for line in logs if line["event"] == "would_screen"] == ["stranger"]
        assert sandbox.store.states() == before
    assert sandbox.mailboxes_of(mail) == {"Inbox"}


async def test_whom_the_user_wrote_to_and_who_answers_the_user_stay() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver(raw=raw("me@example.com", "To: bob@example.org", "Message-ID: <1@me>"), mailboxes=["Sent"])
    correspondent = arrives(sandbox, "Bob <bob@example.org>")
    answer = arrives(sandbox, "Bob <bob@elsewhere.example>", "In-Reply-To: <1@me>", "References: <1@me>")
    other = arrives(sandbox, "Not Bob <notbob@example.org>")
    async with screening(sandbox) as s:
        await s.run(NOW + timedelta(minutes=2))
    assert [sandbox.mailboxes_of(mail) for mail in (correspondent, answer, other)] == [
        {"Inbox"},
        {"Inbox"},
        {"Screener"},
    ]


async def test_new_mail_of_a_sender_who_is_labelled_in_the_same_pass_is_routed() -> None:
    sandbox = empty_sandbox()
    labelled = sandbox.deliver(ANN, "Before", ["Screener"])
    sandbox.label(labelled, "@ToFeed")
    new = arrives(sandbox)
    async with screening(sandbox) as s:
        outcome = await s.run(NOW + timedelta(minutes=2))
        assert (outcome.senders_triaged, outcome.mails_routed) == (1, 1)
        assert s.wire.requests == 4
    assert (sandbox.mailboxes_of(labelled), sandbox.mailboxes_of(new)) == ({"Feed"}, {"Feed"})
    assert keywords_of(sandbox, new) == {"mailroom-seen", "mailroom-from-inbox"}


async def test_a_mail_that_the_user_touches_between_look_and_write_stays_as_the_user_left_it() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    async with screener(sandbox, ON, before={3: lambda: sandbox.move(mail, "Trash")}) as s:
        await s.run(NOW + timedelta(minutes=2))
    assert sandbox.mailboxes_of(mail) == {"Trash"}


async def test_a_look_up_that_fails_leaves_mail_where_it_is_without_a_mark() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    async with screening(sandbox) as s:
        # The scan's queries go through; the one in Sent doesn't.
        sandbox.faults.method_error("Email/query", MethodError("unsupportedSort"), skip=4)
        await s.run(NOW + timedelta(minutes=2))
        assert (sandbox.mailboxes_of(mail), keywords_of(sandbox, mail)) == ({"Inbox"}, set())
        await s.run(NOW + timedelta(minutes=3))
        assert sandbox.mailboxes_of(mail) == {"Screener"}


async def test_mail_of_a_decided_sender_that_waits_without_a_mark_is_filed() -> None:
    sandbox = empty_sandbox()
    uid = sandbox.add_card("ann@example.org", "Ann Lee")
    feed = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Feed")
    sandbox.change_card(feed.data["uid"], {"members": {uid: True}})
    waiting, stranger = sandbox.deliver(ANN, "x", ["Screener"]), sandbox.deliver("B <b@x.org>", "y", ["Screener"])
    async with screening(sandbox) as s:
        await s.run(NOW + timedelta(minutes=2))
    assert sandbox.mailboxes_of(waiting) == {"Feed"}
    assert keywords_of(sandbox, stranger) == {"mailroom-seen", "mailroom-waiting"}
