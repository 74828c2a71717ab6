"""The one list of servers whose manners the sandbox takes on when the daemon and the commands are tried on it."""

from collections.abc import Sequence

import pytest

from mailroom.sandbox import CYRUS, FASTMAIL, JAMES, STALWART, Flavour

TRIED = (FASTMAIL, CYRUS, JAMES, STALWART)


def _on(always: Sequence[Flavour]) -> pytest.MarkDecorator:
    """A test on these, and by `just exhaustive` on the others."""
    others = [pytest.param(each, marks=pytest.mark.exhaustive) for each in TRIED if each not in always]
    return pytest.mark.parametrize("flavour", [*always, *others], ids=lambda flavour: flavour.name)


# Their manners differ the most.
every_flavour = _on((FASTMAIL, JAMES))

every_flavour_in_turn = _on((FASTMAIL,))
"""For a test that takes seconds."""
