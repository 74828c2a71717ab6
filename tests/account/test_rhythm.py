"""When an account's passes run (pure)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.account.rhythm import Look, Rhythm, Turn

HALF, WHOLE = 0.5, 1.0

POLLED = Look(0.1, None)


def answered(debounce_seconds: float) -> Look:
    """A pass that has just ended, for a ring and after a debounce."""
    return Look(0.0, debounce_seconds)


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.999])
def test_polls_of_an_account_keep_to_its_part_of_the_interval_whenever_a_ring_was_answered(offset: float) -> None:
    rhythm = Rhythm(60, 3, 10, Turn(offset, HALF))
    for ended in (0.0, 12.5, 29.9, 30.1, 59.0, 1_000_000.7):
        wait = rhythm.seconds_to_poll(ended, answered(3))
        at = ended + wait
        assert 27 <= wait <= 87
        assert at % 60 == pytest.approx(offset * 60, abs=1e-6)


@pytest.mark.parametrize("rest", [HALF, WHOLE])
@pytest.mark.parametrize("debounce_seconds", [0, 3, 8, 30, 45, 60, 600])
def test_what_rings_right_before_a_poll_puts_the_look_off_by_no_more_than_one_and_a_half_intervals(
    rest: float, debounce_seconds: float
) -> None:
    rhythm = Rhythm(60, debounce_seconds, 10, Turn(0.0, rest))
    for tenth in range(600):
        wait = rhythm.seconds_to_poll(tenth / 10, answered(debounce_seconds))
        assert wait + rhythm.seconds_to_gather(Look(wait, None)) <= 90


@pytest.mark.parametrize("debounce_seconds", [0, 8])
def test_a_ring_spares_a_rest_of_an_interval_one_poll_wherever_it_falls(debounce_seconds: float) -> None:
    rhythm = Rhythm(60, debounce_seconds, 10, Turn(0.0, WHOLE))
    for rung in range(1, 60):
        looked = rung + debounce_seconds
        # The poll of 60 is left out; that of 120 comes, or another one before it in its place.
        first = looked + rhythm.seconds_to_poll(looked, answered(debounce_seconds))
        assert rung + 60 <= first <= 120
        if first < 120:
            assert first + rhythm.seconds_to_poll(first, POLLED) > 120


@pytest.mark.parametrize("rest", [HALF, WHOLE])
@pytest.mark.parametrize("pass_seconds", [0.01, 1, 10, 30, 50])
@pytest.mark.parametrize("debounce_seconds", [0, 8])
def test_without_rings_each_interval_has_one_poll_however_long_passes_take(
    rest: float, pass_seconds: float, debounce_seconds: float
) -> None:
    rhythm = Rhythm(60, debounce_seconds, 10, Turn(0.25, rest))
    ended = 15 + pass_seconds
    assert ended + rhythm.seconds_to_poll(ended, Look(pass_seconds, None)) == pytest.approx(75)


@pytest.mark.parametrize("early", [0.0, 0.03])
def test_a_poll_that_a_drifting_clock_brings_right_before_its_turn_is_not_made_twice(early: float) -> None:
    rhythm = Rhythm(60, 3, 10, Turn(0.25, HALF))
    ended = 15 - early + 0.01
    assert ended + rhythm.seconds_to_poll(ended, Look(0.01, None)) == pytest.approx(75)


@given(
    st.floats(1, 3600),
    st.floats(0, 600),
    st.builds(Turn, st.floats(0, 1, exclude_max=True), st.sampled_from([HALF, WHOLE])),
    st.floats(-1e9, 1e10),
    st.builds(Look, st.floats(0, 7200), st.none() | st.floats(0, 7200)),
)
def test_waits_keep_their_bounds_whatever_the_clock_says(
    interval: float, debounce_seconds: float, turn: Turn, now: float, last: Look
) -> None:
    rhythm = Rhythm(interval, debounce_seconds, 10, turn)
    assert interval / 10 <= rhythm.seconds_to_poll(now, last) <= 1.5 * interval
    assert 0 <= rhythm.seconds_to_gather(last) <= min(debounce_seconds, 1.5 * interval)


def test_a_debounce_up_to_half_an_interval_is_never_cut_short() -> None:
    for ago in (0.0, 59.0, 100.0, 10_000.0):
        assert Rhythm(60, 30, 10).seconds_to_gather(Look(ago, None)) == 30


def test_who_is_alone_polls_an_interval_after_the_last_pass() -> None:
    assert Rhythm(60, 3, 10).seconds_to_poll(12.5, answered(3)) == 60
