"""Which cases of a test every run tries."""

from collections.abc import Mapping

import pytest


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
