"""Days pass: when the digest is written, whatever the clock does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import structlog
import trio
from pydantic import SecretStr
from structlog.typing import EventDict
from trio.testing import MockClock, wait_all_tasks_blocked

from mailroom.account.account import Account
from mailroom.account.daily import LOOK_SECONDS, send_digests
from mailroom.account.servers import open_servers
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.daily import Digest
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.http_clients import shared_http
from mailroom.sandbox import Sandbox, faults
from tests.guard import GUARD_SECONDS
from tests.screener import empty_sandbox, served_here

BERLIN = Digest(time(7, 30), ZoneInfo("Europe/Berlin"))


@dataclass
class Days:
    """A daemon's digests over days. `now` is the wall clock, which tests set; each `look` is one at it."""

    sandbox: Sandbox
    clock: MockClock
    now: datetime
    logs: list[EventDict]

    async def look(self, now: datetime, seconds: float = LOOK_SECONDS) -> int:
        """Set the clock, let the daemon look at it; gives how many digests there are."""
        self.now = now
        self.clock.jump(seconds)
        await wait_all_tasks_blocked(0.05)
        return self.digests

    @property
    def digests(self) -> int:
        return sum("mailroom-digest" in mail.keywords for mail in self.sandbox.store.mails.objects.values())


@asynccontextmanager
async def days(
    clock: MockClock, now: datetime, digest: Digest = BERLIN, sandbox: Sandbox | None = None, offset: float = 0.0
) -> AsyncIterator[Days]:
    if sandbox is None:
        sandbox = empty_sandbox()
        sandbox.deliver("Ann <ann@shop.example>", "Your order", received_at=now)
    scheme = replace(DEFAULT_SCHEME, digest=digest)
    async with served_here(sandbox) as url:
        settings = AccountSettings(jmap_session_url=str(url), jmap_token=SecretStr(sandbox.token))
        with structlog.testing.capture_logs() as logs:
            async with open_servers(settings) as servers, trio.open_nursery() as nursery:
                passing = Days(sandbox, clock, now, logs)

                async def run() -> None:
                    await send_digests(servers, scheme, digest, offset_seconds=offset, now=lambda: passing.now)

                nursery.start_soon(run)
                await wait_all_tasks_blocked(0.05)
                yield passing
                nursery.cancel_scope.cancel()


