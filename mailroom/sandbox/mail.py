"""Email/get and the small methods around it: changes, Thread/get, Identity/get (RFC 8621 sections 3, 4, 6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from mailroom.sandbox.addresses import addresses_json, groups_json
from mailroom.sandbox.arguments import ChangesArguments, EmailGetArguments, GetArguments
from mailroom.sandbox.collection import Collection
from mailroom.sandbox.errors import Json, MethodError
from mailroom.sandbox.headers import decoded, has_form, header_date, message_ids, urls
from mailroom.sandbox.message import Part
from mailroom.sandbox.methods import Context, run_changes, run_get
from mailroom.sandbox.store import Mail, Thread, utc_text

_DEFAULT = [
    "id",
    "blobId",
    "threadId",
    "mailboxIds",
    "keywords",
    "size",
    "receivedAt",
    "messageId",
    "inReplyTo",
    "references",
    "sender",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "sentAt",
    "hasAttachment",
    "preview",
    "bodyValues",
    "textBody",
    "htmlBody",
    "attachments",
]
_DEFAULT_PART = ["partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language", "location"]
_PART_FIELDS: dict[str, Callable[[Mail, Part], object]] = {
    "partId": lambda mail, part: part.part_id,
    "blobId": lambda mail, part: f"{mail.blob_id}-{part.part_id}",
    "size": lambda mail, part: len(part.data),
    "headers": lambda mail, part: [{"name": name, "value": value} for name, value in part.headers],
    "name": lambda mail, part: part.name,
    "type": lambda mail, part: part.type,
    "charset": lambda mail, part: part.charset,
    "disposition": lambda mail, part: part.disposition,
    "cid": lambda mail, part: part.cid,
    "language": lambda mail, part: None,
    "location": lambda mail, part: None,
    "subParts": lambda mail, part: None,
}
_ADDRESS_HEADERS = {"from": "from", "to": "to", "cc": "cc", "bcc": "bcc", "replyTo": "reply-to", "sender": "sender"}
_ID_HEADERS = {"messageId": "message-id", "inReplyTo": "in-reply-to", "references": "references"}
_FIELDS: dict[str, Callable[[Mail], object]] = {
    "id": lambda mail: mail.id,
    "blobId": lambda mail: mail.blob_id,
    "threadId": lambda mail: mail.thread_id,
    "mailboxIds": lambda mail: dict.fromkeys(sorted(mail.mailbox_ids), True),
    "keywords": lambda mail: dict.fromkeys(sorted(mail.keywords), True),
    "size": lambda mail: len(mail.message.raw),
    "receivedAt": lambda mail: utc_text(mail.received_at),
    "subject": lambda mail: mail.message.subject,
    "sentAt": lambda mail: mail.message.sent_at,
    "hasAttachment": lambda mail: bool(mail.message.attachments),
    "preview": lambda mail: mail.message.preview,
    "headers": lambda mail: [{"name": name, "value": value} for name, value in mail.message.headers],
}
_PART_LISTS: dict[str, Callable[[Mail], tuple[Part, ...]]] = {
    "textBody": lambda mail: mail.message.text_body,
    "htmlBody": lambda mail: mail.message.html_body,
    "attachments": lambda mail: mail.message.attachments,
}
_IDENTITY: Json = {"replyTo": None, "bcc": None, "textSignature": "", "htmlSignature": "", "mayDelete": False}
_KNOWN = {*_FIELDS, *_ADDRESS_HEADERS, *_ID_HEADERS, *_PART_LISTS, "bodyValues"}
_FORMS: dict[str, Callable[[str], object]] = {
    "asRaw": lambda value: value,
    "asText": decoded,
    "asAddresses": lambda value: addresses_json([value]),
    "asGroupedAddresses": groups_json,
    "asMessageIds": lambda value: message_ids([value]),
    "asDate": header_date,
    "asURLs": urls,
}
"""One header field in the form that `header:Name:form` asks for (RFC 8621 section 4.1.2)."""


def get(context: Context, arguments: EmailGetArguments) -> Json:
    part_names = _DEFAULT_PART if arguments.body_properties is None else arguments.body_properties
    unknown = sorted(name for name in part_names if name not in _PART_FIELDS)
    if unknown:
        raise MethodError("invalidArguments", f"bodyProperties: {', '.join(unknown)} unknown")
    # Worked out once for each name, not for each mail.
    field = cache(partial(_field, arguments, part_names))
    return run_get(
        context,
        arguments,
        context.store.mails,
        _known,
        _DEFAULT,
        lambda mail, names: {name: field(name)(mail) for name in names},
    )


def property_of(mail: Mail, name: str) -> Any:
    """A property as Email/get shows it without further arguments. Raises KeyError if there is none of this name."""
    if not _known(name):
        raise KeyError(name)
    return _field(EmailGetArguments.model_validate({"accountId": ""}), _DEFAULT_PART, name)(mail)


def changes(context: Context, arguments: ChangesArguments) -> Json:
    return run_changes(arguments, context.store.mails)


def thread_get(context: Context, arguments: GetArguments) -> Json:
    mails = context.store.mails.objects

    def show(thread: Thread, names: list[str]) -> Json:
        oldest_first = sorted(thread.mail_ids, key=lambda mail_id: mails[mail_id].received_at)
        shown: Json = {"id": thread.id, "emailIds": oldest_first}
        return {name: shown[name] for name in names}

    return run_get(context, arguments, context.store.threads, {"id", "emailIds"}.__contains__, ("emailIds",), show)


def thread_changes(context: Context, arguments: ChangesArguments) -> Json:
    return run_changes(arguments, context.store.threads)


def identity_get(context: Context, arguments: GetArguments) -> Json:
    identities: Collection[Json] = Collection("Identity", "I")
    for name, email in context.identities:
        id = identities.new_id()
        identities.add(id, {**_IDENTITY, "id": id, "name": name, "email": email})
    return run_get(
        context,
        arguments,
        identities,
        {"id", "name", "email", *_IDENTITY}.__contains__,
        ("id", "name", "email", *_IDENTITY),
        lambda value, names: {name: value[name] for name in names},
    )


def _known(name: str) -> bool:
    if not name.startswith("header:"):
        return name in _KNOWN
    try:
        field, form, _ = _asked(name)
    except ValueError:
        return False
    return has_form(field, form)


def _asked(name: str) -> tuple[str, str, bool]:
    """The field, the form, and whether every one of these fields is wanted. Raises ValueError."""
    _, field, *modifiers = name.split(":")
    every = modifiers[-1:] == ["all"]
    forms = modifiers[:-1] if every else modifiers
    if not field or len(forms) > 1 or not set(forms) <= _FORMS.keys():
        raise ValueError(name)
    return field, forms[0] if forms else "asRaw", every


def _field(arguments: EmailGetArguments, part_names: list[str], name: str) -> Callable[[Mail], object]:
    """What shows a property of this name, which is known."""
    if name in _FIELDS:
        return _FIELDS[name]
    if name in _ADDRESS_HEADERS:
        header = _ADDRESS_HEADERS[name]
        return lambda mail: addresses_json(mail.message.values(header)[-1:])
    if name in _ID_HEADERS:
        header = _ID_HEADERS[name]
        return lambda mail: message_ids(mail.message.values(header)[-1:])
    if name in _PART_LISTS:
        parts = _PART_LISTS[name]
        return lambda mail: [{field: _PART_FIELDS[field](mail, part) for field in part_names} for part in parts(mail)]
    if name == "bodyValues":
        return partial(_body_values, arguments=arguments)
    return _header_field(name)


def _header_field(name: str) -> Callable[[Mail], object]:
    field, form, every = _asked(name)
    show = _FORMS[form]
    if every:
        return lambda mail: [show(value) for value in mail.message.values(field)]
    return lambda mail: show(values[-1]) if (values := mail.message.values(field)) else None


def _body_values(mail: Mail, arguments: EmailGetArguments) -> Json:
    message = mail.message
    wanted: list[Part] = []
    if arguments.fetch_text_body_values or arguments.fetch_all_body_values:
        wanted += message.text_body
    if arguments.fetch_html_body_values or arguments.fetch_all_body_values:
        wanted += message.html_body
    if arguments.fetch_all_body_values:
        wanted += message.parts
    most = arguments.max_body_value_bytes
    return {
        part.part_id: {
            "value": text.encode()[:most].decode("utf-8", "ignore") if most else text,
            "isEncodingProblem": "\ufffd" in text,
            "isTruncated": bool(most) and len(text.encode()) > most,
        }
        for part in wanted
        if (text := part.text) is not None
    }
