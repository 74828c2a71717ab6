"""What a daemon costs that has nothing to do: time to start, memory, processor."""

import time
from dataclasses import dataclass
from statistics import median

import httpx
import trio

from bench.daemon_figures import cpu_seconds as cpu_seconds_of
from bench.daemon_figures import memory_mb
from bench.load import Load
from bench.servers import Server, variables
from mailroom.config.account_settings import AccountSettings
from tests.daemon_process import DaemonProcess, daemon_process

START_DEADLINE_SECONDS = 60
LOOK_EVERY_SECONDS = 0.005

NO_MAIL = Load(0, 0)


@dataclass(frozen=True, slots=True)
class IdleRun:
    """One daemon, with the default poll interval of 60 s; `start_seconds` until /readyz says that a pass is done."""

    start_seconds: float
    memory_mb: float
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class IdleFigures:
    """Medians. Memory is what is resident after `window_seconds` of idling, CPU the share of one core in that time."""

    server: str
    runs: int
    window_seconds: float
    start_seconds: float
    memory_mb: float
    cpu_percent: float


@dataclass(frozen=True, slots=True)
class Watch:
    """How long an idle daemon is watched, after it came to rest."""

    rest_seconds: float
    window_seconds: float


async def measure_idle(server: Server, runs: int, watch: Watch) -> IdleFigures:
    """Start daemons one after the other, and watch them side by side."""
    done: list[IdleRun] = []
    async with server.account(NO_MAIL) as settings, trio.open_nursery() as nursery:
        for _ in range(runs):
            await nursery.start(_idle_run, settings, watch, done)
    return IdleFigures(
        server=server.name,
        runs=runs,
        window_seconds=watch.window_seconds,
        start_seconds=median(run.start_seconds for run in done),
        memory_mb=median(run.memory_mb for run in done),
        cpu_percent=median(run.cpu_percent for run in done),
    )


async def _idle_run(
    settings: AccountSettings, watch: Watch, done: list[IdleRun], *, task_status: trio.TaskStatus[None]
) -> None:
    """Reports once the daemon is ready."""
    started = time.perf_counter()
    async with daemon_process(settings.jmap_session_url, log_level="info", **variables(settings)) as daemon:
        with trio.fail_after(START_DEADLINE_SECONDS):
            await _until_ready(daemon)
        start_seconds = time.perf_counter() - started
        task_status.started()
        await trio.sleep(watch.rest_seconds)
        cpu_before = cpu_seconds_of(daemon.process.pid)
        await trio.sleep(watch.window_seconds)
        cpu_seconds = cpu_seconds_of(daemon.process.pid) - cpu_before
        done.append(
            IdleRun(start_seconds, memory_mb(daemon.process.pid, "VmRSS"), 100 * cpu_seconds / watch.window_seconds)
        )


async def _until_ready(daemon: DaemonProcess) -> None:
    """Raises `RuntimeError` if the daemon ends first."""
    url = httpx.URL(daemon.health_url).join("/readyz")
    async with httpx.AsyncClient() as http:
        while not await _is_ready(http, url):
            if daemon.process.returncode is not None:
                raise RuntimeError(f"the daemon ended: {daemon.errors}")
            await trio.sleep(LOOK_EVERY_SECONDS)


async def _is_ready(http: httpx.AsyncClient, url: httpx.URL) -> bool:
    try:
        return (await http.get(url)).is_success
    except httpx.TransportError:
        return False
