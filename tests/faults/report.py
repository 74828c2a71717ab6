"""The table for people: fault, expected, seen."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from tests.faults.table import FAULTS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test of a fault saw; `problems` is empty where all was as expected."""

    fault: str
    seen: str
    as_expected: bool
    problems: str

    @property
    def is_of_a_process(self) -> bool:
        return "exit status" in self.seen


def drawn(outcomes: Sequence[Outcome]) -> Table:
    """One row a fault, in the order of the table; what is not as expected is marked."""
    table = Table(box=box.ROUNDED, show_lines=True, title="Faults", caption=_sum(outcomes))
    for column, width in (("fault", 24), ("expected", 32), ("seen", 54)):
        table.add_column(column, width=width)
    for fault in FAULTS:
        found = sorted((each for each in outcomes if each.fault == fault.name), key=lambda each: each.is_of_a_process)
        if found:
            seen = "; ".join(each.seen for each in found)
            wrong = "".join(f"\nNOT AS EXPECTED: {each.problems}" for each in found if not each.as_expected)
            table.add_row(Text(fault.name), Text(fault.expected), Text(seen + wrong))
    return table


def _sum(outcomes: Sequence[Outcome]) -> str:
    names = {outcome.fault for outcome in outcomes}
    wrong = {outcome.fault for outcome in outcomes if not outcome.as_expected}
    return f"{len(names)} faults, {len(names) - len(wrong)} as expected"
