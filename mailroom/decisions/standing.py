"""How senders, domains and lists stand in the address book, as an index that is made once (pure)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Card, CardEdit, Change, Departure, Group, NewCard
from mailroom.decisions.contact import managed_groups
from mailroom.decisions.note import NOTHING_WRITTEN, Block, Verb, read
from mailroom.decisions.whole import WholeDomain, WholeList
from mailroom.decisions.whole_card import whole_of


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
        block = read(card.note) or NOTHING_WRITTEN
        said = _standing(block, managed_groups(card.uid, book, scheme))
        _add(senders, card.addresses, said)
        match whole_of(card, block):
            case WholeDomain(domain):
                _add(domains, (domain,), said)
            case WholeList(id):
                _add(lists, (id,), said)
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
                new.append(Card("", uid, fields, frozenset({address} if address else ()), text))
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


def _standing(block: Block, groups: Iterable[Group]) -> Standing:
    return Standing(
        frozenset(group.name for group in groups),
        is_taken_back=block.last is not None and block.last.verb is Verb.BACK,
        is_users=not block.created,
    )
