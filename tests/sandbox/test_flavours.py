"""Where servers differ from each other: one test for each of a flavour's manners."""

import json
from typing import Any

import pytest

from mailroom.cli import sandbox
from mailroom.sandbox import CYRUS, FASTMAIL, FLAVOURS, JAMES, STALWART, Flavour, Limits, Sandbox
from mailroom.sandbox.events import read_subscription

from .support import Json, call, calls, error_of, make_sandbox, running

FOUR = [FASTMAIL, CYRUS, JAMES, STALWART]
every_flavour = pytest.mark.parametrize("flavour", FOUR, ids=lambda flavour: flavour.name)


def test_the_command_offers_all_of_them() -> None:
    [choice] = [param.type for param in sandbox.command.params if param.name == "flavour"]
    assert list(getattr(choice, "choices", ())) == list(FLAVOURS) == [flavour.name for flavour in FOUR]


def conversation(sandbox: Sandbox) -> list[str]:
    raw = b"From: a@example.org\r\nSubject: Hi\r\nReferences: <one@x>\r\n\r\nHello"
    return [sandbox.deliver(raw=raw) for _ in range(2)]


@every_flavour
def test_threads(flavour: Flavour) -> None:
    sandbox = make_sandbox(flavour)
    ids = conversation(sandbox)
    shown = call(sandbox, "Email/get", ids=ids, properties=["threadId"])["list"]
    threads = [mail["threadId"] for mail in shown]
    answer = call(sandbox, "Thread/get", ids=threads)["list"]
    if flavour is JAMES:
        assert threads == ids
        assert answer == [{"id": mail_id, "emailIds": [mail_id]} for mail_id in ids]
    else:
        assert answer == [{"id": threads[0], "emailIds": ids}]


@every_flavour
@pytest.mark.parametrize("name", ["inMailbox", "inMailboxOtherThan"])
@pytest.mark.parametrize("operator", ["AND", "OR", "NOT"])
def test_mailboxes_inside_an_operator(flavour: Flavour, name: str, operator: str) -> None:
    sandbox = make_sandbox(flavour)
    condition: Json = {name: "P3" if name == "inMailbox" else ["P3"]}
    given = {"operator": operator, "conditions": [{"operator": "AND", "conditions": [condition]}]}
    alone = {**condition, "notKeyword": "$seen", "after": "2026-01-01T00:00:00Z"}
    assert call(sandbox, "Email/query", filter=alone)["ids"] == []
    if flavour is JAMES:
        assert error_of(sandbox, "Email/query", filter=given) == "unsupportedFilter"
    else:
        call(sandbox, "Email/query", filter=given)


@every_flavour
def test_the_state_in_a_set(flavour: Flavour) -> None:
    sandbox = make_sandbox(flavour)
    mail_id = sandbox.deliver()
    update = {mail_id: {"keywords/x": True}}
    [(name, answer)] = calls(sandbox, ("Email/set", {"ifInState": "another", "update": update}))
    if flavour is JAMES:
        assert (name, "oldState" in answer, answer["updated"]) == ("Email/set", False, {mail_id: None})
        assert answer["newState"] == sandbox.store.mails.state
    else:
        assert (name, answer["type"]) == ("error", "stateMismatch")
        assert "oldState" in call(sandbox, "Email/set", update=update)


@every_flavour
def test_the_total_of_a_query(flavour: Flavour) -> None:
    sandbox = make_sandbox(flavour)
    sandbox.deliver()
    answer = call(sandbox, "Email/query", calculateTotal=True)
    assert answer.get("total") == (None if flavour is JAMES else 1)


@every_flavour
def test_a_race_is_lost_once_where_writes_do_not_wait(flavour: Flavour) -> None:
    sandbox = make_sandbox(flavour)
    mail_id, other = sandbox.deliver(), sandbox.deliver()
    sandbox.faults.races.add(mail_id)
    patch = {"keywords/x": True}
    answer = call(sandbox, "Email/set", update={mail_id: patch, other: patch})
    if flavour is STALWART:
        assert answer["notUpdated"][mail_id]["type"] == "forbidden"
        assert answer["updated"] == {other: None}
    else:
        assert answer["updated"] == {mail_id: None, other: None}
    assert call(sandbox, "Email/set", update={mail_id: patch})["updated"] == {mail_id: None}


