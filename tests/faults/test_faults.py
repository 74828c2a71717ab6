"""Every fault of the table: what the daemon says meanwhile, that all ends right, and that it stops in its middle."""

from collections.abc import Callable

import pytest

from tests.faults.fault import Fault
from tests.faults.in_process import play
from tests.faults.stopping import stop, why_no_faketime
from tests.faults.table import FAULTS
from tests.faults.verdict import problems, seen
from tests.real.conftest import demand
from tests.real.radicale import Radicale

pytestmark = pytest.mark.faults

each_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)

Record = Callable[[str, object], None]
"""Properties of a test, for the table that conftest.py prints."""


@pytest.fixture
def contacts_server(fault: Fault, request: pytest.FixtureRequest) -> Radicale | None:
    return request.getfixturevalue("radicale") if fault.setup.radicale else None


@each_fault
def test_a_fault_is_told_and_nothing_is_lost(
    fault: Fault, contacts_server: Radicale | None, record_property: Record
) -> None:
    played = play(fault, contacts_server)
    _tell(record_property, fault, seen(fault, played), problems(fault, played))


@each_fault
def test_it_stops_in_the_middle_and_the_next_start_finishes(
    fault: Fault, contacts_server: Radicale | None, record_property: Record
) -> None:
    if fault.setup.faked_clock:
        demand(why_no_faketime())
    stopped = stop(fault, contacts_server)
    cause = "it ended itself" if fault.ends else "SIGTERM"
    _tell(record_property, fault, f"{cause}: exit status {stopped.exit_status}", stopped.problems)


def _tell(record_property: Record, fault: Fault, seen: str, problems: list[str]) -> None:
    record_property("fault", fault.name)
    record_property("seen", seen)
    if problems:
        pytest.fail("\n".join([*problems, f"seen: {seen}"]), pytrace=False)
