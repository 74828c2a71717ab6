"""The digest as a mail: one a day, from the owner to the owner, in the Inbox."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from email import message_from_bytes, policy
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from mailroom.config.daily import Digest
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import Screening
from mailroom.contacts.jmap import JmapContacts
from mailroom.decisions.state_card import State, read_state, uid_of
from mailroom.errors import ConfigError, Unavailable
from mailroom.jmap.letter import CREATION_ID
from mailroom.observe.status import Tally
from mailroom.sandbox import Flavour, Sandbox, SetError
from mailroom.senders.digest import DigestRefused, claim, compose, put
from mailroom.triage.passes import prepare
from tests.exhaustive import always, first_of
from tests.flavours import every_flavour
from tests.screener import Wire, client_of, empty_sandbox, screener
from tests.senders.postbox import Postbox, postbox

NOW = datetime(2026, 11, 27, 7, 30, tzinfo=UTC)
DAY = date(2026, 11, 27)
SCHEME = replace(DEFAULT_SCHEME, digest=Digest(time(7, 30), ZoneInfo("UTC")))


async def send(box: Postbox, day: date = DAY, now: datetime = NOW) -> bool:
    composed = await compose(box.client, SCHEME, UTC, day)
    return composed is not None and await put(box.client, composed, now)


async def claimed(box: Postbox, day: date = DAY) -> bool:
    return await claim(box.client, box.contacts, SCHEME, day)


def digests(box: Postbox) -> list[str]:
    return [id for id, mail in box.sandbox.store.mails.objects.items() if "mailroom-digest" in mail.keywords]


def with_two_who_wait(flavour: Flavour | None = None) -> Sandbox:
    sandbox = empty_sandbox(flavour=flavour) if flavour else empty_sandbox()
    sandbox.deliver("Ann <ann@shop.example>", "Your order", received_at=NOW)
    sandbox.deliver("Bob <bob@x.example>", "Hi", received_at=NOW)
    return sandbox


def message(sandbox: Sandbox, id: str) -> EmailMessage:
    read = message_from_bytes(sandbox.store.mails.objects[id].message.raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


@every_flavour
async def test_it_is_a_mail_of_ones_own_in_the_inbox_that_screening_leaves_alone(flavour: Flavour) -> None:
    sandbox = with_two_who_wait(flavour)
    async with postbox(sandbox) as box:
        assert await send(box)
        (id,) = digests(box)
        mail = message(sandbox, id)
        assert (mail["From"], mail["To"]) == (f"Mailroom <{sandbox.email}>", f"Mailroom <{sandbox.email}>")
        assert mail["Subject"] == "2 senders wait in Screener"
        assert mail["Date"].datetime == NOW
        assert {name.lower() for name in mail} <= {
            *("from", "to", "subject", "date", "message-id", "mime-version", "content-type"),
        }
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        assert sandbox.store.mails.objects[id].keywords == {"mailroom-digest", "mailroom-seen"}
    on = replace(SCHEME, screening=Screening(mode="on"))
    async with screener(sandbox, on, now=NOW) as s:
        await s.run(NOW)
    assert sandbox.mailboxes_of(id) == {"Inbox"}


async def test_nobody_waits_no_digest() -> None:
    async with postbox(empty_sandbox()) as box:
        assert await compose(box.client, SCHEME, UTC, DAY) is None


async def test_there_is_one_a_day_and_an_older_one_that_nobody_read_goes_to_the_trash() -> None:
    async with postbox(with_two_who_wait()) as box:
        assert await send(box)
        (first,) = digests(box)
        assert not await send(box)
        assert await send(box, date(2026, 11, 28))
        assert box.sandbox.mailboxes_of(first) == {"Trash"}
        (second,) = set(digests(box)) - {first}
        read = box.sandbox.store.mails.objects[second]
        box.sandbox.store.change_mail(read.placed(read.mailbox_ids, read.keywords | {"$seen"}))
        assert await send(box, date(2026, 11, 29))
        assert box.sandbox.mailboxes_of(second) == {"Inbox"}


async def test_the_day_is_claimed_once_and_what_the_card_keeps_otherwise_stays() -> None:
    sandbox = empty_sandbox()
    async with screener(sandbox, replace(SCHEME, screening=Screening(mode="on")), now=NOW), postbox(sandbox) as box:
        assert await claimed(box)
        assert not await claimed(box)
        card = sandbox.store.card_with_uid(uid_of(sandbox.account_id))
        assert card is not None
        note = str(next(iter(card.data["notes"].values()))["note"])
        assert read_state(note) == State(screening_since=NOW, digest_of=DAY)
        assert not await claimed(box, date(2026, 11, 26))  # the clock was set back
        assert await claimed(box, date(2026, 11, 28))


async def test_a_state_card_that_somebody_deleted_is_made_anew() -> None:
    async with postbox(with_two_who_wait()) as box:
        assert await claimed(box)
        assert await send(box)
        box.sandbox.destroy_card(uid_of(box.sandbox.account_id))
        assert await claimed(box)
        assert not await send(box)


@first_of("request_number", range(2, 8), 2)
async def test_two_daemons_put_one(request_number: int) -> None:
    sandbox = with_two_who_wait()
    async with postbox(sandbox) as one, postbox(sandbox) as other:
        one.wire.before = {request_number: lambda: send(other)}
        await send(one)
        assert len(digests(one)) == 1


async def once(sandbox: Sandbox, wire: Wire) -> None:
    """What the daemon does when a digest is due, on a connection that may break."""
    async with client_of(sandbox, wire) as client:
        session = await client.session()
        assert session.contacts_account is not None
        contacts = JmapContacts(client, session.contacts_account, session.limits)
        if await claim(client, contacts, SCHEME, DAY):
            composed = await compose(client, SCHEME, UTC, DAY)
            assert composed is not None
            await put(client, composed, NOW)


@pytest.mark.parametrize("cut", always(1, ["cut_after", "cut_before"]))
async def test_cut_off_at_any_request_there_is_never_a_second_one(cut: str) -> None:
    whole = Wire()
    await once(with_two_who_wait(), whole)
    for number in range(1, whole.requests + 1):
        sandbox = with_two_who_wait()
        with pytest.RaisesGroup(Unavailable, flatten_subgroups=True, allow_unwrapped=True):
            await once(sandbox, Wire(**{cut: number}))
        was_claimed = sandbox.store.card_with_uid(uid_of(sandbox.account_id)) is not None
        await once(sandbox, Wire())
        await once(sandbox, Wire())
        written = [mail for mail in sandbox.store.mails.objects.values() if "mailroom-digest" in mail.keywords]
        assert len(written) <= 1, number
        # Once the day is written down, a digest that was lost is not made up for.
        assert written or was_claimed, number


async def test_mail_that_changes_meanwhile_is_looked_at_again() -> None:
    sandbox = with_two_who_wait()
    async with postbox(sandbox) as box:
        await box.client.session()
        # The last of five requests is the write.
        box.wire.before = {6: lambda: sandbox.deliver("Eve <eve@x.example>")}
        assert await send(box)
        box.wire.before = {number: lambda: sandbox.deliver("Eve <eve@x.example>") for number in range(1, 40)}
        with pytest.raises(Unavailable):
            await send(box, date(2026, 11, 28))


async def test_a_digest_that_is_refused_is_told() -> None:
    sandbox = with_two_who_wait()
    sandbox.faults.set_errors[CREATION_ID] = SetError("overQuota")
    async with postbox(sandbox) as box:
        with pytest.raises(DigestRefused, match="overQuota"):
            await send(box)


async def test_without_an_address_of_ones_own_a_start_says_what_to_write() -> None:
    sandbox = empty_sandbox()
    sandbox.identities, sandbox.email, sandbox.name = [("Robin", "")], "robin", "robin"
    async with postbox(sandbox) as box:
        with pytest.raises(ConfigError, match="own_addresses"):
            await prepare(box.client, box.contacts, SCHEME, Tally(), NOW)
        await prepare(box.client, box.contacts, replace(SCHEME, own_addresses=("robin@example.org",)), Tally(), NOW)
