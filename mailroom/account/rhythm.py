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
class Rhythm:
    """When passes run: intervals in seconds, and how many failures in a row end the loop (0 = never).

    `turn` is None where there is nobody else: a poll comes an interval after the last pass.
    """

    poll_interval: float
    debounce_seconds: float
    max_consecutive_failures: int
    turn: Turn | None = None

    def seconds_to_poll(self, now: float) -> float:
        """How long to wait for a ring after a pass that ended now; at most 1.5 intervals less the debounce, or one.

        A ring at the last moment puts the next pass off by the debounce; and this pass came so long after its own ring,
        which is when the rest began. `now` is the wall clock's: a twin on another machine goes by it, too.
        """
        if self.turn is None:
            return self.poll_interval
        # Not at once: where clocks drift apart, a poll may end right before the moment that it was for.
        soonest = max(self.poll_interval / 10, self.turn.rest * self.poll_interval - self.debounce_seconds)
        latest = max(self.poll_interval, 1.5 * self.poll_interval - self.debounce_seconds)
        at_its_turn = soonest + (self.turn.offset * self.poll_interval - now - soonest) % self.poll_interval
        return min(at_its_turn, latest)
