"""Two processes that serve the same accounts: one stands by and leaves the work to the other, until that is gone."""

import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import trio
from trio.testing import MockClock

from mailroom.config.account_files import Reading
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.daemon.accounts import Accounts
from mailroom.http_clients import shared_http
from mailroom.observe.reports import Observed
from mailroom.sandbox import Sandbox
from tests.guard import GUARD_SECONDS, IDLE_SECONDS
from tests.new_mail import ON
from tests.screener import empty_sandbox, served

POLL_SECONDS = 60.0

HOUR = 3600.0

ROUNDS = 5

FOR_LONG, SHORTLY, NOT_AT_ALL = 100.0, 0.5, 0.0
"""How many seconds the other one stands by: longer than any test runs, however busy the machine, or hardly."""


@dataclass
class Twins:
    """Both at work on one account; `first` is the end of the one that doesn't stand by."""

    sandbox: Sandbox
    first: trio.CancelScope
    accounts: tuple[Observed, Observed]

    async def tap(self, sender: str) -> str:
        mail = self.sandbox.deliver(f"{sender} <{sender}@example.org>", mailboxes=("Screener", "@ToFeed"))
        while self.sandbox.mailboxes_of(mail) != {"Feed"}:
            await self.sandbox.changed()
        return mail

    def settled(self) -> list[int]:
        """How many senders each of them has settled."""
        return [sum(each.status.tally.senders_triaged.values()) for each in self.accounts]

    def requests(self) -> list[int]:
        """How many each of them has sent to the API."""
        return [each.requests_sent for each in self.accounts]

    def passes(self) -> list[int]:
        """How many each of them has made."""
        return [each.status.passes.total() for each in self.accounts]

    def after_rings(self) -> list[int]:
        """How many of them not because it was time for a poll."""
        return [each.status.passes["push", "success"] for each in self.accounts]


@asynccontextmanager
async def twins(
    standby_seconds: float,
    scheme: Scheme = DEFAULT_SCHEME,
    debounce_seconds: float = 0,
    guard_seconds: float = GUARD_SECONDS,
    name: str = "anna",
) -> AsyncIterator[Twins]:
    sandbox = empty_sandbox()
    values = {"jmap_token": sandbox.token, "poll_interval": POLL_SECONDS, "debounce_seconds": debounce_seconds}
    with trio.fail_after(guard_seconds):
        async with served(sandbox) as url, shared_http() as http, trio.open_nursery() as both:
            settings = AccountSettings.model_validate({"jmap_session_url": str(url), **values})
            reading = Reading({name: AccountConfig(name, settings, scheme)}, {}, frozenset())
            scope = trio.CancelScope()
            at_work: list[Observed] = []

            async def process(seconds: float, scope: trio.CancelScope) -> None:
                with scope:
                    async with trio.open_nursery() as nursery:
                        accounts = Accounts(http, nursery, ProcessSettings(standby_seconds=seconds))
                        accounts.take(reading)
                        at_work.append(accounts[name])
                        await trio.sleep_forever()

            both.start_soon(process, 0.0, scope)
            await trio.testing.wait_all_tasks_blocked()
            both.start_soon(process, standby_seconds, trio.CancelScope())
            await trio.testing.wait_all_tasks_blocked()
            first, standby = at_work
            for each in (first, standby):
                await each.status.first_try()
                await each.status.push_tried()
            yield Twins(sandbox, scope, (first, standby))
            both.cancel_scope.cancel()


async def test_the_first_files_while_the_other_stands_by() -> None:
    async with twins(FOR_LONG) as both:
        for sender in ("ann", "bob", "cleo"):
            await both.tap(sender)
        status = both.accounts[0].status
        while both.settled()[0] < 3:
            await status.success_after(status.last_success)
        assert both.settled() == [3, 0]
        assert len(both.sandbox.cards()) == 3


async def test_what_the_first_has_done_the_other_does_not_do_again() -> None:
    async with twins(SHORTLY) as both:
        await both.tap("ann")
        status = both.accounts[1].status
        await status.success_after(status.last_success)
        both.first.cancel()
        assert len(both.sandbox.cards()) == 1
        notes = str(both.sandbox.cards()[0]["notes"])
        assert notes.count("Triaged to Feed on ") == 1


async def test_when_the_first_is_gone_the_other_does_all_of_it() -> None:
    async with twins(SHORTLY) as both:
        await both.tap("ann")
        both.first.cancel()
        await both.tap("bob")
        status = both.accounts[1].status
        while "bob@example.org" not in both.sandbox.groups()["Feed"]:
            await status.success_after(status.last_success)
        assert both.sandbox.groups()["Feed"] == {"ann@example.org", "bob@example.org"}
        assert len(both.sandbox.cards()) == 2


