"""Which addresses are the user's own (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailroom.addresses import canonical

_ANYBODY = "*"


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """The user's canonical addresses; `*@example.org` is every address of that domain, and of none below it.

    `first` is the one that the user writes from as a rule; empty where none is known that is no whole domain.
    """

    addresses: frozenset[str]
    first: str = ""

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
    found = [address for text in texts if (address := canonical(text))]
    first = next((address for address in found if not address.startswith(f"{_ANYBODY}@")), "")
    return OwnAddresses(frozenset(found), first)
