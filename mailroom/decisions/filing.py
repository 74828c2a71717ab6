"""Where mail goes: out of the Screener into the destinations, and the error label (pure)."""

from collections.abc import Iterable

from mailroom.config.scheme import Category
from mailroom.decisions.places import Places
from mailroom.decisions.select import Sender, labels_of, sender_of
from mailroom.jmap.mail import Email, Move


def sweep(sender: Sender, mails: Iterable[Email], destinations: frozenset[str], places: Places) -> dict[str, Move]:
    """Where a sender's other mails go, by id. A mail with a triage label stays: that label decides, in its turn.

    So does one that had the label when the pass began: who takes it off thinks again about that mail. One that waits
    with the error label does not: what it asked is decided now.
    """
    labelled = {email.id for email in sender.mails}
    return {
        email.id: move
        for email in mails
        if sender_of(email) in sender.addresses
        and email.id not in labelled
        and (not labels_of(email, places) or places.error_label in email.mailbox_ids)
        and (move := filed(email, sender.category, destinations, places))
    }


def filed(email: Email, category: Category, destinations: frozenset[str], places: Places) -> Move:
    """Destinations on, other managed mailboxes and an old warning off; the labels of a mail that waits go, too.

    The Inbox is added only to mail from the Screener, and taken only by a category that takes it.
    """
    answered = _labels_of_one_that_waits(email, places)
    if email.mailbox_ids & places.untouched:
        return Move(remove=answered)
    # A mail app that knows only folders moves a mail into the label's mailbox, out of the Screener.
    from_screener = places.screener in email.mailbox_ids or email.mailbox_ids <= places.all_labels
    inbox = {places.inbox} if category.add_to_inbox and from_screener and places.inbox else frozenset[str]()
    warning = {places.warning_label} if places.warning_label else frozenset[str]()
    taken = {places.inbox} if category.takes_from_inbox and places.inbox else frozenset[str]()
    leaving = (places.managed - destinations) | warning | taken | answered
    return Move(add=(destinations | inbox) - email.mailbox_ids, remove=leaving & email.mailbox_ids)


def _labels_of_one_that_waits(email: Email, places: Places) -> frozenset[str]:
    if places.error_label is None or places.error_label not in email.mailbox_ids:
        return frozenset()
    return labels_of(email, places) | {places.error_label}


def paused(mails: Iterable[Email], places: Places) -> dict[str, Move]:
    """The error label on mails that wait for the user, by id; nothing if the account has no error label."""
    if places.error_label is None:
        return {}
    return {email.id: Move(add=frozenset({places.error_label})) for email in mails}
