"""One row of the table: what goes wrong, and what the daemon is expected to do about it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from mailroom.observe.status import PushState
from tests.faults.world import USUAL_SETUP, Setup, World

Strike = Callable[[World], AbstractAsyncContextManager[None]]
"""Puts a fault on, and takes it off at the end of the block."""

USUAL_REQUESTS_PER_MINUTE = 20
"""In the first minute of an outage there are seven passes, each of which may read the session first, and six connects
of push."""


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the log: its event, and a text that one of its values holds."""

    event: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """`name` and `expected` are in plain words; what follows is the same for the test. Times are in seconds of the
    daemon's clock.

    - `strike`: after `quiet` seconds of usual work (None: before the daemon starts), for `lasts` seconds. The user
      labels a mail right after it struck.
    - `told`: lines that the log must have by the end of the fault.
    - `filed`: whether the mail is filed while the fault lasts; otherwise it is within `recovers` after it.
    - `healthy`, `push`, `push_error`, `senders_failing`: the answer of /healthz at the end of the fault. `push` is
      None where it comes and goes; what health says of it is compared with the log all the time.
    - `most_per_minute`: requests, refused connects among them, in the busiest minute.
    - `ends`: the fault ends the daemon, with exit status 2 and this text for the user.
    - `slow`: what is told comes so late that a test in real time takes the fault's own word for having struck.
    """

    name: str
    expected: str
    strike: Strike
    told: tuple[Told, ...] = ()
    filed: bool = False
    healthy: bool = False
    push: PushState | None = "connected"
    push_error: str = ""
    senders_failing: int = 0
    most_per_minute: int = USUAL_REQUESTS_PER_MINUTE
    quiet: float | None = 20.0
    lasts: float = 400.0
    recovers: float = 120.0
    ends: str = ""
    slow: bool = False
    setup: Setup = USUAL_SETUP
