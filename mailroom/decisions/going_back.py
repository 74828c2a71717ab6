"""The way back: where mail goes of a sender whom no category holds any more (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailroom.config.scheme import Category, Scheme
from mailroom.decisions.keywords import DEALT_WITH
from mailroom.decisions.places import Places
from mailroom.jmap.mail import Email, Move
from mailroom.wire import utc_date

DAYS = 30
"""Mail that came earlier stays where it was filed, unless `expire` says how long mail waits."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """What goes back into the Screener: mail that came at or after `since`, a UTCDate, and is in the mailboxes of a
    category.

    `chains` are the categories, each with its ancestors; `marks` the keywords on all mail that is filed.
    """

    since: str
    chains: Sequence[tuple[Category, ...]]
    marks: frozenset[str] = frozenset()

    def of(self, _: Email) -> "WayBack":
        """All mail goes the same way."""
        return self

    def returned(self, email: Email, places: Places) -> Move:
        """Out of the categories' mailboxes, and into the Screener unless it has another home: the user's mailbox, or
        the Inbox. Mail that a category put there leaves the Inbox, too, as long as the user has not dealt with it."""
        destinations = email.mailbox_ids & frozenset(places.destinations.values())
        is_due = bool(destinations) and email.received_at >= self.since
        leaving = destinations | self._inbox(email, places) if is_due else frozenset[str]()
        if email.mailbox_ids - leaving - places.all_labels or places.screener is None:
            return Move(remove=leaving)
        return Move(frozenset({places.screener}), leaving)

    def _inbox(self, email: Email, places: Places) -> frozenset[str]:
        """The Inbox, if a category put the mail there, and nobody has dealt with it.

        Which category it was is told by the mailboxes, which change together with it: the deepest that fits.
        """
        if places.inbox is None or places.inbox not in email.mailbox_ids or email.keywords & DEALT_WITH:
            return frozenset()
        fitting = [each for each in self.chains if _destinations(each, places) <= email.mailbox_ids]
        deepest = [each[0] for each in fitting if len(each) == max(map(len, fitting))]
        puts = bool(deepest) and all(each.add_to_inbox for each in deepest)
        return frozenset({places.inbox} if puts else ())


def way_back(scheme: Scheme, now: datetime, marks: frozenset[str]) -> WayBack:
    """The way back at this moment."""
    days = DAYS if scheme.expire is None else scheme.expire.after_days
    since = utc_date(now - timedelta(days=days))
    return WayBack(since, tuple(scheme.chain(each) for each in scheme.categories), marks)


def _destinations(chain: Sequence[Category], places: Places) -> frozenset[str]:
    """The mailboxes of a chain; of one that is missing no mail can be there."""
    return frozenset(places.destinations.get(each.destination_mailbox, "") for each in chain)
