"""A fault played in this process, where hours of the daemon's clock pass in moments."""

import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import structlog
import time_machine
import trio
from trio.testing import MockClock

from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon.process import serve
from mailroom.errors import MailroomError, leaves
from mailroom.observe.log import set_up
from tests.faults.clock import IDLE_SECONDS_WITH_OTHERS, Outside, PatientResolver
from tests.faults.fault import Fault
from tests.faults.observed import Answer, Log, Requests, ask_health, counting_requests
from tests.faults.world import World, world
from tests.guard import IDLE_SECONDS
from tests.real.radicale import Radicale

POLL_INTERVAL = 60.0
HEALTH_EVERY_SECONDS = 40.0
LABEL_AFTER_SECONDS = 30.0
"""When the user acts, after the fault struck: what broke off has been tried again by then."""

HEARD_WITHIN_SECONDS = 30.0
"""So soon after the fault's end a label must be heard again through push."""


@dataclass
class ThisMachine:
    """This process's wall clock, and the file descriptor that its log goes to."""

    log_fd: int
    wall_clock: time_machine.Traveller | None = None

    def jump(self, seconds: float) -> None:
        assert self.wall_clock is not None
        self.wall_clock.shift(seconds)

    def fill_disk(self) -> None:
        self._redirect(os.open("/dev/full", os.O_WRONLY))

    def close_log(self) -> None:
        nobody, end = os.pipe()
        os.close(nobody)
        self._redirect(end)

    def _redirect(self, fd: int) -> None:
        os.dup2(fd, self.log_fd)
        os.close(fd)


@dataclass
class Daemon:
    """One that runs in this process. `ended_by` is what its user would be told; `done` is set once it has ended."""

    health_port: int = 0
    started: float = field(default_factory=trio.current_time)
    ended_by: str = ""
    done: trio.Event = field(default_factory=trio.Event)


@dataclass
class Play:
    """What one fault brought about; times are by the daemon's clock.

    From `struck` to `over` there was the fault. `filed` is when the label had done its work, `heard` how long another
    label took when all was over. `at_the_end` is what /healthz said just before it was.
    """

    log: Log
    requests: Requests
    daemon: Daemon
    struck: float = 0.0
    over: float = 0.0
    filed: float | None = None
    heard: float | None = None
    answers: list[Answer] = field(default_factory=list)
    at_the_end: Answer | None = None
    complaints: list[str] = field(default_factory=list)


def play(fault: Fault, radicale: Radicale | None) -> Play:
    """Usual work, the fault, a label during it, its end, another label."""
    clock = MockClock()
    outside = Outside(clock, IDLE_SECONDS_WITH_OTHERS if fault.setup.radicale else IDLE_SECONDS)
    with counting_requests() as requests, ExitStack() as stack:
        traveller = None
        if fault.setup.faked_clock:
            traveller = stack.enter_context(time_machine.travel(datetime.now(UTC), tick=True))
        return trio.run(partial(_play, fault, radicale, outside, requests, traveller), clock=clock)


async def _play(
    fault: Fault,
    radicale: Radicale | None,
    outside: Outside,
    requests: Requests,
    wall_clock: time_machine.Traveller | None,
) -> Play:
    trio.socket.set_custom_hostname_resolver(PatientResolver(outside))
    setup = fault.setup
    async with (
        recorded_log() as (log, fd),
        world(setup, ThisMachine(fd, wall_clock), outside, radicale) as around,
        AsyncExitStack() as strike,
    ):
        if fault.quiet is None:
            await strike.enter_async_context(fault.strike(around))
        async with running_daemon(around) as daemon:
            played = Play(log, requests, daemon)
            await _during(fault, around, played, strike)
            await strike.aclose()
            if not fault.ends:
                await _afterwards(fault, around, played)
        if fault.ends:
            async with running_daemon(around) as played.daemon:
                await _afterwards(fault, around, played)
            played.daemon = daemon
        played.complaints = around.user.complaints()
    return played


async def _during(fault: Fault, around: World, played: Play, strike: AsyncExitStack) -> None:
    async with trio.open_nursery() as nursery:
        if fault.quiet is not None:
            await around.sandbox.broadcaster.wait_for_stream()
            await trio.sleep(fault.quiet)
            await strike.enter_async_context(fault.strike(around))
        played.struck = trio.current_time()
        nursery.start_soon(_watch_health, played)
        with trio.move_on_after(fault.lasts):
            await trio.sleep(LABEL_AFTER_SECONDS)
            around.user.labels("Ann")
            if fault.ends:
                await played.daemon.done.wait()
            elif await content(around, fault.lasts):
                played.filed = trio.current_time()
                await trio.sleep_forever()
        if not played.daemon.done.is_set():
            played.at_the_end = await ask_health(played.daemon.health_port)
        played.over = trio.current_time()
        nursery.cancel_scope.cancel()


async def _watch_health(played: Play) -> None:
    while not played.daemon.done.is_set():
        await trio.sleep(HEALTH_EVERY_SECONDS)
        try:
            played.answers.append(await ask_health(played.daemon.health_port))
        except OSError:
            if not played.daemon.done.is_set():
                raise


async def _afterwards(fault: Fault, around: World, played: Play) -> None:
    """The label's work is done by now, or soon; then another one is heard."""
    if await content(around, fault.recovers) and played.filed is None:
        played.filed = trio.current_time()
    with trio.move_on_after(fault.recovers):
        await around.sandbox.broadcaster.wait_for_stream()
    asked = trio.current_time()
    around.user.labels("Carl")
    if await content(around, HEARD_WITHIN_SECONDS):
        played.heard = trio.current_time() - asked
    # What is still under way ends; the log is read.
    await trio.sleep(5)


async def content(around: World, seconds: float) -> bool:
    """Whether the user is content within so many seconds."""
    with trio.move_on_after(seconds):
        while not around.user.is_content():
            await around.sandbox.changed()
    return around.user.is_content()


@asynccontextmanager
async def running_daemon(around: World) -> AsyncIterator[Daemon]:
    """All of the daemon but the process around it: signals and exit status."""
    values = {"poll_interval": POLL_INTERVAL, **around.settings}
    account = AccountConfig(None, AccountSettings.model_validate(values), DEFAULT_SCHEME)
    # Only here any free port will do.
    process = ProcessSettings().model_copy(update={"health_port": 0})
    daemon = Daemon()

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        async def up() -> None:
            daemon.health_port = (await nursery.start(serve, process, account)).health_port
            task_status.started()

        try:
            async with trio.open_nursery() as nursery:
                await up()
        except* MailroomError as failures:
            daemon.ended_by = "; ".join(sorted(str(error) for error in leaves(failures)))
        finally:
            daemon.done.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(run)
        yield daemon
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def recorded_log() -> AsyncIterator[tuple[Log, int]]:
    """The log as the process would write it, into a pipe; gives the end of the pipe that is written to."""
    log = Log()
    readable, writable = os.pipe()
    with _logging_as_found():
        async with trio.lowlevel.FdStream(readable) as stream, trio.open_nursery() as nursery:
            set_up("debug", "json", fd=writable)
            nursery.start_soon(log.read, stream)
            try:
                yield log, writable
            finally:
                os.close(writable)
            nursery.cancel_scope.cancel()


@contextmanager
def _logging_as_found() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
