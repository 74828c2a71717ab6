"""Mailbox methods (RFC 8621 section 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mailroom.sandbox.arguments import (
    ChangesArguments,
    GetArguments,
    MailboxQueryArguments,
    MailboxSetArguments,
)
from mailroom.sandbox.errors import Json, MethodError, SetError
from mailroom.sandbox.methods import Context, is_sort_order, refuse, run_changes, run_get, run_set
from mailroom.sandbox.query import Predicate, boolean, compile_filter, sorted_objects, text, unknown_condition, window
from mailroom.sandbox.store import Mailbox, Store

ROLES = frozenset(["all", "archive", "drafts", "flagged", "important", "inbox", "junk", "sent", "subscribed", "trash"])
MAX_NAME_OCTETS = 490
_RIGHTS = [
    "mayReadItems",
    "mayAddItems",
    "mayRemoveItems",
    "maySetSeen",
    "maySetKeywords",
    "mayCreateChild",
    "mayRename",
    "mayDelete",
    "maySubmit",
]
_FIELDS: dict[str, Callable[[Store, Mailbox], object]] = {
    "id": lambda store, mailbox: mailbox.id,
    "name": lambda store, mailbox: mailbox.name,
    "parentId": lambda store, mailbox: mailbox.parent_id,
    "role": lambda store, mailbox: mailbox.role,
    "sortOrder": lambda store, mailbox: mailbox.sort_order,
    "totalEmails": lambda store, mailbox: len(store.mails_in[mailbox.id]),
    "unreadEmails": lambda store, mailbox: sum(
        store.mails.objects[mail_id].is_unread for mail_id in store.mails_in[mailbox.id]
    ),
    "totalThreads": lambda store, mailbox: len(
        {store.mails.objects[mail_id].thread_id for mail_id in store.mails_in[mailbox.id]}
    ),
    "unreadThreads": lambda store, mailbox: store.unread_threads(mailbox),
    "myRights": lambda store, mailbox: dict.fromkeys(_RIGHTS, True),
    "isSubscribed": lambda store, mailbox: mailbox.is_subscribed,
}


@dataclass(frozen=True)
class _Settable:
    """A property that a client sets: the field of Mailbox, and whether it takes a value."""

    field: str
    takes: Callable[[Any], bool]


_SETTABLE = {
    "name": _Settable("name", lambda value: isinstance(value, str) and len(value.encode()) <= MAX_NAME_OCTETS),
    "parentId": _Settable("parent_id", lambda value: value is None or isinstance(value, str)),
    "role": _Settable("role", lambda value: value is None or isinstance(value, str)),
    "sortOrder": _Settable("sort_order", is_sort_order),
    "isSubscribed": _Settable("is_subscribed", lambda value: isinstance(value, bool)),
}


def get(context: Context, arguments: GetArguments) -> Json:
    store = context.store
    return run_get(
        context,
        arguments,
        store.mailboxes,
        _FIELDS.__contains__,
        _FIELDS,
        lambda mailbox, names: {name: _FIELDS[name](store, mailbox) for name in names},
    )


def changes(context: Context, arguments: ChangesArguments) -> Json:
    return {**run_changes(arguments, context.store.mailboxes), "updatedProperties": None}


def query(context: Context, arguments: MailboxQueryArguments) -> Json:
    if arguments.sort_as_tree or arguments.filter_as_tree:
        raise MethodError("invalidArguments", "sortAsTree and filterAsTree are not offered here: leave them out")
    mailboxes = context.store.mailboxes
    matches = compile_filter(arguments.filter, _condition)
    found = sorted_objects(
        filter(matches, mailboxes.objects.values()),
        arguments.sort,
        {
            "sortOrder": lambda mailbox: mailbox.sort_order,
            "name": lambda mailbox: mailbox.name.lower(),
            "parentId": lambda mailbox: mailbox.parent_id or "",
        },
    )
    return window(context, arguments, [mailbox.id for mailbox in found], mailboxes.state)


def _condition(name: str, value: Any) -> Predicate[Mailbox]:
    match name:
        case "parentId":
            return lambda mailbox: mailbox.parent_id == value
        case "role":
            return lambda mailbox: mailbox.role == value
        case "name":
            needle = text(name, value)
            return lambda mailbox: needle in mailbox.name.lower()
        case "hasAnyRole":
            wanted = boolean(name, value)
            return lambda mailbox: (mailbox.role is not None) is wanted
        case "isSubscribed":
            subscribed = boolean(name, value)
            return lambda mailbox: mailbox.is_subscribed is subscribed
        case _:
            raise unknown_condition(name)


def set_(context: Context, arguments: MailboxSetArguments) -> Json:
    editor = _MailboxEditor(context, arguments.on_destroy_remove_emails)
    return run_set(context, arguments, context.store.mailboxes, editor)


class _MailboxEditor:
    def __init__(self, context: Context, remove_emails: bool) -> None:
        self._context = context
        self._store = context.store
        self._remove_emails = remove_emails

    def create(self, properties: Json) -> tuple[str, Json]:
        mailbox = self._edited(Mailbox(id="", name=""), properties)
        mailbox = replace(mailbox, id=self._store.mailboxes.new_id())
        self._store.add_mailbox(mailbox)
        shown = {name: read(self._store, mailbox) for name, read in _FIELDS.items()}
        return mailbox.id, {name: value for name, value in shown.items() if name not in properties}

    def update(self, object_id: str, patch: Json) -> None:
        mailbox = self._store.mailboxes.objects[object_id]
        changed = {name: value for name, value in patch.items() if not self._is_server_set(mailbox, name, value)}
        self._store.change_mailbox(self._edited(mailbox, changed))

    def destroy(self, object_id: str) -> None:
        if any(self._store.child_mailboxes(object_id)):
            raise SetError("mailboxHasChild")
        if self._store.mails_in[object_id] and not self._remove_emails:
            raise SetError("mailboxHasEmail")
        self._store.remove_mailbox(object_id)

    def _edited(self, mailbox: Mailbox, changed: Json) -> Mailbox:
        problems: dict[str, str | None] = {}
        values: Json = {}
        for name, value in changed.items():
            if name not in _SETTABLE:
                problems[name] = "unknown, or set by the server only"
            elif name == "sortOrder" and value is None:
                values["sort_order"] = 0
            elif not _SETTABLE[name].takes(value):
                problems[name] = "not as RFC 8621 section 2 wants it"
            else:
                values[_SETTABLE[name].field] = value
        if values.get("parent_id") is not None:
            values["parent_id"] = self._context.real_id(values["parent_id"])
        edited = replace(mailbox, **values)
        refuse(self._problems(edited) | problems)
        return edited

    def _problems(self, mailbox: Mailbox) -> dict[str, str | None]:
        """What is wrong with the mailbox among the others, by property."""
        problems: dict[str, str | None] = {}
        others = [m for m in self._store.mailboxes.objects.values() if m.id != mailbox.id]
        if not mailbox.name.strip():
            problems["name"] = "a name is wanted"
        elif any(m.name == mailbox.name and m.parent_id == mailbox.parent_id for m in others):
            problems["name"] = "a sibling has this name"
        if mailbox.parent_id is not None and mailbox.parent_id not in self._store.mailboxes.objects:
            problems["parentId"] = "there is no such mailbox"
        elif self._is_own_ancestor(mailbox):
            problems["parentId"] = "a mailbox can't be below itself"
        if mailbox.role is not None and (mailbox.role not in ROLES or any(m.role == mailbox.role for m in others)):
            problems["role"] = "unknown, or taken by another mailbox"
        return problems

    def _is_server_set(self, mailbox: Mailbox, name: str, value: Any) -> bool:
        """A client may send such a property back as it is (RFC 8620 section 5.3)."""
        return name in _FIELDS and name not in _SETTABLE and bool(value == _FIELDS[name](self._store, mailbox))

    def _is_own_ancestor(self, mailbox: Mailbox) -> bool:
        parent_id = mailbox.parent_id
        while parent_id is not None:
            if parent_id == mailbox.id:
                return True
            parent_id = self._store.mailboxes.objects[parent_id].parent_id
        return False
