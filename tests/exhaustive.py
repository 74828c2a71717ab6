"""Which cases of a test every run tries."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import settings

_PARAM = type(pytest.param())


def a_part_of_the_examples(divisor: int) -> settings:
    """For a property whose examples take long: fewer than of others, in every run as in that of `just exhaustive`."""
    return settings(max_examples=settings().max_examples // divisor)


def some_of(argument: str, cases: Mapping[str, object], *always: str) -> pytest.MarkDecorator:
    """A test on these of the cases, by their names, and by `just exhaustive` on the others."""
    assert always
    assert cases.keys() >= set(always)
    others = [name for name in cases if name not in always]
    return pytest.mark.parametrize(
        argument,
        [
            *(pytest.param(cases[name], id=name) for name in always),
            *(pytest.param(cases[name], id=name, marks=pytest.mark.exhaustive) for name in others),
        ],
    )


def always(number: int, cases: Iterable[Any]) -> list[Any]:
    """Of the cases of `pytest.mark.parametrize` the first ones as they are, the others for `just exhaustive`."""
    given = list(cases)
    return given[:number] + [_for_later(case) for case in given[number:]]


def _for_later(case: Any) -> object:
    param = case if isinstance(case, _PARAM) else pytest.param(*(case if isinstance(case, tuple) else (case,)))
    return pytest.param(*param.values, id=param.id, marks=(*param.marks, pytest.mark.exhaustive))


def first_of(argument: str, cases: Iterable[object], number: int = 1) -> pytest.MarkDecorator:
    """A test on the first of the cases, and by `just exhaustive` on the others, which vary what the first one shows."""
    return pytest.mark.parametrize(
        argument,
        [
            pytest.param(each, marks=pytest.mark.exhaustive if place >= number else ())
            for place, each in enumerate(cases)
        ],
    )
