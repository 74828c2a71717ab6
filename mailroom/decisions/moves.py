"""A move is a tap: mail that the user moved out of the Screener into a category's mailbox (pure).

It says the same as that category's label, of senders about whom nothing is decided: it is `select`'s, as labelled mail.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mailroom.contacts.base import AddressBook
from mailroom.decisions import note
from mailroom.decisions.arrival import Arrival
from mailroom.decisions.contact import managed_groups, readable_card
from mailroom.decisions.conversation import Context, Meaning
from mailroom.decisions.marks import MOVED_BY_USER, WorkList
from mailroom.decisions.places import Places
from mailroom.decisions.select import labels_of, moved_to
from mailroom.jmap.mail import Email, Move


def taken_out(work: WorkList, places: Places) -> tuple[tuple[Email, ...], WorkList]:
    """The mails that were moved into a category's mailbox, as mails with a label are, and the rest of the work.

    Where moves aren't followed all of them are of the rest.
    """
    followed = {mail.id: _as_email(mail) for mail in work.moved if moved_to(mail, places)}
    rest = tuple(mail for mail in work.moved if mail.id not in followed)
    return tuple(followed.values()), replace(work, moved=rest)


def in_doubt(mails: Iterable[Email], context: Context) -> frozenset[str]:
    """The addresses whose cards tell whether a move decides about them."""
    senders = (email.sender for email in _asking(mails, context.places))
    return frozenset(each for each in senders if each is not None and each not in context.own)


def without_the_decided(meaning: Meaning, context: Context, book: AddressBook) -> Meaning:
    """The same without moves that decide nothing: they are about this mail alone, which is marked so.

    That is mail of senders who are decided, of the user's own, and of no usable sender.
    """
    alone = {email.id for email in _asking(meaning.labelled, context.places) if not _decides(email, context, book)}
    marked = {id: _both(meaning.aside.get(id, Move()), MOVED_BY_USER) for id in alone}
    return replace(
        meaning,
        labelled=tuple(email for email in meaning.labelled if email.id not in alone),
        aside={**meaning.aside, **marked},
    )


def _asking(mails: Iterable[Email], places: Places) -> Iterator[Email]:
    """Those where nothing but a move asks; with the error label it waits for the user."""
    for email in mails:
        if moved_to(email, places) and not labels_of(email, places) and places.error_label not in email.mailbox_ids:
            yield email


def _decides(email: Email, context: Context, book: AddressBook) -> bool:
    """Whether nothing is decided about the sender, or a pass was cut off that had begun to settle it by this move."""
    address = email.sender
    if address is None or address in context.own:
        return False
    card = readable_card(address, book, context.scheme)
    if card is None or not managed_groups(card.uid, book, context.scheme):
        return True
    last = (note.read(card.note) or note.NOTHING_WRITTEN).last
    category = moved_to(email, context.places)
    return last is not None and category is not None and (last.verb, last.category) == (note.Verb.MOVED, category.name)


def _as_email(mail: Arrival) -> Email:
    return Email(
        id=mail.id,
        mailbox_ids=mail.mailbox_ids,
        keywords=mail.keywords,
        senders=mail.senders,
        received_at=mail.received_at,
        thread_id=mail.thread_id,
    )


def _both(one: Move, other: Move) -> Move:
    return Move(one.add | other.add, one.remove | other.remove, one.set | other.set, one.clear | other.clear)
