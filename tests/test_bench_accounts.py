"""The benchmark of many accounts still works, and its page tells what it found; nothing here is timed."""

from datetime import date

import pytest

from bench.accounts.house import Push
from bench.accounts.measure import Beside, Cost, Fairness, Paced, Sizes, measure_beside, measure_cost, percentile
from bench.accounts.report import page
from bench.environment import clean_environment
from bench.machine import Machine

HERE = Machine("abc1234", date(2026, 11, 27), 2, 8.0, "CPython 3.11", 0.1)
SMALLEST = Sizes((1, 2), (1,), 2.0, 1.0, 2, 1, 10)


def cost(accounts: int, end_mb: float) -> Cost:
    return Cost(accounts, True, 2.0, 1.5, 70.0, 0.5, accounts, 0.0, 15.5, end_mb, 10, 0.25)


def test_the_page_tells_all_figures_and_what_an_account_costs() -> None:
    labelled = tuple(Push(woken_ms=number, filed_ms=10 * number) for number in range(1, 51))
    plain = tuple(Push(woken_ms=number, filed_ms=None) for number in range(51, 101))
    text = page(
        HERE,
        [
            cost(1, 70.0),
            cost(1001, 190.0),
            Paced(1001, True, 10, labelled + plain),
            Beside(20, 75.0, 0.5, 1400.0, 2.5),
            Fairness("a slow server", 20.0, 21.5),
        ],
    )
    assert "| 1,001 | yes | 2.0 | 1.5 | 70 | 0.5 | 1001 | 0.0 | 15.5 | 10 | 190 | 120 | 0.25 |" in text
    assert "| 1,001 | yes | 10 | 100 | 50.5 | 99.0 | 50 | 255.0 | 495.1 |" in text
    assert "| 20 | 75 | 0.5 | 1400 | 2.5 |" in text
    assert "| a slow server | 20.0 | 21.5 | +1.5 |" in text


def test_a_single_push_is_every_percentile() -> None:
    assert percentile([7.0], 99) == 7.0


@pytest.mark.exhaustive
async def test_accounts_are_measured_in_one_process_and_in_one_each() -> None:
    with clean_environment():
        figures, paced = await measure_cost(2, SMALLEST, tls=True)
        beside = await measure_beside(SMALLEST)
    assert (figures.accounts, figures.pushes) == (2, 4)
    assert figures.label_cpu_ms > 0
    assert figures.stop_seconds > 0
    assert all(push.filed_ms is None or push.woken_ms <= push.filed_ms for each in paced for push in each.pushes)
    assert beside.each_mb > beside.one_mb
