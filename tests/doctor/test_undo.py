"""Changes are undone whatever ends the block that made them."""

import pytest
import trio

from mailroom.doctor.clean_up import SECONDS, ChangeRefused, NotUndone, finished, undoing
from mailroom.errors import Unavailable


class Shelf:
    """Something that changes, slowly: each change takes `seconds`, then fails if it is `stuck`."""

    def __init__(self, seconds: float = 1) -> None:
        self.seconds = seconds
        self.full = False
        self.stuck = False
        self.told: list[str] = []

    async def fill(self) -> None:
        await trio.sleep(self.seconds)
        self.full = True

    async def empty(self) -> None:
        await trio.sleep(self.seconds)
        if self.stuck:
            raise ChangeRefused("it is stuck")
        self.full = False

    async def use(self) -> None:
        async with undoing(self.empty, "empty it yourself", self.told.append):
            await finished(self.fill)


async def test_a_change_is_undone(autojump_clock: trio.testing.MockClock) -> None:
    shelf = Shelf()
    await shelf.use()
    assert (shelf.full, shelf.told) == (False, [])


async def test_cancelled_in_the_middle_it_is_finished_and_then_undone(autojump_clock: trio.testing.MockClock) -> None:
    shelf = Shelf()
    with trio.move_on_after(0.5) as scope:
        await shelf.use()
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(2, abs=0.01)
    assert (shelf.full, shelf.told) == (False, [])


async def test_what_could_not_be_undone_is_an_error_that_says_what_to_do(
    autojump_clock: trio.testing.MockClock,
) -> None:
    shelf = Shelf()
    shelf.stuck = True
    with pytest.raises(NotUndone) as raised:
        await shelf.use()
    assert raised.value.problem == "a change could not be undone (it is stuck)"
    assert raised.value.by_hand == "empty it yourself"
    assert shelf.told == []


async def test_cancelled_it_tells_what_could_not_be_undone(autojump_clock: trio.testing.MockClock) -> None:
    shelf = Shelf()
    shelf.stuck = True
    with trio.move_on_after(0.5):
        await shelf.use()
    assert shelf.told == ["a change could not be undone (it is stuck): empty it yourself"]


async def test_a_server_that_hangs_holds_nothing_up_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    shelf = Shelf(seconds=1000)
    with pytest.raises(Unavailable, match=f"took longer than {SECONDS} s"):
        await shelf.use()
    assert trio.current_time() == pytest.approx(2 * SECONDS, abs=0.01)
    [told] = shelf.told
    assert told.endswith("empty it yourself")
