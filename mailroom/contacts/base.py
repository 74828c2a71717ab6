"""Contact cards and groups as triage sees them, whichever protocol carries them."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote

from mailroom.addresses import domain_of, is_within, spellings
from mailroom.jmap.batch import Batch, Replies
from mailroom.names import comparable
from mailroom.wire import plain_name

K = TypeVar("K")
V = TypeVar("V")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Fields:
    """What Mailroom writes on a card beside address and note; an empty string is an empty (or untouched) field.

    A card with an `organization` and neither given nor family name is a company.
    """

    full_name: str = ""
    organization: str = ""
    given: str = ""
    family: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One contact card.

    `ref` is the backend's handle (JMAP id, CardDAV href), `uid` is bare, `addresses` are canonical, `note` is the text
    of all notes, `age` sorts older cards first (`created` or REV; empty if unknown).
    """

    ref: str
    uid: str
    fields: Fields
    addresses: frozenset[str]
    note: str
    age: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One contact group; `members` are the bare uids of its cards."""

    ref: str
    uid: str
    name: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A card that can't be parsed, and the canonical addresses that its text mentions.

    `group` is the name of the group that it is by its text, empty if the name can't be told, and None for no group.
    """

    ref: str
    reason: str
    addresses: frozenset[str]
    group: str | None = None

    @property
    def known_as(self) -> str:
        """What to call it in messages."""
        return known_as(self.ref)


def known_as(ref: str) -> str:
    """A JMAP id, or the last part of a url, for messages: most servers call a card by its uid there.

    What is no plain name is an ellipsis: a path may say anything.
    """
    return plain_name(unquote(ref.partition("?")[0].rstrip("/").rpartition("/")[2]))


@dataclass(frozen=True)
class AddressBook:
    """The part of an address book that a pass needs: cards of the addresses and names asked for, and all groups.

    Each tuple is sorted by ref, in the indexes, too. These are made once, when the first sender is looked for.
    """

    cards: tuple[Card, ...]
    groups: tuple[Group, ...]
    unreadable: tuple[Unreadable, ...] = ()

    @cached_property
    def cards_by_address(self) -> Mapping[str, tuple[Card, ...]]:
        return _index((address, card) for card in self.cards for address in card.addresses)

    @cached_property
    def cards_by_name(self) -> Mapping[str, tuple[Card, ...]]:
        """By full name, as `names.comparable` writes it."""
        return _index((comparable(card.fields.full_name), card) for card in self.cards)

    @cached_property
    def groups_by_member(self) -> Mapping[str, tuple[Group, ...]]:
        """By the uid of a card."""
        return _index((uid, group) for group in self.groups for uid in group.members)

    @cached_property
    def groups_by_name(self) -> Mapping[str, tuple[Group, ...]]:
        return _index((group.name, group) for group in self.groups)

    @cached_property
    def unreadable_by_address(self) -> Mapping[str, tuple[Unreadable, ...]]:
        return _index((address, card) for card in self.unreadable for address in card.addresses)


def _index(items: Iterable[tuple[K, V]]) -> Mapping[K, tuple[V, ...]]:
    found: dict[K, list[V]] = defaultdict(list)
    for key, value in items:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cards a look-up brings: those with one of the canonical addresses, bare uids or names, with an address in
    one of the domains or below, or with one of the texts in their note.

    Names are the same if they are `names.comparable`.
    """

    addresses: Sequence[str] = ()
    uids: Sequence[str] = ()
    names: Sequence[str] = ()
    domains: Sequence[str] = ()
    notes: Sequence[str] = ()

    def those_in(self, cards: Iterable[Card]) -> tuple[Card, ...]:
        """What is wanted of the cards that a search found: it only gives candidates."""
        addresses, uids = frozenset(self.addresses), frozenset(self.uids)
        names = frozenset(map(comparable, self.names))
        return tuple(
            card
            for card in cards
            if card.addresses & addresses
            or self.are_in_domains(card.addresses)
            or card.uid in uids
            or (names and comparable(card.fields.full_name) in names)
            or any(text in card.note for text in self.notes)
        )

    def are_in_domains(self, addresses: Iterable[str]) -> bool:
        """Whether one of these addresses is in one of the domains."""
        return any(is_within(domain_of(each), domain) for domain in self.domains for each in addresses)

    @property
    def parts_of_addresses(self) -> tuple[str, ...]:
        """What addresses in the domains contain: the domain behind an `@` or a dot, as it may be spelled."""
        texts = (text.removeprefix("x") for domain in self.domains for text in spellings(f"x@{domain}"))
        return tuple(part for text in texts for part in (text, f".{text.removeprefix('@')}"))


GROUPS_ALONE = Wanted()


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card to create; `address` is empty where it has none. Creating the same uid twice makes one card."""

    uid: str
    address: str
    fields: Fields
    note: str


