"""A tap on the page: a label on one mail of a sender, as a phone puts it there, and taken off again before it counts.

What was shown may be old: only mail that still waits is labelled. Two requests, however many senders.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from mailroom.config.scheme import Category, Scheme
from mailroom.decisions.keywords import FORGED, FROM_INBOX, SEEN, WAITING
from mailroom.decisions.leaving import JUNK
from mailroom.decisions.places import Places, find_places, inbox_of
from mailroom.decisions.select import sender_of
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import Email, Move, get_emails, move_emails
from mailroom.jmap.mailbox import MAILBOX, get_mailboxes
from mailroom.jmap.set import SetError, merged_errors
from mailroom.senders.tap import clearing, label_for

NO_SENDER = ""
"""Stands for mail without a usable sender."""

Mails = Mapping[str, Sequence[str]]
"""Ids of mails by the sender who is said to have written them."""


class Wide(Enum):
    """What a decision may be about beyond one sender."""

    DOMAIN = "domain"
    LIST = "list"


MoveOf = Callable[[Email], Move]


class Became(Enum):
    """What became of a tap."""

    DONE = auto()
    DONE_BEFORE = auto()
    """It had been done already, and was filed, too."""
    GONE = auto()
    """None of this mail waits any more: it was moved, deleted, or decided about elsewhere."""
    REFUSED = auto()
    """The server refused to change the mail."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """Places and mails as they are now; only mail that is from the sender it was said to be from, by sender."""

    places: Places
    mails: Mapping[str, Sequence[Email]]

    def waiting(self, sender: str) -> list[Email]:
        """The mails that are in the Screener, or wait for the owner with the error label."""
        where = {self.places.screener, self.places.error_label}
        mails = self.mails.get(sender, ())
        return [each for each in mails if each.mailbox_ids & where and not each.mailbox_ids & self.places.untouched]


async def tap(
    client: Client, scheme: Scheme, mails: Mails, category: Category, wide: Wide | None = None
) -> dict[str, Became]:
    """Put the category's label on a mail of each sender, and other triage labels off these mails: the last tap counts.

    `wide` puts the label beside it that makes the decision one about all of a domain or list. Raises `MailroomError`.
    """
    seen = await _look(client, scheme, mails)
    moves: dict[str, dict[str, Move]] = {}
    became: dict[str, Became] = {}
    for sender in mails:
        waiting = seen.waiting(sender)
        if (labelled := label_for(waiting, category, seen.places)) is None:
            became[sender] = _done_before_or_gone(seen, sender, category)
            continue
        id, move = labelled
        cleared = clearing(waiting, category, seen.places)
        off = cleared.get(id, Move())
        add = move.add | off.add | (wide_label(seen.places, scheme, wide) if wide else frozenset())
        moves[sender] = {**cleared, id: Move(add, move.remove | off.remove)}
    return {**became, **await _write(client, moves)}


def wide_label(places: Places, scheme: Scheme, wide: Wide) -> frozenset[str]:
    """The id of the label that widens a decision. Raises `ConfigError` where the account has none."""
    name, id = {
        Wide.DOMAIN: (scheme.domain_label, places.domain_label),
        Wide.LIST: (scheme.list_label, places.list_label),
    }[wide]
    if id is None:
        raise ConfigError([f"missing mailbox: {name}. `mailroom setup --apply` creates it"])
    return frozenset({id})


async def untap(client: Client, scheme: Scheme, mails: Mails) -> dict[str, Became]:
    """Take the triage labels off again. `GONE` is who has none any more: the mail is filed."""
    seen = await _look(client, scheme, mails)
    moves: dict[str, dict[str, Move]] = {}
    for sender in mails:
        labelled = {
            email.id: email.mailbox_ids & (seen.places.asking_labels - {seen.places.error_label})
            for email in seen.waiting(sender)
        }
        moves[sender] = {id: Move(remove=labels) for id, labels in labelled.items() if labels}
    return await _write(client, moves)


async def let_in(client: Client, scheme: Scheme, mails: Mails) -> dict[str, Became]:
    """This mail to the Inbox, and no decision about its sender."""
    seen = await _look(client, scheme, mails)
    inbox = inbox_of(seen.places)

    def into_inbox(email: Email) -> Move:
        # Judged, and where the owner wants it: no pass takes it out again.
        marks = frozenset({WAITING, FROM_INBOX, FORGED})
        return Move(frozenset({inbox}), _waits_in(email, seen.places), frozenset({SEEN}), marks & email.keywords)

    return await _move_waiting(client, seen, mails, into_inbox)


async def put_back(client: Client, scheme: Scheme, mails: Mails) -> dict[str, Became]:
    """This mail from the Inbox, or from Junk, back to the Screener: the reverse of `let_in` and of reporting spam."""
    seen = await _look(client, scheme, mails)
    screener = frozenset({seen.places.screener} if seen.places.screener else ())
    left_for = frozenset(id for id in (seen.places.inbox, seen.places.junk) if id)

    def back(email: Email) -> Move:
        marks = frozenset({SEEN, WAITING, FROM_INBOX})
        return Move(screener, left_for & email.mailbox_ids, marks, frozenset({JUNK}) & email.keywords)

    moves = {
        sender: {each.id: back(each) for each in seen.mails.get(sender, ()) if left_for & each.mailbox_ids}
        for sender in mails
    }
    return await _write(client, moves)


async def _look(client: Client, scheme: Scheme, mails: Mails) -> _Seen:
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    slots = get_emails(batch, session, sorted({id for ids in mails.values() for id in ids}))
    replies = await client.send(batch)
    places = find_places(await client.all_of(MAILBOX, session.mail_account, mailboxes, replies), scheme)
    by_id = {email.id: email for slot in slots for email in replies[slot]}
    return _Seen(places, {sender: list(_own(sender, ids, by_id)) for sender, ids in mails.items()})


def _own(sender: str, ids: Iterable[str], by_id: Mapping[str, Email]) -> Iterable[Email]:
    found = (by_id[id] for id in dict.fromkeys(ids) if id in by_id)
    return (email for email in found if (sender_of(email) or NO_SENDER) == sender)


def _done_before_or_gone(seen: _Seen, sender: str, category: Category) -> Became:
    destination = seen.places.destinations.get(category.destination_mailbox)
    is_filed = any(destination in email.mailbox_ids for email in seen.mails.get(sender, ()))
    return Became.DONE_BEFORE if is_filed else Became.GONE


def _waits_in(email: Email, places: Places) -> frozenset[str]:
    """The mailboxes that let a mail wait, and all labels of Mailroom's."""
    waits = places.all_labels | ({places.screener} if places.screener else set())
    return email.mailbox_ids & waits


async def _move_waiting(client: Client, seen: _Seen, mails: Mails, move_of: MoveOf) -> dict[str, Became]:
    moves = {sender: {each.id: move_of(each) for each in seen.waiting(sender)} for sender in mails}
    return await _write(client, moves)


async def _write(client: Client, moves: Mapping[str, Mapping[str, Move]]) -> dict[str, Became]:
    """Change the mails of each sender, in one request; who has none is `GONE`."""
    batch = Batch()
    every = {id: move for each in moves.values() for id, move in each.items()}
    slots = move_emails(batch, await client.session(), every)
    if not slots:
        return {sender: Became.DONE if each else Became.GONE for sender, each in moves.items()}
    replies = await client.send(batch)
    errors = merged_errors(replies[slot] for slot in slots)
    return {sender: _became(each, errors) for sender, each in moves.items()}


def _became(moves: Mapping[str, Move], errors: Mapping[str, SetError]) -> Became:
    if any(id in errors for id, move in moves.items() if move):
        return Became.REFUSED
    return Became.DONE if moves else Became.GONE
