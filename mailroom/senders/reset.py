"""The requests of a reset: look for what there is to undo, then undo it: rules for new mail, mail, contacts, keywords.

Whatever cuts it off, what is left to undo can still be seen in the account, and the next reset does the rest. So a
step that fails for one mail or contact holds back only what would hide that.

The keywords come last: they say where mail came from, and keep a daemon from screening it again as long as the state
card says that there is screening.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TypeVar

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import CardEdit, Change, Contacts, Departure, Failures, Fields, LookUp
from mailroom.contacts.steps import alone
from mailroom.decisions.keywords import ALL_MARKS
from mailroom.decisions.note import stripped
from mailroom.decisions.places import Places, find_places, role_problems
from mailroom.decisions.reset import (
    ContactUndo,
    Undo,
    made_by_mailroom,
    names_of,
    settled_by,
    undo_contacts,
    undo_mails,
)
from mailroom.errors import BatchRefused, ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, EMAIL_WITH_LIST, Email, Move, move_emails
from mailroom.jmap.mail_search import mail_found, search_mail
from mailroom.jmap.mailbox import read_mailboxes
from mailroom.jmap.query import Filter, Kind
from mailroom.jmap.session import SieveAccess
from mailroom.jmap.set import SetResult, merged_errors, read_set_errors, read_set_result
from mailroom.plural import plural
from mailroom.senders.parts import nobody_watches
from mailroom.senders.sieve_script import Installed, find_installed, remove
from mailroom.triage.state import state_card
from mailroom.wire import ReadReply

AT_A_TIME = 100
"""Mails or cards in one step: so far a bar moves at once, and so much Ctrl-C leaves for the next time."""
UNMARKED_AT_A_TIME = 500
"""Keywords alone are cheaper, and may be on all mail of a year."""

_UNMARK = Move(clear=ALL_MARKS)

Item = TypeVar("Item")
Advance = Callable[[int], None]
"""Told how many of the steps are done, after each few."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found. `names` are those of the mailboxes, by id; `rules` is None where no script of Mailroom's is."""

    client: Client
    contacts: LookUp
    access: SieveAccess | None
    rules: Installed | None
    undo: Undo
    names: Mapping[str, str]
    scheme: Scheme

    def __bool__(self) -> bool:
        """Whether there is anything to undo."""
        return self.rules is not None or bool(self.undo)

    @property
    def steps(self) -> int:
        """How far `undo_all` advances."""
        undo = self.undo
        return len(undo.mails.moves) + len(undo.marked) + 2 * len(undo.contacts) + len(undo.provenance_members)


async def look(client: Client, contacts: Contacts, scheme: Scheme) -> Found:
    """Read all that there is to undo. Raises `MailroomError`, `ConfigError` where the scheme doesn't fit."""
    mailboxes = await read_mailboxes(client)
    # A warning label may be there from when warnings were on.
    places = find_places(mailboxes, replace(scheme, warnings_enabled=True))
    problems = role_problems(mailboxes, scheme)
    if places.screener is None:
        problems.append(f"missing mailbox: {scheme.screener}, where mail goes back to. Create it in your mail app")
    if problems:
        # A whole Archive would go into the Screener.
        raise ConfigError(problems)
    found = await contacts.read_all()
    settled = settled_by(found.book)
    filed, marked = await _mails(client, places, EMAIL_WITH_LIST if settled.wholes else EMAIL)
    mails = undo_mails({**filed, **marked}.values(), places, settled)
    extras = await found.extras(made_by_mailroom(found.book))
    undone, provenance = undo_contacts(found.book, extras, scheme)
    session = await client.session()
    return Found(
        client,
        found,
        session.sieve,
        None if session.sieve is None else await _rules(client, session.sieve),
        Undo(mails, tuple(marked), state_card(found.book, session.mail_account), undone, provenance),
        {each.id: each.name for each in mailboxes},
        scheme,
    )


async def _rules(client: Client, access: SieveAccess) -> Installed | None:
    installed = await find_installed(client, access)
    return installed if installed.is_mailrooms else None


async def _mails(client: Client, places: Places, kind: Kind[Email]) -> tuple[dict[str, Email], dict[str, Email]]:
    """The mails in destinations and labels, be they Mailroom's work or not, and those with a keyword of Mailroom's."""
    ids = sorted({*places.destinations.values(), *places.all_labels})
    session = await client.session()
    batch = Batch()
    keywords: list[Filter] = [{"hasKeyword": keyword} for keyword in sorted(ALL_MARKS)]
    searches = [search_mail(batch, session, any_condition=keywords, kind=kind)]
    if ids:
        searches.append(search_mail(batch, session, within=ids, kind=kind))
    replies = await client.send(batch)
    marked, *filed = [{email.id: email for email in await mail_found(client, each, replies)} for each in searches]
    return filed[0] if filed else {}, marked


async def undo_all(account: Found, advance: Advance) -> list[str]:
    """Undo all of it; a line for each failure, sorted by kind and address. Raises `MailroomError`."""
    rules = await _remove_rules(account)
    mails = await _in_parts(account.undo.mails.moves, partial(_move, account.client), advance)
    card = await _delete_state_card(account)
    held = frozenset(account.undo.mails.senders[id] for id in mails if id in account.undo.mails.senders)
    contacts = await _undo_contacts(account, held, advance)
    addresses = {each.card.ref: min(names_of(each.card), default=each.card.uid) for each in account.undo.contacts}
    # A mail that could not be moved is found by its keywords again; with the card there is screening.
    marked = {} if card else {id: _UNMARK for id in account.undo.marked if id not in mails}
    unmarked = await _in_parts(marked, partial(_unmark, account.client), advance, size=UNMARKED_AT_A_TIME)
    advance(len(account.undo.marked) - len(marked))
    return [
        *rules,
        *_told("could not be moved", mails),
        *card,
        *sorted(f"contact {addresses.get(key, key)}: {reason}" for key, reason in contacts.items()),
        *_told("kept Mailroom's keywords", unmarked),
    ]


