"""Mail that leaves the Screener without a decision about its sender, as its owner says (pure)."""

from collections.abc import Iterable

from mailroom.decisions.keywords import FROM_INBOX, SEEN, WAITING
from mailroom.decisions.places import Places
from mailroom.jmap.mail import Email, Move

JUNK = "$junk"
NOT_JUNK = "$notjunk"
"""How mail apps and spam filters are told (RFC 8621 §10.4.3, §10.4.4)."""


def cleared(mails: Iterable[Email], to: str, places: Places) -> dict[str, Move]:
    """Mail that waits, out of the Screener and into the mailbox `to`, by mail id.

    What has a home of its own needs no other one but the Inbox. Mail with a label stays: that asks for something else.
    """
    return {
        email.id: Move(
            add=frozenset({to}) - email.mailbox_ids if to == places.inbox or not _homes(email, places) else frozenset(),
            remove=_screener(places),
            set=frozenset({SEEN}),
            clear=frozenset({WAITING, FROM_INBOX}),
        )
        for email in mails
        if _waits(email, places) and not email.mailbox_ids & places.asking_labels
    }


def as_spam(mails: Iterable[Email], junk: str, places: Places) -> dict[str, Move]:
    """Mail that waits, out of the Screener and every label, into the mailbox `junk`, by mail id; and told to be so."""
    return {
        email.id: Move(
            add=frozenset({junk}),
            remove=_screener(places) | (email.mailbox_ids & places.all_labels),
            set=frozenset({SEEN, JUNK}),
            clear=frozenset({WAITING, FROM_INBOX, NOT_JUNK}),
        )
        for email in mails
        if _waits(email, places)
    }


def _waits(email: Email, places: Places) -> bool:
    """Whether it is in the Screener, and not in Trash, Junk, Drafts or Sent, too."""
    return places.screener in email.mailbox_ids and not email.mailbox_ids & places.untouched


def _homes(email: Email, places: Places) -> frozenset[str]:
    return email.mailbox_ids - places.all_labels - _screener(places)


def _screener(places: Places) -> frozenset[str]:
    return frozenset({places.screener} if places.screener else ())
