"""Faults of the machine that the daemon runs on: its log, its wall clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.courses import answering, with_request
from tests.faults.fault import Fault, Strike, Told
from tests.faults.strikes import http_date
from tests.faults.world import Setup, World
from tests.proxy import straight

DAY = 86_400.0


@asynccontextmanager
async def disk_is_full(world: World) -> AsyncIterator[None]:
    world.machine.fill_disk()
    yield


@asynccontextmanager
async def log_is_closed(world: World) -> AsyncIterator[None]:
    world.machine.close_log()
    yield


def wall_clock_jumps(seconds: float) -> Strike:
    """And the server asks for patience until a certain time, by its own clock."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        busy = (
            f"HTTP/1.1 429 Too Many Requests\r\nDate: {http_date()}\r\nRetry-After: {http_date(30)}\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        world.machine.jump(seconds)
        world.mail.course = with_request(b"/jmap/event/", straight, answering(busy.encode()))
        world.mail.hang_up()
        yield
        world.mail.course = straight
        world.mail.hang_up()
        world.machine.jump(-seconds)

    return strike


LOG_IS_LOST = "lines are lost, nothing else: filed as usual, and it stops as usual"
CLOCK = "ages and waits keep to the monotonic clock; a Retry-After date counts from the server's Date"

FAULTS = (
    Fault(
        "disk full: the log can't be written",
        LOG_IS_LOST,
        disk_is_full,
        filed=True,
        healthy=True,
        setup=Setup(lost_log=True, log_file="/dev/full"),
    ),
    Fault(
        "stdout closed: nobody reads the log",
        LOG_IS_LOST,
        log_is_closed,
        filed=True,
        healthy=True,
        setup=Setup(lost_log=True),
    ),
    *(
        Fault(
            f"the wall clock jumps a day {where}, 429 with a date",
            CLOCK,
            wall_clock_jumps(seconds),
            told=(Told("poll_failed", "HTTP 429"),),
            recovers=60.0,
            lasts=300.0,
            most_per_minute=6,
            setup=Setup(faked_clock=True),
        )
        for where, seconds in (("ahead", DAY), ("back", -DAY))
    ),
)
