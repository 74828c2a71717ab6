"""How often a password may be tried: nobody can try many, and nobody can lock the owner out."""

from collections import deque
from math import ceil

import trio

WINDOW_SECONDS = 60.0
OF_AN_ADDRESS = 5
OF_AN_ACCOUNT = 20
OF_ALL = 60
OF_A_BROWSER = 5
_MOST_KEPT = 10_000

Bucket = tuple[str, str]


class Tries:
    """The tries of the last minute, by what they are counted for. Make it inside trio."""

    def __init__(self) -> None:
        self._at: dict[Bucket, deque[float]] = {}

    def wait(self, address: str, account: str, browser: str | None) -> int:
        """Count a try and return 0, or return the whole seconds until there may be one.

        `browser` is the one that logged in here before, None for any other: it has tries of its own.
        """
        if browser is not None:
            limits: dict[Bucket, int] = {("browser", browser): OF_A_BROWSER}
        else:
            limits = {("address", address): OF_AN_ADDRESS, ("account", account): OF_AN_ACCOUNT, ("all", ""): OF_ALL}
        now = trio.current_time()
        self._forget(now)
        full = [tried[0] for bucket, limit in limits.items() if len(tried := self._at.get(bucket, deque())) >= limit]
        if full:
            return max(1, ceil(max(full) + WINDOW_SECONDS - now))
        for bucket in limits:
            self._at.setdefault(bucket, deque()).append(now)
        return 0

    def _forget(self, now: float) -> None:
        for bucket in list(self._at):
            tried = self._at[bucket]
            while tried and tried[0] <= now - WINDOW_SECONDS:
                tried.popleft()
            if not tried:
                del self._at[bucket]
