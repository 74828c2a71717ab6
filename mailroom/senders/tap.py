"""One tap: the triage label on one mail of a sender, as a mail app puts it there."""

from collections.abc import Iterable, Mapping, Sequence

from mailroom.config.scheme import Target
from mailroom.decisions.places import Places
from mailroom.decisions.select import Sender, by_age, labels_of, select
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.mail import Email, Move, move_emails
from mailroom.jmap.set import SetError, merged_errors
from mailroom.triage.one_pass import Pass
from mailroom.triage.scan import scan


def other_labels(mails: Iterable[Email], category: Target, places: Places) -> tuple[str, ...]:
    """The triage labels of other categories on these mails, sorted: a pass would find a conflict."""
    labels = {places.labels[id].label for email in mails for id in labels_of(email, places)}
    return tuple(sorted(labels - {category.label}))


def label_for(mails: Sequence[Email], category: Target, places: Places) -> tuple[str, Move] | None:
    """The id of the mail to label, with the move that does it; None for a sender without mail that is in play.

    A mail that has the label already is taken again, so that a second try finishes the first. Else it is the newest in
    the Screener, else the newest anywhere outside Trash, Junk, Drafts and Sent; one without the error label comes
    first, and from others it is taken off: a pass doesn't see them. Raises `ConfigError` if there is no such label.
    """
    label = next((id for id, each in places.labels.items() if each == category), None)

    def rank(email: Email) -> tuple[bool, bool, bool, tuple[str, str]]:
        visible = places.error_label not in email.mailbox_ids
        return visible and label in email.mailbox_ids, visible, places.screener in email.mailbox_ids, by_age(email)

    in_play = [email for email in mails if not email.mailbox_ids & places.untouched]
    if not in_play:
        return None
    if label is None:
        raise ConfigError([f"missing mailbox: {category.label}. `mailroom setup --apply` creates it"])
    email = max(in_play, key=rank)
    paused = frozenset({places.error_label} if places.error_label else ())
    return email.id, Move(add=frozenset({label}) - email.mailbox_ids, remove=paused & email.mailbox_ids)


def clearing(mails: Iterable[Email], category: Target, places: Places) -> dict[str, Move]:
    """The triage labels of other categories and the error label off, by mail id; mail without another mailbox waits
    in the Screener then, as the last one can't be taken away."""
    others = frozenset(id for id, each in places.labels.items() if each != category)
    off = others | (frozenset({places.error_label}) if places.error_label else frozenset())
    return {
        email.id: Move(places.home_beside(email.mailbox_ids - places.all_labels), off & email.mailbox_ids)
        for email in mails
        if off & email.mailbox_ids
    }


async def put_labels(run: Pass, moves: Mapping[str, Move]) -> Mapping[str, SetError]:
    """Change labels, by mail id, in one request; what the server refused, by id."""
    if not any(moves.values()):
        return {}
    batch = Batch()
    slots = move_emails(batch, await run.client.session(), moves)
    replies = await run.client.send(batch)
    return merged_errors(replies[slot] for slot in slots)


async def as_scanned(run: Pass, senders: Sequence[Sender]) -> list[Sender]:
    """The same with their labelled mails, by the scan that every pass starts with; some may be gone from it."""
    if not senders:
        return []
    selection = select((await scan(run.client, run.scheme, run.places)).labelled, run.places, run.own)
    wanted = {address: each.category for each in senders for address in each.addresses}
    return [each for each in selection.senders if wanted.get(each.address) == each.category]
