"""When an account that is one of many polls (pure)."""

import pytest

from mailroom.account.rhythm import Rhythm, Turn

HALF, WHOLE = 0.5, 1.0


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.999])
def test_polls_of_an_account_keep_to_its_part_of_the_interval_whenever_a_pass_ended(offset: float) -> None:
    rhythm = Rhythm(60, 3, 10, Turn(offset, HALF))
    for ended in (0.0, 12.5, 29.9, 30.1, 59.0, 1_000_000.7):
        wait = rhythm.seconds_to_poll(ended)
        at = ended + wait
        assert 27 <= wait <= 87
        assert at % 60 == pytest.approx(offset * 60, abs=1e-6)


@pytest.mark.parametrize("rest", [HALF, WHOLE])
@pytest.mark.parametrize("debounce_seconds", [0, 3, 8])
def test_what_rings_right_before_a_poll_puts_the_look_off_by_no_more_than_one_and_a_half_intervals(
    rest: float, debounce_seconds: float
) -> None:
    rhythm = Rhythm(60, debounce_seconds, 10, Turn(0.0, rest))
    longest = max(rhythm.seconds_to_poll(tenth / 10) for tenth in range(600))
    assert 89 < longest + debounce_seconds <= 90


@pytest.mark.parametrize("debounce_seconds", [0, 8])
def test_a_ring_spares_a_rest_of_an_interval_one_poll_wherever_it_falls(debounce_seconds: float) -> None:
    rhythm = Rhythm(60, debounce_seconds, 10, Turn(0.0, WHOLE))
    for rung in range(1, 60):
        looked = rung + debounce_seconds
        # The poll of 60 is left out; that of 120 comes, or another one before it in its place.
        first = looked + rhythm.seconds_to_poll(looked)
        assert rung + 60 <= first <= 120
        if first < 120:
            assert first + rhythm.seconds_to_poll(first) > 120


@pytest.mark.parametrize("rest", [HALF, WHOLE])
def test_without_rings_each_interval_has_one_poll(rest: float) -> None:
    rhythm = Rhythm(60, 8, 10, Turn(0.25, rest))
    for passed_at in (15.0, 15.2, 20.0):
        assert passed_at + rhythm.seconds_to_poll(passed_at) == 75


@pytest.mark.parametrize("rest", [HALF, WHOLE])
@pytest.mark.parametrize("debounce_seconds", [8, 10, 600])
def test_a_long_debounce_leaves_a_poll_an_interval_and_none_at_once(rest: float, debounce_seconds: float) -> None:
    rhythm = Rhythm(10, debounce_seconds, 10, Turn(0.0, rest))
    waits = [rhythm.seconds_to_poll(tenth / 10) for tenth in range(100)]
    assert 1 <= min(waits) < max(waits) <= 10


def test_who_is_alone_polls_an_interval_after_the_last_pass() -> None:
    assert Rhythm(60, 3, 10).seconds_to_poll(12.5) == 60
