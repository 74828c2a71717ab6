"""The address book over JMAP (RFC 9610): its calls travel with the mail's, so it costs no round trip of its own."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailroom.addresses import spellings
from mailroom.contacts import jscontact
from mailroom.contacts.base import AddressBook, CardEdit, Change, Departure, Failures, Group, NewCard, Staged
from mailroom.jmap.batch import Batch, Replies, Slot
from mailroom.jmap.cards import CARD, ContactCard, Malformed, create_cards, get_address_books, update_cards
from mailroom.jmap.client import Client
from mailroom.jmap.query import Filter, Search, any_of, search
from mailroom.jmap.session import Limits
from mailroom.jmap.set import SetError, SetResult, merged_errors
from mailroom.jmap.wire import Json

_JOIN: Json = True
_LEAVE: Json = None


@dataclass(frozen=True, slots=True)
class _Membership:
    sender: str
    uid: str
    group: Group


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """The last look-up in the server's terms: what a patch needs beyond `AddressBook`."""

    address_book: str = ""
    cards: Mapping[str, ContactCard] = field(default_factory=dict)


class JmapContacts:
    """Contacts in one account of a JMAP server."""

    def __init__(self, client: Client, account: str, limits: Limits) -> None:
        self._client = client
        self._account = account
        self._limits = limits
        self._looked_up = _LookedUp()

    def look_up(self, addresses: Sequence[str], batch: Batch) -> Callable[[Replies], Awaitable[AddressBook]]:
        books = batch.add(get_address_books(self._account))
        # Two queries: Cyrus hoists `kind` out of an OR, which would then find groups alone.
        searches = [self._search(batch, {"kind": "group"})]
        if addresses:
            texts = [text for address in addresses for text in spellings(address)]
            searches.append(self._search(batch, any_of([{"email": text} for text in texts])))

        async def settle(replies: Replies) -> AddressBook:
            found = [item for page in searches for item in await self._client.all_found(page, replies)]
            cards = {item.id: item for item in found if isinstance(item, ContactCard)}
            self._looked_up = _LookedUp(jscontact.default_book(replies[books]), cards)
            return jscontact.address_book(found, frozenset(addresses))

        return settle

    async def add(self, changes: Sequence[Change], batch: Batch) -> Staged:
        cards = self._stage_cards(changes, batch)
        memberships = [_Membership(change.sender, change.uid, group) for change in changes for group in change.join]
        groups = self._stage_members(memberships, _JOIN, batch)

        async def settle(replies: Replies) -> Failures:
            return {**await groups(replies), **await cards(replies)}

        return Staged(settle)

    async def remove(self, departures: Sequence[Departure], batch: Batch) -> Staged:
        memberships = [_Membership(each.sender, each.uid, group) for each in departures for group in each.leave]
        return Staged(self._stage_members(memberships, _LEAVE, batch))

    def _stage_cards(self, changes: Sequence[Change], batch: Batch) -> Callable[[Replies], Awaitable[Failures]]:
        new = {change.sender: change.card for change in changes if isinstance(change.card, NewCard)}
        edits = {change.card.card.ref: change for change in changes if isinstance(change.card, CardEdit)}
        book = self._looked_up.address_book
        creations = {sender: jscontact.new_card(card, book) for sender, card in new.items()}
        patches = {
            ref: jscontact.patch(change.card, self._looked_up.cards[ref])
            for ref, change in edits.items()
            if isinstance(change.card, CardEdit)
        }
        created = create_cards(batch, self._account, self._limits, creations)
        updated = update_cards(batch, self._account, self._limits, patches)

        async def settle(replies: Replies) -> Failures:
            refused = merged_errors(replies[slot] for slot in created)
            failed = {edits[ref].sender: error for ref, error in merged_errors(replies[s] for s in updated).items()}
            failed |= await self._without_those_that_exist(refused, new)
            return {sender: f"its contact card could not be written: {error}" for sender, error in failed.items()}

        return settle

    async def _without_those_that_exist(
        self, refused: Mapping[str, SetError], new: Mapping[str, NewCard]
    ) -> dict[str, SetError]:
        """Creations that failed, less those whose card is there: an earlier try made it, and search didn't show it."""
        uids = [new[sender].uid for sender in refused]
        if not uids:
            return {}
        batch = Batch()
        page = self._search(batch, any_of([{"uid": uid} for uid in uids]))
        found = await self._client.all_found(page, await self._client.send(batch))
        there = {card.uid: jscontact.addresses(card) for card in found if isinstance(card, ContactCard)}
        return {s: error for s, error in refused.items() if new[s].address not in there.get(new[s].uid, frozenset())}

    def _stage_members(
        self, memberships: Sequence[_Membership], value: Json, batch: Batch
    ) -> Callable[[Replies], Awaitable[Failures]]:
        """One patch a group; where a group refuses several senders at once, each is tried alone."""
        by_group: dict[str, list[_Membership]] = defaultdict(list)
        for membership in memberships:
            by_group[membership.group.ref].append(membership)
        patches = {ref: self._members_patch(members, value) for ref, members in by_group.items()}
        slots = update_cards(batch, self._account, self._limits, patches)

        async def settle(replies: Replies) -> Failures:
            refused = merged_errors(replies[slot] for slot in slots)
            alone = [by_group[ref][0] for ref in refused if len(by_group[ref]) == 1]
            crowd = [membership for ref in refused if len(by_group[ref]) > 1 for membership in by_group[ref]]
            failed = {m.sender: _group_failure(m.group, refused[m.group.ref]) for m in alone}
            return failed | await self._one_by_one(crowd, value)

        return settle

    async def _one_by_one(self, memberships: Iterable[_Membership], value: Json) -> dict[str, str]:
        batch = Batch()
        tries: list[tuple[_Membership, tuple[Slot[SetResult], ...]]] = []
        for membership in memberships:
            patch = {membership.group.ref: self._members_patch([membership], value)}
            tries.append((membership, update_cards(batch, self._account, self._limits, patch)))
        replies = await self._client.send(batch)
        return {
            membership.sender: _group_failure(membership.group, error)
            for membership, slots in tries
            for error in merged_errors(replies[slot] for slot in slots).values()
        }

    def _members_patch(self, memberships: Sequence[_Membership], value: Json) -> Json:
        group = memberships[0].group
        return jscontact.members_patch([m.uid for m in memberships], value, self._looked_up.cards[group.ref])

    def _search(self, batch: Batch, filter: Filter) -> Search[ContactCard | Malformed]:
        return search(batch, CARD, self._account, self._limits, filter)


def _group_failure(group: Group, error: SetError) -> str:
    return f"contact group {group.name!r} could not be written: {error}"
