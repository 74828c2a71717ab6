"""Mail that has waited too long: what leaves the Screener, and where to (pure). Nothing is ever deleted."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from mailroom.decisions.leaving import cleared
from mailroom.decisions.places import Places
from mailroom.jmap.mail import Email, Move

GRACE = timedelta(days=1)
"""From the day on which it is told how much mail would leave until the first of it leaves."""

_USERS = frozenset({"$flagged", "$answered", "$draft"})


def is_due(since: datetime | None, now: datetime) -> bool:
    """Whether mail leaves already; `since` is when the daemon first told of it."""
    return since is not None and now >= since + GRACE


def leaving(mails: Iterable[Email], to: str, places: Places) -> dict[str, Move]:
    """The moves of mail that has waited too long to the mailbox `to`, by mail id.

    Mail that the user flagged or answered stays, and so does mail with any label: somebody has an eye on it.
    """
    return cleared((each for each in mails if _is_alone(each, places) and not each.keywords & _USERS), to, places)


def _is_alone(email: Email, places: Places) -> bool:
    """Whether a mail is in the Screener and nowhere else. The warning label is Mailroom's own."""
    return not email.mailbox_ids - {places.screener, places.warning_label}
