"""When an account's passes run (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """When one account of many polls, in parts of the poll interval, so that it is the same for any interval.

    It polls at its `offset`, from 0 to 1: accounts with different ones don't poll at the same time, whatever made them
    begin together. After a ring it leaves polls out for `rest`, as the ring was answered by a look.
    """

    offset: float
    rest: float


@dataclass(frozen=True, slots=True)
class Look:
    """The last pass: how many seconds ago it began, and how many the ring came that it answered; None for a poll."""

    began_ago: float
    rung_ago: float | None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When passes run: intervals in seconds, and how many failures in a row end the loop (0 = never).

    `turn` is None where there is nobody else: a poll comes an interval after the last pass. From the beginning of one
    pass to that of the next are 1.5 intervals at most, as long as passes take less than half an interval.
    """

    poll_interval: float
    debounce_seconds: float
    max_consecutive_failures: int
    turn: Turn | None = None

    def seconds_to_poll(self, now: float, last: Look) -> float:
        """How long to wait for a ring after a pass that ended now, before a poll.

        `now` is the wall clock's: a twin on another machine goes by it, too. However it jumps, waits keep their bounds.
        """
        if self.turn is None:
            return self.poll_interval
        soonest = max(self.poll_interval / 10, self._rest_left(last, self.turn))
        at_its_turn = soonest + (self.turn.offset * self.poll_interval - now - soonest) % self.poll_interval
        # A ring at the last moment puts the look off by the debounce.
        latest = max(self.poll_interval, 1.5 * self.poll_interval - self.debounce_seconds) - last.began_ago
        return min(at_its_turn, max(self.poll_interval / 2, latest))

    def seconds_to_gather(self, last: Look) -> float:
        """How long more rings are waited for after one: the debounce, cut short where a look would come too late."""
        return min(self.debounce_seconds, max(self.poll_interval / 2, 1.5 * self.poll_interval - last.began_ago))

    def _rest_left(self, last: Look, turn: Turn) -> float:
        """After a poll half an interval: one that came before its turn takes that one's place."""
        if last.rung_ago is None:
            return self.poll_interval / 2 - last.began_ago
        return turn.rest * self.poll_interval - last.rung_ago
