import time
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from mailroom.observe.durations import BUCKETS_SECONDS, Durations
from mailroom.observe.outcome import Deed, PassOutcome
from mailroom.observe.status import DEEDS_KEPT, EventSourceHealth, Status

IDLE = PassOutcome(triaged_by_category={}, mails_filed=0, senders_failing=0, mailboxes_missing=0)


async def test_before_the_first_pass_the_age_counts_from_the_start(mock_clock: MockClock) -> None:
    status = Status(poll_interval=10)
    mock_clock.jump(20)
    health = status.health()
    assert (health.status, health.last_poll_age_seconds, health.last_poll_trigger) == ("ok", 20.0, None)
    mock_clock.jump(1)
    assert status.health().status == "unhealthy"


async def test_a_pass_that_succeeds_makes_it_healthy_again(mock_clock: MockClock) -> None:
    status = Status(poll_interval=10)
    mock_clock.jump(100)
    status.pass_succeeded("fallback", replace(IDLE, senders_failing=1, mailboxes_missing=2), 0.2)
    mock_clock.jump(0.26)
    health = status.health()
    assert (health.status, health.last_poll_age_seconds, health.last_poll_trigger) == ("ok", 0.3, "fallback")
    assert (health.senders_failing, health.mailboxes_missing) == (1, 2)


async def test_the_last_things_done_are_kept_the_newest_first(mock_clock: MockClock) -> None:
    status = Status(poll_interval=10)
    for number in range(DEEDS_KEPT + 2):
        status.pass_succeeded("push", replace(IDLE, deeds=(Deed(f"s{number}@example.org", "Feed", 1),)), 0.2)
    senders = [deed.sender for _, deed in status.recent]
    assert senders == [f"s{number}@example.org" for number in range(DEEDS_KEPT + 1, 1, -1)]


@pytest.mark.parametrize("jump", [-1e9, 1e9])
async def test_a_wall_clock_that_jumps_changes_no_health(
    jump: float, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = Status(poll_interval=10)
    status.pass_succeeded("startup", IDLE, 0.2)
    really_now = time.time()
    monkeypatch.setattr("time.time", lambda: really_now + jump)
    mock_clock.jump(5)
    assert (status.health().status, status.health().last_poll_age_seconds) == ("ok", 5.0)


async def test_nothing_is_known_of_push_at_first() -> None:
    assert Status(poll_interval=10).health().eventsource == EventSourceHealth("not_started", None, None, 0, None)


async def test_a_connection_has_a_beginning_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    status = Status(poll_interval=10)
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.12345)
    status.push_connected()
    status.event_received()
    connected = EventSourceHealth("connected", 1_700_000_000.123, 1_700_000_000.123, 0, None)
    assert status.health().eventsource == connected
    status.push_disconnected("gone")
    lost = EventSourceHealth("disconnected", None, 1_700_000_000.123, 1, "gone")
    assert status.health().eventsource == lost


async def test_only_connections_that_stood_count_as_disconnects() -> None:
    status = Status(poll_interval=10)
    for _ in range(3):
        status.push_disconnected("connection refused")
    assert status.health().eventsource.reconnect_count == 0
    for _ in range(3):
        status.push_connected()
        status.push_disconnected("gone")
    assert status.health().eventsource.reconnect_count == 3


async def test_a_server_without_push_says_why() -> None:
    status = Status(poll_interval=10)
    status.push_connected()
    status.push_unavailable("HTTP 204")
    assert status.health().eventsource == EventSourceHealth("not_started", None, None, 1, "HTTP 204")


async def test_a_failed_pass_is_counted_and_leaves_the_last_success(mock_clock: MockClock) -> None:
    status = Status(poll_interval=10)
    status.pass_succeeded("startup", IDLE, 0.2)
    mock_clock.jump(21)
    status.pass_failed("fallback", 30.0, "no answer")
    assert status.passes == {("startup", "success"): 1, ("fallback", "failure"): 1}
    assert (status.health().status, status.health().last_poll_trigger) == ("unhealthy", "startup")


async def test_the_delay_counts_from_the_first_event_to_the_start_of_the_pass(mock_clock: MockClock) -> None:
    status = Status(poll_interval=10)
    status.pass_started()
    assert sum(status.push_delays.counts) == 0
    status.change_announced()
    mock_clock.jump(2)
    status.change_announced()
    mock_clock.jump(1)
    status.pass_started()
    status.change_announced()  # during the pass: for the next one
    mock_clock.jump(4)
    status.pass_succeeded("push", IDLE, 4)
    status.pass_started()
    assert (sum(status.push_delays.counts), status.push_delays.sum) == (2, 7.0)


async def test_who_waits_for_a_success_gets_each_latest_one_once() -> None:
    status = Status(poll_interval=10)
    status.pass_succeeded("startup", IDLE, 1)
    first = await status.success_after(None)
    triggers = [first.trigger]

    async def wait() -> None:
        triggers.append((await status.success_after(first)).trigger)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        status.pass_failed("push", 1, "no answer")
        await trio.testing.wait_all_tasks_blocked()
        assert triggers == ["startup"]
        status.pass_succeeded("push", IDLE, 1)
    assert triggers == ["startup", "push"]


@pytest.mark.parametrize(("seconds", "bucket"), [(0, 0), (0.05, 0), (0.06, 1), (120, 10), (121, 11)])
def test_a_duration_falls_into_the_bucket_whose_bound_it_does_not_exceed(seconds: float, bucket: int) -> None:
    durations = Durations()
    durations.observe(seconds)
    assert durations.counts.index(1) == bucket
    assert len(durations.counts) == len(BUCKETS_SECONDS) + 1
