"""The servers that are measured, each ready to give an account that is filled with a load."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import astuple, dataclass, field
from itertools import count
from typing import Protocol

import httpx
import trio
from pydantic import SecretStr

from bench.load import Contact, Load
from bench.processes import module_process
from mailroom.config.account_settings import AccountSettings
from mailroom.jmap.batch import slices
from tests.real.accounts import radicale_book
from tests.real.cyrus import Cyrus
from tests.real.mailbox_user import MailboxUser, create_mailbox_user, put_card
from tests.real.radicale import Radicale

PUTS_AT_A_TIME = 4
MAILS_AN_APPEND = 5_000


def variables(settings: AccountSettings) -> dict[str, str]:
    """What a daemon process needs to log in there, beside the session url; by names without prefix."""
    found = {
        "jmap_token": settings.jmap_token,
        "contacts": settings.contacts,
        "carddav_url": settings.carddav_url,
        "carddav_username": settings.carddav_username,
        "carddav_password": settings.carddav_password,
    }
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in found.items()
        if value is not None
    }


class Server(Protocol):
    """`name` and `contacts` (the protocol of the address book) are for the report."""

    @property
    def name(self) -> str: ...

    @property
    def contacts(self) -> str: ...

    def account(self, load: Load) -> AbstractAsyncContextManager[AccountSettings]:
        """Settings that log in to a fresh account with the load, nothing labelled."""
        ...


@dataclass(frozen=True, slots=True)
class SandboxServer:
    """The embedded JMAP server, a new process for every account: it must not share a core's event loop with us."""

    name: str = "sandbox"
    contacts: str = "JMAP"

    @asynccontextmanager
    async def account(self, load: Load) -> AsyncIterator[AccountSettings]:
        sizes = map(str, astuple(load))
        async with module_process("bench.sandbox_process", *sizes) as (session_url, token):
            yield AccountSettings(jmap_session_url=session_url, jmap_token=SecretStr(token))


@dataclass(frozen=True, slots=True)
class CyrusServer:
    """A running Cyrus, a new user for every account. Contacts go over CardDAV, all mail is indexed."""

    cyrus: Cyrus
    name: str = "Cyrus"
    contacts: str = "CardDAV"
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def account(self, load: Load) -> AsyncIterator[AccountSettings]:
        user = f"bench{next(self._numbers)}"
        await trio.to_thread.run_sync(_fill, self.cyrus, user, load)
        token = SecretStr(self.cyrus.token(user))
        yield AccountSettings(
            jmap_session_url=self.cyrus.session_url, jmap_token=token, carddav_url=self.cyrus.carddav_url
        )


@dataclass(frozen=True, slots=True)
class RadicaleServer:
    """Mail in a sandbox, contacts on a running Radicale, a new user of it for every account."""

    radicale: Radicale
    name: str = "sandbox + Radicale"
    contacts: str = "CardDAV"
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def account(self, load: Load) -> AsyncIterator[AccountSettings]:
        user = f"bench{next(self._numbers)}"
        book = await trio.to_thread.run_sync(_fill_radicale, self.radicale, user, load)
        async with SandboxServer().account(Load(load.senders, load.mails_each, domains=load.domains)) as mail:
            changed = {
                "contacts": "carddav",
                "carddav_url": book,
                "carddav_username": user,
                "carddav_password": SecretStr("any"),
            }
            yield mail.model_copy(update=changed)


def _fill(cyrus: Cyrus, user: str, load: Load) -> None:
    mailbox_user = create_mailbox_user(cyrus, user)
    if load.mails:
        mailbox_user.append("Screener", *load.messages())
    for keyword, messages in load.in_inbox().items():
        for part in slices(messages, MAILS_AN_APPEND):
            cyrus.append(user, "INBOX", *part, keyword=keyword)
    for part in slices(load.sent_messages(), MAILS_AN_APPEND):
        mailbox_user.append("Sent", *part)
    if load.cards:
        trio.run(_put_cards, mailbox_user, load)
    cyrus.index(user)


def _fill_radicale(radicale: Radicale, user: str, load: Load) -> str:
    """Returns the url of the address book."""
    with httpx.Client(auth=(user, "any"), timeout=30) as http:
        book = radicale_book(radicale, http, user)
        for contact in load.contacts():
            put_card(http, book, vcard_of(contact))
    return book


async def _put_cards(user: MailboxUser, load: Load) -> None:
    """In an event loop of its own, several at a time: one after the other would take a minute for 10,000."""
    limiter = trio.CapacityLimiter(PUTS_AT_A_TIME)
    headers = {"Authorization": f"Bearer {user.token}", "Content-Type": "text/vcard; charset=utf-8"}

    async def put(http: httpx.AsyncClient, number: int, contact: Contact) -> None:
        async with limiter:
            url = f"{user.book_url}friend{number}.vcf"
            (await http.put(url, content=vcard_of(contact), headers=headers)).raise_for_status()

    async with httpx.AsyncClient(timeout=30) as http, trio.open_nursery() as nursery:
        for number, contact in enumerate(load.contacts()):
            nursery.start_soon(put, http, number, contact)


def vcard_of(contact: Contact) -> str:
    """A person's card (RFC 2426)."""
    lines = (
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{contact.address}",
        f"FN:{contact.name}",
        f"N:{contact.name};;;;",
        f"EMAIL;TYPE=INTERNET:{contact.address}",
        f"NOTE:{contact.note.strip()}",
        "END:VCARD",
        "",
    )
    return "\r\n".join(lines)
