"""One account is broken in every way of the table, and another one in the same process files as ever."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
import time_machine
import trio
from trio.testing import MockClock

from mailroom.config.account_files import Reading
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon.accounts import Accounts
from mailroom.http_clients import shared_http
from mailroom.sandbox import Sandbox
from tests.faults.clock import IDLE_SECONDS_WITH_OTHERS, Outside, PatientResolver
from tests.faults.fault import Fault
from tests.faults.in_process import POLL_INTERVAL, ThisMachine, recorded_log
from tests.faults.observed import Line
from tests.faults.table import FAULTS
from tests.faults.world import World, world
from tests.guard import IDLE_SECONDS
from tests.real.radicale import Radicale
from tests.screener import empty_sandbox, served

pytestmark = pytest.mark.faults

FILED_WITHIN_SECONDS = 5.0
"""The debounce of 3 s, and the usual; by the daemon's clock."""

STRUCK_SECONDS = (1.0, 40.0, 130.0)
"""When the other account is asked to file, after the fault has struck."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_another_account_files_within_the_usual_time(fault: Fault, request: pytest.FixtureRequest) -> None:
    radicale = request.getfixturevalue("radicale") if fault.setup.radicale else None
    clock = MockClock()
    outside = Outside(clock, IDLE_SECONDS_WITH_OTHERS if fault.setup.radicale else IDLE_SECONDS)
    with ExitStack() as stack:
        travelled = time_machine.travel(datetime.now(UTC), tick=True)
        faked = stack.enter_context(travelled) if fault.setup.faked_clock else None
        slowest, lines = trio.run(partial(_play, fault, radicale, outside, faked), clock=clock)
    assert slowest <= FILED_WITHIN_SECONDS
    if not fault.setup.lost_log:
        # Every line says whose it is.
        assert {line.get("account") for line in lines if line["component"] in ("triage", "push")} == {"broken", "well"}


async def _play(
    fault: Fault, radicale: Radicale | None, outside: Outside, wall_clock: time_machine.Traveller | None
) -> tuple[float, list[Line]]:
    """The longest that the other account took, in seconds of the daemon's clock, and what was logged."""
    trio.socket.set_custom_hostname_resolver(PatientResolver(outside))
    well = empty_sandbox()
    slowest = 0.0
    async with (
        recorded_log() as (log, fd),
        world(fault.setup, ThisMachine(fd, wall_clock), outside, radicale) as around,
        served(well) as url,
        AsyncExitStack() as strike,
    ):
        if fault.quiet is None:
            await strike.enter_async_context(fault.strike(around))
        async with _both_running(around, str(url), well.token):
            await well.broadcaster.wait_for_stream()
            if fault.quiet is not None:
                await trio.sleep(fault.quiet)
                await strike.enter_async_context(fault.strike(around))
            around.user.labels("Ann")
            struck = trio.current_time()
            for number, seconds in enumerate(STRUCK_SECONDS):
                await trio.sleep_until(struck + seconds)
                slowest = max(slowest, await _seconds_to_file(well, number))
    return slowest, log.lines


@asynccontextmanager
async def _both_running(around: World, url: str, token: str) -> AsyncIterator[None]:
    broken = {"poll_interval": POLL_INTERVAL, **around.settings}
    well = {"poll_interval": POLL_INTERVAL, "jmap_session_url": url, "jmap_token": token}
    configured = {
        name: AccountConfig(name, AccountSettings.model_validate(values), DEFAULT_SCHEME)
        for name, values in (("broken", broken), ("well", well))
    }
    async with shared_http() as http, trio.open_nursery() as nursery:
        Accounts(http, nursery, ProcessSettings()).take(Reading(configured, {}, frozenset()))
        yield
        nursery.cancel_scope.cancel()


async def _seconds_to_file(well: Sandbox, number: int) -> float:
    mail = well.deliver(f"Well <well{number}@example.org>", mailboxes=("Screener", "@ToFeed"))
    began = trio.current_time()
    with trio.move_on_after(10 * FILED_WITHIN_SECONDS):
        while well.mailboxes_of(mail) != {"Feed"}:
            await well.changed()
        return trio.current_time() - began
    return math.inf