def berlin(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in November 2026, given in UTC to the daemon."""
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN.zone).astimezone(UTC)


async def test_it_is_written_at_its_time_once_a_day(mock_clock: MockClock) -> None:
    async with days(mock_clock, berlin(27, 6)) as passing:
        assert passing.digests == 0
        assert await passing.look(berlin(27, 7, 29)) == 0
        assert await passing.look(berlin(27, 7, 30)) == 1
        assert await passing.look(berlin(27, 23, 59)) == 1
        assert await passing.look(berlin(28, 7, 29)) == 1
        assert await passing.look(berlin(28, 7, 31)) == 2


async def test_a_daemon_that_was_down_at_the_time_writes_one_when_it_is_back_on_the_same_day(
    mock_clock: MockClock,
) -> None:
    async with days(mock_clock, berlin(27, 19)) as passing:
        assert passing.digests == 1
        async with days(mock_clock, berlin(27, 20), sandbox=passing.sandbox) as again:
            assert again.digests == 1
            assert await again.look(berlin(28, 7, 29)) == 1


async def test_a_clock_that_is_set_back_brings_no_second_one(mock_clock: MockClock) -> None:
    async with days(mock_clock, berlin(28, 8)) as passing:
        assert await passing.look(berlin(27, 8)) == 1
        assert await passing.look(berlin(28, 7, 40)) == 1
        assert await passing.look(berlin(29, 7, 40)) == 2


async def test_a_clock_that_was_a_year_ahead_silences_no_day(mock_clock: MockClock) -> None:
    async with days(mock_clock, berlin(27, 8) + timedelta(days=365)) as passing:
        assert await passing.look(berlin(27, 8)) == 2


async def test_one_that_fails_is_tried_again_on_its_day(mock_clock: MockClock) -> None:
    async with days(mock_clock, berlin(27, 6)) as passing:
        passing.sandbox.faults.next_request(faults.status(503), times=2)
        assert await passing.look(berlin(27, 8)) == 0
        await passing.look(berlin(27, 8, 1), 2.0)
        assert await passing.look(berlin(27, 8, 2), 4.0) == 1
    assert [line["event"] for line in passing.logs] == ["digest_failed", "digest_failed", "digest_written"]


async def test_one_whose_claim_was_written_and_its_answer_lost_is_written_all_the_same(mock_clock: MockClock) -> None:
    async with days(mock_clock, berlin(27, 6)) as passing:
        # The card is read, then written.
        passing.sandbox.faults.next_request(faults.CutAfter(), skip=1)
        assert await passing.look(berlin(27, 8)) == 0
        assert await passing.look(berlin(27, 8, 1), 2.0) == 1
        assert await passing.look(berlin(27, 8, 2)) == 1


async def test_one_that_a_twin_wrote_during_an_outage_does_not_come_back_when_it_is_gone(mock_clock: MockClock) -> None:
    async with days(mock_clock, berlin(27, 6)) as passing:
        passing.sandbox.faults.next_request(faults.status(503))
        assert await passing.look(berlin(27, 8)) == 0
        async with days(mock_clock, berlin(27, 8), sandbox=passing.sandbox) as twin:
            assert twin.digests == 1
        for id in [
            id for id, mail in passing.sandbox.store.mails.objects.items() if "mailroom-digest" in mail.keywords
        ]:
            passing.sandbox.delete(id)
        assert await passing.look(berlin(27, 8, 1), 2.0) == 0


async def test_many_accounts_write_theirs_one_after_the_other(mock_clock: MockClock) -> None:
    async with days(mock_clock, berlin(27, 6), offset=90.0) as passing:
        assert await passing.look(berlin(27, 7, 30)) == 0
        assert await passing.look(berlin(27, 7, 31), 89.0) == 0
        assert await passing.look(berlin(27, 7, 32), 1.0) == 1


async def test_one_shortly_before_midnight_is_that_days_though_it_is_written_after_it(mock_clock: MockClock) -> None:
    late = Digest(time(23, 59), BERLIN.zone)
    async with days(mock_clock, berlin(27, 22), late, offset=120.0) as passing:
        assert await passing.look(berlin(27, 23, 59)) == 0
        assert await passing.look(berlin(28, 0, 1), 120.0) == 1
        assert await passing.look(berlin(28, 12)) == 1
        await passing.look(berlin(28, 23, 59))
        assert await passing.look(berlin(29, 0, 1), 120.0) == 2


def test_a_time_that_spring_skips_is_due_at_the_first_moment_after_it() -> None:
    skipped = Digest(time(2, 30), BERLIN.zone)
    before = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)  # 01:59 in Berlin, and a minute later it is 03:00
    assert skipped.day_due(before, None) is None
    assert skipped.day_due(before + timedelta(minutes=1), None) == date(2026, 3, 29)


def test_a_time_that_comes_twice_in_autumn_is_due_once() -> None:
    twice = Digest(time(2, 30), BERLIN.zone)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    day = twice.day_due(first, None)
    assert day == date(2026, 10, 25)
    assert twice.day_due(first + timedelta(hours=1), day) is None


@pytest.mark.parametrize("password", [None, SecretStr("correct horse battery")])
async def test_a_running_account_writes_it_and_links_to_the_page_where_its_owner_has_a_login(
    password: SecretStr | None,
) -> None:
    sandbox = empty_sandbox()
    sandbox.deliver()
    scheme = replace(DEFAULT_SCHEME, digest=Digest(time(0, 0), ZoneInfo("UTC")))
    with trio.fail_after(GUARD_SECONDS):
        async with served_here(sandbox) as url, shared_http() as http, trio.open_nursery() as nursery:
            settings = AccountSettings(
                jmap_session_url=str(url), jmap_token=SecretStr(sandbox.token), page_password=password
            )
            account = Account(AccountConfig(None, settings, scheme), http, page_url="https://mailroom.example")
            nursery.start_soon(account.run)
            while not (found := sandbox.mails_in("Inbox")):
                await sandbox.changed()
            nursery.cancel_scope.cancel()
    written = sandbox.store.mails.objects[found[0]].message.search_body
    assert ("https://mailroom.example" in written) == (password is not None)
