import pytest

from mailroom.backoff import backoff


def test_waits_double_up_to_the_longest() -> None:
    assert [backoff(failures, longest=60) for failures in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_the_base_may_be_another_one() -> None:
    assert [backoff(failures, base=0.1, longest=60) for failures in (1, 2, 3)] == [0.1, 0.2, 0.4]


@pytest.mark.parametrize("failures", [31, 2_000, 10**9])
def test_weeks_of_failures_are_no_overflow(failures: int) -> None:
    assert backoff(failures, longest=86_400) == 86_400
