"""The two paces: a week that is simulated, and minutes that are real (pure)."""

import math
from dataclasses import replace

from bench.soak.acts import Between, Pace
from mailroom.sandbox import faults

HOUR = 3600.0

_STREAMS = (
    faults.html(),
    faults.status(500),
    faults.status(429, retry_after="2"),
    faults.half_event(),
    faults.empty_stream(),
    faults.endless_line(),
    faults.huge_event(2_000_000),
    faults.redirect("/elsewhere"),
    faults.CutBefore(),
    faults.Stream((b"event: state\ndata: <html>\n\n",)),
)

_LASTING_STREAMS = (faults.only_comments(), faults.status(204), faults.status(401))
"""After these the daemon is without push for half an hour, or an hour."""

DAY = Pace(
    name="day",
    rounds=1,
    length=24 * HOUR,
    active=20 * HOUR,
    tidy=300,
    # An hour is the longest that a sender who failed is left alone, and that the daemon is without push.
    rest=2.2 * HOUR,
    newcomers=40,
    acquaintances=60,
    # So short that no outage lasts 15 minutes, back-off included: the daemon would be right to give up.
    spell=Between(5, 480),
    calm=Between(400, HOUR),
    refusal=Between(30, 2 * HOUR),
    asks_for=Between(1, 120),
    # Longer than the daemon waits for an answer.
    delays=Between(1, 40),
    streams=_STREAMS + _LASTING_STREAMS,
)

REAL_ROUND = Pace(
    name="real",
    rounds=1,
    length=225,
    active=95,
    # A sender who failed three times, the last one now, is tried again after two minutes.
    tidy=10,
    rest=95,
    newcomers=12,
    acquaintances=12,
    spell=Between(0.5, 5),
    calm=Between(1, 6),
    refusal=Between(1, 40),
    asks_for=Between(1, 3),
    delays=Between(0.1, 2),
    streams=_STREAMS,
)


SHORT_DAY = replace(
    DAY,
    name="short day",
    length=1.5 * HOUR,
    active=0.5 * HOUR,
    rest=0.8 * HOUR,
    newcomers=10,
    acquaintances=8,
    calm=Between(30, 300),
    # Whoever failed for ten minutes is tried again within another eight.
    refusal=Between(30, 600),
    streams=_STREAMS,
)
"""A day of an hour and a half, for the tests."""

SHORT_REAL_ROUND = replace(
    REAL_ROUND,
    name="short real",
    length=5,
    active=2,
    tidy=0.5,
    rest=1.5,
    newcomers=4,
    acquaintances=3,
    # No bad weather: who fails twice is left alone for a minute, and the round is over before.
    calm=Between(5, 5),
    refusal=Between(0, 0),
)
"""Seconds, for the tests."""

_BY_NAME = {pace.name: pace for pace in (DAY, REAL_ROUND, SHORT_DAY, SHORT_REAL_ROUND)}


def rounds_of(name: str, count: int) -> Pace:
    """So many rounds of the pace with this name."""
    return replace(_BY_NAME[name], rounds=count)


def days(count: int) -> Pace:
    return replace(DAY, rounds=count)


def minutes(count: float) -> Pace:
    """Whole rounds, as many as take that long; two at least, for without a first there is nothing to compare with."""
    return replace(REAL_ROUND, rounds=max(2, math.ceil(count * 60 / REAL_ROUND.length)))
