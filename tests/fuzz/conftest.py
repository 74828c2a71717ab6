"""The figures of a long run, gathered from all processes."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.fuzz.running import IS_LONG, TALLIES, Tally

_OUTPUT = "fuzz"


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:  # a process of pytest-xdist
        output[_OUTPUT] = {kind: (tally.inputs, tally.seconds) for kind, tally in TALLIES.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    ran: Mapping[str, tuple[int, float]] = getattr(node, "workeroutput", {}).get(_OUTPUT, {})
    for kind, (inputs, seconds) in ran.items():
        TALLIES[kind].inputs += inputs
        TALLIES[kind].seconds += seconds


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not IS_LONG:
        return
    terminalreporter.section("inputs")
    terminalreporter.line(f"{'kind':<16}{'inputs':>12}{'CPU seconds':>14}{'inputs/s':>12}")
    for kind, tally in [*sorted(TALLIES.items()), ("all", _total())]:
        rate = tally.inputs / tally.seconds if tally.seconds else 0.0
        terminalreporter.line(f"{kind:<16}{tally.inputs:>12,}{tally.seconds:>14.1f}{rate:>12,.0f}")


def _total() -> Tally:
    tallies = TALLIES.values()
    return Tally(sum(each.inputs for each in tallies), sum(each.seconds for each in tallies))