async def test_two_that_both_are_the_first_do_no_harm() -> None:
    """As while accounts move from 4 shards to 8: both are at work on the same taps and the same new mail."""
    async with twins(NOT_AT_ALL, ON) as both:
        mails = [both.sandbox.deliver(f"New <n{n}@example.org>", mailboxes=("Inbox",)) for n in range(10)]
        taps = [both.sandbox.deliver(f"S{n} <s{n}@example.org>", mailboxes=("Screener", "@ToFeed")) for n in range(10)]
        # Whatever each had under way when these are filed has ended after two more passes.
        for last in ("ann", "bob"):
            seen = [each.status.last_success for each in both.accounts]
            await both.tap(last)
            for each, success in zip(both.accounts, seen, strict=True):
                await each.status.success_after(success)
        assert [both.sandbox.mailboxes_of(mail) for mail in taps] == [{"Feed"}] * 10
        assert [both.sandbox.mailboxes_of(mail) for mail in mails] == [{"Screener"}] * 10
        decisions = [str(card["notes"]).count("Triaged to Feed on ") for card in both.sandbox.cards()]
        assert sorted(decisions) == [0, *[1] * 12]


async def test_with_screening_on_no_mail_is_lost_or_in_two_places() -> None:
    async with twins(SHORTLY, ON) as both:
        mails = [both.sandbox.deliver(f"s{n} <s{n}@example.org>", mailboxes=("Inbox",)) for n in range(20)]
        await both.tap("ann")
        while any("Inbox" in both.sandbox.mailboxes_of(mail) for mail in mails):
            await both.sandbox.changed()
        status = both.accounts[1].status
        await status.success_after(status.last_success)
        assert [both.sandbox.mailboxes_of(mail) for mail in mails] == [{"Screener"}] * 20


def since(then: list[int], now: list[int]) -> list[int]:
    return [each - before for before, each in zip(then, now, strict=True)]


@asynccontextmanager
async def twins_for_hours(
    clock: MockClock, monkeypatch: pytest.MonkeyPatch, name: str = "anna"
) -> AsyncIterator[Twins]:
    """Twins at their usual pace, on a clock that jumps; the wall clock, which polls go by, is the same."""
    clock.autojump_threshold = IDLE_SECONDS
    monkeypatch.setattr(time, "time", clock.current_time)
    async with twins(5.0, ON, debounce_seconds=3.0, guard_seconds=math.inf, name=name) as both:
        await trio.sleep(2 * POLL_SECONDS)
        yield both


async def test_an_idle_standby_asks_as_often_as_the_first_and_no_more(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with twins_for_hours(mock_clock, monkeypatch) as both:
        before = both.requests()
        await trio.sleep(20 * POLL_SECONDS)
        assert since(before, both.requests()) == [20, 20]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["anna", *(f"account-{number}" for number in range(5))])
async def test_nor_does_it_where_both_connect_anew_every_half_hour(
    name: str, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with twins_for_hours(mock_clock, monkeypatch, name) as both:
        before, looks = both.requests(), both.after_rings()
        # The sandbox sends no pings, as Fastmail: what is silent for half an hour may be a connection that broke.
        await trio.sleep(HOUR)
        assert since(looks, both.after_rings()) == [2, 2]
        first, standby = since(before, both.requests())
        assert standby <= first


async def test_for_what_the_first_does_a_standby_asks_once_and_finds_it_done(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with twins_for_hours(mock_clock, monkeypatch) as both:
        requests, passes, after_rings = both.requests(), both.passes(), both.after_rings()
        for number in range(ROUNDS):
            await both.tap(f"s{number}")
            both.sandbox.deliver(f"New <new{number}@example.org>", mailboxes=("Inbox",))
            await trio.sleep(37.0)
        assert both.settled() == [ROUNDS, 0]
        assert both.sandbox.mails_in("Inbox") == []
        first, standby = since(after_rings, both.after_rings())
        # Of the first one's two passes a round do something: a tap is settled, a mail screened.
        assert first >= 2 * ROUNDS
        assert 0 < standby <= ROUNDS
        # Each of its own is idle: one request, for which the first one has made another at least.
        idle = since(passes, both.passes())[1]
        asked_by_first, asked = since(requests, both.requests())
        assert asked == idle <= asked_by_first
