"""`mailroom triage`, `senders` and `reset` on Cyrus, and in the sandbox with contacts on Radicale."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.config.account_settings import AccountSettings
from mailroom.sandbox import Sandbox
from tests.commands.support import Ended, command
from tests.guard import GUARD_SECONDS
from tests.real.accounts import Mail, SandboxMail
from tests.real.contacts_app import ContactsApp
from tests.real.mail_app import MailApp
from tests.real.mailbox_user import GROUPS, MailboxUser, group_card, put_card
from tests.real.processes import free_port
from tests.real.radicale import Radicale
from tests.screener import empty_sandbox, served

ANN, BOB, CY, DEE = (f"{name}@shop.example" for name in ("ann", "bob", "cy", "dee"))
PHOTO = "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQAAAQABAAA="
BOBS = ("TEL;TYPE=CELL:+49 170 1", "NOTE:Met in Porto.\\nLikes tea.", PHOTO)


@dataclass(frozen=True)
class Place:
    """One account; the sandbox, if there is one, has the mail and is served while a command runs."""

    mail: Mail
    contacts: ContactsApp
    settings: AccountSettings
    variables: Mapping[str, str] = field(default_factory=dict)
    sandbox: Sandbox | None = None

    async def run(self, *arguments: str) -> Ended:
        variables = {"MAILROOM_HEALTH_PORT": str(free_port()), **self.variables}
        with trio.fail_after(GUARD_SECONDS):
            if self.sandbox is None:
                return await command(self.settings, *arguments, **variables)
            async with served(self.sandbox) as url:
                settings = self.settings.model_copy(update={"jmap_session_url": str(url)})
                return await command(settings, *arguments, **variables)


@pytest.fixture
def on_cyrus_alone(mailbox_user: MailboxUser) -> Iterator[Place]:
    token = SecretStr(mailbox_user.token)
    settings = AccountSettings(jmap_session_url=mailbox_user.server.session_url, jmap_token=token)
    with mailbox_user.http() as http:
        yield Place(MailApp(http, mailbox_user), ContactsApp(http, mailbox_user.book_url), settings)


@pytest.fixture
def with_radicale(radicale: Radicale) -> Iterator[Place]:
    sandbox = empty_sandbox()
    user = "reset"
    with httpx.Client(auth=(user, "any"), timeout=30) as http:
        book = radicale.create_book(user)
        for name in GROUPS:
            put_card(http, book, group_card(name))
        login = {"MAILROOM_CARDDAV_USERNAME": user, "MAILROOM_CARDDAV_PASSWORD": "any"}
        variables = {"MAILROOM_CONTACTS": "carddav", "MAILROOM_CARDDAV_URL": book, **login}
        settings = AccountSettings(jmap_token=SecretStr(sandbox.token))
        yield Place(SandboxMail(sandbox), ContactsApp(http, book), settings, variables, sandbox)


@pytest.fixture(
    params=[
        pytest.param("on_cyrus_alone", marks=pytest.mark.real),
        pytest.param("with_radicale", marks=pytest.mark.real),
    ]
)
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found


async def test_triaged_listed_and_undone(place: Place) -> None:
    place.contacts.add(BOB, "Bob", *BOBS)
    place.contacts.join("Feed", place.contacts.add(DEE, "Dee"))
    before = {address: place.contacts.lines_of(address) for address in (BOB, DEE)}
    for sender in (f"Ann Lee <{ANN}>", f"Bob <{BOB}>", f"Cy <{CY}>"):
        place.mail.deliver("Screener", sender, f"One of {sender}", f"Two of {sender}")
    place.mail.label(f"Two of Ann Lee <{ANN}>", "@ToPerson")
    waiting = json.loads((await place.run("senders", "--json")).output)
    assert {each["sender"]: each["mails"] for each in waiting} == {ANN: 2, BOB: 2, CY: 2}

    for address, category in ((ANN, "Person"), (BOB, "Truck"), (CY, "Feed"), (DEE, "Jail")):
        ended = await place.run("triage", address, category)
        assert (ended.status, ended.errors) == (0, "")
        assert f"{address} is settled in {category}: " in ended.output
    listed = json.loads((await place.run("senders", "--category", "Feed", "--json")).output)
    assert listed == [{"sender": CY, "name": "Cy"}]
    place.contacts.add_lines(CY, "TEL:+49 1")

    shown = await place.run("reset")
    assert (shown.status, shown.errors) == (0, "")
    fates = [" ".join(line.split()) for line in shown.output.split("\n\n")[1].splitlines()[1:]]
    assert fates == [
        f"{ANN} Ann Lee deleted: Mailroom made it",
        f"{BOB} Bob stays without Mailroom's note: yours before Mailroom",
        f"{CY} Cy stays without Mailroom's note: you added TEL",
        f"{DEE} Dee stays without Mailroom's note: yours before Mailroom",
    ]
    done = await place.run("reset", "--apply", "--yes")
    assert (done.status, done.errors) == (0, "")
    assert "All of it is undone." in done.output

    # A person's mail went to the Inbox, too: that is its home.
    places = place.mail.places()
    assert places == {subject: {"Inbox" if ANN in subject else "Screener"} for subject in places}
    assert set(place.contacts.names()) == {BOB, CY, DEE}
    # What fills an empty field can't be told from what the user might have written there.
    filled = {BOB: "ORG:Bob", DEE: "ORG:Dee"}
    for address, lines in before.items():
        assert place.contacts.lines_of(address) == sorted((*lines, filled[address]))
    assert place.contacts.notes()[CY] == []
    assert [place.contacts.members(group) for group in GROUPS] == [set()] * len(GROUPS)
    assert "Nothing to undo" in (await place.run("reset")).output
