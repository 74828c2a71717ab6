"""Bad weather: what goes wrong with server and network, at random, for a while (pure)."""

import random
from collections.abc import Callable, Iterator

from bench.soak.acts import (
    Calm,
    DropStreams,
    EndStreams,
    FailCalls,
    FaultAct,
    Pace,
    Refuse,
    RenewSession,
    Strike,
    Timed,
)
from mailroom.sandbox import faults
from mailroom.sandbox.faults import Endpoint, Fault
from mailroom.sandbox.sample import DESTINATIONS

_FAILING_CALLS = (
    ("Email/query", "serverFail"),
    ("Email/query", "forbidden"),
    ("Email/get", "serverUnavailable"),
    ("Email/get", "requestTooLarge"),
    ("Email/set", "rateLimit"),
    ("Email/set", "forbidden"),
    ("Email/set", "stateMismatch"),
    ("Mailbox/get", "serverFail"),
    ("ContactCard/query", "invalidArguments"),
    ("ContactCard/get", "serverFail"),
    ("ContactCard/set", "serverFail"),
    ("ContactCard/set", "forbidden"),
)


def spell(rng: random.Random, pace: Pace) -> tuple[FaultAct, ...]:
    """What one spell of bad weather consists of."""
    return rng.choice(_SPELLS)(rng, pace)


def forecast(rng: random.Random, pace: Pace, start: float) -> Iterator[tuple[Timed, ...]]:
    """The spells of a round's active part, one after the other; each ends in `Calm`."""
    end = start + pace.active
    at = start + rng.uniform(pace.calm.least, pace.calm.most)
    while (over := at + rng.uniform(pace.spell.least, pace.spell.most)) < end:
        yield (*(Timed(at, act) for act in spell(rng, pace)), Timed(over, Calm()))
        at = over + rng.uniform(pace.calm.least, pace.calm.most)


def _bad_answers(rng: random.Random, pace: Pace) -> tuple[FaultAct, ...]:
    asked_for = str(round(rng.uniform(pace.asks_for.least, pace.asks_for.most)))
    answers: tuple[Fault, ...] = (
        faults.status(500),
        faults.status(503),
        faults.status(503, retry_after=asked_for),
        faults.status(429, retry_after=asked_for),
        faults.problem("limit", 429, limit="maxConcurrentRequests"),
        faults.problem("limit", 400),
        faults.html(),
        faults.half_json(),
        faults.json_reply([]),
        faults.json_reply({"methodResponses": [], "sessionState": "s1"}),
        faults.CutBefore(),
        faults.CutAfter(),
        faults.Delay(rng.uniform(pace.delays.least, pace.delays.most)),
    )
    return (Strike(rng.choice(answers), times=_times(rng)),)


def _away(rng: random.Random, _: Pace) -> tuple[FaultAct, ...]:
    return Strike(rng.choice((faults.status(503), faults.CutBefore())), endpoint=None), DropStreams()


def _bad_session(rng: random.Random, _: Pace) -> tuple[FaultAct, ...]:
    answers = (faults.status(503), faults.html(), faults.half_json(), faults.CutBefore(), faults.CutAfter())
    return Strike(rng.choice(answers), Endpoint.SESSION, _times(rng)), RenewSession()


def _bad_stream(rng: random.Random, pace: Pace) -> tuple[FaultAct, ...]:
    return Strike(rng.choice(pace.streams), Endpoint.EVENT, _times(rng)), DropStreams()


def _lost_stream(rng: random.Random, _: Pace) -> tuple[FaultAct, ...]:
    return (rng.choice((DropStreams(), EndStreams(), RenewSession())),)


def _bad_calls(rng: random.Random, _: Pace) -> tuple[FaultAct, ...]:
    method, error = rng.choice(_FAILING_CALLS)
    return (FailCalls(method, error, _times(rng)),)


def _bad_group(rng: random.Random, _: Pace) -> tuple[FaultAct, ...]:
    return (Refuse(groups=(rng.choice(DESTINATIONS),)),)


def _times(rng: random.Random) -> int | None:
    """Once, a few times, or for as long as the spell lasts."""
    return rng.choice((1, 1, 2, 5, None, None))


_SPELLS: tuple[Callable[[random.Random, Pace], tuple[FaultAct, ...]], ...] = (
    _bad_answers,
    _bad_answers,
    _bad_answers,
    _away,
    _bad_session,
    _bad_stream,
    _lost_stream,
    _bad_calls,
    _bad_calls,
    _bad_group,
)
