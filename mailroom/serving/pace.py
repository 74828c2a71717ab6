"""How often something may happen, all clients together: what else the daemon does has its share of the processor."""

from collections.abc import Callable
from math import inf
from weakref import WeakValueDictionary

import trio


class Pace:
    """Lets through so many a second, and `at_once` more after a rest. The others wait in line.

    There is a line for each client, first come, first served, and from the lines one after the other is taken in turn:
    whoever asks once waits no longer than for one of each other client.
    """

    def __init__(self, a_second: float, at_once: int) -> None:
        self._interval = 1 / a_second
        self._rested = at_once * self._interval
        self._next_at = -inf
        self._line = trio.Lock()  # first come, first served; who is cancelled leaves no gap
        self._lines: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()

    async def turn(self, client: str, is_gone: Callable[[], bool] = lambda: False) -> None:
        """Wait for one's turn. Who is gone when it comes takes no time from the others."""
        line = self._lines.setdefault(client, trio.Lock())
        async with line, self._line:
            if is_gone():
                return
            await trio.sleep_until(self._next_at)
            self._next_at = max(self._next_at, trio.current_time() - self._rested) + self._interval
