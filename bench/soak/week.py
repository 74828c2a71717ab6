"""The simulated week: the real daemon and the sandbox in one trio run, over real sockets, on a clock that jumps."""

import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Never

import httpx
import structlog
import trio
from pydantic import SecretStr
from trio.testing import MockClock, wait_all_tasks_blocked

from bench.daemon_figures import memory_mb
from bench.soak.acts import Script
from bench.soak.figures import Counts, count_problems, crashes_in, left_over, object_problems, round_problems
from bench.soak.leaks import all_tasks, live_objects, open_files, warnings_collected
from bench.soak.player import Player, RoundEnd
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon import process as daemon
from mailroom.observe.log import set_up
from mailroom.observe.status import Status
from mailroom.sandbox import FASTMAIL, Sandbox, serve
from mailroom.sandbox.sample import create_folders
from tests.real.processes import free_port

QUIET_SECONDS_BEFORE_JUMP = 0.003
"""Real seconds in which no task ran and no socket brought anything, before the clock jumps.

Client and server are tasks of one thread, so what one sends is in the kernel's hands for microseconds when all tasks
wait. On a busy machine the kernel may leave that to a thread of its own, which has to get a core first: hence some
milliseconds, not 0. Should the clock jump too early all the same, the pass under way takes simulated time, which it
can't do otherwise but for a `Delay`: `early_jumps` tells.
"""

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
MONITOR_SECONDS = 307.0
POLL_INTERVAL = 60.0
GONE_SECONDS = 0.1

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Week:
    """What the simulated part found. `seconds` are real ones; pairs are counts at the end of the first round and of the
    last, but for `tasks`: before the daemon's start and after its end."""

    script: Script
    ends: tuple[RoundEnd, ...]
    counts: Counts
    memory_mb: tuple[float, float]
    objects: tuple[int, int]
    open_files: tuple[int, int]
    tasks: tuple[int, int]
    monitor_asked: int
    seconds: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Night:
    """The process at the end of a round; `early_jumps` counts simulated seconds that passes took while all was calm."""

    end: RoundEnd
    memory_mb: float
    objects: Counter[str]
    open_files: Counter[str]
    early_jumps: float


@dataclass(frozen=True, slots=True)
class _Lived:
    """`tasks` and `open_files` without a daemon: before it, and after it."""

    nights: tuple[_Night, ...]
    counts: Counts
    answers: Counter[int]
    tasks: tuple[Counter[str], Counter[str]]
    open_files: tuple[Counter[str], Counter[str]]


def run_week(script: Script, progress: Progress) -> Week:
    """Play the script on a clock of its own. The log goes into a file, and must not have a traceback in it."""
    started = time.perf_counter()
    before = open_files()
    with tempfile.TemporaryFile() as file:
        # As in the daemon: every line is composed and written.
        set_up("info", "json", fd=file.fileno())
        try:
            with warnings_collected() as complaints:
                clock = MockClock(autojump_threshold=QUIET_SECONDS_BEFORE_JUMP)
                lived = trio.run(partial(_live, script, progress), clock=clock)
        finally:
            structlog.reset_defaults()
        file.seek(0)
        crashes = crashes_in(json.loads(line) for line in file)
    problems = (*_problems(script, lived), *left_over("open files", before, open_files()), *complaints, *crashes)
    first, last = lived.nights[0], lived.nights[-1]
    return Week(
        script=script,
        ends=tuple(night.end for night in lived.nights),
        counts=lived.counts,
        memory_mb=(first.memory_mb, last.memory_mb),
        objects=(first.objects.total(), last.objects.total()),
        open_files=(first.open_files.total(), last.open_files.total()),
        tasks=(lived.tasks[0].total(), lived.tasks[1].total()),
        monitor_asked=lived.answers.total(),
        seconds=time.perf_counter() - started,
        problems=problems,
    )


