"""Contact cards as JSContact (RFC 9553): read, made and patched (pure)."""

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import islice

from mailroom.addresses import addresses_in
from mailroom.contacts import joined_notes as notes
from mailroom.contacts.base import AddressBook, Card, CardEdit, Fields, Group, NewCard, Unreadable, Wanted
from mailroom.contacts.uids import bare_uid
from mailroom.errors import BadReply
from mailroom.jmap.cards import AddressBookInfo, ContactCard, Malformed
from mailroom.wire import Json

_WRITTEN = frozenset({"name", "emails", "organizations", "notes"})
_ADMINISTRATIVE = frozenset(
    {"id", "uid", "@type", "version", "kind", "addressBookIds", "created", "updated", "prodId", "blobId", "language"}
    | {"addressBookId"}  # Cyrus 3.12
)
_SPOKEN = {kind: place for place, kind in enumerate(("title", "given", "given2", "surname", "surname2"))}
"""Where a component of a name comes whose order nobody told, as for a name without `isOrdered` (RFC 9553 §2.2.1.1)."""
_MOST_ADDRESSES = 1_000
_SERVERS_OWN = "cyrusimap.org:"
"""Cyrus and Fastmail, which runs it, add where and how large a card is."""


def default_book(books: tuple[AddressBookInfo, ...]) -> str:
    """The id of the book that new cards go to: the default one, else the first that the server lists."""
    ids = [book.id for book in books if book.is_default] or [book.id for book in books]
    if not ids:
        raise BadReply("the contacts account has no address book", expected="at least one")
    return ids[0]


def address_book(found: Iterable[ContactCard | Malformed], wanted: Wanted) -> AddressBook:
    """Groups, and the wanted cards."""
    whole = whole_book(found)
    addresses = frozenset(wanted.addresses)
    return AddressBook(
        cards=wanted.those_in(whole.cards),
        groups=whole.groups,
        unreadable=tuple(
            item
            for item in whole.unreadable
            if item.group is not None or item.addresses & addresses or wanted.are_in_domains(item.addresses)
        ),
    )


def whole_book(found: Iterable[ContactCard | Malformed]) -> AddressBook:
    """Everything that was found."""
    found = sorted(found, key=lambda item: item.id)
    items = [_read(item) for item in found]
    return AddressBook(
        cards=tuple(item for item in items if isinstance(item, Card)),
        groups=tuple(item for item in items if isinstance(item, Group)),
        unreadable=tuple(item for item in items if isinstance(item, Unreadable)),
    )


def _read(item: ContactCard | Malformed) -> Card | Group | Unreadable:
    if isinstance(item, Malformed):
        return Unreadable(item.id, item.reason, _canonical(item.texts()), item.group_name())
    if item.kind == "group":
        return Group(item.id, item.uid, _full_name(item), frozenset(map(bare_uid, item.members or ())))
    try:
        return _card(item)
    except notes.TooLong as reason:
        return Unreadable(item.id, str(reason), addresses(item))


def addresses(card: ContactCard) -> frozenset[str]:
    """The canonical addresses of a card; of an endless number, the first ones."""
    return _canonical(email.address for email in islice((card.emails or {}).values(), _MOST_ADDRESSES))


