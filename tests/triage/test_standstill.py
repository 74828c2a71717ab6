"""A process that stands still in the middle of a pass, while its twin goes on and the owner decides anew."""

import sys
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass

import httpx
import pytest
import structlog
import time_machine

from mailroom.observe.status import Tally
from mailroom.sandbox import Sandbox
from tests.new_mail import ANN, join
from tests.screener import NOW, Wire, client_of, empty_sandbox, start

STOPPED_SECONDS = 20.0
"""Longer than it takes a twin to settle two taps after the usual waits, shorter than an answer may take."""


@pytest.fixture
def wall_clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


class Interrupted(Wire):
    """A network at some answers of which, by their numbers, the process stands still; `meanwhile` happens then."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.at: Collection[int] = ()
        self._meanwhile = meanwhile

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if self.requests in self.at:
            await self._meanwhile()
        return response


@dataclass(frozen=True)
class Account:
    """All that the owner can see."""

    mails: dict[str, set[str]]
    groups: dict[str, set[str]]
    notes: list[str]


def seen(sandbox: Sandbox) -> Account:
    return Account(
        mails={id: sandbox.mailboxes_of(id) for id in sandbox.store.mails.objects},
        groups=sandbox.groups(),
        notes=[note["note"] for card in sandbox.cards() for note in card.get("notes", {}).values()],
    )


async def played(clock: time_machine.Traveller, *stands_still_at: int) -> tuple[Account, int]:
    """Ann goes from the Imbox to the Feed, and back. What is seen in the end, and the first one's requests."""
    sandbox = empty_sandbox()
    join(sandbox, "Imbox", sandbox.add_card("ann@example.org", "Ann Lee"))
    tapped = sandbox.deliver(ANN, mailboxes=("Imbox", "@ToFeed"))
    sandbox.deliver(ANN, mailboxes=("Imbox",))

    async def meanwhile() -> None:
        await passes(sandbox)
        assert sandbox.mailboxes_of(tapped) == {"Feed"}
        sandbox.label(tapped, "@ToImbox")
        await passes(sandbox)
        clock.shift(STOPPED_SECONDS)

    wire = Interrupted(meanwhile)
    async with client_of(sandbox, wire) as client:
        first = await start(client)
        wire.requests, wire.at = 0, stands_still_at
        await first.run(NOW)
    requests = wire.requests
    if not stands_still_at:
        await meanwhile()
    await passes(sandbox)
    return seen(sandbox), requests


async def passes(sandbox: Sandbox) -> None:
    """The twin's, until one has nothing to do."""
    async with client_of(sandbox, Wire()) as client:
        twin, states = await start(client), None
        while states != (states := sandbox.store.states()):
            await twin.run(NOW)


async def test_it_does_not_act_on_what_it_saw_before(wall_clock: time_machine.Traveller) -> None:
    expected, requests = await played(wall_clock)
    assert expected.groups["Imbox"] == {"ann@example.org"}
    assert expected.groups["Feed"] == set()
    assert requests == 5
    for number in range(1, requests + 1):
        assert (await played(wall_clock, number))[0] == expected, f"request {number} of {requests}"


async def test_a_server_that_is_always_slow_is_lived_with(wall_clock: time_machine.Traveller) -> None:
    handled: list[BaseException | None] = []

    async def slowly() -> None:
        handled.append(sys.exception())
        wall_clock.shift(STOPPED_SECONDS)

    sandbox = empty_sandbox()
    tapped = sandbox.deliver(ANN, mailboxes=("Screener", "@ToFeed"))
    wire = Interrupted(slowly)
    with structlog.testing.capture_logs() as logs:
        async with client_of(sandbox, wire) as client:
            triage = await start(client)
            wire.at = range(100)
            await triage.run(NOW)
    assert sandbox.mailboxes_of(tapped) == {"Feed"}
    assert [line["event"] for line in logs].count("pass_begun_anew") == 1
    assert not any(handled), "an error holds all that was read before it"


async def test_what_was_moved_before_is_counted_once(wall_clock: time_machine.Traveller) -> None:
    async def slowly() -> None:
        wall_clock.shift(STOPPED_SECONDS)

    sandbox, wire, tally = empty_sandbox(), Interrupted(slowly), Tally()
    for labels in (("@ToFeed",), (), ()):
        sandbox.deliver(ANN, mailboxes=("Screener", *labels))
    with structlog.testing.capture_logs() as logs:
        async with client_of(sandbox, wire) as client:
            triage = await start(client, tally=tally)
            # Stopped after mail has moved, before the labels go off.
            wire.at = (wire.requests + 3,)
            outcome = await triage.run(NOW)
    (told,) = (line for line in logs if line["event"] == "sender_triaged")
    assert "pass_begun_anew" in [line["event"] for line in logs]
    assert (outcome.mails_filed, tally.mails_filed, told["mails"]) == (3, 3, 3)
