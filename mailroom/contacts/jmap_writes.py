"""Writes to the address book over JMAP, from what a look-up saw."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

from mailroom.contacts import jscontact
from mailroom.contacts.base import (
    AddressBook,
    Card,
    CardEdit,
    Change,
    Departure,
    Failures,
    Group,
    InBatch,
    NewCard,
)
from mailroom.contacts.jmap_account import ContactsAccount
from mailroom.contacts.jmap_conditional import CHANGING, KnownState, Patched, is_late, stage_patches
from mailroom.contacts.uids import bare_uid
from mailroom.errors import BatchRefused
from mailroom.jmap.batch import Batch, Replies, Slot, slices
from mailroom.jmap.cards import (
    CARD,
    ContactCard,
    create_cards,
    destroy_cards_in_state,
    get_whole_cards,
    update_cards,
)
from mailroom.jmap.query import any_of, search
from mailroom.jmap.set import SetError, SetResult, merged_errors
from mailroom.wire import Json

_JOIN: Json = True
_LEAVE: Json = None


@dataclass(frozen=True, slots=True)
class _Membership:
    """To write one, `uid` has to be as the server spells it."""

    sender: str
    uid: str
    group: Group


@dataclass(frozen=True, slots=True)
class JmapLookUp:
    """What was found, in our terms and in the server's.

    `state` is that of all cards before the search. It follows our own writes, but for those that later ones may depend
    on: edits of cards, and first members. `new_cards_book` is the id of the address book that new cards go to, `cards`
    are cards and groups by id.
    """

    account: ContactsAccount
    book: AddressBook
    state: KnownState
    new_cards_book: str
    cards: Mapping[str, ContactCard]

    async def extras(self, cards: Sequence[Card]) -> Mapping[str, frozenset[str]]:
        batch = Batch()
        slots = get_whole_cards(batch, self.account.id, self.account.limits, [card.ref for card in cards])
        replies = await self.account.client.send(batch)
        return {str(whole["id"]): jscontact.extras(whole) for slot in slots for whole in replies[slot]}

    def add(self, changes: Sequence[Change]) -> InBatch[Failures]:
        spelled = {bare_uid(card.uid): card.uid for card in self.cards.values()}
        memberships = [
            _Membership(change.sender, spelled.get(change.uid, change.uid), group)
            for change in changes
            for group in change.join
        ]
        begun, empty = self._split(memberships)

        def stage(batch: Batch) -> Callable[[Replies], Awaitable[Failures]]:
            known = self._stage_known(changes, empty, batch)
            new = self._stage_new(changes, batch)
            members = self._stage_members(begun, _JOIN, batch)

            async def settle(replies: Replies) -> Failures:
                of_known, of_new = await known(replies), await new(replies)
                return {**await members(replies), **of_known, **of_new}

            return settle

        return InBatch(stage)

    def remove(self, departures: Sequence[Departure]) -> InBatch[Failures]:
        memberships = [_Membership(each.sender, each.uid, group) for each in departures for group in each.leave]
        return InBatch(partial(self._stage_members, list(self._as_spelled(memberships)), _LEAVE))

    async def create_groups(self, names: Sequence[str]) -> Failures:
        book = self.new_cards_book
        wanted = {f"group{n}": name for n, name in enumerate(names)}
        creations = {id: jscontact.new_group(str(uuid4()), name, book) for id, name in wanted.items()}
        batch = Batch()
        slots = create_cards(batch, self.account.id, self.account.limits, creations)
        replies = await self.account.client.send(batch)
        return {wanted[id]: str(error) for id, error in merged_errors(replies[slot] for slot in slots).items()}

    async def again(self, items: Sequence[Card | Group]) -> "JmapLookUp":
        state, found = await self.account.read([item.ref for item in items])
        cards = {id: item for id, item in found.items() if isinstance(item, ContactCard)}
        book = jscontact.whole_book(found.values())
        return JmapLookUp(self.account, book, KnownState(state), self.new_cards_book, cards)

    async def delete_cards(self, cards: Sequence[Card]) -> Failures:
        failed: dict[str, str] = {}
        for refs in slices((card.ref for card in cards), self.account.limits.max_objects_in_set):
            batch = Batch()
            slot = destroy_cards_in_state(batch, self.account.id, self.state.value, refs)
            replies = await self.account.client.send(batch)
            if is_late(replies, slot):
                failed |= dict.fromkeys(refs, CHANGING)
                continue
            self.state.follow([replies[slot]])
            errors = replies[slot].errors()
            failed |= {ref: str(error) for ref, error in errors.items() if error.type != "notFound"}
        return failed

    def _as_spelled(self, memberships: Iterable[_Membership]) -> Iterator[_Membership]:
        """Those that there are, each under the uid or uids that the group has for it."""
        for ref, leaving in _by_group(memberships).items():
            spelled: dict[str, list[str]] = defaultdict(list)
            for member in self.cards[ref].members or ():
                spelled[bare_uid(member)].append(member)
            yield from (replace(each, uid=member) for each in leaving for member in spelled[each.uid])

    def _split(self, memberships: Iterable[_Membership]) -> tuple[list[_Membership], list[_Membership]]:
        """Those whose group has a `members` property for a patch path to lead into, and those whose group hasn't."""
        begun: list[_Membership] = []
        empty: list[_Membership] = []
        for each in memberships:
            (empty if self.cards[each.group.ref].members is None else begun).append(each)
        return begun, empty

    def _stage_known(
        self, changes: Sequence[Change], empty: Sequence[_Membership], batch: Batch
    ) -> Callable[[Replies], Awaitable[Failures]]:
        """Edits of cards, and the first members of groups, in one call.

        It goes before the new cards, since these change the state that it depends on.
        """
        edits = {each.card.card.ref: each for each in changes if isinstance(each.card, CardEdit)}
        firsts = _by_group(empty)
        settle = stage_patches(self.account, self.state.value, self.cards, self._patches(edits, firsts), batch)

        async def failures(replies: Replies) -> Failures:
            written = await settle(replies)
            failed: dict[str, str] = {}
            for ref, reason in written.reasons.items():
                if ref in edits:
                    failed[edits[ref].sender] = _card_failure(reason)
                    continue
                concerned = {each.sender: _group_failure(each.group, reason) for each in firsts[ref]}
                if len(concerned) > 1 and ref in written.refused:
                    raise BatchRefused(min(concerned.values()))
                failed |= concerned
            return failed

        return failures

    def _patches(self, edits: Mapping[str, Change], firsts: Mapping[str, Sequence[_Membership]]) -> dict[str, Patched]:
        cards = self.cards
        return {
            ref: partial(jscontact.first_members_patch, [each.uid for each in members])
            for ref, members in firsts.items()
        } | {
            ref: partial(jscontact.patch_unless_changed, each.card, cards[ref])
            for ref, each in edits.items()
            if isinstance(each.card, CardEdit)
        }

    def _stage_new(self, changes: Sequence[Change], batch: Batch) -> Callable[[Replies], Awaitable[Failures]]:
        # A creation id is of the Id type (RFC 8620 §1.2), which an address isn't.
        new = {f"new{n}": change for n, change in enumerate(changes) if isinstance(change.card, NewCard)}
        created = create_cards(batch, self.account.id, self.account.limits, self._creations(new))

        async def settle(replies: Replies) -> Failures:
            results = [replies[slot] for slot in created]
            self.state.follow(results)
            errors = merged_errors(results)
            there = await self._adopt([new[id] for id in errors])
            reasons = {change.sender: _why_not(change, errors[id], there) for id, change in new.items() if id in errors}
            return {sender: _card_failure(reason) for sender, reason in reasons.items() if reason}

        return settle

    def _creations(self, new: Mapping[str, Change]) -> dict[str, Json]:
        book = self.new_cards_book
        return {id: jscontact.new_card(c.card, book) for id, c in new.items() if isinstance(c.card, NewCard)}

    async def _adopt(self, changes: Sequence[Change]) -> Mapping[str, ContactCard]:
        """By sender, the cards for which new ones were refused, as these have the same uid; they have the address now.

        An earlier try made it, and the search doesn't show it yet; or the user gave it another address since.
        """
        cards = await self._with_uids([change.uid for change in changes])
        lacking = {
            card.id: jscontact.address_patch(address, card)
            for change in changes
            if (card := cards.get(change.uid)) is not None
            and (address := _address(change))
            and address not in jscontact.addresses(card)
        }
        batch = Batch()
        slots = update_cards(batch, self.account.id, self.account.limits, lacking)
        replies = await self.account.client.send(batch)
        refused = merged_errors(replies[slot] for slot in slots)
        there = {uid: card for uid, card in cards.items() if card.id not in refused}
        return {change.sender: there[change.uid] for change in changes if change.uid in there}

    async def _with_uids(self, uids: Sequence[str]) -> dict[str, ContactCard]:
        if not uids:
            return {}
        batch = Batch()
        wanted = any_of([{"uid": uid} for uid in uids])
        page = search(batch, CARD, self.account.id, self.account.limits, wanted)
        found = await self.account.client.all_found(page, await self.account.client.send(batch))
        return {bare_uid(card.uid): card for card in found if isinstance(card, ContactCard) and card.kind != "group"}

    def _stage_members(
        self, memberships: Sequence[_Membership], value: Json, batch: Batch
    ) -> Callable[[Replies], Awaitable[Failures]]:
        """One patch a group; where a group refuses several senders at once, each is tried alone."""
        by_group = _by_group(memberships)
        patches = {ref: jscontact.members_patch([m.uid for m in members], value) for ref, members in by_group.items()}
        slots = update_cards(batch, self.account.id, self.account.limits, patches)

        async def settle(replies: Replies) -> Failures:
            results = [replies[slot] for slot in slots]
            self.state.follow(results)
            refused = merged_errors(results)
            alone = [by_group[ref][0] for ref in refused if len(by_group[ref]) == 1]
            crowd = [membership for ref in refused if len(by_group[ref]) > 1 for membership in by_group[ref]]
            failed = {m.sender: _group_failure(m.group, refused[m.group.ref]) for m in alone}
            return failed | await self._one_by_one(crowd, value)

        return settle

    async def _one_by_one(self, memberships: Iterable[_Membership], value: Json) -> dict[str, str]:
        batch = Batch()
        tries: list[tuple[_Membership, tuple[Slot[SetResult], ...]]] = []
        for membership in memberships:
            patch = {membership.group.ref: jscontact.members_patch([membership.uid], value)}
            tries.append((membership, update_cards(batch, self.account.id, self.account.limits, patch)))
        replies = await self.account.client.send(batch)
        return {
            membership.sender: _group_failure(membership.group, error)
            for membership, slots in tries
            for error in merged_errors(replies[slot] for slot in slots).values()
        }


def _address(change: Change) -> str:
    """The address of a new card; empty where it has none."""
    return change.card.address if isinstance(change.card, NewCard) else ""


def _why_not(change: Change, error: SetError, there: Mapping[str, ContactCard]) -> str:
    """Why a new card that was refused is not as good as written; empty where the one that is there says the same."""
    if change.sender not in there:
        return str(error)
    is_the_same = isinstance(change.card, NewCard) and jscontact.note_of(there[change.sender]) == change.card.note
    return "" if is_the_same else "there is one already, and its note says otherwise"


def _by_group(memberships: Iterable[_Membership]) -> dict[str, list[_Membership]]:
    groups: dict[str, list[_Membership]] = defaultdict(list)
    for membership in memberships:
        groups[membership.group.ref].append(membership)
    return groups


def _card_failure(reason: str) -> str:
    return f"its contact card could not be written: {reason}"


def _group_failure(group: Group, error: SetError | str) -> str:
    return f"contact group {group.name!r} could not be written: {error}"
