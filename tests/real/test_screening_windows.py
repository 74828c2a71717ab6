"""Cyrus, and what others do between the look at new mail and the write on it: a mail app over IMAP, a second daemon."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from mailroom.errors import Unavailable
from tests.real.accounts import Account
from tests.real.arrivals import ARRIVALS, SCHEME, prepare
from tests.real.mail_app import MailApp
from tests.real.test_screening import ours
from tests.screener import NOW, Wire

pytestmark = pytest.mark.real

LATER = NOW + timedelta(minutes=20)
ANN = "From: Ann <ann@x.example>"


async def passed(account: Account, before_the_write: Callable[[], object] | Callable[[], Awaitable[object]]) -> None:
    """A pass in which somebody else acts between look and write."""
    wire = Wire()
    async with account.triage(wire, SCHEME) as triage:
        # Scan; cards and Sent, at two servers; the write.
        wire.requests, wire.before = 0, {account.first_write: before_the_write}
        await triage.run(LATER)


async def test_a_mail_that_is_moved_over_imap_meanwhile_stays_where_it_was_moved(on_cyrus: Account) -> None:
    mail = on_cyrus.mail
    assert isinstance(mail, MailApp)
    mail.receive("Inbox", "moved", ANN)
    mail.receive("Inbox", "left", "From: Bob <bob@x.example>")

    def move() -> None:
        with mail.user.server.imap(mail.user.name) as imap:
            imap.select("INBOX")
            assert imap.uid("MOVE", "1", "Trash")[0] == "OK"

    await passed(on_cyrus, move)
    assert mail.places() == {"moved": {"Trash"}, "left": {"Screener"}}
    assert ours(mail.keywords()["moved"]) == set()
    assert ours(mail.keywords()["left"]) == {"mailroom-seen", "mailroom-waiting", "mailroom-from-inbox"}


async def test_a_sender_whom_a_second_daemon_decides_meanwhile_is_routed(on_cyrus: Account) -> None:
    mail = on_cyrus.mail
    mail.receive("Inbox", "new", ANN)
    mail.receive("Archive", "old", ANN)

    async def decide() -> None:
        mail.label("old", "@ToFeed")
        async with on_cyrus.triage(scheme=SCHEME) as second:
            await second.run(LATER)

    await passed(on_cyrus, decide)
    assert mail.places()["new"] == {"Feed"}
    assert on_cyrus.contacts.groups_of("ann@x.example") == {"Feed", "Mailroom"}


@pytest.mark.parametrize("when", ["cut_before", "cut_after"])
async def test_a_pass_that_is_cut_off_at_any_request_is_finished_by_the_next_start(
    on_cyrus: Account, when: str
) -> None:
    """One account for all cuts: each has mails of its own."""
    prepare(on_cyrus)
    mail = on_cyrus.mail
    wire = Wire()
    arrive(on_cyrus, 0)
    await run(on_cyrus, wire)
    expected = ends(on_cyrus, 0)
    assert set(expected.values()) >= {frozenset({"Screener"}), frozenset({"Feed"}), frozenset({"Inbox"})}
    for k in range(1, wire.requests + 1) if when == "cut_before" else wire.writes:
        arrive(on_cyrus, k)
        try:
            await run(on_cyrus, Wire(**{when: k}))
        except* Unavailable:
            pass
        await run(on_cyrus, Wire())
        assert ends(on_cyrus, k) == expected, f"{when} request {k} of {wire.requests}"
    marked = [ours(each) for subject, each in mail.keywords().items() if subject.startswith("cut ")]
    assert all("mailroom-seen" in each for each in marked)


def arrive(account: Account, number: int) -> None:
    """One mail of each kind, and a labelled one of somebody new."""
    for arrival in ARRIVALS:
        if arrival.reason in ("decided", "known_contact", "correspondent", "stranger"):
            account.mail.receive("Inbox", f"cut {number} {arrival.what}", *arrival.header)
    labelled = f"cut {number} labelled"
    account.mail.receive("Screener", labelled, f"From: Shop <shop@{number}.example>")
    account.mail.receive("Inbox", f"cut {number} of the labelled", f"From: Shop <shop@{number}.example>")
    account.mail.label(labelled, "@ToFeed")


def ends(account: Account, number: int) -> dict[str, frozenset[str]]:
    """The mailboxes of these mails, by what they are."""
    prefix = f"cut {number} "
    return {
        subject.removeprefix(prefix): frozenset(places)
        for subject, places in account.mail.places().items()
        if subject.startswith(prefix)
    }


async def run(account: Account, wire: Wire) -> None:
    """A start and a pass."""
    async with account.triage(wire, SCHEME) as triage:
        await triage.run(LATER)
