"""Email/set and Email/import (RFC 8621 sections 4.6 and 4.8)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from mailroom.sandbox.arguments import EmailImportArguments, SetArguments
from mailroom.sandbox.errors import Json, SetError
from mailroom.sandbox.keywords import check_room, checked_keywords
from mailroom.sandbox.mail import property_of
from mailroom.sandbox.methods import Context, check_set_size, check_state, invalid, noted, refuse, run_set
from mailroom.sandbox.patch import apply_patch
from mailroom.sandbox.store import Mail

_PLACEMENT = frozenset({"mailboxIds", "keywords"})
_ADDRESS_FIELDS = {"from": "From", "to": "To", "cc": "Cc", "bcc": "Bcc", "replyTo": "Reply-To", "sender": "Sender"}
_ID_FIELDS = {"messageId": "Message-ID", "inReplyTo": "In-Reply-To", "references": "References"}
_BODIES = {"textBody": "plain", "htmlBody": "html"}


def set_(context: Context, arguments: SetArguments) -> Json:
    return run_set(context, arguments, context.store.mails, _MailEditor(context))


def import_(context: Context, arguments: EmailImportArguments) -> Json:
    store = context.store
    check_set_size(context, len(arguments.emails))
    old_state = check_state(context, store.mails, arguments.if_in_state)
    created: dict[str, Json] = {}
    not_created: dict[str, Json] = {}
    for creation_id, properties in arguments.emails.items():
        try:
            mail = _import_one(context, properties)
        except SetError as error:
            not_created[creation_id] = error.json()
        else:
            context.created_ids[creation_id] = mail.id
            created[creation_id] = _server_set(mail)
    return {
        "accountId": arguments.account_id,
        **old_state,
        "newState": store.mails.state,
        "created": created or None,
        "notCreated": not_created or None,
    }


def _import_one(context: Context, properties: Json) -> Mail:
    unknown = sorted(properties.keys() - {"blobId", "mailboxIds", "keywords", "receivedAt"})
    if unknown:
        raise invalid(*unknown, why="unknown")
    blob_id = properties.get("blobId")
    if not isinstance(blob_id, str) or blob_id not in context.store.blobs:
        raise invalid("blobId", why="upload the message first")
    mailbox_ids = _mailbox_ids(context, properties.get("mailboxIds"))
    keywords = _keywords(context, properties.get("keywords"), mailbox_ids)
    received_at = _received_at(context, properties)
    return context.store.add_mail(context.store.blobs[blob_id], mailbox_ids, keywords, received_at, blob_id)


def _server_set(mail: Mail) -> Json:
    return {
        "id": mail.id,
        "blobId": mail.blob_id,
        "threadId": mail.thread_id,
        "size": len(mail.message.raw),
    }


class _MailEditor:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def create(self, properties: Json) -> tuple[str, Json]:
        problems: dict[str, str | None] = {}
        message = _compose(properties, self._store.clock(), problems)
        mailbox_ids, keywords, received_at = frozenset[str](), frozenset[str](), self._store.clock()
        with noted(problems):
            mailbox_ids = _mailbox_ids(self._context, properties.get("mailboxIds"))
        with noted(problems):
            keywords = _keywords(self._context, properties.get("keywords"), mailbox_ids)
        with noted(problems):
            received_at = _received_at(self._context, properties)
        refuse(problems)
        mail = self._store.add_mail(message.as_bytes(), mailbox_ids, keywords, received_at)
        return mail.id, _server_set(mail)

    def update(self, object_id: str, patch: Json) -> None:
        """Only mailboxIds and keywords ever change; the rest of a mail is immutable."""
        mail = self._store.mails.objects[object_id]
        others = [name for name in patch if name.partition("/")[0] not in _PLACEMENT]
        fixed = [name for name in others if not _is_unchanged(mail, name, patch[name])]
        refuse(dict.fromkeys(fixed, "only mailboxIds and keywords can change"))
        placed = apply_patch(
            {
                "mailboxIds": dict.fromkeys(mail.mailbox_ids, True),
                "keywords": dict.fromkeys(mail.keywords, True),
            },
            {name: new for name, new in patch.items() if name not in others} if others else patch,
        )
        mailbox_ids = _mailbox_ids(self._context, placed.get("mailboxIds"))
        keywords = _keywords(self._context, placed.get("keywords"), mailbox_ids)
        self._store.change_mail(mail.placed(mailbox_ids, keywords))

    def destroy(self, object_id: str) -> None:
        self._store.remove_mail(object_id)


def _is_unchanged(mail: Mail, name: str, value: Any) -> bool:
    """A client may send a property back as it is (RFC 8620 section 5.3)."""
    try:
        return bool(property_of(mail, name) == value)
    except KeyError:
        return False


def _mailbox_ids(context: Context, flags: Any) -> frozenset[str]:
    """The checked mailboxIds. An empty map is refused as servers do it, without a description."""
    if not isinstance(flags, dict) or not flags or not all(flag is True for flag in flags.values()):
        raise invalid("mailboxIds")
    ids = frozenset(map(context.real_id, flags))
    if not all(mailbox_id in context.store.mailboxes.objects for mailbox_id in ids):
        raise invalid("mailboxIds", why="there is no such mailbox")
    most = context.limits.max_mailboxes_per_email
    if most is not None and len(ids) > most:
        raise SetError("tooManyMailboxes", f"maxMailboxesPerEmail is {most}")
    return ids


def _keywords(context: Context, flags: Any, mailbox_ids: frozenset[str]) -> frozenset[str]:
    """The checked keywords of a mail that is, or will be, in these mailboxes."""
    keywords = checked_keywords(flags)
    most = context.limits.max_keywords_per_mailbox
    if most is not None:
        check_room(context.store.keywords_in, mailbox_ids, keywords, most)
    return keywords


def _received_at(context: Context, properties: Json) -> datetime:
    return _date(properties, "receivedAt", context.store.clock())


def _date(properties: Json, name: str, default: datetime) -> datetime:
    if properties.get(name) is None:
        return default
    try:
        moment = datetime.fromisoformat(properties[name])
    except (TypeError, ValueError):
        raise invalid(name, why="a date with a time zone is wanted") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _compose(properties: Json, now: datetime, problems: dict[str, str | None]) -> EmailMessage:
    """The message of an Email/set create; what isn't understood goes to `problems`."""
    message = EmailMessage()
    values = properties.get("bodyValues", {})
    with noted(problems):
        message["Date"] = format_datetime(_date(properties, "sentAt", now))
    for name, value in properties.items():
        if name in _PLACEMENT or name in {"receivedAt", "sentAt", "bodyValues"} or value is None:
            continue
        try:
            if name in _BODIES:
                _add_body(message, _BODIES[name], value, values)
            else:
                _add_header(message, name, value)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, MessageError):
            problems[name] = "not offered for new mail, or of a wrong shape"
    return message


def _add_header(message: EmailMessage, name: str, value: Any) -> None:
    if name == "subject":
        message["Subject"] = str(value)
    elif name in _ADDRESS_FIELDS:
        message[_ADDRESS_FIELDS[name]] = [
            Address(display_name=entry.get("name") or "", addr_spec=entry["email"]) for entry in value
        ]
    elif name in _ID_FIELDS:
        message[_ID_FIELDS[name]] = " ".join(f"<{message_id}>" for message_id in value)
    elif name.startswith("header:") and name.count(":") == 1:
        message[name.removeprefix("header:")] = str(value).strip()
    else:
        raise KeyError(name)


def _add_body(message: EmailMessage, subtype: str, parts: Any, values: Json) -> None:
    text = values[parts[0]["partId"]]["value"]
    if message.is_multipart() or "Content-Type" in message:
        message.add_alternative(text, subtype=subtype)
    else:
        message.set_content(text, subtype=subtype)
