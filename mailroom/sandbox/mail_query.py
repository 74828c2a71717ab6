"""Email/query: conditions and sort orders (RFC 8621 section 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from mailroom.sandbox.arguments import EmailQueryArguments
from mailroom.sandbox.errors import Json, MethodError
from mailroom.sandbox.headers import decoded
from mailroom.sandbox.keywords import is_keyword
from mailroom.sandbox.matching import Finds
from mailroom.sandbox.methods import Context
from mailroom.sandbox.query import (
    Contains,
    Predicate,
    TextOf,
    boolean,
    compile_filter,
    sorted_objects,
    text,
    unknown_condition,
    utc_date,
    window,
)
from mailroom.sandbox.store import Mail, Store

SORTS: dict[str, Callable[[Mail], Any]] = {
    "receivedAt": lambda mail: mail.received_at,
    "sentAt": lambda mail: mail.message.sent_moment,
    "size": lambda mail: len(mail.message.raw),
    "from": lambda mail: mail.message.sort_sender,
    "to": lambda mail: mail.message.sort_recipient,
    "subject": lambda mail: mail.message.base_subject,
}


def query(context: Context, arguments: EmailQueryArguments) -> Json:
    store = context.store
    if arguments.filter is not None and not context.flavour.nests_mailboxes:
        _refuse_nested_mailboxes(arguments.filter)
    matches = compile_filter(arguments.filter, partial(_condition, context))
    found = sorted_objects(filter(matches, _candidates(store, arguments.filter)), arguments.sort, SORTS)
    if arguments.collapse_threads:
        first = {mail.thread_id: mail for mail in reversed(found)}
        found = [mail for mail in found if first[mail.thread_id] is mail]
    answer = window(context, arguments, [mail.id for mail in found], store.mails.state)
    return {**answer, "collapseThreads": arguments.collapse_threads}


def _refuse_nested_mailboxes(given: Json) -> None:
    """Raise MethodError unsupportedFilter for a mailbox condition inside an operator, as Apache James does."""
    inner = [entry for entry in given.get("conditions", ()) if isinstance(entry, dict)]
    for entry in inner:
        if nested := sorted(entry.keys() & {"inMailbox", "inMailboxOtherThan"}):
            raise MethodError("unsupportedFilter", f"filter/{nested[0]}: not inside an operator")
        _refuse_nested_mailboxes(entry)


def _candidates(store: Store, given: Json | None) -> list[Mail]:
    """The mail of the mailboxes that the filter names, where it can only find mail in these; else all mail."""
    conditions = (given or {}).get("conditions", [given])
    named = [c["inMailbox"] for c in conditions if isinstance(c, dict) and "inMailbox" in c]
    if (given or {}).get("operator", "OR") == "OR" and len(named) == len(conditions):
        ids = {i: None for name in named for i in store.mails_in[name]}
        return [store.mails.objects[mail_id] for mail_id in ids]
    return list(store.mails.objects.values())


def _from(mail: Mail) -> str:
    return mail.message.from_text


def _subject(mail: Mail) -> str:
    return mail.message.search_subject


def _body(mail: Mail) -> str:
    return mail.message.search_body


def _everything(mail: Mail) -> str:
    message = mail.message
    people = "\n".join(message.search_text(name) for name in ("to", "cc", "bcc"))
    return "\n".join((message.from_text, people, message.search_subject, message.search_body))


@cache
def _header(name: str) -> TextOf[Mail]:
    """The same function for the same header, so that an OR over many addresses can be joined."""
    return _from if name == "from" else lambda mail: mail.message.search_text(name)


_TEXTS: dict[str, TextOf[Mail]] = {
    "from": _from,
    "to": _header("to"),
    "cc": _header("cc"),
    "bcc": _header("bcc"),
    "subject": _subject,
    "body": _body,
    "text": _everything,
}


def _condition(context: Context, name: str, value: Any) -> Predicate[Mail]:
    store, finds = context.store, context.flavour.finds_text
    if name in _TEXTS:
        return Contains(_TEXTS[name], (text(name, value),), finds)
    match name:
        case "inMailbox":
            return _in_any(_known_mailboxes(store, name, [value]))
        case "inMailboxOtherThan":
            ids = _known_mailboxes(store, name, value)
            return lambda mail: bool(mail.mailbox_ids - ids)
        case "hasKeyword":
            keyword = _keyword(name, value)
            return lambda mail: keyword in mail.keywords
        case "notKeyword":
            unwanted = _keyword(name, value)
            return lambda mail: unwanted not in mail.keywords
        case "allInThreadHaveKeyword" | "someInThreadHaveKeyword" | "noneInThreadHaveKeyword":
            _keyword(name, value)
            raise MethodError("unsupportedFilter", f"filter/{name}: this server keeps no keywords of threads")
        case "before":
            end = utc_date(name, value)
            return lambda mail: mail.received_at < end
        case "after":
            start = utc_date(name, value)
            return lambda mail: mail.received_at >= start
        case "header":
            return _header_condition(value, finds)
        case "hasAttachment":
            wanted = boolean(name, value)
            return lambda mail: bool(mail.message.attachments) is wanted
        case "minSize":
            least = _size(name, value)
            return lambda mail: len(mail.message.raw) >= least
        case "maxSize":
            most = _size(name, value)
            return lambda mail: len(mail.message.raw) < most
        case _:
            raise unknown_condition(name)


def _in_any(ids: frozenset[str]) -> Predicate[Mail]:
    return lambda mail: not mail.mailbox_ids.isdisjoint(ids)


def _known_mailboxes(store: Store, name: str, ids: Any) -> frozenset[str]:
    if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
        raise MethodError("invalidArguments", f"filter/{name}: mailbox ids are wanted")
    if not all(i in store.mailboxes.objects for i in ids):
        raise MethodError("invalidArguments", f"filter/{name}: there is no such mailbox")
    return frozenset(ids)


def _keyword(name: str, value: Any) -> str:
    keyword = text(name, value)
    if not is_keyword(keyword):
        raise MethodError("invalidArguments", f"filter/{name}: {value!r} is no keyword")
    return keyword


_HEADER_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
}


def _header_condition(value: Any, finds: Finds) -> Predicate[Mail]:
    """A header field's presence, a text in it, or a text that it equals, starts or ends with, as Cyrus adds."""
    if not isinstance(value, list) or not 1 <= len(value) <= 3 or not all(isinstance(v, str) for v in value):
        raise MethodError("invalidArguments", "filter/header: [name], [name, text] or [name, text, match] is wanted")
    name = value[0]
    if len(value) == 1:
        return lambda mail: bool(mail.message.values(name))
    needle, kind = value[1].lower(), value[2] if len(value) == 3 else "contains"
    if kind == "contains":
        return Contains(_header(name.lower()), (needle,), finds)
    if kind not in _HEADER_MATCHES:
        raise MethodError("invalidArguments", f"filter/header: a match is contains, {', '.join(_HEADER_MATCHES)}")
    matches = _HEADER_MATCHES[kind]
    return lambda mail: any(matches(decoded(field).lower(), needle) for field in mail.message.values(name))


def _size(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MethodError("invalidArguments", f"filter/{name}: a number of octets is wanted")
    return value
