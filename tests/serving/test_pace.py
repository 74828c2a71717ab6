"""How fast requests may come."""

from math import inf

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from mailroom.serving.pace import Pace


async def turns(pace: Pace, count: int, client: str = "ann") -> list[float]:
    """When each came, in seconds from now."""
    now = trio.current_time()
    found: list[float] = []
    for _ in range(count):
        await pace.turn(client)
        found.append(round(trio.current_time() - now, 6))
    return found


async def test_some_come_at_once_and_the_others_one_after_the_other(autojump_clock: MockClock) -> None:
    pace = Pace(10, at_once=3)
    assert await turns(pace, 6) == [0, 0, 0, 0, 0.1, 0.2]
    await trio.sleep(0.2)
    assert await turns(pace, 4) == [0, 0, 0.1, 0.2]


async def test_after_a_long_rest_no_more_come_at_once_than_at_first(autojump_clock: MockClock) -> None:
    pace = Pace(10, at_once=3)
    await pace.turn("ann")
    await trio.sleep(1_000)
    assert await turns(pace, 6) == [0, 0, 0, 0, 0.1, 0.2]


async def test_without_a_limit_nobody_waits(mock_clock: MockClock) -> None:
    assert set(await turns(Pace(inf, at_once=0), 100)) == {0}


async def test_who_gives_up_leaves_no_gap(mock_clock: MockClock) -> None:
    pace = Pace(10, at_once=0)
    await pace.turn("ann")
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(pace.turn, "ann")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    mock_clock.jump(0.1)
    assert await turns(pace, 1) == [0]


async def test_who_asks_once_waits_for_one_of_each_other_client(autojump_clock: MockClock) -> None:
    pace = Pace(10, at_once=0)
    await pace.turn("ann")
    async with trio.open_nursery() as nursery:
        for client in ("ann", "bob"):
            for _ in range(50):
                nursery.start_soon(pace.turn, client)
        await wait_all_tasks_blocked()
        assert await turns(pace, 1, "monitor") == [0.3]
        nursery.cancel_scope.cancel()
