"""How many inputs of each property are run, and the count of those that were."""

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from math import ceil
from time import perf_counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis.strategies import SearchStrategy

IS_LONG = "FUZZ_INPUTS" in os.environ
INPUTS = int(os.environ.get("FUZZ_INPUTS", "1000"))
"""Of all properties together; `percent` of each property says its share."""

ROUND = 2_500
"""Inputs after which hypothesis starts anew: it remembers each, and the rounds are what the processes share out."""


@dataclass
class Tally:
    inputs: int = 0
    seconds: float = 0.0


TALLIES: defaultdict[str, Tally] = defaultdict(Tally)
"""What this process ran, by kind: the name of the file without `test_`."""

PERCENT: dict[str, int] = {}
"""The share of each property, by its name."""

Check = Callable[..., None]


def fuzzed(*, percent: int, **strategies: SearchStrategy[Any]) -> Callable[[Check], Callable[[int], None]]:
    """Make a test of a property: it runs on its share of the inputs, in rounds."""

    def decorate(check: Check) -> Callable[[int], None]:
        PERCENT[check.__name__] = percent
        share = INPUTS * percent / 100
        rounds = ceil(share / ROUND)
        tally = TALLIES[check.__module__.rpartition("test_")[2]]

        @settings(
            max_examples=ceil(share / rounds),
            derandomize=not IS_LONG,
            database=None,
            deadline=None,  # what takes for ever runs into the timeout of the test
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
        )
        @given(**strategies)
        @wraps(check)
        def on_one_input(**inputs: Any) -> None:
            tally.inputs += 1
            try:
                check(**inputs)
            except BaseException:
                note(repr(inputs))  # hypothesis itself shows the tape
                raise

        @pytest.mark.hypothesis
        @pytest.mark.parametrize("round", range(rounds))
        def on_a_round(round: int) -> None:
            begun = perf_counter()
            try:
                on_one_input()
            finally:
                tally.seconds += perf_counter() - begun

        on_a_round.__doc__ = check.__doc__
        return on_a_round

    return decorate
