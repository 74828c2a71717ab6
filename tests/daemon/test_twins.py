"""Two processes that serve the same accounts: one stands by and leaves the work to the other, until that is gone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from mailroom.config.account_files import Reading
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.daemon.accounts import Accounts
from mailroom.daemon.pace import poll_offset, standby_offset
from mailroom.http_clients import shared_http
from mailroom.sandbox import Sandbox
from tests.guard import GUARD_SECONDS
from tests.new_mail import ON
from tests.screener import empty_sandbox, served

FOR_LONG, SHORTLY = 100.0, 0.5
"""How many seconds the other one stands by: longer than any test runs, however busy the machine, or not at all long."""


@dataclass
class Twins:
    """Both at work on one account; `first` is the end of the one that doesn't stand by."""

    sandbox: Sandbox
    first: trio.CancelScope
    accounts: tuple[Accounts, Accounts]

    async def tap(self, sender: str) -> str:
        mail = self.sandbox.deliver(f"{sender} <{sender}@example.org>", mailboxes=("Screener", "@ToFeed"))
        while self.sandbox.mailboxes_of(mail) != {"Feed"}:
            await self.sandbox.changed()
        return mail

    def settled(self) -> list[int]:
        """How many senders each of them has settled."""
        return [sum(each["anna"].status.tally.senders_triaged.values()) for each in self.accounts]


@asynccontextmanager
async def twins(standby_seconds: float, scheme: Scheme = DEFAULT_SCHEME) -> AsyncIterator[Twins]:
    sandbox = empty_sandbox()
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as url, shared_http() as http, trio.open_nursery() as both:
            settings = AccountSettings.model_validate(
                {"jmap_session_url": str(url), "jmap_token": sandbox.token, "poll_interval": 60, "debounce_seconds": 0}
            )
            reading = Reading({"anna": AccountConfig("anna", settings, scheme)}, {}, frozenset())
            scope = trio.CancelScope()
            at_work: list[Accounts] = []

            async def process(seconds: float, scope: trio.CancelScope) -> None:
                with scope:
                    async with trio.open_nursery() as nursery:
                        accounts = Accounts(http, nursery, ProcessSettings(standby_seconds=seconds))
                        accounts.take(reading)
                        at_work.append(accounts)
                        await trio.sleep_forever()

            both.start_soon(process, 0.0, scope)
            await trio.testing.wait_all_tasks_blocked()
            both.start_soon(process, standby_seconds, trio.CancelScope())
            await trio.testing.wait_all_tasks_blocked()
            first, standby = at_work
            for each in (first, standby):
                await each["anna"].status.first_try()
                await each["anna"].status.push_tried()
            yield Twins(sandbox, scope, (first, standby))
            both.cancel_scope.cancel()


async def test_the_first_files_while_the_other_stands_by() -> None:
    async with twins(FOR_LONG) as both:
        for sender in ("ann", "bob", "cleo"):
            await both.tap(sender)
        status = both.accounts[0]["anna"].status
        while both.settled()[0] < 3:
            await status.success_after(status.last_success)
        assert both.settled() == [3, 0]
        assert len(both.sandbox.cards()) == 3


async def test_what_the_first_has_done_the_other_does_not_do_again() -> None:
    async with twins(SHORTLY) as both:
        await both.tap("ann")
        status = both.accounts[1]["anna"].status
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
        status = both.accounts[1]["anna"].status
        while "bob@example.org" not in both.sandbox.groups()["Feed"]:
            await status.success_after(status.last_success)
        assert both.sandbox.groups()["Feed"] == {"ann@example.org", "bob@example.org"}
        assert len(both.sandbox.cards()) == 2


async def test_with_screening_on_no_mail_is_lost_or_in_two_places() -> None:
    async with twins(SHORTLY, ON) as both:
        mails = [both.sandbox.deliver(f"s{n} <s{n}@example.org>", mailboxes=("Inbox",)) for n in range(20)]
        await both.tap("ann")
        while any("Inbox" in both.sandbox.mailboxes_of(mail) for mail in mails):
            await both.sandbox.changed()
        status = both.accounts[1]["anna"].status
        await status.success_after(status.last_success)
        assert [both.sandbox.mailboxes_of(mail) for mail in mails] == [{"Screener"}] * 20


def test_their_polls_lie_half_an_interval_apart() -> None:
    for name in ("anna", "bert", "cleo"):
        assert abs(poll_offset(name) - standby_offset(name)) == 0.5
        assert 0 <= standby_offset(name) < 1
