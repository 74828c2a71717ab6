"""The servers that the faults need, and the table that is printed where all of it was played."""

import io

import pytest
from rich.console import Console

from tests.faults.report import Outcome, drawn
from tests.real.conftest import radicale

__all__ = ["radicale"]

COLUMNS = 120


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One table of fault, expected, seen; only where processes were stopped, too, so not in an ordinary run."""
    outcomes = [
        Outcome(properties["fault"], properties["seen"], report.outcome == "passed", _problems(report))
        for status in ("passed", "failed")
        for report in terminalreporter.stats.get(status, [])
        if "fault" in (properties := dict(report.user_properties))
    ]
    if not any(outcome.is_of_a_process for outcome in outcomes):
        return
    text = io.StringIO()
    Console(file=text, width=COLUMNS, color_system=None).print(drawn(outcomes))
    terminalreporter.write(text.getvalue())


def _problems(report: pytest.TestReport) -> str:
    return "" if report.outcome == "passed" else report.longreprtext.partition("\nseen: ")[0]
