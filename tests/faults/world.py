"""The servers, the ways to them and the user of one account: what faults strike, and what must end right."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import httpx
import trio

from mailroom.sandbox import FASTMAIL, Flavour, Sandbox, faults
from mailroom.sandbox.errors import Json
from mailroom.sandbox.faults import Endpoint
from tests.courses import behind_tls
from tests.faults.certificates import Certificates, certificates_for
from tests.faults.clock import Outside, Turns
from tests.proxy import Proxy, both_ways, proxy_to, straight
from tests.real.accounts import SandboxContacts, SandboxMail, radicale_book
from tests.real.contacts_app import ContactsApp
from tests.real.radicale import Radicale
from tests.screener import empty_sandbox, served

LABEL = "@ToFeed"
PLACE = "Feed"
GROUPS = {"Feed", "Mailroom"}


@dataclass(frozen=True, slots=True)
class Setup:
    """What the daemon meets. With `radicale` its contacts are there, over CardDAV; else in the sandbox, over JMAP.

    `faked_clock`: it has a wall clock that can jump. `lost_log`: the fault is that its log can't be written, so that
    nothing is told meanwhile; a process's goes to `log_file` from the start, where there is one.
    """

    flavour: Flavour = FASTMAIL
    radicale: bool = False
    tls: bool = False
    faked_clock: bool = False
    lost_log: bool = False
    log_file: str | None = None


USUAL_SETUP = Setup()


class Machine(Protocol):
    """The machine that the daemon runs on."""

    def jump(self, seconds: float) -> None:
        """Set the wall clock this much later, or earlier, than it is; the monotonic one goes on."""
        ...

    def fill_disk(self) -> None:
        """Nothing more can be written where the log goes."""
        ...

    def close_log(self) -> None:
        """Nobody reads the log any more."""
        ...


@dataclass
class User:
    """Who has the mailbox: gets mail, labels it, looks at contacts. A sender is known by the first name."""

    mail: SandboxMail
    contacts: SandboxContacts | ContactsApp
    labelled: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    def gets_mail(self, *names: str) -> None:
        """Two mails from each."""
        for name in names:
            self.mail.deliver("Screener", f"{name} <{_address(name)}>", f"{name} 1", f"{name} 2")
            self.waiting.append(name)

    def labels(self, *names: str) -> None:
        """One mail of each."""
        for name in names:
            self.mail.label(f"{name} 1", LABEL)
            self.waiting.remove(name)
            self.labelled.append(name)

    def is_content(self) -> bool:
        """Whether all mail is where it should be: the triage label goes last."""
        return self.mail.places() == self._wanted_places()

    def complaints(self) -> list[str]:
        """What is not as it should be, after all that was done."""
        places, wanted = self.mail.places(), self._wanted_places()
        wrong = [
            f"{subject} is in {sorted(places[subject])}" for subject in wanted if places[subject] != wanted[subject]
        ]
        addresses = sorted(map(_address, self.labelled))
        if sorted(self._addresses()) != addresses:
            wrong.append(f"the cards are of {sorted(self._addresses())}")
        notes = self.contacts.notes()
        for address in addresses:
            if (groups := self.contacts.groups_of(address)) != GROUPS:
                wrong.append(f"{address} is in the groups {sorted(groups)}")
            if [note.count(f"Triaged to {PLACE} on ") for note in notes.get(address, [])] != [1]:
                wrong.append(f"the notes of {address} are {notes.get(address)}")
        return wrong

    def _wanted_places(self) -> Mapping[str, set[str]]:
        return {
            f"{name} {number}": {place}
            for names, place in ((self.labelled, PLACE), (self.waiting, "Screener"))
            for name in names
            for number in (1, 2)
        }

    def _addresses(self) -> list[str]:
        """Of every card, as often as there is one."""
        if isinstance(self.contacts, ContactsApp):
            return [address for card in self.contacts.all() for address in card.values("email")]
        return [email["address"] for card in self.contacts.sandbox.cards() for email in card["emails"].values()]


def _address(name: str) -> str:
    return f"{name.lower()}@example.org"


@dataclass
class World:
    """`mail` is the way to the sandbox, `contacts` the one to Radicale. `tls` stands before `mail`, where there is TLS.

    `settings` are the daemon's, by name without prefix.
    """

    sandbox: Sandbox
    user: User
    machine: Machine
    mail: Proxy
    settings: dict[str, str]
    contacts: Proxy | None = None
    tls: Proxy | None = None
    certificates: Certificates | None = None


@dataclass(frozen=True, slots=True)
class _Contacts:
    app: ContactsApp
    proxy: Proxy
    settings: Mapping[str, str]


@asynccontextmanager
async def world(setup: Setup, machine: Machine, outside: Outside, radicale: Radicale | None) -> AsyncIterator[World]:
    """Ann, Bob and Carl have written; nobody has labelled anything yet."""
    sandbox = empty_sandbox(flavour=setup.flavour)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(sandbox))
        mail = await stack.enter_async_context(proxy_to(_port(url), straight))
        contacts = None
        if setup.radicale:
            assert radicale is not None
            contacts = await stack.enter_async_context(_contacts(radicale, outside))
        user = User(SandboxMail(sandbox), contacts.app if contacts else SandboxContacts(sandbox))
        settings = {
            "jmap_token": sandbox.token,
            "jmap_session_url": f"http://127.0.0.1:{mail.port}/jmap/session",
            **(contacts.settings if contacts else {}),
        }
        everything = World(sandbox, user, machine, mail, settings, contacts.proxy if contacts else None)
        if setup.tls:
            await stack.enter_async_context(_with_tls(everything))
        user.gets_mail("Ann", "Bob", "Carl")
        yield everything


def _port(url: httpx.URL) -> int:
    assert url.port is not None
    return url.port


@asynccontextmanager
async def _contacts(radicale: Radicale, outside: Outside) -> AsyncIterator[_Contacts]:
    """A new user's address book on Radicale. The clock waits for its answers, since it is another process."""
    user = f"user{os.urandom(4).hex()}"

    async def awaited(client: trio.SocketStream, server: trio.SocketStream) -> None:
        turns = Turns(outside)
        try:
            await both_ways(client, server, turns.asked, turns.answered)
        finally:
            turns.end()

    with httpx.Client(auth=(user, "any"), timeout=30) as http:
        book = radicale_book(radicale, http, user)
        async with proxy_to(radicale.port, awaited) as patient, proxy_to(patient.port, straight) as proxy:
            settings = {
                "contacts": "carddav",
                "carddav_url": str(httpx.URL(book).copy_with(port=proxy.port)),
                "carddav_username": user,
                "carddav_password": "any",
            }
            yield _Contacts(ContactsApp(http, book), proxy, settings)


@asynccontextmanager
async def _with_tls(everything: World) -> AsyncIterator[None]:
    """Have the session, and all that it names, behind TLS on `localhost`."""
    everything.sandbox.faults.next_request(faults.EditSession(_https), endpoint=Endpoint.SESSION, times=None)
    with certificates_for("localhost") as certificates:
        async with proxy_to(everything.mail.port, behind_tls(certificates.good)) as proxy:
            everything.tls, everything.certificates = proxy, certificates
            everything.settings["jmap_session_url"] = f"https://localhost:{proxy.port}/jmap/session"
            yield


def _https(session: Json) -> Json:
    """The sandbox hears plain text and so names plain urls."""
    return {
        name: value.replace("http:", "https:") if name.endswith("Url") else value for name, value in session.items()
    }
