"""How senders, domains and lists stand in the address book, as an index that is made once (pure)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mailroom.addresses import canonical_list_id
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Card, CardEdit, Change, Departure, Group, NewCard
from mailroom.decisions import note
from mailroom.decisions.contact import managed_groups

_DECISION = re.compile(r"(?:(?:Triaged|Re-triaged|Moved) to .+|(Back to the Screener)|Undone) on \S+")


@dataclass(frozen=True, slots=True)
class Standing:
    """What all cards of one sender, domain or list say together.

    `groups` are the names of managed groups; `is_taken_back` is whether the user sent the sender back to the Screener,
    `is_users` whether a card is the user's own, `is_unreadable` whether one can't be read, so that nobody knows.
    """

    groups: frozenset[str] = frozenset()
    is_taken_back: bool = False
    is_users: bool = False
    is_unreadable: bool = False


NOBODY = Standing()


@dataclass(frozen=True, slots=True)
class Standings:
    """Standings by canonical address, by domain (in ASCII), and by List-Id (in lower case)."""

    senders: Mapping[str, Standing] = field(default_factory=dict)
    domains: Mapping[str, Standing] = field(default_factory=dict)
    lists: Mapping[str, Standing] = field(default_factory=dict)


def standings(book: AddressBook, scheme: Scheme) -> Standings:
    """The index of an address book."""
    senders: dict[str, Standing] = {
        address: Standing(is_unreadable=True) for each in book.unreadable for address in each.addresses
    }
    domains: dict[str, Standing] = {}
    lists: dict[str, Standing] = {}
    for card in book.cards:
        said = _standing(card, managed_groups(card.uid, book, scheme))
        _add(senders, card.addresses, said)
        _add(domains, _whole_domain(card), said)
        _add(lists, _whole_list(card), said)
    return Standings(senders, domains, lists)


def after(book: AddressBook, changes: Iterable[Change], departures: Iterable[Departure]) -> AddressBook:
    """The address book as it is once the decisions of this pass are written into it."""
    joined: dict[str, set[str]] = defaultdict(set)
    left: dict[str, set[str]] = defaultdict(set)
    notes: dict[str, str] = {}
    new: list[Card] = []
    for change in changes:
        for group in change.join:
            joined[group.uid].add(change.uid)
        match change.card:
            case NewCard(uid, address, fields, text):
                new.append(Card("", uid, fields, frozenset({address}), text))
            case CardEdit(card, _, text):
                notes[card.uid] = text
    for departure in departures:
        for group in departure.leave:
            left[group.uid].add(departure.uid)
    return replace(
        book,
        cards=(*(replace(card, note=notes.get(card.uid, card.note)) for card in book.cards), *new),
        groups=tuple(
            replace(group, members=(group.members | joined[group.uid]) - left[group.uid]) for group in book.groups
        ),
    )


def _add(index: dict[str, Standing], keys: Iterable[str], said: Standing) -> None:
    for key in keys:
        has = index.get(key, NOBODY)
        index[key] = Standing(
            has.groups | said.groups,
            has.is_taken_back or said.is_taken_back,
            has.is_users or said.is_users,
            has.is_unreadable or said.is_unreadable,
        )


def _standing(card: Card, groups: Iterable[Group]) -> Standing:
    names = frozenset(group.name for group in groups)
    return Standing(names, is_taken_back=_is_taken_back(card), is_users=not note.says_created(card.note))


def _lines(card: Card) -> Iterator[str]:
    """The lines below Mailroom's header."""
    _, header, block = card.note.partition(note.HEADER)
    if header and note.has_block(card.note):
        yield from (line.strip() for line in block.splitlines())


def _is_taken_back(card: Card) -> bool:
    """Whether the last decision is that the sender goes back to the Screener."""
    decisions = [found for line in _lines(card) if (found := _DECISION.fullmatch(line))]
    return bool(decisions) and decisions[-1][1] is not None


def _whole_domain(card: Card) -> Iterator[str]:
    """The domain whose card it is: it has no address but `*@domain`, and its note says so."""
    if len(card.addresses) == 1 and "Whole domain" in _lines(card):
        yield from (address.removeprefix("*@") for address in card.addresses if address.startswith("*@"))


def _whole_list(card: Card) -> Iterator[str]:
    """The lists whose card it is. It has no address: one on a card in a group would be a decision about a sender."""
    if not card.addresses:
        for line in _lines(card):
            if line.startswith("Whole list ") and (id := canonical_list_id(line.removeprefix("Whole list "))):
                yield id
