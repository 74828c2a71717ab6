"""Mail that has waited too long: told of first, moved a day later, and never what somebody has an eye on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import structlog.testing

from mailroom.config.daily import Expiry
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import Screening
from mailroom.decisions.state_card import Expired, State, read_state, uid_of
from mailroom.errors import ConfigError
from mailroom.sandbox import Flavour, Sandbox, SetError
from mailroom.senders.digest import claim
from mailroom.senders.expiry import expire
from mailroom.senders.history import expired
from mailroom.senders.opening import open_until
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.screener import empty_sandbox, screener
from tests.senders.postbox import Postbox, postbox

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
A_DAY = timedelta(days=1)
EXPIRY = Expiry(30)
SCHEME = replace(DEFAULT_SCHEME, expire=EXPIRY)


def arrives(sandbox: Sandbox, days_ago: float, *labels: str, keywords: tuple[str, ...] = ()) -> str:
    return sandbox.deliver(
        mailboxes=["Screener", *labels], received_at=NOW - timedelta(days=days_ago), keywords=keywords
    )


async def pass_a_day(box: Postbox, expiry: Expiry = EXPIRY) -> int:
    """The first look and the one a day later; gives how many mails left."""
    assert await expire(box.client, box.contacts, SCHEME, expiry, NOW) == 0
    return await expire(box.client, box.contacts, SCHEME, expiry, NOW + A_DAY)


def state(sandbox: Sandbox) -> State:
    card = sandbox.store.card_with_uid(uid_of(sandbox.account_id))
    return read_state("" if card is None else str(next(iter(card.data["notes"].values()))["note"]))


@every_flavour
async def test_what_waited_too_long_leaves_a_day_after_it_was_told_of(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    old, new = arrives(sandbox, 40, keywords=("mailroom-waiting", "mailroom-from-inbox")), arrives(sandbox, 20)
    async with postbox(sandbox) as box:
        with structlog.testing.capture_logs() as logs:
            assert await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW) == 0
            assert await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW + A_DAY / 2) == 0
            assert sandbox.mailboxes_of(old) == {"Screener"}
            assert await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW + A_DAY) == 1
        assert await expired(box.client, box.contacts) == (Expired(1, NOW + A_DAY),)
    assert (sandbox.mailboxes_of(old), sandbox.mailboxes_of(new)) == ({"Archive"}, {"Screener"})
    assert sandbox.store.mails.objects[old].keywords == {"mailroom-seen"}
    assert [(line["event"], line["mails"]) for line in logs] == [("expiry_begins", 1), ("mail_expired", 1)]


async def test_what_somebody_has_an_eye_on_stays() -> None:
    sandbox = empty_sandbox()
    sandbox.create_mailbox("Holiday")
    kept = [
        *(arrives(sandbox, 40, keywords=(keyword,)) for keyword in ("$flagged", "$answered", "$draft")),
        *(arrives(sandbox, 40, label) for label in ("@ToFeed", "@MailroomError", "Holiday", "Inbox")),
    ]
    gone = [arrives(sandbox, 40, "@MailroomWarning"), arrives(sandbox, 40, keywords=("$seen",))]
    async with postbox(sandbox) as box:
        assert await pass_a_day(box) == len(gone)
    assert all("Screener" in sandbox.mailboxes_of(mail) for mail in kept)
    assert all("Archive" in sandbox.mailboxes_of(mail) for mail in gone)


async def test_it_goes_to_the_trash_where_that_was_asked_and_is_not_deleted() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox, 40)
    async with postbox(sandbox) as box:
        assert await pass_a_day(box, Expiry(30, "Trash")) == 1
    assert sandbox.mailboxes_of(mail) == {"Trash"}


@pytest.mark.exhaustive
async def test_ten_thousand_go_by_five_hundred() -> None:
    sandbox = empty_sandbox()
    for _ in range(1_200):
        arrives(sandbox, 40)
    async with postbox(sandbox) as box:
        assert await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW) == 0
        before = len(sandbox.requests)
        assert await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW + A_DAY) == 1_200
        assert [request.calls for request in sandbox.requests[before:]].count(("Email/set",)) == 3


async def test_what_a_server_refuses_stays_and_the_rest_goes() -> None:
    sandbox = empty_sandbox()
    refused, other = arrives(sandbox, 40), arrives(sandbox, 41)
    sandbox.faults.set_errors[refused] = SetError("forbidden")
    async with postbox(sandbox) as box:
        with structlog.testing.capture_logs() as logs:
            assert await pass_a_day(box) == 1
    assert (sandbox.mailboxes_of(refused), sandbox.mailboxes_of(other)) == ({"Screener"}, {"Archive"})
    assert [line["mails"] for line in logs if line["event"] == "mail_not_expired"] == [1]


async def test_turned_off_and_on_again_it_tells_and_waits_again() -> None:
    sandbox = empty_sandbox()
    async with postbox(sandbox) as box:
        await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW)
    on = replace(SCHEME, screening=Screening(mode="on"))
    async with screener(sandbox, on, now=NOW):
        assert state(sandbox) == State(screening_since=NOW, expiry_since=NOW)
    async with screener(sandbox, replace(on, expire=None), now=NOW):
        assert state(sandbox) == State(screening_since=NOW)
    async with screener(sandbox, on, now=NOW), postbox(sandbox) as box:
        arrives(sandbox, 40)
        assert await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW + 2 * A_DAY) == 0
        assert state(sandbox).expiry_since == NOW + 2 * A_DAY


@pytest.mark.parametrize(
    ("days", "request_number"),
    always(3, [(1, 5), (1, 7), (0, 4), *((1, n) for n in (1, 2, 3, 4, 6)), *((0, n) for n in (1, 2, 3))]),
)
async def test_what_others_write_on_the_state_card_meanwhile_stays(days: int, request_number: int) -> None:
    sandbox = empty_sandbox()
    arrives(sandbox, 40)
    until = NOW + timedelta(days=1, minutes=15)

    async def claim_and_open() -> None:
        async with postbox(sandbox) as other:
            assert await claim(other.client, other.contacts, SCHEME, NOW.date())
            await open_until(other.client, other.contacts, SCHEME, until)

    async with postbox(sandbox) as box:
        for day in range(days):
            await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW + day * A_DAY)
        box.wire.before = {box.wire.requests + request_number: claim_and_open}
        assert await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW + days * A_DAY) == days
    assert state(sandbox) == State(
        open_until=until, digest_of=NOW.date(), expiry_since=NOW, expired=(Expired(1, NOW + A_DAY),) * days
    )


async def test_an_account_without_an_archive_is_told_so() -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("Archive")
    async with postbox(sandbox) as box:
        with pytest.raises(ConfigError, match="no mailbox with the role archive"):
            await expire(box.client, box.contacts, SCHEME, EXPIRY, NOW)
