"""New mail in a sandbox, for tests of screening."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.sandbox import Sandbox
from tests.screener import NOW, Screener, screener

ON = replace(DEFAULT_SCHEME, screening=Screening(mode="on"))
WATCH = replace(DEFAULT_SCHEME, screening=Screening(mode="watch"))
ANN = "Ann Lee <ann@example.org>"
BOB = "Bob <bob@example.org>"
SCREENED = {"mailroom-seen", "mailroom-waiting", "mailroom-from-inbox"}


def later(minutes: float) -> datetime:
    """After screening began."""
    return NOW + timedelta(minutes=minutes)


def raw(sender: str, *header: str) -> bytes:
    return "\r\n".join([f"From: {sender}", "Subject: Hello", *header, "", "Text", ""]).encode()


def arrives(sandbox: Sandbox, sender: str = ANN, *header: str, mailbox: str = "Inbox") -> str:
    """A new mail, a minute after screening began, with further header fields."""
    return sandbox.deliver(raw=raw(sender, *header), mailboxes=[mailbox], received_at=later(1))


def keywords_of(sandbox: Sandbox, mail: str) -> set[str]:
    return set(sandbox.store.mails.objects[mail].keywords)


def seen(sandbox: Sandbox, mail: str) -> tuple[set[str], set[str]]:
    """Mailboxes and keywords."""
    return sandbox.mailboxes_of(mail), keywords_of(sandbox, mail)


def join(sandbox: Sandbox, group: str, *uids: str) -> None:
    """Put cards into a contact group, in a contacts app."""
    card = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == group)
    sandbox.change_card(card.data["uid"], {"members": {**card.data.get("members", {}), **dict.fromkeys(uids, True)}})


@asynccontextmanager
async def screening(
    sandbox: Sandbox, scheme: Scheme = ON, before: Mapping[int, Callable[[], object]] | None = None
) -> AsyncIterator[Screener]:
    async with screener(sandbox, scheme, before) as s:
        yield s
