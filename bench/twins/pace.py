"""How fast the twins' troubles are played."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How many accounts there are, how often something happens in one of them, and the rest in seconds.

    `poll`, `debounce` and `standby` are the daemons' settings. A trouble lasts for `short` or `long`, and until the
    twin has looked at every account and filed `taps`; `calm` is the longest pause before it. What isn't done after
    `lost` is lost.
    """

    accounts: int
    per_second: float
    poll: float
    debounce: float
    standby: float
    short: float
    long: float
    calm: float
    taps: int
    lost: float

    @property
    def aim(self) -> float:
        """A tap is filed so soon while the first one is gone, but for what it takes without any wait."""
        return self.debounce + self.standby


USUAL = Pace(50, 1.5, poll=20, debounce=3, standby=5, short=12, long=32, calm=5, taps=10, lost=300)
"""The usual settings, but for polls that are more frequent, so that each trouble meets some."""

QUICK = Pace(50, 5.0, poll=4, debounce=0.2, standby=1, short=1, long=3, calm=1, taps=5, lost=120)
"""Everything at a pace that tests can wait for."""
