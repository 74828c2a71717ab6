"""New mail on real servers: each line of the verdict, in all flavours of the sandbox, with Radicale, and on Cyrus."""

from dataclasses import replace
from datetime import timedelta

import pytest
import structlog.testing

from mailroom.sandbox import CYRUS, FASTMAIL, JAMES, STALWART
from mailroom.triage.passes import Triage
from tests.exhaustive import always
from tests.real.accounts import Account, sandbox_account
from tests.real.arrivals import ARRIVALS, SCHEME, WHILE_OPEN, Arrival, prepare
from tests.real.conftest import ON_CYRUS, ON_RADICALE
from tests.screener import NOW, Wire

FLAVOURS = {each.name: each for each in (FASTMAIL, CYRUS, JAMES, STALWART)}


@pytest.fixture(params=[*always(1, (f"sandbox-{name}" for name in FLAVOURS)), ON_RADICALE, ON_CYRUS])
def everywhere(request: pytest.FixtureRequest) -> Account:
    kind, _, flavour = str(request.param).partition("-")
    if kind == "sandbox":
        return sandbox_account(FLAVOURS[flavour])
    found: Account = request.getfixturevalue(f"on_{kind}")
    return found


async def test_each_line_of_the_verdict(everywhere: Account) -> None:
    account = everywhere
    prepare(account)
    account.mail.receive("Inbox", WHILE_OPEN.what, *WHILE_OPEN.header)
    wire = Wire()
    async with account.triage(wire, SCHEME) as triage:
        with structlog.testing.capture_logs() as logs:
            await triage.run(NOW + timedelta(minutes=5))
            idle = await requests_of_a_pass(triage, wire)
            for arrival in ARRIVALS:
                account.mail.receive("Inbox", arrival.what, *arrival.header)
            await triage.run(NOW + timedelta(minutes=20))
            assert await requests_of_a_pass(triage, wire) == idle
    expected = [expected_on(account, arrival) for arrival in (WHILE_OPEN, *ARRIVALS)]
    places, keywords = account.mail.places(), account.mail.keywords()
    assert {each.what: places[each.what] for each in expected} == {each.what: set(each.ends) for each in expected}
    judged = [(line["sender"], line["reason"]) for line in logs if line["event"] == "mail_judged"]
    assert sorted(reason for _, reason in judged) == sorted(each.reason for each in expected)
    assert dict(judged)["new@x.example"] == "stranger"
    assert [line["sender"] for line in logs if line["event"] == "groups_unrelated"] == ["torn@decided.example"]
    for each in expected:
        assert ours(keywords[each.what]) == marks_of(each), each.what


async def requests_of_a_pass(triage: Triage, wire: Wire) -> int:
    before = wire.requests
    await triage.run(NOW + timedelta(minutes=21))
    return wire.requests - before


def expected_on(account: Account, arrival: Arrival) -> Arrival:
    """Where no threads are formed, nobody knows what a mail answers."""
    if arrival.reason == "answers_user" and not account.forms_threads:
        return replace(arrival, ends=frozenset({"Screener"}), reason="stranger")
    if arrival.reason == "unreadable_card" and account.mends_cards:
        return replace(arrival, reason="known_contact")
    return arrival


def ours(keywords: set[str]) -> set[str]:
    return {each for each in keywords if each.startswith("mailroom-")}


def marks_of(arrival: Arrival) -> set[str]:
    marks = {"mailroom-seen"}
    if "Inbox" not in arrival.ends:
        marks.add("mailroom-from-inbox")
    if "Screener" in arrival.ends:
        marks.add("mailroom-waiting")
    if arrival.reason == "forged":
        marks.add("mailroom-forged")
    return marks
