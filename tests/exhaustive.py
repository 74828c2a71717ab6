"""Which cases of a test every run tries."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import settings

_PARAM = type(pytest.param())


def a_part_of_the_examples(divisor: int) -> settings:
    """For a property whose examples take long: fewer than of others, whichever run it is."""
    return settings(max_examples=settings().max_examples // divisor)


def always(number: int, cases: Iterable[Any]) -> list[Any]:
    """Of the cases of `pytest.mark.parametrize` the first ones as they are, the others for `just exhaustive`."""
    given = list(cases)
    return given[:number] + [_for_later(case) for case in given[number:]]


def _for_later(case: Any) -> object:
    param = case if isinstance(case, _PARAM) else pytest.param(*(case if isinstance(case, tuple) else (case,)))
    return pytest.param(*param.values, id=param.id, marks=(*param.marks, pytest.mark.exhaustive))


def some_of(argument: str, cases: Mapping[str, object], *names: str) -> pytest.MarkDecorator:
    """A test on the cases of these names, and by `just exhaustive` on the others."""
    assert names
    assert cases.keys() >= set(names)
    ordered = [*names, *(name for name in cases if name not in names)]
    return pytest.mark.parametrize(
        argument, always(len(names), (pytest.param(cases[name], id=name) for name in ordered))
    )


def first_of(argument: str, cases: Iterable[object], number: int = 1) -> pytest.MarkDecorator:
    """A test on the first of the cases, and by `just exhaustive` on the others, which vary what the first one shows."""
    return pytest.mark.parametrize(argument, always(number, map(pytest.param, cases)))
