"""Which addresses are the user's own (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailroom.addresses import canonical

_ANYBODY = "*"


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """The user's canonical addresses; `*@example.org` is every address of that domain, and of none below it."""

    addresses: frozenset[str]

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, str):
            return False
        return address in self.addresses or f"{_ANYBODY}@{address.rpartition('@')[2]}" in self.addresses

    def __iter__(self) -> Iterator[str]:
        return iter(self.addresses)

    def __len__(self) -> int:
        return len(self.addresses)


def own_addresses(texts: Iterable[str]) -> OwnAddresses:
    """Those of the texts that are addresses: the name of an account may be one, or not."""
    return OwnAddresses(frozenset(address for text in texts if (address := canonical(text))))
