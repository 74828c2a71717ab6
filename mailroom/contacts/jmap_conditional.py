"""Patches of cards and groups over JMAP that overwrite nothing which somebody else wrote since they were read.

The condition that there is, `ifInState` (RFC 8620 §5.3), is about all cards of an account: whatever another app writes
refuses all patches. So they are read again, and what the patches depend on decides about each.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mailroom.contacts.jmap_account import ContactsAccount
from mailroom.jmap.batch import Batch, Replies, Slot, chunks
from mailroom.jmap.cards import ContactCard, update_cards_in_state
from mailroom.jmap.set import SetError, SetResult
from mailroom.wire import Json

CHANGING = "another app changes the contacts just now"

Patched = Callable[[ContactCard], Mapping[str, Json] | None]
"""The patch of a card or group as it is now: empty where nothing is left to do, None where it would overwrite what
somebody else wrote."""


@dataclass(slots=True)
class KnownState:
    """The state of all cards that a look-up saw, and what its own writes made of it since."""

    value: str

    def follow(self, writes: Iterable[SetResult]) -> None:
        """Take our own writes, in their order, for seen; not one that came after somebody else's."""
        for write in writes:
            if write.old_state == self.value:
                self.value = write.new_state


@dataclass(frozen=True, slots=True)
class Written:
    """What was not written, by id: `refused` by the server, `overtaken` by somebody else, with the reason."""

    refused: Mapping[str, SetError] = field(default_factory=dict)
    overtaken: Mapping[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> Mapping[str, str]:
        return {**{id: str(error) for id, error in self.refused.items()}, **self.overtaken}

    def __or__(self, other: "Written") -> "Written":
        return Written({**self.refused, **other.refused}, {**self.overtaken, **other.overtaken})


def stage_patches(
    account: ContactsAccount, state: str, seen: Mapping[str, ContactCard], patches: Mapping[str, Patched], batch: Batch
) -> Callable[[Replies], Awaitable[Written]]:
    """Patch cards and groups that were `seen` in a state, by id: one call, before any other that changes cards.

    What another app got ahead of, and what is too much for one call, follows in requests of its own.
    """
    made: dict[str, Json] = {id: patch for id, of in patches.items() if (patch := of(seen[id]))}
    first, *others = chunks(made, account.limits) if made else [{}]
    slot = update_cards_in_state(batch, account.id, state, first) if first else None

    async def settle(replies: Replies) -> Written:
        if slot is None:
            return Written()
        written = Written() if (late := is_late(replies, slot)) else Written(replies[slot].errors())
        for part in ([first] if late else []) + others:
            written |= await _patch_again(account, {id: patches[id] for id in part})
        return written

    return settle


async def _patch_again(account: ContactsAccount, patches: Mapping[str, Patched]) -> Written:
    """Read these cards and groups again and patch them, once."""
    state, cards = await account.read(patches)
    made = {id: of(card) if isinstance(card := cards.get(id), ContactCard) else None for id, of in patches.items()}
    changed = dict.fromkeys((id for id, patch in made.items() if patch is None), "another app changed it meanwhile")
    wanted: dict[str, Json] = {id: patch for id, patch in made.items() if patch}
    if not wanted:
        return Written({}, changed)
    batch = Batch()
    slot = update_cards_in_state(batch, account.id, state, wanted)
    replies = await account.client.send(batch)
    if is_late(replies, slot):
        return Written({}, {**changed, **dict.fromkeys(wanted, CHANGING)})
    return Written(replies[slot].errors(), changed)


def is_late(replies: Replies, slot: Slot[SetResult]) -> bool:
    """Whether somebody changed any card since the state that a call depends on: then it did nothing."""
    error = replies.error(slot)
    return error is not None and error.type == "stateMismatch"
