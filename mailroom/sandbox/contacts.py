"""AddressBook and ContactCard methods (RFC 9610)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from mailroom.sandbox.arguments import (
    AddressBookSetArguments,
    ChangesArguments,
    GetArguments,
    QueryArguments,
    SetArguments,
)
from mailroom.sandbox.card import PROPERTIES, Card, components, make_card, name_component, texts
from mailroom.sandbox.errors import Json, MethodError, SetError
from mailroom.sandbox.methods import Context, invalid, is_sort_order, refuse, run_changes, run_get, run_set
from mailroom.sandbox.patch import apply_patch
from mailroom.sandbox.query import (
    Contains,
    Predicate,
    TextOf,
    compile_filter,
    sorted_objects,
    text,
    unknown_condition,
    utc_date,
    window,
)
from mailroom.sandbox.store import AddressBook, utc_text

_BOOK_RIGHTS = ["mayRead", "mayWrite", "mayShare", "mayDelete"]
_BOOK_FIELDS: dict[str, Callable[[AddressBook], object]] = {
    "id": lambda book: book.id,
    "name": lambda book: book.name,
    "description": lambda book: book.description,
    "sortOrder": lambda book: book.sort_order,
    "isDefault": lambda book: book.is_default,
    "isSubscribed": lambda book: book.is_subscribed,
    "shareWith": lambda book: None,
    "myRights": lambda book: dict.fromkeys(_BOOK_RIGHTS, True),
}


def book_get(context: Context, arguments: GetArguments) -> Json:
    return run_get(
        context,
        arguments,
        context.store.books,
        _BOOK_FIELDS.__contains__,
        _BOOK_FIELDS,
        lambda book, names: {name: _BOOK_FIELDS[name](book) for name in names},
    )


def book_changes(context: Context, arguments: ChangesArguments) -> Json:
    return run_changes(arguments, context.store.books)


def book_set(context: Context, arguments: AddressBookSetArguments) -> Json:
    books = context.store.books
    answer = run_set(context, arguments, books, _BookEditor(context, arguments.on_destroy_remove_contents))
    if arguments.on_success_set_is_default is not None:
        chosen = context.real_id(arguments.on_success_set_is_default)
        if chosen in books.objects:
            for book in list(books.objects.values()):
                if book.is_default is not (book.id == chosen):
                    books.change(book.id, replace(book, is_default=book.id == chosen))
            answer["newState"] = books.state
    return answer


class _BookEditor:
    def __init__(self, context: Context, remove_contents: bool) -> None:
        self._context = context
        self._store = context.store
        self._remove_contents = remove_contents

    def create(self, properties: Json) -> tuple[str, Json]:
        if not self._context.flavour.may_create_address_book:
            raise SetError("forbidden", "mayCreateAddressBook is false")
        book = self._edited(AddressBook(id="", name=""), properties)
        book = replace(book, id=self._store.books.new_id())
        self._store.books.add(book.id, book)
        return book.id, {name: read(book) for name, read in _BOOK_FIELDS.items() if name not in properties}

    def update(self, object_id: str, patch: Json) -> None:
        book = self._store.books.objects[object_id]
        shown = {name: read(book) for name, read in _BOOK_FIELDS.items()}
        changed = {name: value for name, value in patch.items() if name not in shown or shown[name] != value}
        self._store.books.change(object_id, self._edited(book, changed))

    def destroy(self, object_id: str) -> None:
        contents = [c for c in self._store.cards.objects.values() if object_id in c.data["addressBookIds"]]
        if contents and not self._remove_contents:
            raise SetError("addressBookHasContents")
        for card in contents:
            rest = {i: True for i in card.data["addressBookIds"] if i != object_id}
            if rest:
                self._store.change_card(make_card({**card.data, "addressBookIds": rest}))
            else:
                self._store.remove_card(card.id)
        self._store.books.remove(object_id)

    def _edited(self, book: AddressBook, changed: Json) -> AddressBook:
        known: dict[str, tuple[str, Callable[[Any], bool]]] = {
            "name": ("name", lambda value: isinstance(value, str) and 0 < len(value.strip().encode()) <= 255),
            "description": ("description", lambda value: value is None or isinstance(value, str)),
            "sortOrder": ("sort_order", is_sort_order),
            "isSubscribed": ("is_subscribed", lambda value: isinstance(value, bool)),
        }
        given = {"sortOrder": 0} if changed.get("sortOrder", 0) is None else {}
        changed = {**changed, **given}
        bad = {name for name, value in changed.items() if name not in known or not known[name][1](value)}
        edited = replace(book, **{known[name][0]: value for name, value in changed.items() if name not in bad})
        refuse(dict.fromkeys(bad if edited.name else bad | {"name"}, "not as RFC 9610 section 2 wants it"))
        return edited


def card_get(context: Context, arguments: GetArguments) -> Json:
    everything = arguments.properties is None

    def show(card: Card, names: list[str]) -> Json:
        if everything:
            return card.data
        return {name: card.data[name] for name in names if name in card.data}

    def known(name: str) -> bool:
        return name in PROPERTIES or ":" in name

    return run_get(context, arguments, context.store.cards, known, (), show)


def card_changes(context: Context, arguments: ChangesArguments) -> Json:
    return run_changes(arguments, context.store.cards)


def card_set(context: Context, arguments: SetArguments) -> Json:
    return run_set(context, arguments, context.store.cards, _CardEditor(context))


class _CardEditor:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def create(self, properties: Json) -> tuple[str, Json]:
        if "id" in properties:
            raise invalid("id", why="the server sets it")
        object_id = self._store.cards.new_id()
        now = utc_text(self._store.clock())
        server_set = {"id": object_id, "@type": "Card", "version": "1.0", "uid": f"urn:mailroom-sandbox:{object_id}"}
        data = {**server_set, "created": now, "updated": now, **properties}
        card = self._checked(data)
        if self._store.card_with_uid(card.uid) is not None:
            raise invalid("uid", why=f"a card with the uid {card.uid} already exists")
        self._store.add_card(card)
        return object_id, {name: value for name, value in card.data.items() if name not in properties}

    def update(self, object_id: str, patch: Json) -> Json:
        old = self._store.cards.objects[object_id].data
        data = apply_patch(old, patch)
        fixed = tuple(sorted(name for name in ("id", "uid") if data.get(name) != old[name]))
        if fixed:
            raise invalid(*fixed, why="can't change")
        updated = utc_text(self._store.clock())
        self._store.change_card(self._checked({**data, "updated": updated}))
        return {"updated": updated}

    def destroy(self, object_id: str) -> None:
        self._store.remove_card(object_id)

    def _checked(self, data: Json) -> Card:
        books = data.get("addressBookIds")
        if isinstance(books, dict):
            data = {**data, "addressBookIds": self._context.real_ids(books)}
            if not all(book_id in self._store.books.objects for book_id in data["addressBookIds"]):
                raise invalid("addressBookIds", why="there is no such address book")
        return make_card(data)


def _emails(card: Card) -> str:
    return card.emails


def _names(card: Card) -> str:
    return card.names


def _everything(card: Card) -> str:
    return "\n".join(text_of(card) for name, text_of in _TEXTS.items() if name != "text")


def _property(name: str, *keys: str) -> TextOf[Card]:
    """The text of these members of each object in the property."""
    return lambda card: "\n".join(texts(card.data, name, key) for key in keys)


_TEXTS: dict[str, TextOf[Card]] = {
    "email": _emails,
    "name": _names,
    "name/given": lambda card: name_component(card.data, "given"),
    "name/surname": lambda card: name_component(card.data, "surname"),
    "name/surname2": lambda card: name_component(card.data, "surname2"),
    "nickname": _property("nicknames", "name"),
    "organization": _property("organizations", "name"),
    "phone": _property("phones", "number", "label"),
    "address": lambda card: "\n".join((texts(card.data, "addresses", "full"), components(card.data, "addresses"))),
    "onlineService": _property("onlineServices", "service", "uri", "user", "label"),
    "note": _property("notes", "note"),
    "text": _everything,
}
"""What a text condition looks into (RFC 9610 section 3.3.1)."""
_SORTS: dict[str, Callable[[Card], Any]] = {
    "created": lambda card: card.data["created"],
    "updated": lambda card: card.data["updated"],
    "name/given": _TEXTS["name/given"],
    "name/surname": _TEXTS["name/surname"],
    "name/surname2": _TEXTS["name/surname2"],
}


def card_query(context: Context, arguments: QueryArguments) -> Json:
    cards = context.store.cards

    def condition(name: str, value: Any) -> Predicate[Card]:
        if name == "inAddressBook" and text(name, value) and value not in context.store.books.objects:
            raise MethodError("invalidArguments", "filter/inAddressBook: there is no such address book")
        return _condition(name, value)

    matches = compile_filter(arguments.filter, condition)
    found = sorted_objects(filter(matches, cards.objects.values()), arguments.sort, _SORTS)
    return window(context, arguments, [card.id for card in found], cards.state)


def _condition(name: str, value: Any) -> Predicate[Card]:
    needle = text(name, value)
    if name in _TEXTS:
        return Contains(_TEXTS[name], (needle,))
    match name:
        case "inAddressBook":
            return lambda card: value in card.data["addressBookIds"]
        case "uid":
            return lambda card: card.uid == value
        case "hasMember":
            return lambda card: value in card.members
        case "kind":
            return lambda card: card.kind == value
        case "createdBefore" | "updatedBefore":
            end = utc_date(name, value)
            return lambda card: _stamp(card, name) < end
        case "createdAfter" | "updatedAfter":
            start = utc_date(name, value)
            return lambda card: _stamp(card, name) >= start
        case _:
            raise unknown_condition(name)


def _stamp(card: Card, condition: str) -> datetime:
    return datetime.fromisoformat(card.data["created" if condition.startswith("created") else "updated"])
