"""What is seen of a daemon from outside: its log, its answers about its health, its requests."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import h11
import trio

from tests.faults.fault import Told

Line = dict[str, Any]

_PUSH_STATES = {
    "eventsource_connected": "connected",
    "eventsource_reconnected": "connected",
    "eventsource_disconnected": "disconnected",
    "eventsource_not_available": "not_started",
}
_BORDER_SECONDS = 2.0
"""So near to a change an answer may tell of before or after."""


@dataclass
class Log:
    """The lines of a daemon's log as they came, and when, by trio's clock."""

    lines: list[Line] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    async def read(self, source: trio.abc.ReceiveStream) -> None:
        rest = b""
        async for part in source:
            *whole, rest = (rest + part).split(b"\n")
            self.lines += [json.loads(line) for line in whole]
            self.at += [trio.current_time()] * len(whole)

    def times_of(self, *events: str) -> list[float]:
        return [at for at, line in zip(self.at, self.lines, strict=True) if line["event"] in events]


def matching(lines: Sequence[Line], told: Told) -> list[Line]:
    return [
        line
        for line in lines
        if line["event"] == told.event and any(told.text in str(value) for value in line.values())
    ]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of /healthz."""

    at: float
    code: int
    health: Line

    @property
    def is_healthy(self) -> bool:
        return str(self.health["status"]) == "ok"

    @property
    def push(self) -> str:
        return str(self.health["eventsource"]["status"])


async def ask_health(port: int) -> Answer:
    """Without httpx, whose requests are counted."""
    at = trio.current_time()
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        connection = h11.Connection(h11.CLIENT)
        request = h11.Request(method="GET", target="/healthz", headers=[("Host", "localhost")])
        await stream.send_all(connection.send(request) or b"")
        connection.send(h11.EndOfMessage())
        code, body = 0, b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some())
            elif isinstance(event, h11.Response):
                code = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
    return Answer(at, code, json.loads(body))


def lies(answers: Sequence[Answer], log: Log, started: float, poll_interval: float) -> Iterator[str]:
    """Answers that differ from what the log shows: unhealthy is who had no success for two poll intervals."""
    for answer in answers:
        if any(abs(at - answer.at) < _BORDER_SECONDS for at in log.times_of("poll_completed")):
            continue
        age = answer.at - max((at for at in log.times_of("poll_completed") if at < answer.at), default=started)
        if abs(age - 2 * poll_interval) > _BORDER_SECONDS and answer.is_healthy != (age < 2 * poll_interval):
            yield f"health said {answer.health['status']} {age:.0f} s after the last success"
        if answer.is_healthy != (answer.code == 200):
            yield f"health said {answer.health['status']} with HTTP {answer.code}"
        if abs(answer.health["last_poll_age_seconds"] - age) > _BORDER_SECONDS:
            yield f"health said {answer.health['last_poll_age_seconds']} s since the last success, which were {age:.0f}"
        changes = [
            (at, line["event"]) for at, line in zip(log.at, log.lines, strict=True) if line["event"] in _PUSH_STATES
        ]
        before = [event for at, event in changes if at <= answer.at]
        push = _PUSH_STATES[before[-1]] if before else "not_started"
        near = any(abs(at - answer.at) < _BORDER_SECONDS for at, _ in changes)
        if not near and answer.push != push:
            yield f"health said that push is {answer.push}, the log {push}"


class Requests(logging.Handler):
    """When the daemon sent a request, or could not connect; httpcore tells of both at debug."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith(("send_request_headers.started", "connect_tcp.failed", "start_tls.failed")):
            self.at.append(trio.current_time())

    def most_per_minute(self, since: float, until: float) -> int:
        """In the busiest 60 seconds between the two."""
        at = [each for each in self.at if since <= each < until]
        return max((sum(start <= each < start + 60 for each in at) for start in at), default=0)


@contextmanager
def counting_requests() -> Iterator[Requests]:
    """All that httpx does in this process meanwhile."""
    log = logging.getLogger("httpcore")
    level, propagate = log.level, log.propagate
    requests = Requests()
    log.addHandler(requests)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield requests
    finally:
        log.removeHandler(requests)
        log.setLevel(level)
        log.propagate = propagate
