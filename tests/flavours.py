"""The one list of servers whose manners the sandbox takes on when the daemon and the commands are tried on it."""

from mailroom.sandbox import CYRUS, FASTMAIL, JAMES, STALWART
from tests.exhaustive import some_of

TRIED = {each.name: each for each in (FASTMAIL, CYRUS, JAMES, STALWART)}

every_flavour = some_of("flavour", TRIED, FASTMAIL.name)