@every_flavour
@pytest.mark.parametrize("names", [["from"], ["header", "From"]])
def test_a_part_of_a_word_is_found_where_the_search_has_no_words(flavour: Flavour, names: list[str]) -> None:
    sandbox = make_sandbox(flavour)
    whole, longer = sandbox.deliver("test@x.org"), sandbox.deliver("notest@x.org")

    def found(text: str) -> list[str]:
        given = {names[0]: [*names[1:], text] if names[1:] else text}
        return [str(mail_id) for mail_id in call(sandbox, "Email/query", filter=given)["ids"]]

    assert found("test@x.org") == ([whole] if flavour is STALWART else [whole, longer])
    assert found("@x.org") == [whole, longer]
    assert found("nobody@x.org") == []


@pytest.mark.parametrize(
    ("flavour", "expected"), [(FASTMAIL, (50, 4096)), (CYRUS, (50, 4096)), (JAMES, (16, 500)), (STALWART, (16, 500))]
)
async def test_the_session_tells_the_limits_of_the_flavour(flavour: Flavour, expected: tuple[int, int]) -> None:
    async with running(make_sandbox(flavour)) as r:
        session = (await r.http.get("/jmap/session")).json()
    core = session["capabilities"]["urn:ietf:params:jmap:core"]
    assert (core["maxCallsInRequest"], core["maxObjectsInGet"]) == expected
    assert core["maxObjectsInSet"] == expected[1]


def test_limits_of_a_test_replace_those_of_the_flavour() -> None:
    assert make_sandbox(JAMES, Limits(max_calls_in_request=3)).limits.max_calls_in_request == 3


def test_james_answers_pages_of_256() -> None:
    sandbox = make_sandbox(JAMES)
    ids = [sandbox.deliver() for _ in range(257)]
    answer = call(sandbox, "Email/query", limit=500)
    assert (answer["ids"], answer["limit"]) == (ids[:256], 256)


@pytest.mark.parametrize("missing", ["types", "closeAfter", "ping"])
async def test_james_demands_every_argument_of_an_event_stream(missing: str) -> None:
    given = {"types": "*", "closeAfter": "no", "ping": "0"}
    async with running(make_sandbox(JAMES)) as r:
        template = (await r.http.get("/jmap/session")).json()["eventSourceUrl"]
        assert template.endswith("?types={types}&closeAfter={closeafter}&ping={ping}")
        del given[missing]
        assert (await r.http.get("/jmap/event/", params=given)).status_code == 400


async def test_stalwart_refuses_an_unknown_type_of_events() -> None:
    async with running(make_sandbox(STALWART)) as r:
        answer = await r.http.get("/jmap/event/?types=Email,Nonsense")
        assert (answer.status_code, "Nonsense" in answer.text) == (400, True)
        async with r.events("?types=Email,EmailDelivery"):
            pass


@pytest.mark.parametrize(("asked", "given"), [("5", 30), ("30", 30), ("300", 300)])
def test_stalwart_pings_every_30_seconds_at_most(asked: str, given: float) -> None:
    assert read_subscription(STALWART, "*", "no", asked, None).ping == given


@pytest.mark.parametrize("flavour", [JAMES, STALWART], ids=lambda flavour: flavour.name)
async def test_james_and_stalwart_say_nothing_on_connect_and_number_nothing(flavour: Flavour) -> None:
    async with (
        running(make_sandbox(flavour)) as r,
        r.events("?types=Email&closeafter=no&closeAfter=no&ping=0") as events,
    ):
        r.sandbox.deliver()
        event = await events.next()
        assert event.startswith("event: state\n")
        payload: dict[str, Any] = json.loads(event.partition("data: ")[2])
        assert payload == {"changed": {"u1": {"Email": r.sandbox.store.mails.state}}, "@type": "StateChange"}


async def test_the_connect_event_of_fastmail_honours_types() -> None:
    async with running(make_sandbox(FASTMAIL)) as r, r.events("?types=Email,Mailbox") as events:
        payload = json.loads((await events.next()).partition("data: ")[2])
        assert payload["type"] == "connect"
        assert payload["changed"]["u1"].keys() == {"Email", "Mailbox"}