@dataclass(frozen=True, slots=True)
class CardEdit:
    """A card to complete: `fill` goes into fields that are empty, `note` replaces the note; the rest stays as it is.

    `recast` replaces the fields where nobody but Mailroom wrote them: a company becomes a person, or the reverse.
    """

    card: Card
    fill: Fields
    note: str
    recast: Fields | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happens in the address book for one sender: card first, then the groups in the order given."""

    sender: str
    uid: str
    card: NewCard | CardEdit | None
    join: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Departure:
    """The groups that one sender's card leaves."""

    sender: str
    uid: str
    leave: tuple[Group, ...]


Failures = Mapping[str, str]
"""Reasons for what did not succeed in full; by sender, unless something else is said."""


@dataclass(frozen=True, slots=True)
class InBatch(Generic[T_co]):
    """Calls that travel with the mail's: `stage` adds them to the batch, and what it returns reads their replies."""

    stage: Callable[[Batch], Callable[[Replies], Awaitable[T_co]]]


@dataclass(frozen=True, slots=True)
class OnItsOwn(Generic[T_co]):
    """Requests to a server of contacts alone."""

    run: Callable[[], Awaitable[T_co]]


Step = InBatch[T_co] | OnItsOwn[T_co]
"""Something to be done in the address book, beside or before mail: `steps` does it.

It raises `Unavailable`, `Refused` or `BadReply`, and `BatchRefused` for a request that the server might take for fewer
senders.
"""


class LookUp(Protocol):
    """An address book as one look-up found it, and the writes that start from what it saw.

    Everything that the writes need is in here: several look-ups at once, of one pass or of several, know nothing of
    each other. What concerns one sender alone is in the `Failures`; every method and step may raise as a `Step` does.
    """

    @property
    def book(self) -> AddressBook: ...

    async def extras(self, cards: Sequence[Card]) -> Mapping[str, frozenset[str]]:
        """The names of the properties that these cards have beyond what `add` writes on a new one, by ref.

        The cards are of this look-up; one that is gone meanwhile is left out. What servers add of themselves is no
        extra; a second address is one.
        """
        ...

    def add(self, changes: Sequence[Change]) -> Step[Failures]:
        """Write cards, then add to groups. A group is written once, whatever the number of senders."""
        ...

    def remove(self, departures: Sequence[Departure]) -> Step[Failures]:
        """Take cards out of groups. A group is written once, whatever the number of senders."""
        ...

    async def create_groups(self, names: Sequence[str]) -> Failures:
        """Create empty groups of these names, which the look-up did not find. The failures are by name."""
        ...

    async def again(self, items: Sequence[Card | Group]) -> "LookUp":
        """Cards and groups of this look-up as they are now, in requests of its own; without those that are gone."""
        ...

    async def delete_cards(self, cards: Sequence[Card]) -> Failures:
        """Delete cards of this look-up; a group that they are in keeps their uids. The failures are by ref.

        A card that is gone already is none. One that somebody changed since the look-up stays and is one.
        """
        ...


class Contacts(Protocol):
    """An address book on a server. It remembers nothing: what a read brings is in its `LookUp`."""

    def look_up(self, wanted: Wanted) -> Step[LookUp]:
        """Read all groups, and the wanted cards."""
        ...

    async def read_all(self) -> LookUp:
        """Read every card and every group, in requests of its own; what can't be parsed is in `unreadable`."""
        ...

    def nothing(self) -> LookUp:
        """A look-up of nobody and nothing, without a request: there is nobody to write about."""
        ...
