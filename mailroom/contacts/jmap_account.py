"""The contacts of one account on a JMAP server, and cards of it by their ids."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mailroom.jmap.batch import Batch, slices
from mailroom.jmap.cards import CARD, ContactCard, Malformed
from mailroom.jmap.client import Client
from mailroom.jmap.session import Limits


@dataclass(frozen=True, slots=True)
class ContactsAccount:
    """One account with contacts on a JMAP server."""

    client: Client
    id: str
    limits: Limits

    async def read(self, ids: Iterable[str]) -> tuple[str, Mapping[str, ContactCard | Malformed]]:
        """Cards and groups by id, those that there are, and the state of all cards, which is never newer."""
        batch = Batch()
        state = batch.add(CARD.get_state(self.id))
        slots = [batch.add(CARD.get(self.id, "ids", part)) for part in slices(ids, self.limits.max_objects_in_get)]
        replies = await self.client.send(batch)
        return replies[state], {card.id: card for slot in slots for card in replies[slot]}
