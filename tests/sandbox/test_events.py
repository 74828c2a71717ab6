import json

import pytest
import trio

from mailroom.sandbox import CYRUS, FASTMAIL, Flavour
from mailroom.sandbox.events import read_subscription

from .support import Json, make_sandbox, running

EVERYTHING = "?types=*&closeafter=no&ping=0"


def fields(event: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in event.strip().split("\n"))


def payload(event: str) -> Json:
    data = json.loads(fields(event)["data"])
    assert isinstance(data, dict)
    return data


async def test_fastmail_greets_every_connection_and_then_tells_changes() -> None:
    sandbox = make_sandbox(FASTMAIL)
    async with running(sandbox) as server, server.events() as events:
        greeting = await events.next()
        sandbox.deliver()
        change = await events.next()
    assert payload(greeting) == {"changed": {"u1": payload(greeting)["changed"]["u1"]}, "type": "connect"}
    assert fields(change).keys() == {"event", "data"}
    assert payload(change)["type"] == "change"
    assert payload(change)["changed"]["u1"].keys() == {"Mailbox", "Email", "Thread"}
    assert payload(change)["changed"]["u1"]["Email"] == sandbox.store.mails.state


async def test_cyrus_says_nothing_on_connect_and_numbers_its_events() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server, server.events(EVERYTHING) as events:
        sandbox.deliver()
        first = await events.next()
        sandbox.deliver()
        second = await events.next()
    assert payload(first)["@type"] == "StateChange"
    assert int(fields(second)["id"]) == int(fields(first)["id"]) + 1


async def test_a_number_brings_what_was_missed_since() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server:
        async with server.events(EVERYTHING) as events:
            sandbox.deliver()
            number = fields(await events.next())["id"]
        sandbox.add_card("ann@example.org", "Ann")
        async with server.events(EVERYTHING, **{"Last-Event-ID": number}) as events:
            missed = await events.next()
    assert payload(missed)["changed"]["u1"].keys() == {"ContactCard"}


async def test_a_present_number_brings_nothing() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server:
        async with server.events(EVERYTHING) as events:
            sandbox.deliver()
            number = fields(await events.next())["id"]
        async with server.events(EVERYTHING, **{"Last-Event-ID": number}) as events:
            sandbox.deliver(mailboxes=["Feed"])
            assert int(fields(await events.next())["id"]) == int(number) + 1


async def test_only_the_wanted_types_are_told() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server, server.events("?types=ContactCard&closeafter=no&ping=0") as events:
        sandbox.deliver()
        sandbox.add_card("ann@example.org", "Ann")
        assert payload(await events.next())["changed"]["u1"].keys() == {"ContactCard"}


async def test_a_stream_closes_after_a_state_if_asked_to() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server, server.events("?types=*&closeafter=state&ping=0") as events:
        sandbox.deliver()
        assert [fields(event)["event"] for event in await events.rest()] == ["state"]


async def test_cyrus_pings_in_the_rhythm_asked_for() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server, server.events("?types=*&closeafter=no&ping=1") as events:
        ping = await events.next()
    assert fields(ping) == {"event": "ping", "data": '{"interval":1}'}


@pytest.mark.parametrize(("flavour", "ping"), [(FASTMAIL, float("inf")), (CYRUS, 30)])
def test_fastmail_never_pings(flavour: Flavour, ping: float) -> None:
    assert read_subscription(flavour, "*", "no", "30", None).ping == ping
    assert read_subscription(flavour, None, None, "0", None).ping == float("inf")


@pytest.mark.parametrize("query", ["?closeafter=never", "?ping=often", "?ping=-1"])
async def test_bad_arguments_are_refused(query: str) -> None:
    async with running(make_sandbox()) as server:
        response = await server.http.get(f"/jmap/event/{query}")
        assert response.status_code == 400


async def test_what_a_client_writes_is_pushed_too() -> None:
    sandbox = make_sandbox(CYRUS)
    mail_id = sandbox.deliver()
    async with running(sandbox) as server, server.events(EVERYTHING) as events:
        await server.post(("Email/set", {"update": {mail_id: {"mailboxIds/P4": True}}}))
        assert payload(await events.next())["changed"]["u1"]["Email"] == sandbox.store.mails.state


@pytest.mark.parametrize("keyword", ["$seen", "$draft"])
async def test_rfc_8620_section_7_a_change_of_the_unread_counts_is_told(keyword: str) -> None:
    sandbox = make_sandbox(CYRUS)
    mail_id = sandbox.deliver()
    async with running(sandbox) as server, server.events("?types=Mailbox") as events:
        await server.post(("Email/set", {"update": {mail_id: {f"keywords/{keyword}": True}}}))
        assert payload(await events.next())["changed"]["u1"] == {"Mailbox": sandbox.store.mailboxes.state}


async def test_changes_that_a_slow_client_has_not_read_are_merged() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server, server.events(EVERYTHING) as events:
        for _ in range(50):
            sandbox.deliver()
        assert payload(await events.next())["changed"]["u1"]["Email"] == sandbox.store.mails.state


async def test_a_client_that_leaves_is_forgotten() -> None:
    sandbox = make_sandbox()
    async with running(sandbox) as server:
        async with server.events():
            assert sandbox.broadcaster.open_streams == 1
        while sandbox.broadcaster.open_streams:
            await trio.lowlevel.checkpoint()


async def test_streams_end_in_an_orderly_way() -> None:
    sandbox = make_sandbox(CYRUS)
    async with running(sandbox) as server, server.events(EVERYTHING) as events:
        sandbox.end_streams()
        assert await events.rest() == []
        assert not events.was_cut
