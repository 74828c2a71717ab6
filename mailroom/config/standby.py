"""Two processes with the same accounts: a standby leaves work to the first one for a while; alone it does all of it."""

from typing import Literal

Role = Literal["first", "standby"]


def role_of(standby_seconds: float) -> Role:
    """Of a process by its `MAILROOM_STANDBY_SECONDS`."""
    return "standby" if standby_seconds else "first"
