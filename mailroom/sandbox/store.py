"""One account's data in memory: collections with state strings and change logs, and the indexes over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from mailroom.sandbox.card import Card
from mailroom.sandbox.collection import Collection
from mailroom.sandbox.keywords import named
from mailroom.sandbox.message import Message
from mailroom.sandbox.threads import Threading

Clock = Callable[[], datetime]
_NOT_UNREAD = frozenset({"$seen", "$draft"})


def utc_text(moment: datetime) -> str:
    """A JMAP UTCDate, for example 2026-03-05T07:00:00Z (RFC 8620 section 1.4)."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


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

    @property
    def is_unread(self) -> bool:
        """Whether unreadEmails counts it (RFC 8621 section 2)."""
        return self.keywords.isdisjoint(_NOT_UNREAD)

    def placed(self, mailbox_ids: frozenset[str], keywords: frozenset[str]) -> Mail:
        """The same mail in these mailboxes, with these keywords. All else of a mail never changes."""
        return Mail(self.id, self.thread_id, self.blob_id, self.message, self.received_at, mailbox_ids, keywords)


@dataclass(frozen=True)
class Thread:
    """`mail_ids` is an ordered set, in the order of arrival."""

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


class Store:
    """An account. Every change goes through these methods, which keep the indexes and the states true."""

    def __init__(self, clock: Clock, threading: Threading) -> None:
        self.clock = clock
        self._threading = threading
        self.mailboxes: Collection[Mailbox] = Collection("Mailbox", "P")
        self.mails: Collection[Mail] = Collection("Email", "M")
        self.threads: Collection[Thread] = Collection("Thread", "T")
        self.books: Collection[AddressBook] = Collection("AddressBook", "A")
        self.cards: Collection[Card] = Collection("ContactCard", "C")
        self.scripts: Collection[Script] = Collection("SieveScript", "S")
        self.active_script: str | None = None
        self.blobs: dict[str, bytes] = {}
        self.mails_in: dict[str, dict[str, None]] = {}
        self.keywords_in: dict[str, set[str]] = {}
        self._trash: frozenset[str] = frozenset()
        self._unread_threads: dict[bool, set[str]] = {False: set(), True: set()}
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
        self.keywords_in[mailbox.id] = set()
        self.mailboxes.add(mailbox.id, mailbox)
        self._find_trash()

    def change_mailbox(self, mailbox: Mailbox) -> None:
        self.mailboxes.change(mailbox.id, mailbox)
        self._find_trash()

    def _find_trash(self) -> None:
        trash = frozenset(m.id for m in self.mailboxes.objects.values() if m.role == "trash")
        if trash != self._trash:
            self._trash = trash
            for thread_id in self.threads.objects:
                self._note_unread(thread_id)

    def remove_mailbox(self, mailbox_id: str) -> None:
        """Take the mailbox away; mail that is in no other mailbox goes with it (RFC 8621 section 2.5)."""
        for mail_id in list(self.mails_in[mailbox_id]):
            mail = self.mails.objects[mail_id]
            rest = mail.mailbox_ids - {mailbox_id}
            if rest:
                self.change_mail(mail.placed(rest, mail.keywords))
            else:
                self.remove_mail(mail_id)
        del self.mails_in[mailbox_id], self.keywords_in[mailbox_id]
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
        mail_id = self.mails.new_id()
        mail = Mail(
            id=mail_id,
            thread_id=self._threading.place(mail_id, message, self.threads.objects),
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
        self._note_keywords(mail)
        self._touch_mailboxes(mailbox_ids, mail.thread_id)
        return mail

    def change_mail(self, mail: Mail) -> None:
        old = self.mails.objects[mail.id]
        if (old.mailbox_ids, old.keywords) == (mail.mailbox_ids, mail.keywords):
            return
        for mailbox_id in old.mailbox_ids - mail.mailbox_ids:
            del self.mails_in[mailbox_id][mail.id]
        for mailbox_id in mail.mailbox_ids - old.mailbox_ids:
            self.mails_in[mailbox_id][mail.id] = None
        moved = old.mailbox_ids ^ mail.mailbox_ids
        read = mail.mailbox_ids if old.is_unread != mail.is_unread else frozenset()
        self.mails.change(mail.id, mail)
        self._note_keywords(mail)
        self._touch_mailboxes(moved | read, mail.thread_id)

    def remove_mail(self, mail_id: str) -> None:
        mail = self.mails.remove(mail_id)
        for mailbox_id in mail.mailbox_ids:
            del self.mails_in[mailbox_id][mail_id]
        siblings = self.threads.objects[mail.thread_id].mail_ids
        del siblings[mail_id]
        if siblings:
            self.threads.touch(mail.thread_id)
        else:
            self.threads.remove(mail.thread_id)
        self._touch_mailboxes(mail.mailbox_ids, mail.thread_id)

    def unread_threads(self, mailbox: Mailbox) -> int:
        """The number of its threads with unread mail; mail in the Trash counts there alone (RFC 8621 section 2)."""
        mails = self.mails.objects
        threads = {mails[mail_id].thread_id for mail_id in self.mails_in[mailbox.id]}
        return len(threads & self._unread_threads[mailbox.role == "trash"])

    def _note_unread(self, thread_id: str) -> bool:
        """Whether it has changed whether the thread has unread mail in the Trash, or elsewhere.

        That decides which mailboxes count it as unread.
        """
        thread = self.threads.objects.get(thread_id)
        mails = [self.mails.objects[mail_id] for mail_id in thread.mail_ids] if thread else []
        places = {not self._trash.isdisjoint(mail.mailbox_ids) for mail in mails if mail.is_unread}
        has_changed = False
        for in_trash, ids in self._unread_threads.items():
            if (thread_id in ids) is not (in_trash in places):
                ids ^= {thread_id}
                has_changed = True
        return has_changed

    def _touch_mailboxes(self, changed: frozenset[str], thread_id: str) -> None:
        """Note the mailboxes whose counts may differ now; those of the thread's other mails show unreadThreads."""
        if self._note_unread(thread_id) and (thread := self.threads.objects.get(thread_id)) is not None:
            changed = changed.union(*(self.mails.objects[mail_id].mailbox_ids for mail_id in thread.mail_ids))
        for mailbox_id in sorted(changed):
            self.mailboxes.touch(mailbox_id)

    def _note_keywords(self, mail: Mail) -> None:
        """A mailbox never forgets the name of a keyword, as on Cyrus."""
        if names := named(mail.keywords):
            for mailbox_id in mail.mailbox_ids:
                self.keywords_in[mailbox_id] |= names

    def _join_thread(self, mail: Mail) -> None:
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
