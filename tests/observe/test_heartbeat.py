"""The heartbeat against a monitor on loopback, by a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import structlog
import trio
from pydantic import SecretStr
from structlog.typing import EventDict
from trio.testing import MockClock, wait_all_tasks_blocked

from mailroom.http_clients import shared_http
from mailroom.observe.heartbeat import DEADLINE_SECONDS, heartbeat_url, send_heartbeats
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status, Success, Trigger
from tests.real.processes import free_port
from tests.scripted_server import Answer, Asked, ScriptedServer, reply

IDLE = PassOutcome(triaged_by_category={}, mails_filed=0, senders_failing=0, mailboxes_missing=0)
PATH = "/api/push/s3cret"
OK = reply("200 OK", b'{"ok":true}')
INTERVAL = 60.0


@dataclass
class Monitor:
    server: ScriptedServer
    status: Status
    logs: list[EventDict]

    def passes(self, trigger: Trigger = "fallback", seconds: float = 0.25) -> None:
        self.status.pass_succeeded(trigger, IDLE, seconds)

    async def beat(self, times: int) -> Asked:
        """Wait for so many beats to be over, answer included; returns the request of the last."""
        asked = await self.server.wait_asked(PATH, times)
        await wait_all_tasks_blocked(0.01)
        return asked


@asynccontextmanager
async def monitored(*answers: Answer, url: str | None = None) -> AsyncIterator[Monitor]:
    with trio.fail_after(100_000):
        async with shared_http() as http, trio.open_nursery() as nursery:
            server = ScriptedServer()
            server.script(PATH, *answers)
            await nursery.start(server.serve)
            status = Status(INTERVAL)
            given = SecretStr(url or f"{server.origin}{PATH}?status=up&msg=OK&ping=")
            with structlog.testing.capture_logs() as logs:
                nursery.start_soon(send_heartbeats, http, given, status, INTERVAL, "MAILROOM_HEARTBEAT_URL")
                yield Monitor(server, status, logs)
            assert "s3cret" not in str(logs)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("given", "fetched"),
    [
        ("http://k/p?status=up&msg=OK&ping=", "http://k/p?status=up&msg=push&ping=1235"),
        ("http://k/p", "http://k/p?status=up&msg=push&ping=1235"),
        ("https://k:3001/p?key=a%26b&empty=", "https://k:3001/p?key=a%26b&empty=&status=up&msg=push&ping=1235"),
    ],
)
def test_its_parameters_are_merged_into_those_of_the_url(given: str, fetched: str) -> None:
    success = Success("push", IDLE, 1.2346, ended_at=0, ended_at_unix=0)
    assert str(heartbeat_url(httpx.URL(given), success)) == fetched


async def test_no_beat_before_a_pass_succeeds(mock_clock: MockClock) -> None:
    async with monitored(OK) as monitor:
        monitor.status.pass_failed("startup", 1, "no answer")
        await wait_all_tasks_blocked(0.01)
        assert monitor.server.asked == []
        monitor.passes("startup", 0.25)
        assert (await monitor.beat(1)).target == f"{PATH}?status=up&msg=startup&ping=250"
        assert monitor.logs == []


async def test_one_beat_a_poll_interval_however_many_passes_succeed(mock_clock: MockClock) -> None:
    async with monitored(OK) as monitor:
        monitor.passes("startup")
        await monitor.beat(1)
        for _ in range(5):
            mock_clock.jump(11)
            monitor.passes("push")
            await wait_all_tasks_blocked(0.01)
        assert len(monitor.server.asked) == 1
        mock_clock.jump(5)
        monitor.passes("fallback", 3)
        assert (await monitor.beat(2)).target == f"{PATH}?status=up&msg=fallback&ping=3000"


async def test_an_url_with_a_login_logs_in(mock_clock: MockClock) -> None:
    async with monitored(OK) as elsewhere:
        url = f"{elsewhere.server.origin}{PATH}".replace("http://", "http://ann:s3cret@")
        async with monitored(url=url) as monitor:
            monitor.passes()
            assert (await elsewhere.beat(1)).headers["Authorization"] == "Basic YW5uOnMzY3JldA=="


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply("404 Not Found", b'{"ok":false,"msg":"s3cret"}'), "it answered HTTP 404"),
        (reply("503 Service Unavailable"), "it answered HTTP 503"),
        (reply("302 Found", Location="/elsewhere/s3cret"), "it redirects (HTTP 302): set MAILROOM_HEARTBEAT_URL"),
    ],
)
async def test_a_failure_is_told_once_and_so_is_its_end(mock_clock: MockClock, answer: Answer, said: str) -> None:
    async with monitored(answer, answer, OK) as monitor:
        for times in (1, 2, 3):
            monitor.passes()
            await monitor.beat(times)
            mock_clock.jump(INTERVAL)
        assert [(line["event"], line["log_level"]) for line in monitor.logs] == [
            ("heartbeat_failed", "warning"),
            ("heartbeat_failed", "debug"),
            ("heartbeat_works_again", "info"),
        ]
        assert monitor.logs[0]["error"].startswith(said)
        assert monitor.server.asked_for("/elsewhere/s3cret") == []


async def test_a_monitor_that_is_not_there(mock_clock: MockClock) -> None:
    port = free_port()
    async with monitored(url=f"http://127.0.0.1:{port}{PATH}") as monitor:
        monitor.passes()
        while not monitor.logs:
            await wait_all_tasks_blocked(0.01)
        assert monitor.logs[0]["error"].startswith(f"http://127.0.0.1:{port}: ConnectError")


async def test_a_monitor_that_never_answers_is_given_up_on(mock_clock: MockClock) -> None:
    async with monitored(never, OK) as monitor:
        monitor.passes()
        await monitor.beat(1)
        mock_clock.jump(DEADLINE_SECONDS)
        await wait_all_tasks_blocked(0.01)
        assert [line["error"] for line in monitor.logs] == ["no answer in 10 s"]
        mock_clock.jump(INTERVAL)
        monitor.passes()
        await monitor.beat(2)
        assert monitor.logs[-1]["event"] == "heartbeat_works_again"


async def never(_stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()
