"""How fast requests may come, all clients together: what else the daemon does has its share of the processor."""

from math import inf

import trio


class Pace:
    """Lets through so many a second, and `at_once` more after a rest. The others wait in line."""

    def __init__(self, a_second: float, at_once: int) -> None:
        self._interval = 1 / a_second
        self._rested = at_once * self._interval
        self._next_at = -inf
        self._line = trio.Lock()  # first come, first served; who is cancelled leaves no gap

    async def turn(self) -> None:
        """Wait for one's turn."""
        async with self._line:
            await trio.sleep_until(self._next_at)
            self._next_at = max(self._next_at, trio.current_time() - self._rested) + self._interval
