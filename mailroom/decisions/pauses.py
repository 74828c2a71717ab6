"""Mail with the error label: why it waits, and when the reason is gone (pure)."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from enum import Enum

from mailroom.decisions.places import Places
from mailroom.decisions.select import all_taps, sender_of, taps_of
from mailroom.decisions.whole import asked_for, whole_labels
from mailroom.jmap.mail import Email, Move

Conflict = frozenset[str]
"""The ids of mails that got the error label together, since their triage labels differ."""


def standing_conflicts(mails: Iterable[Email], places: Places) -> frozenset[Conflict]:
    """The conflicts that can be seen: by sender, mails that wait with different triage labels."""
    waiting: dict[str | None, list[Email]] = defaultdict(list)
    for email in mails:
        if places.error_label in email.mailbox_ids:
            waiting[sender_of(email)].append(email)
    by_sender = (each for sender, each in waiting.items() if sender is not None)
    return frozenset(
        frozenset(email.id for email in each if taps_of(email, places))
        for each in by_sender
        if len(all_taps(each, places)) > 1
    )


def released(mails: Iterable[Email], places: Places, conflicts: Iterable[Conflict]) -> dict[str, Move]:
    """The error label off, by id, where its reason is gone: no triage label is left, or a conflict's no longer differ.

    Any other reason can't be seen on the mail: there the user takes the error label off.
    """
    by_id = {email.id: email for email in mails}
    waiting = {id: email for id, email in by_id.items() if places.error_label in email.mailbox_ids}
    gone = {id for id, email in waiting.items() if not (taps_of(email, places) or whole_labels(email, places))}
    for conflict in conflicts:
        if len(all_taps((by_id[id] for id in conflict & by_id.keys()), places)) <= 1:
            gone |= conflict & waiting.keys()
    return {id: _without_error_label(waiting[id], places) for id in sorted(gone)}


def _without_error_label(email: Email, places: Places) -> Move:
    """A mail that would be in no mailbox goes to the Screener, where a mail app took it from."""
    off = email.mailbox_ids & {places.error_label}
    return Move(add=places.home_beside(email.mailbox_ids - off), remove=off)


def question(sender: str | None, mails: Collection[Email], places: Places, own: Collection[str]) -> str | None:
    """What mails of one sender ask the user, in a few words; None if none of them has the error label."""
    waiting = [email for email in mails if places.error_label in email.mailbox_ids]
    for email in waiting:
        asked = asked_for(email, places, own) if whole_labels(email, places) else None
        if isinstance(asked, Enum):
            return str(asked.value)
    labels = sorted(target.label for target in all_taps(waiting, places))
    if not labels:
        return None
    if sender is None:
        return "no usable sender"
    if sender in own:
        return "your own address"
    if len(labels) > 1:
        return f"asks you: {', '.join(labels[:-1])} and {labels[-1]}"
    return (
        f"asks you: {labels[0]} failed, or another address of the contact has another label, or others in the "
        "conversation have this one (the log says which)"
    )
