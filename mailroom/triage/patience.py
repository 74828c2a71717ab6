"""How long what fails is left alone (pure; times in seconds of a monotonic clock)."""

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from mailroom.backoff import backoff

K = TypeVar("K", bound=Hashable)

FAILURES_UNTIL_PAUSED = 5
"""After so many failures in a row the sender's labelled mails get the error label."""

_SHORTEST_WAIT = 60.0
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Failing:
    """What failed `failures` times in a row and isn't tried again before `retry_at`."""

    failures: int
    retry_at: float


class Patience(Generic[K]):
    """What fails, such as senders by address. In memory only: a restart tries all of it again at once."""

    def __init__(self) -> None:
        self._failing: dict[K, Failing] = {}

    def __len__(self) -> int:
        return len(self._failing)

    def may_try(self, key: K, now: float) -> bool:
        failing = self._failing.get(key)
        return failing is None or now >= failing.retry_at

    def failed(self, key: K, now: float) -> int:
        """Count a failure; returns how many there are in a row.

        After the first one the next pass tries again, after the others 1, 2, 4 … 60 minutes go by.
        """
        failures = self._failing[key].failures + 1 if key in self._failing else 1
        wait = backoff(failures - 1, base=_SHORTEST_WAIT, longest=_LONGEST_WAIT) if failures > 1 else 0.0
        self._failing[key] = Failing(failures, now + wait)
        return failures

    def tried(self, keys: Iterable[K], now: float) -> None:
        """Count a failure for each of these. What was done after all isn't found again, and so forgotten."""
        for key in keys:
            self.failed(key, now)

    def forget(self, key: K) -> None:
        """It is settled, or waits for the user."""
        self._failing.pop(key, None)

    def due(self, keys: Collection[K], now: float) -> tuple[K, ...]:
        """Those of these that are to be tried now; all others are forgotten."""
        self.keep_only(keys)
        return tuple(key for key in keys if self.may_try(key, now))

    def keep_only(self, keys: Collection[K]) -> None:
        """Forget all others: they are no longer there to be tried."""
        self._failing = {key: failing for key, failing in self._failing.items() if key in keys}