async def _delete_state_card(account: Found) -> list[str]:
    """Before the keywords: a daemon without the card begins anew, and leaves alone what is in the Inbox."""
    card = account.undo.state_card
    if card is None:
        return []
    now = await account.contacts.again([card])
    unreadable = {each.ref: each.reason for each in now.book.unreadable}
    failures = {**unreadable, **await now.delete_cards(now.book.cards)}
    return [
        f"contact card {card.fields.full_name}: {reason}; keywords stay until it is gone"
        for reason in failures.values()
    ]


async def _remove_rules(account: Found) -> tuple[str, ...]:
    """First of all: as long as the rules run, they put new mail into the Screener."""
    if account.access is None or account.rules is None:
        return ()
    try:
        await remove(account.client, account.access, account.rules)
    except ConfigError as refused:
        return refused.problems
    return ()


def _told(what: str, failed: Failures) -> Iterator[str]:
    for reason, mails in sorted(Counter(failed.values()).items()):
        yield f"{plural(mails, 'mail')} {what}: {reason}"


async def _undo_contacts(account: Found, held: Set[str], advance: Advance) -> Failures:
    """Groups, notes, cards, provenance, in this order; the failures are by ref, in the provenance group by uid.

    A card keeps its block until its mail is moved and it is out of the groups, and its place in the provenance group
    until it is done: mail and card are found again by these. `held` are those whose mail could not be moved.
    """
    undo, leave = account.undo, partial(_leave, account.client, account.contacts)
    failed = {
        each.card.ref: "stays until its mail can be moved" for each in undo.contacts if names_of(each.card) & held
    }
    departures = {each.card.ref: each.departure for each in undo.contacts if each.leave and each.card.ref not in failed}
    # All at once: a group is written once.
    failed |= await _in_parts(departures, leave, advance, size=len(departures))
    advance(len(undo.contacts) - len(departures))
    cards = {each.card.ref: each for each in undo.contacts if each.card.ref not in failed}
    left = await _in_parts(cards, partial(_undo_cards, account), advance)
    # Whatever another app wrote at that moment is over by now.
    failed |= await _in_parts({ref: cards[ref] for ref in left}, partial(_undo_cards, account), nobody_watches)
    unfinished = {each.card.uid for each in undo.contacts if each.card.ref in failed}
    last = {uid: _out_of_provenance(uid, undo) for uid in sorted(undo.provenance_members - unfinished)}
    return {**failed, **await _in_parts(last, leave, advance, size=len(last))}


def _out_of_provenance(uid: str, undo: Undo) -> Departure:
    return Departure(uid, uid, tuple(group for group in undo.provenance if uid in group.members))


async def _in_parts(
    items: Mapping[str, Item],
    act: Callable[[Mapping[str, Item]], Awaitable[Failures]],
    advance: Advance,
    size: int = AT_A_TIME,
) -> Failures:
    """Act on a few at a time; a part that is refused as a whole is cut in halves, until the one it is for is alone."""
    failed: dict[str, str] = {}
    keys = iter(items)
    while part := {key: items[key] for key in islice(keys, size)}:
        try:
            failed |= await act(part)
        except BatchRefused as refused:
            if len(part) == 1:
                failed |= dict.fromkeys(part, str(refused))
            else:
                failed |= await _in_parts(part, act, advance, size=(len(part) + 1) // 2)
                continue
        advance(len(part))
    return failed


async def _move(client: Client, moves: Mapping[str, Move], read: ReadReply[SetResult] = read_set_result) -> Failures:
    batch = Batch()
    slots = move_emails(batch, await client.session(), moves, read)
    replies = await client.send(batch)
    errors = merged_errors(replies[slot] for slot in slots)
    return {id: str(error) for id, error in errors.items() if error.type != "notFound"}


async def _unmark(client: Client, moves: Mapping[str, Move]) -> Failures:
    """Cyrus refuses one mail with the error of an outage, where a mailbox has too many keywords."""
    return await _move(client, moves, read_set_errors)


async def _leave(client: Client, contacts: LookUp, departures: Mapping[str, Departure]) -> Failures:
    return await alone(client, contacts.remove(list(departures.values())))


async def _undo_cards(account: Found, undone: Mapping[str, ContactUndo]) -> Failures:
    """Delete cards, or take the block off them, as they are now: moving the mail may have taken minutes.

    What the user added to a card meanwhile keeps it.
    """
    cards = [each.card for each in undone.values()]
    now = await account.contacts.again([*cards, *account.contacts.book.groups])
    extras = await now.extras(made_by_mailroom(now.book))
    contacts, _ = undo_contacts(now.book, extras, account.scheme)
    unreadable = {each.ref: each.reason for each in now.book.unreadable if each.ref in undone}
    deleted = await now.delete_cards([each.card for each in contacts if not each.stays])
    stays = [each.card for each in contacts if each.stays]
    edits = [Change(card.ref, card.uid, CardEdit(card, Fields(), stripped(card.note))) for card in stays]
    return {**unreadable, **deleted, **await alone(account.client, now.add(edits))}
