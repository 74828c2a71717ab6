"""The loop with passes that a test writes, by a clock that jumps."""

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import structlog
import trio
from structlog.typing import EventDict
from trio.testing import MockClock

from mailroom.account.rhythm import Rhythm
from mailroom.account.ring import TAP, Ring
from mailroom.account.triage_loop import LONGEST_PASS_SECONDS, TooManyFailures, TriageLoop
from mailroom.errors import BadReply, ConfigError, Refused, Unavailable
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status

IDLE = PassOutcome(triaged_by_category={}, mails_filed=0, senders_failing=0, mailboxes_missing=0)
BUSY = PassOutcome(triaged_by_category={"Feed": 1}, mails_filed=3, senders_failing=2, mailboxes_missing=1)
RING = Ring("state")
DOWN = Unavailable("https://mail.example answered HTTP 503")

Step = PassOutcome | Exception | Callable[[], Awaitable[PassOutcome]]


@pytest.fixture
def autojump_clock() -> MockClock:
    """Nothing here comes over a socket, so that the clock need not wait for it."""
    return MockClock(autojump_threshold=0)


class Passes:
    """Passes with the results of a script, the last one repeated; `at` is when each began."""

    def __init__(self, *script: Step) -> None:
        self._script = script
        self.at: list[float] = []

    async def __call__(self) -> PassOutcome:
        step = self._script[min(len(self.at), len(self._script) - 1)]
        self.at.append(round(trio.current_time(), 3))
        if isinstance(step, PassOutcome):
            return step
        if isinstance(step, Exception):
            raise step
        return await step()


@dataclass
class Running:
    rings: trio.MemorySendChannel[Ring]
    status: Status
    logs: list[EventDict]

    def logged(self, event: str) -> list[EventDict]:
        return [line for line in self.logs if line["event"] == event]

    @property
    def triggers(self) -> list[str]:
        return [line["trigger"] for line in self.logged("poll_completed")]


@asynccontextmanager
async def running(
    passes: Passes, *, poll_interval: float = 60, debounce_seconds: float = 3, max_consecutive_failures: int = 10
) -> AsyncIterator[Running]:
    send, receive = trio.open_memory_channel[Ring](10)
    async with send, receive, trio.open_nursery() as nursery:
        status = Status(poll_interval)
        rhythm = Rhythm(poll_interval, debounce_seconds, max_consecutive_failures)
        with structlog.testing.capture_logs() as logs:
            nursery.start_soon(TriageLoop(passes, receive, status, rhythm).run)
            yield Running(send, status, logs)
        nursery.cancel_scope.cancel()


class Read:
    """What a pass has read."""


async def test_what_a_failed_pass_has_read_is_gone_when_the_next_one_begins(autojump_clock: MockClock) -> None:
    held: list[weakref.ref[Read]] = []

    async def fail() -> PassOutcome:
        read = Read()
        held.append(weakref.ref(read))
        raise Unavailable("down")

    async def look() -> PassOutcome:
        held_then.append(held[0]())
        return IDLE

    held_then: list[Read | None] = []
    async with running(Passes(fail, look)):
        await trio.sleep(30)
    assert held_then == [None]


