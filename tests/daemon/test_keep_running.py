"""One account among many that fails, in every way: it is started again or set aside, and told of once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from structlog.typing import EventDict
from trio.testing import MockClock

from mailroom.account.triage_loop import TooManyFailures
from mailroom.daemon.keep_running import LONGEST_BACKOFF_SECONDS, TRY_AGAIN_SECONDS, keep_running
from mailroom.errors import ConfigError, Refused
from mailroom.observe.status import Status

Run = Callable[[], Awaitable[None]]
REFUSED = Refused("the server refused the credentials; renew jmap_token in anna.toml")


class Scripted:
    """An account whose runs go as told, the last one again and again; `at` is when each began."""

    def __init__(self, *script: Exception | Run) -> None:
        self._script = script
        self.status = Status(60)
        self.at: list[float] = []

    async def run(self) -> None:
        self.status.starts()
        step = self._script[min(len(self.at), len(self._script) - 1)]
        self.at.append(round(trio.current_time(), 3))
        if not isinstance(step, Exception):
            await step()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.lowlevel.checkpoint()
            raise step


@asynccontextmanager
async def kept_running(account: Scripted) -> AsyncIterator[list[EventDict]]:
    async with trio.open_nursery() as nursery:
        with structlog.testing.capture_logs() as logs:
            nursery.start_soon(keep_running, account)
            yield logs
        nursery.cancel_scope.cancel()


async def test_a_bug_is_told_with_its_traceback_and_the_account_is_started_again(autojump_clock: MockClock) -> None:
    account = Scripted(ZeroDivisionError("s3cret"), ZeroDivisionError("s3cret"), trio.sleep_forever)
    async with kept_running(account) as logs:
        await trio.sleep(0.5)
        assert not account.status.is_well
        await trio.sleep(100)
    assert account.at == [0, 1, 3]
    assert account.status.restarts == 2
    assert account.status.is_well
    assert [line["event"] for line in logs] == ["account_restarted"] * 2
    assert isinstance(logs[0]["exc_info"], ExceptionGroup)
    assert (logs[0]["error"], logs[0]["log_level"]) == ("ZeroDivisionError", "error")
    assert "s3cret" not in str(account.status.health())


async def test_one_that_crashes_again_and_again_is_started_ever_less_often(autojump_clock: MockClock) -> None:
    account = Scripted(ZeroDivisionError())
    async with kept_running(account):
        await trio.sleep(20 * LONGEST_BACKOFF_SECONDS)
    gaps = [later - earlier for earlier, later in zip(account.at, account.at[1:], strict=False)]
    assert gaps[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(gaps[9:]) == {LONGEST_BACKOFF_SECONDS}


async def test_one_that_ran_well_for_a_while_is_started_again_at_once(autojump_clock: MockClock) -> None:
    async def runs_for_long() -> None:
        await trio.sleep(3600)
        raise ZeroDivisionError

    account = Scripted(ZeroDivisionError(), ZeroDivisionError(), runs_for_long, trio.sleep_forever)
    async with kept_running(account):
        await trio.sleep(4000)
    assert account.at == [0, 1, 3, 3604]


@pytest.mark.parametrize("reason", [REFUSED, ConfigError(["missing mailboxes: Feed"])], ids=["refused", "config"])
async def test_what_the_user_has_to_mend_sets_it_aside_and_is_told_once(
    reason: Exception, autojump_clock: MockClock
) -> None:
    account = Scripted(reason, reason, trio.sleep_forever)
    async with kept_running(account) as logs:
        await trio.sleep(10)
        health = account.status.health()
        assert (health.status, health.last_poll_error) == ("unhealthy", str(reason))
        await trio.sleep(2 * TRY_AGAIN_SECONDS)
    assert account.at == [0, TRY_AGAIN_SECONDS, 2 * TRY_AGAIN_SECONDS]
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("account_set_aside", "error"),
        ("account_set_aside", "debug"),
    ]
    assert account.status.health().last_poll_error is None


async def test_an_outage_that_lasts_is_no_reason_to_wait_for_an_hour(autojump_clock: MockClock) -> None:
    account = Scripted(TooManyFailures("10 passes in a row failed"), trio.sleep_forever)
    async with kept_running(account) as logs:
        await trio.sleep(10)
    assert account.at == [0, 1]
    assert [line["event"] for line in logs] == ["account_restarted"]
    assert "exc_info" not in logs[0]


async def test_one_that_ends_by_itself_is_started_again(autojump_clock: MockClock) -> None:
    async def ends() -> None:
        await trio.lowlevel.checkpoint()

    account = Scripted(ends, trio.sleep_forever)
    async with kept_running(account):
        await trio.sleep(10)
    assert account.at == [0, 1]


async def test_it_is_cancelled_like_anything_else(autojump_clock: MockClock) -> None:
    account = Scripted(trio.sleep_forever)
    async with kept_running(account):
        await trio.sleep(10)
    assert account.status.restarts == 0