def _problems(script: Script, lived: _Lived) -> Iterator[str]:
    first, last = lived.nights[0], lived.nights[-1]
    yield from round_problems(tuple(night.end for night in lived.nights), script.pace.rounds, POLL_INTERVAL)
    yield from count_problems(lived.counts)
    yield from object_problems(first.objects, last.objects)
    yield from left_over("open files after the first round", first.open_files, last.open_files)
    yield from left_over("tasks", *lived.tasks)
    yield from left_over("open files", *lived.open_files)
    yield from (f"the monitor got HTTP {status} {times} times" for status, times in _odd(lived.answers))
    if early := sum(night.early_jumps for night in lived.nights):
        yield f"the clock jumped {early:g} s while passes were under way: raise QUIET_SECONDS_BEFORE_JUMP"


def _odd(answers: Counter[int]) -> list[tuple[int, int]]:
    """503 says unhealthy, which is right in an outage."""
    return sorted((status, times) for status, times in answers.items() if status not in (200, 503))


async def _live(script: Script, progress: Progress) -> _Lived:
    sandbox = Sandbox(FASTMAIL, clock=_simulated_now)
    create_folders(sandbox)
    async with trio.open_nursery() as servers:
        base_url = await servers.start(serve, sandbox)
        tasks_before, files_before = all_tasks(), open_files()
        async with trio.open_nursery() as root:
            process = ProcessSettings(health_port=free_port())
            account = AccountConfig(None, _settings(sandbox, base_url, process.health_port), DEFAULT_SCHEME)
            running = await root.start(daemon.serve, process, account)
            answers: Counter[int] = Counter()
            root.start_soon(_monitor, running.health_port, answers)
            watch = _Watch(running.status, script, progress)
            await Player(sandbox, script).play(watch.rest, watch.end)
            counts = _counts(running.status)
            root.cancel_scope.cancel()
        # The sandbox has to notice that its client is gone.
        await wait_all_tasks_blocked(GONE_SECONDS)
        tasks, files = (tasks_before, all_tasks()), (files_before, open_files())
        servers.cancel_scope.cancel()
    return _Lived(tuple(watch.nights), counts, answers, tasks, files)


class _Watch:
    """Looks at the process at the end of each round."""

    def __init__(self, status: Status, script: Script, progress: Progress) -> None:
        self._status = status
        self._rounds = script.pace.rounds
        self._progress = progress
        self._pass_seconds = 0.0
        self.nights: list[_Night] = []

    def rest(self) -> None:
        self._pass_seconds = self._seconds_of_passes()

    def end(self, end: RoundEnd) -> None:
        early_jumps = self._seconds_of_passes() - self._pass_seconds
        self.nights.append(_Night(end, memory_mb(os.getpid(), "VmRSS"), live_objects(), open_files(), early_jumps))
        passes = sum(self._status.passes.values())
        self._progress(
            f"day {end.number} of {self._rounds}: {end.senders} senders, {end.mails} mails ({end.waiting} wait), "
            f"{end.faults} faults, {passes} passes, {len(end.problems)} problems"
        )

    def _seconds_of_passes(self) -> float:
        return sum(durations.sum for durations in self._status.pass_durations.values())


def _simulated_now() -> datetime:
    return MONDAY + timedelta(seconds=trio.current_time())


def _settings(sandbox: Sandbox, base_url: str, health_port: int) -> AccountSettings:
    """The heartbeat goes to the daemon itself, which answers anything."""
    return AccountSettings(
        jmap_token=SecretStr(sandbox.token),
        jmap_session_url=f"{base_url}/jmap/session",
        poll_interval=POLL_INTERVAL,
        heartbeat_url=SecretStr(f"http://127.0.0.1:{health_port}/livez"),
    )


async def _monitor(port: int, answers: Counter[int]) -> Never:
    """Ask the health app as monitors do; some of them connect, and hang up without a question."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        while True:
            await trio.sleep(MONITOR_SECONDS)
            for path in ("/healthz", "/readyz", "/metrics"):
                answers[(await http.get(path)).status_code] += 1
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            await stream.aclose()


def _counts(status: Status) -> Counts:
    health = status.health()
    return Counts(
        passes=sum(times for (_, result), times in status.passes.items() if result == "success"),
        failed_passes=sum(times for (_, result), times in status.passes.items() if result == "failure"),
        senders_triaged=status.tally.senders_triaged.total(),
        mails_filed=status.tally.mails_filed,
        reconnects=health.eventsource.reconnect_count,
        health=health.status,
        senders_failing=health.senders_failing,
    )
