"""`[[split]]` of `mailroom.toml`: one sender's mail in two categories, told apart by its subject."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailroom.addresses import canonical, canonical_list_id, typed
from mailroom.nfc import nfc

HOW = 'an address, a domain (such as "@shop.example", for all below it, too), or list: and a List-Id'


@dataclass(frozen=True, slots=True)
class Split:
    """Of a decided sender the mail whose subject holds one of these texts goes to another category, by its name.

    One of `address`, `domain` (with all below it) and `list_id` is given, in canonical form. `subjects` are as
    `folded_subject` writes them.
    """

    subjects: tuple[str, ...]
    category: str
    address: str = ""
    domain: str = ""
    list_id: str = ""

    @property
    def origin(self) -> str:
        """Whose mail it is about, as it is written in the file."""
        return self.address or (f"@{self.domain}" if self.domain else f"list:{self.list_id}")


def folded_subject(text: str) -> str:
    """A subject as it is compared: without regard to case and white space."""
    return " ".join(nfc(text).casefold().split())


def split_of(origin: str, subjects: Sequence[str], category: str) -> Split | None:
    """The split for mail of this origin; None for an origin that can't be compared with mail."""
    texts = tuple(map(folded_subject, subjects))
    origin = origin.strip()
    kind, _, id = origin.partition(":")
    if kind.lower() == "list":
        list_id = "" if "*" in id else canonical_list_id(id)
        return Split(texts, category, list_id=list_id) if list_id else None
    local, at, name = origin.rpartition("@")
    if at and local in ("", "*"):
        domain = (canonical(f"x@{name}") or "").removeprefix("x@")
        return Split(texts, category, domain=domain) if domain else None
    address = typed(origin)
    return Split(texts, category, address=address) if address else None
