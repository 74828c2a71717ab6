"""Two daemons on the same accounts, the first of which gets into trouble while owners go on: the twin does the work.

`just twins` plays each trouble 20 times, at the usual pace, and prints how long taps took.
"""

from random import Random

import pytest
import trio

from bench.twins.pace import QUICK
from bench.twins.play import play
from bench.twins.troubles import TROUBLES
from tests.guard import GUARD_SECONDS

pytestmark = pytest.mark.faults

TIMES = 2


@pytest.mark.parametrize("name", TROUBLES)
async def test_the_twin_files_and_polls_and_nothing_is_lost_or_done_twice(name: str) -> None:
    told: list[str] = []
    with trio.fail_after(GUARD_SECONDS):
        played = await play(TROUBLES[name], TIMES, QUICK, Random(), told.append)  # noqa: S311  no secret
    assert played.problems == []
    assert len(played.strikes) == len(told) == TIMES
    assert len(played.in_trouble()) >= TIMES * QUICK.taps
