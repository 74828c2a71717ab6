"""SIGTERM while a fault lasts, to a daemon that is a process; then the next start, once it is over."""

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from mailroom.sandbox.faults import Endpoint
from tests.daemon_process import DaemonProcess, daemon_process, stops_at_once
from tests.faults.certificates import environment
from tests.faults.clock import Outside
from tests.faults.fault import Fault
from tests.faults.in_process import content, recorded_log, running_daemon
from tests.faults.observed import matching
from tests.faults.world import World, world
from tests.guard import GUARD_SECONDS
from tests.real.radicale import Radicale

FINISHED_WITHIN_SECONDS = 15.0

START_REQUESTS = 2
"""The check at the start, the first pass."""


@dataclass
class MachineOfProcess:
    """`clock_file` holds how far the process's wall clock is off, for libfaketime, which reads it each time."""

    clock_file: Path
    process: DaemonProcess | None = None
    _jumped: float = 0.0

    def jump(self, seconds: float) -> None:
        self._jumped += seconds
        self.clock_file.write_text(f"{self._jumped:+.0f}")

    def fill_disk(self) -> None:
        """Nothing to do: a process's log goes to a full disk from its start, or never."""

    def close_log(self) -> None:
        assert self.process is not None
        self.process.stop_reading()


@dataclass
class Stopped:
    """How the process ended, and what is not as it should be, if anything."""

    exit_status: int | None = None
    problems: list[str] = field(default_factory=list)


def faketime_library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def why_no_faketime() -> str | None:
    """What keeps a process's wall clock from jumping here, or None."""
    return None if faketime_library() else "libfaketime is missing: apt-get install libfaketime"


def stop(fault: Fault, radicale: Radicale | None) -> Stopped:
    """Usual work, the fault, a label, SIGTERM in its middle (or the end that the fault brings), the next start."""
    return trio.run(partial(_stop, fault, radicale))


async def _stop(fault: Fault, radicale: Radicale | None) -> Stopped:
    stopped = Stopped()
    with trio.fail_after(GUARD_SECONDS), _wall_clock(fault) as clock_file:
        machine = MachineOfProcess(clock_file)
        outside = Outside()
        async with world(fault.setup, machine, outside, radicale) as around, AsyncExitStack() as strike:
            if fault.quiet is None:
                await strike.enter_async_context(fault.strike(around))
            async with _process(fault, around) as machine.process:
                await _until_struck(fault, around, machine.process, strike)
                await _end(fault, machine.process, stopped)
            await strike.aclose()
            async with recorded_log(), running_daemon(around):
                if not await content(around, FINISHED_WITHIN_SECONDS):
                    stopped.problems.append("the next start didn't finish")
            stopped.problems += around.user.complaints()
    return stopped


@contextmanager
def _wall_clock(fault: Fault) -> Iterator[Path]:
    """The process gets a wall clock that is off by what a file says; trio's clock, a monotonic one, is not."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "off-by"
        file.write_text("+0")
        if fault.setup.faked_clock:
            stack.enter_context(
                environment(
                    LD_PRELOAD=str(faketime_library()),
                    FAKETIME_TIMESTAMP_FILE=str(file),
                    FAKETIME_NO_CACHE="1",
                    FAKETIME_DONT_FAKE_MONOTONIC="1",
                )
            )
        yield file


@asynccontextmanager
async def _process(fault: Fault, around: World) -> AsyncIterator[DaemonProcess]:
    settings = {"poll_interval": "1", "debounce_seconds": "0.1", **around.settings}
    url = settings.pop("jmap_session_url")
    with ExitStack() as stack:
        path = fault.setup.log_file
        log_file = stack.enter_context(open(path, "wb", buffering=0)) if path else None  # noqa: ASYNC230  a device
        async with daemon_process(url, log_file, **settings) as process:
            yield process


async def _until_struck(fault: Fault, around: World, process: DaemonProcess, strike: AsyncExitStack) -> None:
    """Return when the fault can be seen to strike a daemon that was at work before, but for faults from the start."""
    if fault.quiet is not None:
        await around.sandbox.broadcaster.wait_for_stream()
        await _until(lambda: sum(each.endpoint is Endpoint.API for each in around.sandbox.requests) >= START_REQUESTS)
    lines, strikes = len(process.lines), _strikes(around)
    if fault.quiet is not None:
        await strike.enter_async_context(fault.strike(around))
    around.user.labels("Ann")
    if fault.setup.lost_log:
        await _until(around.user.is_content)
    elif fault.told and not fault.slow:
        await _until(lambda: bool(matching(process.lines[lines:], fault.told[0])))
    elif not fault.ends:
        await _until(lambda: _strikes(around) > strikes)


def _strikes(around: World) -> int:
    """Grows when a switch of the sandbox strikes, or a connection is made on a course that a fault chose."""
    contacts = around.contacts.connections if around.contacts else 0
    return around.sandbox.faults.struck + around.mail.connections + contacts


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await trio.testing.wait_all_tasks_blocked(0.01)


async def _end(fault: Fault, process: DaemonProcess, stopped: Stopped) -> None:
    try:
        if fault.ends:
            assert await process.exit_status() == 2
            assert fault.ends in process.errors
            assert "Traceback" not in process.errors
        elif fault.setup.lost_log:
            process.process.send_signal(signal.SIGTERM)
            assert await process.exit_status() == 0
            assert process.errors == ""
        else:
            await stops_at_once(process)
        assert [line["exception"] for line in process.lines if "exception" in line] == []
    except (AssertionError, trio.TooSlowError) as wrong:
        stopped.problems.append(f"{type(wrong).__name__} at the end: {wrong}")
    stopped.exit_status = process.process.returncode
