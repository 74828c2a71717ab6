"""One account's data in memory: collections with state strings and change logs, and the indexes over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from mailroom.sandbox.card import Card
from mailroom.sandbox.errors import Json, MethodError
from mailroom.sandbox.message import Message

T = TypeVar("T")
Clock = Callable[[], datetime]


def utc_text(moment: datetime) -> str:
    """A JMAP UTCDate, for example 2026-03-05T07:00:00Z (RFC 8620 section 1.4)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Mailbox:
    id: str
    name: str
    parent_id: str | None = None
    role: str | None = None
    sort_order: int = 0
    is_subscribed: bool = True


@dataclass(frozen=True)
class Mail:
    id: str
    thread_id: str
    blob_id: str
    message: Message
    received_at: datetime
    mailbox_ids: frozenset[str]
    keywords: frozenset[str]


@dataclass(frozen=True)
class Thread:
    """`mail_ids` is an ordered set, oldest mail first."""

    id: str
    mail_ids: dict[str, None]


@dataclass(frozen=True)
class Script:
    """A Sieve script; its text is the blob."""

    id: str
    name: str
    blob_id: str


@dataclass(frozen=True)
class AddressBook:
    id: str
    name: str
    description: str | None = None
    sort_order: int = 0
    is_default: bool = False
    is_subscribed: bool = True


class Collection(Generic[T]):
    """The objects of one JMAP type, oldest first, with a state string and the log behind /changes."""

    def __init__(self, type_name: str, id_prefix: str) -> None:
        self.type_name = type_name
        self.objects: dict[str, T] = {}
        self._id_prefix = id_prefix
        self._ids_given = 0
        self._log: list[tuple[str, str]] = []

    @property
    def state(self) -> str:
        return f"{self.type_name}-{len(self._log)}"

    def new_id(self) -> str:
        self._ids_given += 1
        return f"{self._id_prefix}{self._ids_given}"

    def add(self, object_id: str, value: T) -> None:
        self.objects[object_id] = value
        self._log.append(("created", object_id))

    def change(self, object_id: str, value: T) -> None:
        self.objects[object_id] = value
        self.touch(object_id)

    def touch(self, object_id: str) -> None:
        """Note a change of what the object shows, for example a mailbox's counts."""
        self._log.append(("updated", object_id))

    def remove(self, object_id: str) -> T:
        value = self.objects.pop(object_id)
        self._log.append(("destroyed", object_id))
        return value

    def changes(self, since: str, most: int | None) -> Json:
        """The answer of /changes (RFC 8620 section 5.2). Raises MethodError cannotCalculateChanges."""
        kind, _, number = since.rpartition("-")
        if kind != self.type_name or not number.isdigit() or int(number) > len(self._log):
            raise MethodError("cannotCalculateChanges", f"{since!r} is no state of {self.type_name}")
        fates: dict[str, str] = {}
        position = int(number)
        for event, object_id in self._log[position:]:
            if object_id not in fates and most is not None and len(fates) == most:
                break
            position += 1
            fates[object_id] = _merge(fates.get(object_id), event)
        return {
            "oldState": since,
            "newState": f"{self.type_name}-{position}",
            "hasMoreChanges": position < len(self._log),
            **{fate: [i for i, f in fates.items() if f == fate] for fate in ("created", "updated", "destroyed")},
        }


def _merge(earlier: str | None, event: str) -> str:
    if earlier == "created":
        return "created" if event == "updated" else "gone"
    return event


