"""One account as its user sees it, with a triage on top: in the sandbox, on Cyrus, or in the sandbox with Radicale."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import trio
from pydantic import SecretStr

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.contacts.carddav import discover
from mailroom.contacts.jmap import JmapContacts
from mailroom.http import Credentials, basic, bearer
from mailroom.jmap.client import Client
from mailroom.observe.status import Tally
from mailroom.sandbox import FASTMAIL, JAMES, Flavour, Sandbox
from mailroom.triage.passes import Triage, prepare
from tests.guard import GUARD_SECONDS
from tests.real.contacts_app import ContactsApp
from tests.real.mail_app import MailApp, message, message_with
from tests.real.mailbox_user import GROUPS, MailboxUser, group_card, put_card
from tests.real.radicale import Radicale
from tests.screener import NOW, Wire, empty_sandbox, served_here


class Mail(Protocol):
    """The user's mail app. A mail is known by its subject, which must be its own."""

    def deliver(self, mailbox: str, sender: str, *subjects: str) -> None:
        """Mails arrive; `sender` is the From header as it stands."""
        ...

    def receive(self, mailbox: str, subject: str, *header: str) -> None:
        """A mail arrives with these header fields beside those that every mail has, From not being one of them."""
        ...

    def label(self, subject: str, label: str) -> None: ...

    def unlabel(self, subject: str, label: str) -> None: ...

    def places(self) -> dict[str, set[str]]:
        """The names of the mailboxes of every mail, by subject."""
        ...

    def keywords(self) -> dict[str, set[str]]:
        """The keywords of every mail, by subject."""
        ...


class Contacts(Protocol):
    """The user's contacts app."""

    def add(self, address: str, name: str) -> str:
        """Create a card; returns its uid."""
        ...

    def add_with_note(self, uid: str, address: str, name: str, note: str) -> None: ...

    def add_address(self, address: str, another: str) -> None:
        """Give the card with this address another one, too."""
        ...

    def add_broken(self, address: str) -> None:
        """Create a card that Mailroom can't read."""
        ...

    def join(self, group: str, *uids: str) -> None:
        """Add members to a group; not every one has a card."""
        ...

    def members(self, group: str) -> set[str]:
        """The uids in a group."""
        ...

    def groups_of(self, address: str) -> set[str]:
        """The names of the groups that a card with this address is in."""
        ...

    def notes(self) -> dict[str, list[str]]:
        """The notes of every card, by its address."""
        ...

    def names(self) -> dict[str, str]:
        """The full name of every card, by its address."""
        ...


Connect = Callable[[Wire, Scheme], AbstractAsyncContextManager[Triage]]

SUBJECT_CODE = SecretStr("walrus-71")
"""In no subject but of mail that is to be let in."""


@dataclass(frozen=True)
class Account:
    """`first_write` is the number of the first request of a pass that writes; nothing is read before it any more.

    `id` is that of the mail account; `forms_threads` and `mends_cards` are whether the server does.
    """

    mail: Mail
    contacts: Contacts
    first_write: int
    connect: Connect
    id: str = "u1"
    forms_threads: bool = True
    mends_cards: bool = False

    @asynccontextmanager
    async def triage(self, wire: Wire | None = None, scheme: Scheme = DEFAULT_SCHEME) -> AsyncIterator[Triage]:
        """A triage, ready for its first pass."""
        with trio.fail_after(GUARD_SECONDS):
            async with self.connect(wire or Wire(), scheme) as triage:
                yield triage


@dataclass(frozen=True)
class SandboxMail:
    sandbox: Sandbox
    _ids: dict[str, str] = field(default_factory=dict)

    def deliver(self, mailbox: str, sender: str, *subjects: str) -> None:
        for subject in subjects:
            self._ids[subject] = self.sandbox.deliver(mailboxes=[mailbox], raw=message(sender, subject))

    def receive(self, mailbox: str, subject: str, *header: str) -> None:
        self._ids[subject] = self.sandbox.deliver(mailboxes=[mailbox], raw=message_with(subject, *header))

    def label(self, subject: str, label: str) -> None:
        self.sandbox.label(self._ids[subject], label)

    def unlabel(self, subject: str, label: str) -> None:
        self.sandbox.unlabel(self._ids[subject], label)

    def id_of(self, subject: str) -> str:
        return self._ids[subject]

    def places(self) -> dict[str, set[str]]:
        return {subject: self.sandbox.mailboxes_of(id) for subject, id in self._ids.items()}

    def keywords(self) -> dict[str, set[str]]:
        mails = self.sandbox.store.mails.objects
        return {subject: set(mails[id].keywords) for subject, id in self._ids.items()}