async def test_a_pass_at_the_start_then_one_every_poll_interval(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await trio.sleep(200)
    assert passes.at == [0, 60, 120, 180]
    assert loop.triggers == ["startup", "fallback", "fallback", "fallback"]


async def test_a_pass_without_end_fails_and_is_tried_again(autojump_clock: MockClock) -> None:
    async def never_ends() -> PassOutcome:
        await trio.sleep_forever()

    passes = Passes(never_ends, IDLE)
    async with running(passes) as loop:
        await trio.sleep(LONGEST_PASS_SECONDS + 2)
    assert passes.at == [0, LONGEST_PASS_SECONDS + 1]
    (failed,) = loop.logged("poll_failed")
    assert failed["error"] == "a pass came to no end; expected all answers to it within 3600 s"


async def test_a_ring_brings_a_pass_after_the_debounce(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await trio.sleep(10)
        await loop.rings.send(RING)
        await trio.sleep(10)
    assert passes.at == [0, 13]
    assert loop.triggers == ["startup", "push"]
    assert loop.status.health().last_poll_trigger == "push"


async def test_a_tap_brings_a_pass_without_the_debounce(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await trio.sleep(10)
        await loop.rings.send(TAP)
        await trio.sleep(10)
    assert passes.at == [0, 10]
    assert loop.triggers == ["startup", "tap"]


async def test_a_tap_ends_the_debounce_of_a_push(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await trio.sleep(10)
        await loop.rings.send(RING)
        await trio.sleep(1)
        await loop.rings.send(TAP)
        await trio.sleep(10)
    assert passes.at == [0, 11]


async def test_what_rang_before_the_first_pass_is_answered_by_it(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await loop.rings.send(RING)
        await trio.sleep(10)
    assert passes.at == [0]


async def test_a_pass_that_left_new_mail_is_followed_at_once_whatever_rings(autojump_clock: MockClock) -> None:
    more = replace(IDLE, mails_screened=500, has_more=True)

    async def rings_meanwhile() -> PassOutcome:
        loop.rings.send_nowait(RING)
        return more

    passes = Passes(rings_meanwhile, more, IDLE)
    async with running(passes) as loop:
        await trio.sleep(10)
    # What rang meanwhile has its own pass, debounced as ever.
    assert passes.at == [0, 0, 0, 3]
    assert [line["trigger"] for line in loop.logged("poll_completed")] == ["startup", "continued", "continued", "push"]
    assert loop.status.passes["continued", "success"] == 2


async def test_a_failure_ends_no_series(autojump_clock: MockClock) -> None:
    more = replace(IDLE, mails_screened=500, has_more=True)
    passes = Passes(more, DOWN, more, IDLE)
    async with running(passes) as loop:
        await trio.sleep(10)
    assert passes.at == [0, 0, 1, 1]
    assert loop.triggers == ["startup", "continued", "continued"]


async def test_the_echo_of_a_pass_is_no_news_and_the_next_push_is(autojump_clock: MockClock) -> None:
    passes = Passes(BUSY, IDLE)
    async with running(passes) as loop:
        for _ in range(2):
            await trio.sleep(10)
            await loop.rings.send(RING)
        await trio.sleep(10)
    told = [(line["trigger"], line["log_level"]) for line in loop.logged("poll_completed")]
    assert told == [("startup", "info"), ("push", "debug"), ("push", "info")]


async def test_the_debounce_window_starts_with_the_first_ring_and_is_not_stretched(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await trio.sleep(10)
        for _ in range(5):
            await loop.rings.send(RING)
            await trio.sleep(1.1)
        await trio.sleep(20)
    assert passes.at == [0, 13, 16.3]
    assert [line["events_collapsed"] for line in loop.logged("debounce_collapsed")] == [3, 2]
    assert {line["log_level"] for line in loop.logged("debounce_collapsed")} == {"debug"}


async def test_a_debounce_longer_than_polls_does_not_keep_it_from_looking(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes, debounce_seconds=600) as loop:
        await trio.sleep(10)
        for _ in range(10):
            await loop.rings.send(RING)
            await trio.sleep(20)
    # An interval and a half after the one before.
    assert passes.at == [0, 90, 180]
    assert loop.triggers == ["startup", "push", "push"]


async def test_without_debounce_a_ring_is_answered_at_once(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes, debounce_seconds=0) as loop:
        await trio.sleep(10)
        await loop.rings.send(RING)
        await trio.sleep(1)
    assert passes.at == [0, 10]
    assert loop.logged("debounce_collapsed") == []


async def test_the_poll_interval_counts_from_the_last_pass(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await trio.sleep(47)
        await loop.rings.send(RING)
        await trio.sleep(70)
    assert passes.at == [0, 50, 110]


async def test_a_ring_within_the_last_moments_of_the_interval_is_a_push(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE)
    async with running(passes) as loop:
        await trio.sleep(59)
        await loop.rings.send(RING)
        await trio.sleep(10)
    assert passes.at == [0, 62]
    assert loop.triggers == ["startup", "push"]


async def test_rings_during_a_pass_cause_the_next_one_and_passes_never_overlap(autojump_clock: MockClock) -> None:
    under_way = 0

    async def slow() -> PassOutcome:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await trio.sleep(100)
        under_way -= 1
        return IDLE

    passes = Passes(slow, IDLE)
    async with running(passes) as loop:
        for _ in range(3):
            await trio.sleep(20)
            await loop.rings.send(RING)
        await trio.sleep(60)
    assert passes.at == [0, 103]
    assert loop.triggers == ["startup", "push"]


async def test_what_was_done_is_told_and_idle_passes_only_at_debug(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE, BUSY, IDLE)
    async with running(passes) as loop:
        await trio.sleep(70)
        await loop.rings.send(RING)
        await trio.sleep(70)
    told = [(line["trigger"], line["log_level"], line["mails_filed"]) for line in loop.logged("poll_completed")]
    assert told == [("startup", "debug", 0), ("fallback", "info", 3), ("push", "debug", 0), ("fallback", "debug", 0)]


async def test_passes_are_counted_by_trigger_and_outcome(autojump_clock: MockClock) -> None:
    async with running(Passes(DOWN, DOWN, IDLE)) as loop:
        await trio.sleep(70)
    assert loop.status.passes == {
        ("startup", "failure"): 2,
        ("startup", "success"): 1,
        ("fallback", "success"): 1,
    }


async def test_a_push_is_answered_by_the_first_pass_to_start_even_one_that_fails(autojump_clock: MockClock) -> None:
    async with running(Passes(IDLE, DOWN, IDLE)) as loop:
        await trio.sleep(10)
        loop.status.change_announced()
        await loop.rings.send(RING)
        await trio.sleep(30)
    assert loop.status.push_delays.sum == 3
    assert sum(loop.status.push_delays.counts) == 1


async def test_the_outcome_reaches_the_status(autojump_clock: MockClock) -> None:
    async with running(Passes(BUSY)) as loop:
        assert not loop.status.ready
        await trio.sleep(1)
        health = loop.status.health()
    assert loop.status.ready
    assert (health.senders_failing, health.mailboxes_missing, health.last_poll_age_seconds) == (2, 1, 1.0)


@pytest.mark.parametrize("failure", [DOWN, BadReply("text/html came", expected="JSON"), ZeroDivisionError("bug")])
async def test_failed_passes_back_off_up_to_the_poll_interval(failure: Exception, autojump_clock: MockClock) -> None:
    passes = Passes(failure)
    async with running(passes) as loop:
        await trio.sleep(200)
    assert passes.at == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert [line["consecutive_failures"] for line in loop.logged("poll_failed")] == list(range(1, 10))
    assert {line["trigger"] for line in loop.logged("poll_failed")} == {"startup"}
    assert not loop.status.ready


async def test_a_success_starts_the_count_anew(autojump_clock: MockClock) -> None:
    passes = Passes(DOWN, DOWN, IDLE, DOWN, IDLE)
    async with running(passes) as loop:
        await trio.sleep(70)
    assert passes.at == [0, 1, 3, 63, 64]
    assert [line["consecutive_failures"] for line in loop.logged("poll_failed")] == [1, 2, 1]
    assert loop.triggers == ["startup", "fallback"]


async def test_rings_neither_shorten_a_back_off_nor_get_lost_in_it(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE, *[DOWN] * 5, IDLE)
    async with running(passes) as loop:
        await trio.sleep(80)
        await loop.rings.send(RING)
        await trio.sleep(20)
        health = loop.status.health()
    assert passes.at == [0, 60, 61, 63, 67, 75, 91]
    assert loop.triggers == ["startup", "push"]
    assert health.last_poll_trigger == "push"


@pytest.mark.parametrize(("retry_after", "wait"), [(0.5, 1), (30, 30), (300, 300), (86_400, 900)])
async def test_retry_after_is_honoured_within_bounds(
    retry_after: float, wait: float, autojump_clock: MockClock
) -> None:
    passes = Passes(Unavailable("HTTP 429", retry_after=retry_after), IDLE)
    async with running(passes):
        await trio.sleep(wait + 1)
    assert passes.at == [0, wait]


async def test_an_unexpected_error_is_told_with_its_traceback(autojump_clock: MockClock) -> None:
    bug = ZeroDivisionError("bug")
    async with running(Passes(bug, IDLE)) as loop:
        await trio.sleep(2)
    (line,) = loop.logged("poll_failed")
    assert (line["log_level"], line["exc_info"], line["retry_in"]) == ("error", bug, 1.0)
    assert loop.triggers == ["startup"]


async def test_an_outage_is_told_without_traceback_even_from_a_nursery(autojump_clock: MockClock) -> None:
    outage = ExceptionGroup("two writes", [DOWN, ExceptionGroup("deeper", [Unavailable("busy", retry_after=7)])])
    passes = Passes(outage, IDLE)
    async with running(passes) as loop:
        await trio.sleep(10)
    (line,) = loop.logged("poll_failed")
    assert (line["log_level"], line["error"]) == ("warning", f"busy; {DOWN}")
    assert "exc_info" not in line
    assert passes.at == [0, 7]


@pytest.mark.parametrize("final", [Refused("HTTP 401"), ConfigError(["the mailbox Screener is missing"])])
@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: ExceptionGroup("", [DOWN, error])])
async def test_what_no_later_pass_can_mend_ends_the_loop(
    final: Exception, wrap: Callable[[Exception], Exception], autojump_clock: MockClock
) -> None:
    passes = Passes(DOWN, wrap(final))
    with pytest.RaisesGroup(pytest.RaisesExc(type(final), check=lambda error: error is final)):
        async with running(passes):
            await trio.sleep_forever()
    assert passes.at == [0, 1]


async def test_credentials_that_are_refused_for_a_moment_after_a_success_end_nothing(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE, Refused("HTTP 401"), Refused("HTTP 403"), IDLE)
    async with running(passes) as loop:
        await trio.sleep(70)
        assert loop.status.health().last_poll_error is None
    assert passes.at == [0, 60, 61, 63]
    (line,) = loop.logged("poll_recovered")
    assert (line["failed_passes"], line["outage_seconds"]) == (2, 3.0)


async def test_credentials_that_stay_refused_end_the_loop_a_quarter_of_an_hour_after_the_last_success(
    autojump_clock: MockClock,
) -> None:
    passes = Passes(IDLE, Refused("HTTP 401"))
    with pytest.RaisesGroup(Refused):
        async with running(passes, max_consecutive_failures=0) as loop:
            await trio.sleep(100)
            assert loop.status.health().last_poll_error == "HTTP 401"
            await trio.sleep_forever()
    assert passes.at[-2] < 900 <= passes.at[-1]


async def test_too_many_failures_end_the_loop_once_a_quarter_of_an_hour_went_by(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE, DOWN)
    with pytest.RaisesGroup(TooManyFailures):
        async with running(passes):
            await trio.sleep_forever()
    # Ten failures in a row are long past when the last success is a quarter of an hour ago.
    assert passes.at[-1] >= 900
    assert passes.at[-2] < 900


async def test_a_quarter_of_an_hour_alone_is_not_enough(autojump_clock: MockClock) -> None:
    passes = Passes(DOWN)
    with pytest.RaisesGroup(TooManyFailures):
        async with running(passes, poll_interval=3600):
            await trio.sleep_forever()
    assert len(passes.at) == 11
    assert passes.at[9] < 900 <= passes.at[10]


async def test_slow_polls_need_their_number_too(autojump_clock: MockClock) -> None:
    passes = Passes(IDLE, Unavailable("busy", retry_after=900))
    with pytest.RaisesGroup(TooManyFailures):
        async with running(passes, max_consecutive_failures=3):
            await trio.sleep_forever()
    assert passes.at == [0, 60, 960, 1860]


async def test_giving_up_is_critical_in_the_log(autojump_clock: MockClock) -> None:
    logs: list[EventDict] = []
    with pytest.RaisesGroup(TooManyFailures):
        async with running(Passes(DOWN)) as loop:
            logs = loop.logs
            await trio.sleep_forever()
    (line,) = [line for line in logs if line["event"] == "too_many_consecutive_failures"]
    assert line["log_level"] == "critical"
    assert line["consecutive_failures"] >= 10


async def test_zero_means_never_give_up(autojump_clock: MockClock) -> None:
    passes = Passes(DOWN)
    async with running(passes, max_consecutive_failures=0):
        await trio.sleep(86_000)
    assert len(passes.at) > 1000
