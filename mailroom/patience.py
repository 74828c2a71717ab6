"""How long a sender that fails is left alone (pure; times in seconds of a monotonic clock)."""

from collections.abc import Collection
from dataclasses import dataclass

from mailroom.backoff import backoff

FAILURES_UNTIL_PAUSED = 5
"""After so many failures in a row the sender's labelled mails get the error label."""

_SHORTEST_WAIT = 60.0
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Failing:
    """A sender that failed `failures` times in a row and isn't tried again before `retry_at`."""

    failures: int
    retry_at: float


class Patience:
    """The senders that fail. In memory only: a restart tries all of them again at once."""

    def __init__(self) -> None:
        self._failing: dict[str, Failing] = {}

    def __len__(self) -> int:
        return len(self._failing)

    def may_try(self, sender: str, now: float) -> bool:
        failing = self._failing.get(sender)
        return failing is None or now >= failing.retry_at

    def failed(self, sender: str, now: float) -> int:
        """Count a failure; returns how many there are in a row.

        After the first one the next pass tries again, after the others 1, 2, 4 … 60 minutes go by.
        """
        failures = self._failing[sender].failures + 1 if sender in self._failing else 1
        wait = backoff(failures - 1, base=_SHORTEST_WAIT, longest=_LONGEST_WAIT) if failures > 1 else 0.0
        self._failing[sender] = Failing(failures, now + wait)
        return failures

    def forget(self, sender: str) -> None:
        """The sender is settled, or waits for the user."""
        self._failing.pop(sender, None)

    def keep_only(self, senders: Collection[str]) -> None:
        """Forget those that have no labelled mail any more."""
        self._failing = {sender: failing for sender, failing in self._failing.items() if sender in senders}
