import time

import pytest
from trio.testing import MockClock

from mailroom.status import EventSourceHealth, Status


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
    status.pass_succeeded("fallback", senders_failing=1, mailboxes_missing=2)
    mock_clock.jump(0.26)
    health = status.health()
    assert (health.status, health.last_poll_age_seconds, health.last_poll_trigger) == ("ok", 0.3, "fallback")
    assert (health.senders_failing, health.mailboxes_missing) == (1, 2)


@pytest.mark.parametrize("jump", [-1e9, 1e9])
async def test_a_wall_clock_that_jumps_changes_no_health(
    jump: float, mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = Status(poll_interval=10)
    status.pass_succeeded("startup", senders_failing=0, mailboxes_missing=0)
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
