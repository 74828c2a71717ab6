"""Every fault of the table, played in this process: what the daemon says meanwhile, and that all ends right."""

from collections.abc import Callable

import pytest

from tests.faults.fault import Fault
from tests.faults.in_process import play
from tests.faults.table import FAULTS
from tests.faults.verdict import problems, seen
from tests.real.radicale import Radicale


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_and_nothing_is_lost(
    fault: Fault, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    radicale: Radicale | None = request.getfixturevalue("radicale") if fault.setup.radicale else None
    played = play(fault, radicale)
    found = problems(fault, played)
    record_property("seen", seen(fault, played))
    if found:
        pytest.fail("\n".join([*found, "seen: " + seen(fault, played)]), pytrace=False)
