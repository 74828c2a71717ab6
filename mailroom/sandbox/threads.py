"""Which thread a mail belongs to (RFC 8621 section 3)."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Protocol

from mailroom.sandbox.message import Message


class Threading(Protocol):
    """How a server forms threads."""

    def place(self, mail_id: str, message: Message, live: Container[str]) -> str:
        """The id of the thread for a new mail; one that isn't in `live` is a thread of its own."""


NewThreading = Callable[[], Threading]


class ByReferences:
    """A mail joins the thread that has a message id and the subject in common with it, the last reference's first.

    A thread never changes its id: a mail that could join two of them leaves both as they are.
    """

    def __init__(self) -> None:
        self._thread_of: dict[tuple[str, str], str] = {}

    def place(self, mail_id: str, message: Message, live: Container[str]) -> str:
        subject = "".join(message.base_subject.split())
        keys = [(message_id, subject) for message_id in (*reversed(message.related_ids), *message.message_ids)]
        known = (self._thread_of.get(key, "") for key in keys)
        thread_id = next((thread for thread in known if thread in live), f"T{mail_id}")
        for key in keys:
            if self._thread_of.get(key) not in live:
                self._thread_of[key] = thread_id
        return thread_id


class EachAlone:
    """Every mail is a thread of its own, with the same id."""

    def place(self, mail_id: str, message: Message, live: Container[str]) -> str:
        return mail_id
