"""Many accounts are spread over the poll interval, and a standby asks no more often than the one it stands by for."""

import time
from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from mailroom.account.rhythm import Rhythm, Turn
from mailroom.account.ring import Ring
from mailroom.account.triage_loop import TriageLoop
from mailroom.daemon.pace import first_turn, poll_offset, standby_turn
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status
from tests.exhaustive import a_part_of_the_examples, always

INTERVAL, DEBOUNCE, STANDBY = 60.0, 3.0, 5.0
HOUR = 3600.0
RECONNECT = 1800.0
"""What is silent for so long is connected anew, and looked at."""

NOTHING_TO_DO = PassOutcome(triaged_by_category={}, mails_filed=0, senders_failing=0, mailboxes_missing=0)

Moments = list[float]


def test_accounts_are_spread_evenly_over_the_interval() -> None:
    tenths = [0] * 10
    for number in range(2000):
        tenths[int(10 * poll_offset(f"account-{number}"))] += 1
    assert all(140 < each < 260 for each in tenths)


def test_an_account_keeps_its_place() -> None:
    assert poll_offset("anna") == poll_offset("anna") != poll_offset("bert")
    assert 0 <= poll_offset("anna") < 1


def test_the_polls_of_twins_lie_half_an_interval_apart() -> None:
    for name in ("anna", "bert", "cleo"):
        assert abs(first_turn(name).offset - standby_turn(name).offset) == 0.5
        assert 0 <= standby_turn(name).offset < 1


@pytest.mark.parametrize("name", always(2, [f"account-{number}" for number in range(60)]))
def test_a_standby_asks_no_more_often_than_the_first_where_both_connect_anew(name: str) -> None:
    reconnects = [RECONNECT * number + 700 for number in range(12)]
    first, standby = passes_of_twins(name, reconnects, reconnects, hours=6)
    assert most_ahead(standby, first) <= 1
    # Which of them polls first after the start depends on the name.
    at_start = 2 * INTERVAL
    assert sum(at > at_start for at in standby) <= sum(at > at_start for at in first)


@given(st.text(min_size=1), st.lists(st.floats(0, 2 * HOUR), max_size=100))
def test_a_standby_is_never_more_than_two_passes_ahead_whatever_rings(name: str, rings: Moments) -> None:
    first, standby = passes_of_twins(name, rings, rings, hours=2)
    assert most_ahead(standby, first) <= 2


@given(st.text(min_size=1), st.lists(st.floats(0, 6 * HOUR), max_size=50), *2 * [st.floats(0, RECONNECT)])
@a_part_of_the_examples(2)
def test_nor_where_each_connects_anew_at_its_own_time(
    name: str, pushes: Moments, first_at: float, standby_at: float
) -> None:
    rings_first, rings_standby = (
        [*pushes, *(at + RECONNECT * number for number in range(12))] for at in (first_at, standby_at)
    )
    first, standby = passes_of_twins(name, rings_first, rings_standby, hours=6)
    assert most_ahead(standby, first) <= 2


@given(st.text(min_size=1), st.lists(st.floats(0, 2 * HOUR), max_size=100), st.floats(0, 15))
@a_part_of_the_examples(2)
def test_nor_where_passes_take_long(name: str, rings: Moments, pass_seconds: float) -> None:
    first, standby = passes_of_twins(name, rings, rings, hours=2, pass_seconds=pass_seconds)
    assert most_ahead(standby, first) <= 2


def passes_of_twins(
    name: str, rings_first: Moments, rings_standby: Moments, *, hours: float, pass_seconds: float = 0.0
) -> tuple[Moments, Moments]:
    """When each begins a pass; every account is looked at often enough, too."""
    first: Moments = []
    standby: Moments = []

    async def both() -> None:
        with trio.move_on_after(hours * HOUR):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_passes, first_turn(name), DEBOUNCE, rings_first, pass_seconds, first)
                nursery.start_soon(
                    _passes, standby_turn(name), DEBOUNCE + STANDBY, rings_standby, pass_seconds, standby
                )

    clock = MockClock(autojump_threshold=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", clock.current_time)
        trio.run(both, clock=clock)
    for begun in (first, standby):
        gaps = [later - earlier for earlier, later in pairwise(begun)]
        assert max(gaps) <= 1.5 * INTERVAL + 1e-6
    return first, standby


async def _passes(turn: Turn, debounce_seconds: float, rings: Moments, pass_seconds: float, begun: Moments) -> None:
    async def look() -> PassOutcome:
        begun.append(trio.current_time())
        await trio.sleep(pass_seconds)
        return NOTHING_TO_DO

    send, receive = trio.open_memory_channel[Ring](len(rings))
    rhythm = Rhythm(INTERVAL, debounce_seconds, 0, turn)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(TriageLoop(look, receive, Status(INTERVAL), rhythm).run)
        for at in sorted(rings):
            await trio.sleep_until(at)
            send.send_nowait(Ring("state"))


def most_ahead(these: Moments, those: Moments) -> int:
    """By how many passes at most these have been ahead of those at any moment."""
    steps = sorted([*((at, 1) for at in these), *((at, -1) for at in those)])
    ahead = most = 0
    for _, step in steps:
        ahead += step
        most = max(most, ahead)
    return most