class Store:
    """An account. Every change goes through these methods, which keep the indexes and the states true."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.mailboxes: Collection[Mailbox] = Collection("Mailbox", "P")
        self.mails: Collection[Mail] = Collection("Email", "M")
        self.threads: Collection[Thread] = Collection("Thread", "T")
        self.books: Collection[AddressBook] = Collection("AddressBook", "A")
        self.cards: Collection[Card] = Collection("ContactCard", "C")
        self.scripts: Collection[Script] = Collection("SieveScript", "S")
        self.active_script: str | None = None
        self.blobs: dict[str, bytes] = {}
        self.mails_in: dict[str, dict[str, None]] = {}
        self._thread_of_message: dict[str, str] = {}
        self._card_of_uid: dict[str, str] = {}

    def states(self) -> dict[str, str]:
        """The state string of each type, by type name."""
        collections = (self.mailboxes, self.mails, self.threads, self.books, self.cards)
        return {collection.type_name: collection.state for collection in collections}

    def add_blob(self, data: bytes) -> str:
        blob_id = f"B{len(self.blobs) + 1}"
        self.blobs[blob_id] = data
        return blob_id

    def blob(self, blob_id: str) -> bytes | None:
        """The octets of an upload, a message or a part of one (`<message's blob id>-<part id>`)."""
        whole, _, part_id = blob_id.partition("-")
        data = self.blobs.get(whole)
        if data is None or not part_id:
            return data
        return next((part.data for part in Message(data).parts if part.part_id == part_id), None)

    def add_mailbox(self, mailbox: Mailbox) -> None:
        self.mails_in[mailbox.id] = {}
        self.mailboxes.add(mailbox.id, mailbox)

    def remove_mailbox(self, mailbox_id: str) -> None:
        """Take the mailbox away; mail that is in no other mailbox goes with it (RFC 8621 section 2.5)."""
        for mail_id in list(self.mails_in[mailbox_id]):
            mail = self.mails.objects[mail_id]
            rest = mail.mailbox_ids - {mailbox_id}
            if rest:
                self.change_mail(replace(mail, mailbox_ids=rest))
            else:
                self.remove_mail(mail_id)
        del self.mails_in[mailbox_id]
        self.mailboxes.remove(mailbox_id)

    def child_mailboxes(self, parent_id: str | None) -> Iterator[Mailbox]:
        return (m for m in self.mailboxes.objects.values() if m.parent_id == parent_id)

    def add_mail(
        self,
        raw: bytes,
        mailbox_ids: frozenset[str],
        keywords: frozenset[str],
        received_at: datetime,
        blob_id: str | None = None,
    ) -> Mail:
        message = Message(raw)
        mail = Mail(
            id=self.mails.new_id(),
            thread_id=self._thread_for(message),
            blob_id=blob_id or self.add_blob(raw),
            message=message,
            received_at=received_at,
            mailbox_ids=mailbox_ids,
            keywords=keywords,
        )
        self.mails.add(mail.id, mail)
        self._join_thread(mail)
        for mailbox_id in mailbox_ids:
            self.mails_in[mailbox_id][mail.id] = None
            self.mailboxes.touch(mailbox_id)
        return mail

    def change_mail(self, mail: Mail) -> None:
        old = self.mails.objects[mail.id]
        if old == mail:
            return
        for mailbox_id in old.mailbox_ids - mail.mailbox_ids:
            del self.mails_in[mailbox_id][mail.id]
        for mailbox_id in mail.mailbox_ids - old.mailbox_ids:
            self.mails_in[mailbox_id][mail.id] = None
        moved = old.mailbox_ids ^ mail.mailbox_ids
        read = mail.mailbox_ids if ("$seen" in old.keywords) != ("$seen" in mail.keywords) else frozenset()
        for mailbox_id in sorted(moved | read):
            self.mailboxes.touch(mailbox_id)
        self.mails.change(mail.id, mail)

    def remove_mail(self, mail_id: str) -> None:
        mail = self.mails.remove(mail_id)
        for mailbox_id in sorted(mail.mailbox_ids):
            del self.mails_in[mailbox_id][mail_id]
            self.mailboxes.touch(mailbox_id)
        siblings = self.threads.objects[mail.thread_id].mail_ids
        del siblings[mail_id]
        if siblings:
            self.threads.touch(mail.thread_id)
        else:
            self.threads.remove(mail.thread_id)

    def _thread_for(self, message: Message) -> str:
        for message_id in reversed(message.related_ids):
            thread_id = self._thread_of_message.get(message_id)
            if thread_id in self.threads.objects:
                return thread_id
        return self.threads.new_id()

    def _join_thread(self, mail: Mail) -> None:
        for message_id in mail.message.message_ids:
            self._thread_of_message.setdefault(message_id, mail.thread_id)
        if mail.thread_id in self.threads.objects:
            self.threads.objects[mail.thread_id].mail_ids[mail.id] = None
            self.threads.touch(mail.thread_id)
        else:
            self.threads.add(mail.thread_id, Thread(mail.thread_id, {mail.id: None}))

    def add_card(self, card: Card) -> None:
        self._card_of_uid[card.uid] = card.id
        self.cards.add(card.id, card)

    def change_card(self, card: Card) -> None:
        self.cards.change(card.id, card)

    def remove_card(self, card_id: str) -> None:
        card = self.cards.remove(card_id)
        del self._card_of_uid[card.uid]

    def card_with_uid(self, uid: str) -> Card | None:
        card_id = self._card_of_uid.get(uid)
        return None if card_id is None else self.cards.objects[card_id]
