"""Contact cards over JMAP (RFC 9610), in the part of JSContact (RFC 9553) that we read and write."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator

from mailroom.errors import BadReply
from mailroom.jmap.batch import Batch, Call, Slot, chunks, slices
from mailroom.jmap.query import Kind
from mailroom.jmap.session import CONTACTS, Limits
from mailroom.jmap.set import SetResult, read_set_result
from mailroom.wire import FIRST_FAULT, IdSet, Json, Wire, list_reader, reader


class NameComponent(Wire):
    kind: str
    value: str


class Name(Wire):
    full: str | None = None
    components: Annotated[tuple[NameComponent, ...] | None, FIRST_FAULT] = None
    is_ordered: bool | None = None

    def part(self, kind: str) -> str:
        """The components of a kind (`given`, `surname`), as one text."""
        return " ".join(component.value for component in self.components or () if component.kind == kind)


class Organization(Wire):
    name: str | None = None


class EmailAddress(Wire):
    address: str


class Note(Wire):
    note: str


class ContactCard(Wire):
    """A Card or, with kind `group`, a group whose `members` are uids. Absent properties are None."""

    id: str
    uid: str
    kind: str = "individual"
    name: Name | None = None
    organizations: Annotated[Mapping[str, Organization] | None, FIRST_FAULT] = None
    emails: Annotated[Mapping[str, EmailAddress] | None, FIRST_FAULT] = None
    notes: Annotated[Mapping[str, Note] | None, FIRST_FAULT] = None
    members: IdSet | None = None
    created: str = ""


class Malformed(Wire):
    """A card that can't be read, with why."""

    id: str
    reason: str = ""
    kind: Any = None
    name: Any = None
    emails: Any = None

    def group_name(self) -> str | None:
        """The name of a group, empty if there is none that can be read; None for what is no group."""
        if self.kind != "group":
            return None
        full = self.name.get("full") if isinstance(self.name, Mapping) else None
        return full if isinstance(full, str) else ""

    def texts(self) -> tuple[str, ...]:
        """What stands where addresses should."""
        values = self.emails.values() if isinstance(self.emails, Mapping) else ()
        return tuple(str(value.get("address", "")) for value in values if isinstance(value, Mapping))


class AddressBookInfo(Wire):
    """An address book (RFC 9610 §2)."""

    id: str
    is_default: bool = False


def _with_id(card: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(card.get("id"), str):
        raise ValueError("a card with an id")
    return card


_WholeCard = Annotated[dict[str, Any], AfterValidator(_with_id)]

_read_whole = list_reader(reader(_WholeCard))
_read_card = reader(ContactCard)
_read_malformed = reader(Malformed)
_read_address_books = list_reader(reader(AddressBookInfo))


def _card_or_malformed(item: object, *at: object) -> ContactCard | Malformed:
    """One bad card must not hide the others."""
    try:
        return _read_card(item)
    except BadReply as bad:
        return _read_malformed(item, *at).model_copy(update={"reason": str(bad)})


CARD = Kind[ContactCard | Malformed](
    name="ContactCard",
    capability=CONTACTS,
    properties=("id", "uid", "kind", "name", "organizations", "emails", "notes", "members", "created"),
    sort=None,  # Cyrus 3.12 sorts by names alone
    read_list=list_reader(_card_or_malformed),
)


def get_address_books(account_id: str) -> Call[tuple[AddressBookInfo, ...]]:
    """All address books."""
    # Without `properties`: Cyrus 3.12 refuses to be asked for `isDefault`, which it doesn't know.
    arguments: dict[str, Json] = {"accountId": account_id, "ids": None}
    return Call("AddressBook/get", arguments, CONTACTS, _read_address_books)


def get_whole_cards(
    batch: Batch, account_id: str, limits: Limits, ids: Iterable[str]
) -> tuple[Slot[tuple[Mapping[str, Any], ...]], ...]:
    """These cards with all their properties, as the server sends them."""
    calls = (
        Call[tuple[Mapping[str, Any], ...]](
            "ContactCard/get", {"accountId": account_id, "ids": part}, CONTACTS, _read_whole
        )
        for part in slices(ids, limits.max_objects_in_get)
    )
    return tuple(batch.add(call) for call in calls)


def create_cards(
    batch: Batch, account_id: str, limits: Limits, cards: Mapping[str, Json]
) -> tuple[Slot[SetResult], ...]:
    """Create cards, by creation id."""
    return tuple(batch.add(_set({"accountId": account_id, "create": part})) for part in chunks(cards, limits))


def update_cards(
    batch: Batch, account_id: str, limits: Limits, patches: Mapping[str, Json]
) -> tuple[Slot[SetResult], ...]:
    """Patch cards or groups, by id."""
    return tuple(batch.add(_set({"accountId": account_id, "update": part})) for part in chunks(patches, limits))


def destroy_cards_in_state(batch: Batch, account_id: str, state: str, ids: Sequence[str]) -> Slot[SetResult]:
    """Delete cards or groups, by id, unless any card changed since `state`: then a method error `stateMismatch`."""
    return batch.add(_set({"accountId": account_id, "ifInState": state, "destroy": ids}))


def update_cards_in_state(batch: Batch, account_id: str, state: str, patches: Mapping[str, Json]) -> Slot[SetResult]:
    """Patch cards or groups, by id, unless any card changed since `state`: then a method error `stateMismatch`."""
    return batch.add(_set({"accountId": account_id, "ifInState": state, "update": patches}))


def _set(arguments: Mapping[str, Json]) -> Call[SetResult]:
    return Call("ContactCard/set", arguments, CONTACTS, read_set_result)