def _canonical(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(address for text in texts for address in addresses_in(text))


def _full_name(card: ContactCard) -> str:
    if card.name is None:
        return ""
    if card.name.full:
        return card.name.full
    components = card.name.components or ()
    if not card.name.is_ordered:
        components = tuple(sorted(components, key=lambda each: _SPOKEN.get(each.kind, len(_SPOKEN))))
    return " ".join(component.value for component in components)


def _card(card: ContactCard) -> Card:
    organizations = (each.name for each in (card.organizations or {}).values() if each.name)
    fields = Fields(
        full_name=_full_name(card),
        organization=next(organizations, ""),
        given=card.name.part("given") if card.name else "",
        family=card.name.part("surname") if card.name else "",
    )
    text = notes.read([note.note for note in (card.notes or {}).values()])
    return Card(card.id, bare_uid(card.uid), fields, addresses(card), text, card.created)


def new_card(card: NewCard, book: str) -> Json:
    """A Card to create in an address book."""
    fields = card.fields
    return {
        "@type": "Card",
        "version": "1.0",
        "uid": card.uid,
        "kind": _kind(fields),
        "addressBookIds": {book: True},
        "name": _name(fields),
        **({"emails": {"e1": {"address": card.address}}} if card.address else {}),
        "notes": {"n1": {"note": card.note}},
        **({"organizations": {"o1": {"name": fields.organization}}} if fields.organization else {}),
    }


def extras(card: Mapping[str, object]) -> frozenset[str]:
    """The names of the properties that a whole Card has beyond those of `new_card` and those that servers add.

    A second address, organization or note counts as one, and so do parts of name or organization that Mailroom doesn't
    write.
    """
    names = {name for name, value in card.items() if value not in (None, "", (), [], {})}
    found = {name for name in names if name not in _WRITTEN | _ADMINISTRATIVE and not name.startswith(_SERVERS_OWN)}
    if _is_the_version_alone(card.get("vCardProps")):
        found.discard("vCardProps")
    found |= {name for name in ("emails", "organizations") if len(_entries(card, name)) > 1}
    found |= {"organizations" for each in _entries(card, "organizations") if _beyond(each, {"name"})}
    name = card.get("name")
    if isinstance(name, Mapping):
        components = name.get("components")
        parts = components if isinstance(components, list) else []
        kinds = {str(part.get("kind")) for part in parts if isinstance(part, Mapping)}
        if _beyond(name, {"full", "components", "isOrdered"}) or kinds - {"given", "surname"}:
            found.add("name")
    return frozenset(found)


def _entries(card: Mapping[str, object], name: str) -> list[object]:
    values = card.get(name)
    return list(values.values()) if isinstance(values, Mapping) else []


def _is_the_version_alone(properties: object) -> bool:
    """Of what JSContact has no word for (RFC 9555 §2.15.1), Cyrus 3.12 tells the vCard's version."""
    return isinstance(properties, list) and all(
        isinstance(each, list) and each[:1] == ["version"] for each in properties
    )


def _beyond(value: object, written: Set[str]) -> bool:
    return isinstance(value, Mapping) and any(value[name] for name in value.keys() - written - {"@type"})


def new_group(uid: str, name: str, book: str) -> Json:
    """A group without members to create in an address book."""
    return {
        "@type": "Card",
        "version": "1.0",
        "uid": uid,
        "kind": "group",
        "addressBookIds": {book: True},
        "name": {"full": name},
    }


def _name(fields: Fields) -> Json:
    components = _components(fields)
    return {"full": fields.full_name, **({"components": components, "isOrdered": True} if components else {})}


def _components(fields: Fields) -> list[Json]:
    parts = (("given", fields.given), ("surname", fields.family))
    return [{"kind": kind, "value": value} for kind, value in parts if value]


def patch(edit: CardEdit, card: ContactCard) -> Mapping[str, Json]:
    """A PatchObject (RFC 8620 §5.3) that completes a card; a patch path needs its parents to exist."""
    changes = _name_changes(edit.fill, card) | _organization_changes(edit.fill, card) | _note_changes(edit.note, card)
    return changes | (_recast(edit.recast, card) if edit.recast else {})


def patch_unless_changed(edit: CardEdit, seen: ContactCard, card: ContactCard) -> Mapping[str, Json] | None:
    """The patch of a card that is as it was `seen`; none (empty) is left where somebody wrote the same note.

    None where it differs otherwise: note and fields were made up from what it was.
    """
    if card == seen:
        return patch(edit, card)
    return {} if note_of(card) == edit.note else None


def note_of(card: ContactCard) -> str:
    """The text of all notes, however long."""
    return notes.joined([each.note for each in (card.notes or {}).values()])


def _recast(fields: Fields, card: ContactCard) -> dict[str, Json]:
    """A company's properties in place of a person's, or the reverse; none where somebody added to them."""
    kinds = {component.kind for component in (card.name.components or () if card.name else ())}
    if kinds - {"given", "surname"} or len(card.organizations or {}) > 1:
        return {}
    organizations: Json = {"o1": {"name": fields.organization}} if fields.organization else None
    return {"kind": _kind(fields), "name": _name(fields), "organizations": organizations}


def _kind(fields: Fields) -> str:
    return "org" if fields.organization and not (fields.given or fields.family) else "individual"


def _name_changes(fill: Fields, card: ContactCard) -> dict[str, Json]:
    components = _components(fill)
    if card.name is None:
        return {"name": _name(fill)} if fill.full_name or components else {}
    changes: dict[str, Json] = {"name/full": fill.full_name} if fill.full_name else {}
    # A name in parts of other kinds (title, credential …) stays as it is: there is one list for all of them.
    return changes | ({"name/components": components} if components and not card.name.components else {})


def _organization_changes(fill: Fields, card: ContactCard) -> dict[str, Json]:
    if not fill.organization:
        return {}
    if not card.organizations:
        return {"organizations": {"o1": {"name": fill.organization}}}
    first = next(iter(card.organizations))
    return {f"organizations/{_escaped(first)}/name": fill.organization}


def _note_changes(text: str, card: ContactCard) -> dict[str, Json]:
    """The joined text of all notes becomes `text`; of several notes only those that differ change."""
    before = {id: note.note for id, note in (card.notes or {}).items()}
    if not before:
        return {"notes": {"n1": {"note": text}}} if text else {}
    after = dict(zip(before, notes.revised(list(before.values()), text), strict=True))
    if set(after.values()) == {None}:
        return {"notes": None}
    gone: dict[str, Json] = {f"notes/{_escaped(id)}": None for id, new in after.items() if new is None}
    return gone | {f"notes/{_escaped(id)}/note": new for id, new in after.items() if new not in (None, before[id])}


def address_patch(address: str, card: ContactCard) -> Json:
    """A PatchObject that puts an address onto a card, next to those that it has."""
    emails = card.emails or {}
    if not emails:
        return {"emails": {"e1": {"address": address}}}
    free = next(key for n in range(1, len(emails) + 2) if (key := f"e{n}") not in emails)
    return {f"emails/{free}": {"address": address}}


def first_members_patch(uids: Sequence[str], group: ContactCard) -> Mapping[str, Json]:
    """Members of a group that may have no `members` property for a patch path to lead into, set to true (join)."""
    if group.members is None:
        return {"members": dict.fromkeys(uids, True)}
    return members_patch(uids, True)


def members_patch(uids: Sequence[str], value: Json) -> dict[str, Json]:
    """Members of a group that has some, set to true (join) or null (leave); the uids as the server spells them."""
    return {f"members/{_escaped(uid)}": value for uid in uids}


def _escaped(key: str) -> str:
    """A key as one step of a JSON Pointer (RFC 6901 §3)."""
    return key.replace("~", "~0").replace("/", "~1")
