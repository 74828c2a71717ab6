"""The one list of servers whose manners the sandbox takes on when the daemon and the commands are tried on it."""

import pytest

from mailroom.sandbox import CYRUS, FASTMAIL, JAMES, STALWART

TRIED = (FASTMAIL, CYRUS, JAMES, STALWART)
every_flavour = pytest.mark.parametrize("flavour", TRIED, ids=lambda flavour: flavour.name)