@dataclass(frozen=True)
class SandboxContacts:
    sandbox: Sandbox

    def add(self, address: str, name: str) -> str:
        return self.sandbox.add_card(address, name)

    def add_with_note(self, uid: str, address: str, name: str, note: str) -> None:
        self.sandbox.add_card(address, name, uid=uid, notes={"n1": {"note": note}})

    def add_address(self, address: str, another: str) -> None:
        card = self._cards()[address]
        emails = {**card["emails"], f"e{len(card['emails']) + 1}": {"address": another}}
        self.sandbox.change_card(card["uid"], {"emails": emails})

    def add_broken(self, address: str) -> None:
        card = self.sandbox.store.card_with_uid(self.add(address, "Broken"))
        assert card is not None
        card.data["name"] = 17

    def join(self, group: str, *uids: str) -> None:
        everybody = self.members(group).union(uids)
        self.sandbox.change_card(self._groups()[group], {"members": dict.fromkeys(everybody, True)})

    def members(self, group: str) -> set[str]:
        card = self.sandbox.store.card_with_uid(self._groups()[group])
        assert card is not None
        return set(card.members)

    def groups_of(self, address: str) -> set[str]:
        return {name for name, members in self.sandbox.groups().items() if address in members}

    def notes(self) -> dict[str, list[str]]:
        return {
            address: [note["note"] for note in card.get("notes", {}).values()]
            for address, card in self._cards().items()
        }

    def names(self) -> dict[str, str]:
        return {address: card["name"]["full"] for address, card in self._cards().items()}

    def _cards(self) -> dict[str, dict[str, Any]]:
        return {email["address"]: card for card in self.sandbox.cards() for email in card.get("emails", {}).values()}

    def _groups(self) -> dict[str, str]:
        """Uids by name."""
        cards = self.sandbox.store.cards.objects.values()
        return {card.data["name"]["full"]: card.uid for card in cards if card.kind == "group"}


def sandbox_account(flavour: Flavour = FASTMAIL) -> Account:
    """Mail and contacts in the sandbox, over JMAP."""
    sandbox = empty_sandbox(flavour=flavour)

    @asynccontextmanager
    async def connect(wire: Wire, scheme: Scheme) -> AsyncIterator[Triage]:
        async with served_here(sandbox) as url, _http(wire) as http:
            client = Client(http, url, Credentials(bearer(SecretStr(sandbox.token)), url))
            session = await client.session()
            assert session.contacts_account is not None
            contacts = JmapContacts(client, session.contacts_account, session.limits)
            yield await prepare(client, contacts, scheme, Tally(), NOW, SUBJECT_CODE)

    return Account(SandboxMail(sandbox), SandboxContacts(sandbox), 3, connect, forms_threads=flavour is not JAMES)


def radicale_book(radicale: Radicale, http: httpx.Client, user: str) -> str:
    """The url of an address book of a new user, with all groups."""
    book = radicale.create_book(user)
    for name in GROUPS:
        put_card(http, book, group_card(name))
    return book


def radicale_account(http: httpx.Client, user: str, book: str) -> Account:
    """Mail in the sandbox, contacts in an address book on Radicale, where `http` lets its user in."""
    sandbox = empty_sandbox()

    @asynccontextmanager
    async def connect(wire: Wire, scheme: Scheme) -> AsyncIterator[Triage]:
        async with served_here(sandbox) as url, _http(wire) as ours:
            client = Client(ours, url, Credentials(bearer(SecretStr(sandbox.token)), url))
            book_url = httpx.URL(book)
            login = Credentials(basic(user, SecretStr("any")), book_url)
            yield await prepare(client, await discover(ours, book_url, login), scheme, Tally(), NOW, SUBJECT_CODE)

    return Account(SandboxMail(sandbox), ContactsApp(http, book), 4, connect, mends_cards=True)


def cyrus_account(http: httpx.Client, user: MailboxUser) -> Account:
    """Mail over JMAP and contacts over CardDAV, on one Cyrus."""

    @asynccontextmanager
    async def connect(wire: Wire, scheme: Scheme) -> AsyncIterator[Triage]:
        async with _http(wire) as ours:
            url = httpx.URL(user.server.session_url)
            login = Credentials(bearer(SecretStr(user.token)), url)
            client = Client(ours, url, login)
            yield await prepare(client, await discover(ours, url.join("/"), login), scheme, Tally(), NOW, SUBJECT_CODE)

    return Account(MailApp(http, user), ContactsApp(http, user.book_url), 4, connect, user.name)


def _http(wire: Wire) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=wire, headers={"Accept-Encoding": "gzip"}, timeout=None)  # noqa: S113  see GUARD_SECONDS
