"""Contact cards over JMAP (RFC 9610), in the part of JSContact (RFC 9553) that we read and write."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from mailroom.errors import BadReply
from mailroom.jmap.batch import Batch, Call, Slot, chunks, slices
from mailroom.jmap.query import Kind
from mailroom.jmap.session import CONTACTS, Limits
from mailroom.jmap.set import SetResult, read_set_result
from mailroom.wire import IdSet, Json, Wire, reader


class NameComponent(Wire):
    kind: str
    value: str


class Name(Wire):
    full: str | None = None
    components: tuple[NameComponent, ...] | None = None

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
    organizations: Mapping[str, Organization] | None = None
    emails: Mapping[str, EmailAddress] | None = None
    notes: Mapping[str, Note] | None = None
    members: IdSet | None = None
    created: str = ""


class Malformed(Wire):
    """A card that can't be read, with why."""

    id: str
    reason: str = ""
    emails: Any = None

    def texts(self) -> tuple[str, ...]:
        """What stands where addresses should."""
        values = self.emails.values() if isinstance(self.emails, Mapping) else ()
        return tuple(str(value.get("address", "")) for value in values if isinstance(value, Mapping))


class _Found(Wire):
    list: tuple[Any, ...]


class AddressBookInfo(Wire):
    """An address book (RFC 9610 §2)."""

    id: str
    is_default: bool = False


class _AddressBooks(Wire):
    list: tuple[AddressBookInfo, ...]


class _State(Wire):
    state: str


def _with_id(card: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(card.get("id"), str):
        raise ValueError("a card with an id")
    return card


class _WholeCards(Wire):
    list: tuple[Annotated[Mapping[str, Any], AfterValidator(_with_id)], ...]


_read_whole = reader(_WholeCards)
_read_state = reader(_State)
_read_found = reader(_Found)
_read_card = reader(ContactCard)
_read_malformed = reader(Malformed)
_read_address_books = reader(_AddressBooks)


def _read_cards(reply: object) -> tuple[ContactCard | Malformed, ...]:
    return tuple(_card_or_malformed(item) for item in _read_found(reply).list)


def _card_or_malformed(item: object) -> ContactCard | Malformed:
    """One bad card must not hide the others."""
    try:
        return _read_card(item)
    except BadReply as bad:
        return _read_malformed(item).model_copy(update={"reason": str(bad)})


CARD = Kind[ContactCard | Malformed](
    name="ContactCard",
    capability=CONTACTS,
    properties=("id", "uid", "kind", "name", "organizations", "emails", "notes", "members", "created"),
    sort=None,  # Cyrus 3.12 sorts by names alone
    read_list=_read_cards,
)


def get_address_books(account_id: str) -> Call[tuple[AddressBookInfo, ...]]:
    """All address books."""
    # Without `properties`: Cyrus 3.12 refuses to be asked for `isDefault`, which it doesn't know.
    arguments: dict[str, Json] = {"accountId": account_id, "ids": None}
    return Call("AddressBook/get", arguments, CONTACTS, lambda reply: _read_address_books(reply).list)


def get_whole_cards(
    batch: Batch, account_id: str, limits: Limits, ids: Iterable[str]
) -> tuple[Slot[tuple[Mapping[str, Any], ...]], ...]:
    """These cards with all their properties, as the server sends them."""
    calls = (
        Call[tuple[Mapping[str, Any], ...]](
            "ContactCard/get", {"accountId": account_id, "ids": part}, CONTACTS, lambda reply: _read_whole(reply).list
        )
        for part in slices(ids, limits.max_objects_in_get)
    )
    return tuple(batch.add(call) for call in calls)


def get_card_state(account_id: str) -> Call[str]:
    """The state of all cards (RFC 8620 §5.1), and no card."""
    arguments: dict[str, Json] = {"accountId": account_id, "ids": ()}
    return Call("ContactCard/get", arguments, CONTACTS, lambda reply: _read_state(reply).state)


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


def destroy_cards(batch: Batch, account_id: str, limits: Limits, ids: Iterable[str]) -> tuple[Slot[SetResult], ...]:
    """Delete cards or groups, by id."""
    return tuple(
        batch.add(_set({"accountId": account_id, "destroy": part})) for part in slices(ids, limits.max_objects_in_set)
    )


def update_cards_in_state(batch: Batch, account_id: str, state: str, patches: Mapping[str, Json]) -> Slot[SetResult]:
    """Patch cards or groups, by id, unless any card changed since `state`: then a method error `stateMismatch`."""
    return batch.add(_set({"accountId": account_id, "ifInState": state, "update": patches}))


def _set(arguments: Mapping[str, Json]) -> Call[SetResult]:
    return Call("ContactCard/set", arguments, CONTACTS, read_set_result)
