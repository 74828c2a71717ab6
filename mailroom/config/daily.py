"""`[digest]` and `[expire]` of `mailroom.toml`: what the daemon does once a day, whoever writes or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ExpireTo = Literal["Archive", "Trash"]

AFTER_DAYS = range(1, 3651)
"""How long mail may wait before it leaves the Screener."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One mail a day that tells who waits, at this time or as soon as possible after it. `zone` is whose day it is."""

    at: time
    zone: ZoneInfo

    def day_due(self, now: datetime, last: date | None) -> date | None:
        """The day whose digest is due now, None if none is; `last` is the day of the latest one.

        A time that the clock skips in spring is due at the first one after it.
        """
        local = now.astimezone(self.zone)
        today = local.date()
        return today if local.time() >= self.at and not is_sent(today, last) else None


def is_sent(day: date, last: date | None) -> bool:
    """Whether a day has its digest, if the latest one is that of `last`.

    A clock that was set back brings no second one; one that was days ahead doesn't silence those of the days until
    then.
    """
    return last is not None and 0 <= (last - day).days <= 1


@dataclass(frozen=True, slots=True)
class Expiry:
    """Mail that waited for `after_days` leaves the Screener, to the mailbox with this role."""

    after_days: int
    to: ExpireTo = "Archive"


def read_time(text: str) -> time | None:
    """A time of day, written `07:30`; None for anything else."""
    try:
        return datetime.strptime(text.strip(), "%H:%M").time()
    except ValueError:
        return None


def read_zone(text: str) -> ZoneInfo | None:
    """A time zone by its IANA name, such as `Europe/Berlin`; None where there is none of this name."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def digest_of(at: str, timezone: str, found: list[str]) -> Digest | None:
    """The digest that these texts describe; what is wrong with them goes to `found`."""
    when, zone = read_time(at), read_zone(timezone)
    problems: Iterable[tuple[bool, str]] = (
        (when is None, 'at must be a time of day, such as "07:30"'),
        (zone is None, 'timezone must be the name of a time zone, such as "Europe/Berlin" (IANA)'),
    )
    found += [problem for is_wrong, problem in problems if is_wrong]
    return Digest(when, zone) if when is not None and zone is not None else None
