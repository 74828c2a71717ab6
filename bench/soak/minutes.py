"""The real minutes: sandbox and daemon as processes of their own; memory and open files of the daemon over the time."""

import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from subprocess import PIPE
from typing import Any

import httpx
import trio

from bench.daemon_figures import memory_mb
from bench.soak.acts import Script
from bench.soak.figures import (
    Counts,
    Sample,
    count_problems,
    crashes_in,
    growth_problems,
    round_problems,
    slope_per_hour,
)
from bench.soak.leaks import open_files
from bench.soak.player import RoundEnd
from tests.daemon_process import DaemonProcess, daemon_process
from tests.real.processes import free_port
from tests.scrape import samples

POLL_INTERVAL = 1.0
"""The shortest there is: the more passes, the more of a leak."""

SAMPLE_SECONDS = 5.0
START_SECONDS = 30.0
STOP_SECONDS = 1.0
"""What the daemon promises."""

GRACE_SECONDS = 30.0
"""For a sandbox that is late with the end of its script."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Minutes:
    """What the real part found. `first` is the daemon at the end of the first round, `last` at that of the last; growth
    per hour is that of all samples from `first` on."""

    script: Script
    ends: tuple[RoundEnd, ...]
    counts: Counts
    start: Sample
    first: Sample
    last: Sample
    mb_per_hour: float
    seconds: float
    problems: tuple[str, ...]


async def run_minutes(script: Script, progress: Progress) -> Minutes:
    """Play the script in real time."""
    # In the daemon's process: what was left open, or never awaited, is told on standard error.
    os.environ["PYTHONWARNINGS"] = "error::ResourceWarning,error::RuntimeWarning"
    port = free_port()
    changed = {
        "poll_interval": f"{POLL_INTERVAL:g}",
        "debounce_seconds": "0.2",
        "health_port": str(port),
        # The daemon answers its own heartbeat.
        "heartbeat_url": f"http://127.0.0.1:{port}/livez",
    }
    async with _sandbox_process(script) as sandbox:
        with trio.fail_after(START_SECONDS):
            session_url, token = (await sandbox.line()).split()
        async with daemon_process(session_url, jmap_token=token, **changed) as process:
            run = _Run(script, process, progress)
            with trio.fail_after(START_SECONDS):
                await process.logs("poll_completed")
            with trio.move_on_after(script.pace.rounds * script.pace.length + GRACE_SECONDS):
                await run.watch(sandbox)
            await run.end()
    return run.result()


@dataclass(slots=True)
class _SandboxProcess:
    process: trio.Process
    _text: bytes = b""

    async def line(self) -> str:
        """The next line that it prints. Raises `RuntimeError` if it ends before."""
        while b"\n" not in self._text:
            part = b"" if self.process.stdout is None else await self.process.stdout.receive_some()
            if not part:
                raise RuntimeError("the sandbox process ended: its own message is above")
            self._text += part
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def _sandbox_process(script: Script) -> AsyncIterator[_SandboxProcess]:
    what = (str(script.seed), script.pace.name, str(script.pace.rounds))
    command = [sys.executable, "-m", "bench.soak.sandbox_process", *what]
    process = await trio.lowlevel.open_process(command, stdout=PIPE)
    try:
        yield _SandboxProcess(process)
    finally:
        process.kill()
        with trio.move_on_after(5, shield=True):
            await process.wait()


@dataclass(slots=True)
class _Run:
    """What is seen of the daemon while the script is played."""

    script: Script
    daemon: DaemonProcess
    progress: Progress
    samples: list[Sample] = field(default_factory=list)
    ends: list[RoundEnd] = field(default_factory=list)
    end_samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    final: Counts | None = None
    started: float = field(default_factory=time.perf_counter)

    async def watch(self, sandbox: _SandboxProcess) -> None:
        """Until the last round has ended, or the daemon."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sample_until_it_ends, nursery.cancel_scope)
            for _ in range(self.script.pace.rounds):
                end = json.loads(await sandbox.line())
                self.ends.append(RoundEnd(**(end | {"problems": tuple(end["problems"])})))
                self.end_samples.append(self._take_sample())
                self._tell_round(self.ends[-1])
            nursery.cancel_scope.cancel()

    async def _sample_until_it_ends(self, scope: trio.CancelScope) -> None:
        async with self._monitor() as http:
            while self.daemon.process.returncode is None:
                self._take_sample()
                await self._ask(http)
                await trio.sleep(SAMPLE_SECONDS)
        scope.cancel()

    async def _ask(self, http: httpx.AsyncClient) -> None:
        for path in ("/healthz", "/readyz", "/metrics"):
            status = (await http.get(path)).status_code
            # 503 says unhealthy, which is right in an outage.
            if status not in (200, 503):
                self.problems.append(f"{path} answered HTTP {status}")

    def _monitor(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.daemon.health_port}", trust_env=False)

    def _take_sample(self) -> Sample:
        pid = self.daemon.process.pid
        at = time.perf_counter() - self.started
        sample = Sample(at, memory_mb(pid, "VmRSS"), open_files(pid).total())
        minute = int(at // 60)
        if self.samples and minute > self.samples[-1].at // 60:
            self.progress(f"minute {minute}: {sample.memory_mb:.1f} MB, {sample.open_files} open files")
        self.samples.append(sample)
        return sample

    def _tell_round(self, end: RoundEnd) -> None:
        self.progress(
            f"round {end.number} of {self.script.pace.rounds}: {end.senders} senders, {end.mails} mails "
            f"({end.waiting} wait), {end.faults} faults, {end.requests} requests, {len(end.problems)} problems"
        )

    async def end(self) -> None:
        """Ask for its own figures, then stop it."""
        if self.daemon.process.returncode is None:
            async with self._monitor() as http:
                health = (await http.get("/healthz")).json()
                self.final = _counts(samples((await http.get("/metrics")).text), health)
            self.daemon.process.send_signal(signal.SIGTERM)
            with trio.move_on_after(STOP_SECONDS) as patience:
                await self.daemon.process.wait()
            if patience.cancelled_caught:
                self.problems.append(f"the daemon did not stop within {STOP_SECONDS:g} s")
                self.daemon.process.kill()
        if status := await self.daemon.exit_status():
            self.problems.append(f"the daemon ended with exit status {status}")
        if self.daemon.errors:
            self.problems.append(f"the daemon printed: {self.daemon.errors[-500:]}")

    def result(self) -> Minutes:
        """Raises `RuntimeError` if no round ended, for then there is nothing to tell."""
        if self.final is None or not self.end_samples:
            raise RuntimeError("; ".join(self.problems) or "not one round ended in time")
        first, last = self.end_samples[0], self.end_samples[-1]
        ends = tuple(self.ends)
        return Minutes(
            script=self.script,
            ends=ends,
            counts=self.final,
            start=self.samples[0],
            first=first,
            last=last,
            mb_per_hour=slope_per_hour(tuple(each for each in self.samples if each.at >= first.at)),
            seconds=time.perf_counter() - self.started,
            problems=(
                *round_problems(ends, self.script.pace.rounds, POLL_INTERVAL),
                *count_problems(self.final),
                *growth_problems(first, last),
                *self.problems,
                *crashes_in(self.daemon.lines),
            ),
        )


def _counts(values: Mapping[str, float], health: Mapping[str, Any]) -> Counts:
    """From the daemon's metrics, and its answer to /healthz."""

    def total(name: str) -> int:
        return round(sum(value for sample, value in values.items() if sample.startswith(name)))

    return Counts(
        passes=total('mailroom_passes_total{outcome="success"'),
        failed_passes=total('mailroom_passes_total{outcome="failure"'),
        senders_triaged=total("mailroom_senders_triaged_total"),
        mails_filed=total("mailroom_mails_filed_total"),
        reconnects=health["eventsource"]["reconnect_count"],
        health=health["status"],
        senders_failing=health["senders_failing"],
    )
