"""The Sieve rules on Cyrus: its compiler takes them, `mailroom rules` installs them, and mail lands where it should."""

import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailroom.account.servers import open_servers
from mailroom.commands import rules
from mailroom.commands.terminal import log_to_stderr
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.config.screening import Screening
from mailroom.doctor.findings import Examined, Outcome
from mailroom.doctor.mail_checks import check_rules
from mailroom.doctor.screening_checks import check_marking, check_screening
from mailroom.errors import ConfigError
from mailroom.jmap.session import CYRUS_SIEVE
from mailroom.observe.status import Tally
from mailroom.rules.sieve import ADDRESS_BOOKS, CYRUS_QUERY, ScriptNames, Server, script
from mailroom.rules.sieve_tests import quoted
from mailroom.triage.passes import Triage, prepare
from tests.real.contacts_app import ContactsApp
from tests.real.cyrus import Cyrus
from tests.real.mail_app import MailApp, message
from tests.real.mailbox_user import MailboxUser, group_card, put_card
from tests.rules.endings import Ending, triaged

ADDRESSES = Server(frozenset({"fileinto"}))
NAMES = Server(frozenset({"fileinto", "copy", "mailbox"}))
IDS = Server(NAMES.extensions | {"mailboxid", "include"})
LISTS = Server(IDS.extensions | {"extlists"}, frozenset({ADDRESS_BOOKS}))
GROUPS = Server(LISTS.extensions | {CYRUS_QUERY}, LISTS.external_lists)
FORMS = {"addresses": ADDRESSES, "names": NAMES, "ids": IDS, "lists": LISTS, "groups": GROUPS}
CATEGORIES = [each.name for each in DEFAULT_SCHEME.categories]


@dataclass(frozen=True)
class User:
    """A user's mail, contacts and Sieve scripts, over plain HTTP."""

    user: MailboxUser
    http: httpx.Client

    @property
    def mail(self) -> MailApp:
        return MailApp(self.http, self.user)

    @property
    def contacts(self) -> ContactsApp:
        return ContactsApp(self.http, self.user.book_url)

    @property
    def settings(self) -> AccountSettings:
        return AccountSettings(jmap_session_url=self.user.server.session_url, jmap_token=SecretStr(self.user.token))

    def put(self, name: str, text: str, *, active: bool = True) -> None:
        """Create a script as another client does."""
        reply = self.http.post(
            f"/jmap/upload/{self.user.name}/", content=text.encode(), headers={"Content-Type": "application/sieve"}
        )
        create = {"new": {"name": name, "blobId": reply.raise_for_status().json()["blobId"]}}
        activate = {"onSuccessActivateScript": "#new"} if active else {}
        assert self.sieve("SieveScript/set", create=create, **activate)["notCreated"] is None

    def sieve(self, method: str, **arguments: Any) -> dict[str, Any]:
        call = [method, {"accountId": self.user.name, **arguments}, "0"]
        body = {"using": ["urn:ietf:params:jmap:core", CYRUS_SIEVE], "methodCalls": [call]}
        name, result, _ = self.http.post("/jmap/", json=body).raise_for_status().json()["methodResponses"][0]
        assert name == method, result
        assert isinstance(result, dict)
        return result

    def scripts(self) -> dict[str, bool]:
        """Whether each script is active, by name."""
        return {each["name"]: each["isActive"] for each in self.sieve("SieveScript/get")["list"]}

    def text(self, name: str) -> str:
        (blob,) = [each["blobId"] for each in self.sieve("SieveScript/get")["list"] if each["name"] == name]
        return self.http.get(f"/jmap/download/{self.user.name}/{blob}/x?accept=application/sieve").text

    def receive(self, sender: str, subject: str | None = None) -> Ending:
        """A mail arrives; gives the names of the mailboxes where it lands."""
        subject = subject or uuid.uuid4().hex
        self.user.server.deliver(self.user.name, "bounces@example.org", message(sender, subject))
        return frozenset(self.mail.places().get(subject, set()))

    def account(self, members: Mapping[str, frozenset[str]] | None = None) -> ScriptNames:
        """What a script says of this account, with these members of groups in it."""
        groups = [card for card in self.contacts.all() if card.values("x-addressbookserver-kind")]
        uids = {group.values("fn")[0]: group.values("uid")[0] for group in groups}
        own = frozenset({"me@example.org", "*@me.example"})
        return ScriptNames(self.mail.mailbox_ids(), uids, members or {}, own)


@pytest.fixture
def user(mailbox_user: MailboxUser) -> Iterator[User]:
    with mailbox_user.http() as http:
        yield User(mailbox_user, http)


def add_sender_to(user: User, name: str) -> str:
    """A contact as triage to this category leaves it; gives the address."""
    address = f"{''.join(name.lower().split())}@example.org"
    uid = user.contacts.add(address, name)
    for group in triaged(DEFAULT_SCHEME, DEFAULT_SCHEME.by_name[name]).groups:
        user.contacts.join(group, uid)
    return address


def by_triage(name: str) -> Ending:
    return triaged(DEFAULT_SCHEME, DEFAULT_SCHEME.by_name[name]).ending


HOSTILE = 'x"; discard; # \\" ] } ${hex:22}'


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("include", [None, 'my "own" \\ one'])
def test_the_compiler_takes_every_form(cyrus: Cyrus, tmp_path: Path, form: str, include: str | None) -> None:
    server = FORMS[form]
    if include is not None and "include" not in server.extensions:
        server = Server(server.extensions | {"include"}, server.external_lists)
    members = {"Feed": frozenset(f"sender{n}@example.org" for n in range(300)), "Jail": frozenset({f'"{HOSTILE}"@x.y'})}
    scheme = Scheme((*DEFAULT_SCHEME.categories, category("Odd", contact_group=HOSTILE, destination_mailbox=HOSTILE)))
    uids = {group: f"uid of {group}" for group in scheme.groups}
    ids = {name: f"id of {name}" for name in scheme.managed_mailboxes}
    path = tmp_path / "mailroom.sieve"
    path.write_text(script(scheme, ScriptNames(ids, uids, members, frozenset({"me@x.y", "*@x.z"})), server, include))
    compiled = cyrus.compile_sieve(path)
    assert (compiled.returncode, compiled.stderr) == (0, "")


def test_the_compiler_would_find_a_mistake(cyrus: Cyrus, tmp_path: Path) -> None:
    path = tmp_path / "wrong.sieve"
    path.write_text('fileinto "x";')
    assert cyrus.compile_sieve(path).returncode != 0


@pytest.mark.parametrize("form", FORMS)
def test_mail_lands_where_triage_would_have_put_it(user: User, form: str) -> None:
    addresses = {name: add_sender_to(user, name) for name in CATEGORIES}
    members: dict[str, frozenset[str]] = {}
    for name, address in addresses.items():
        for group in triaged(DEFAULT_SCHEME, DEFAULT_SCHEME.by_name[name]).groups:
            members[group] = members.get(group, frozenset()) | {address}
    user.put("rules", script(DEFAULT_SCHEME, user.account(members), FORMS[form]))
    landed = {name: user.receive(f"Someone <{address.upper()}>") for name, address in addresses.items()}
    assert landed == {name: by_triage(name) for name in CATEGORIES}
    assert user.receive("Stranger <who@example.net>") == {"Screener"}
    assert user.receive("Me <me@example.org>") == user.receive("Me <any@ME.example>") == {"Inbox"}


def test_a_group_that_is_a_list_of_the_server_is_asked_at_delivery(user: User) -> None:
    """Cyrus knows address books as lists: give it one for every group."""
    home = httpx.URL(user.user.book_url).join("..")
    for group in DEFAULT_SCHEME.groups:
        user.http.request("MKCOL", str(home.join(httpx.URL(path=f"{group}/").raw_path.decode()))).raise_for_status()
    user.put("rules", script(DEFAULT_SCHEME, user.account(), LISTS))
    card = ("BEGIN:VCARD", "VERSION:3.0", "UID:ann", "FN:Ann", "N:;;;;", "EMAIL:ann@example.org", "END:VCARD", "")
    assert user.receive("ann@example.org") == {"Screener"}
    put_card(user.http, str(home.join("Paper%20Trail/")), "\r\n".join(card))
    assert user.receive("ann@example.org") == {"Paper Trail"}


def test_a_quoted_local_part_is_recognized(user: User) -> None:
    members = {"Feed": frozenset({'"an n"@example.org'})}
    user.put("rules", script(DEFAULT_SCHEME, user.account(members), IDS))
    assert user.receive('"an n"@example.org') == {"Feed"}


@pytest.mark.parametrize("name", ["Bücher", "a.b", "Läden/Möbel"])
def test_an_id_leads_to_a_mailbox_whatever_its_name(user: User, name: str) -> None:
    """By name, this Cyrus finds no mailbox whose name isn't ASCII: it wants modified UTF-7 there."""
    parent: str | None = None
    for part in name.split("/"):
        made = user.mail.call("Mailbox/set", create={"new": {"name": part, "parentId": parent}})["created"]["new"]
        parent = made["id"]
    scheme = Scheme((category("Odd", contact_group="Feed", destination_mailbox=name),))
    account = user.account({"Feed": frozenset({"ann@example.org"})})
    ids = {**account.mailbox_ids, name: str(parent)}
    user.put("rules", script(scheme, replace(account, mailbox_ids=ids), IDS))
    assert user.receive("ann@example.org") == {name.rpartition("/")[2]}
    assert user.receive("who@example.net") == {"Screener"}


def test_a_renamed_mailbox_is_found_and_a_missing_one_created(user: User) -> None:
    text = script(DEFAULT_SCHEME, user.account({"Feed": frozenset({"ann@example.org"})}), IDS)
    ids = user.mail.mailbox_ids()
    user.put("rules", text)
    user.mail.call("Mailbox/set", update={ids["Feed"]: {"name": "Reading"}}, destroy=[ids["Screener"]])
    assert user.receive("ann@example.org") == {"Reading"}
    assert user.receive("who@example.net") == {"Screener"}


# --- mailroom rules --format sieve --apply


async def test_installed_rules_follow_the_groups_without_being_installed_again(user: User) -> None:
    assert await rules.apply_sieve(user.settings, DEFAULT_SCHEME) == 0
    assert user.scripts() == {"mailroom": True}
    assert user.receive("person@example.org") == {"Screener"}
    assert add_sender_to(user, "Person") == "person@example.org"
    assert user.receive("person@example.org") == by_triage("Person") == {"Person", "Imbox", "Inbox"}
    add_sender_to(user, "Imbox")
    assert user.receive("imbox@example.org") == {"Imbox", "Inbox"}


async def test_a_dry_run_prints_what_is_installed_and_changes_nothing(
    user: User, capsys: pytest.CaptureFixture[str], restored_logging: None
) -> None:
    log_to_stderr("info", "auto")
    assert await rules.print_sieve(user.settings, DEFAULT_SCHEME) == 0
    printed = capsys.readouterr()
    assert user.scripts() == {}
    assert "Nothing is changed yet" in printed.err
    assert await rules.apply_sieve(user.settings, DEFAULT_SCHEME) == 0
    assert user.text("mailroom").replace("\r\n", "\n") == printed.out


async def test_a_second_time_there_is_nothing_to_do(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    before = user.sieve("SieveScript/get")
    capsys.readouterr()
    assert await rules.apply_sieve(user.settings, DEFAULT_SCHEME) == 0
    assert "Nothing to do" in capsys.readouterr().err
    assert user.sieve("SieveScript/get") == before


MINE = 'require "fileinto";\nif header :contains "Subject" "bill" {\n  fileinto "Archive";\n  stop;\n}\n'


async def test_the_users_script_goes_on_running_before_the_rules(user: User) -> None:
    user.put("my rules", MINE)
    for _ in range(2):
        assert await rules.apply_sieve(user.settings, DEFAULT_SCHEME) == 0
        assert user.scripts() == {"my rules": False, "mailroom": True}
        assert user.text("my rules") == MINE
        assert user.receive("who@example.net", f"a bill {uuid.uuid4()}") == {"Archive"}
        assert user.receive("who@example.net") == {"Screener"}


async def test_a_script_that_was_made_the_active_one_since_goes_on_running(user: User) -> None:
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    user.put("newer", MINE)
    assert await rules.apply_sieve(user.settings, DEFAULT_SCHEME) == 0
    assert user.scripts() == {"newer": False, "mailroom": True}
    assert user.receive("who@example.net", "the bill") == {"Archive"}


async def test_a_script_that_was_deleted_since_is_not_missed(user: User) -> None:
    user.put("my rules", MINE)
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    (mine,) = [each["id"] for each in user.sieve("SieveScript/get")["list"] if each["name"] == "my rules"]
    assert user.sieve("SieveScript/set", destroy=[mine])["destroyed"] == [mine]
    assert user.receive("who@example.net", "a bill") == {"Screener"}
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    assert "include" not in user.text("mailroom")


async def test_a_script_of_the_users_that_runs_the_rules_stays_the_active_one(user: User) -> None:
    user.put("mine", f'require "include";\n{MINE}include :personal :optional {quoted("mailroom")};\n')
    for _ in range(2):
        assert await rules.apply_sieve(user.settings, DEFAULT_SCHEME) == 0
        assert user.scripts() == {"mine": True, "mailroom": False}
        assert user.receive("who@example.net", f"a bill {uuid.uuid4()}") == {"Archive"}
        assert user.receive("who@example.net") == {"Screener"}


@pytest.mark.parametrize("active", [True, False])
async def test_a_script_of_this_name_by_somebody_else_is_left_alone(
    user: User, active: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    user.put("mailroom", "keep;\r\n", active=active)
    for command in (rules.apply_sieve, rules.print_sieve):
        with pytest.raises(ConfigError, match="that Mailroom did not write"):
            await command(user.settings, DEFAULT_SCHEME)
    assert user.scripts() == {"mailroom": active}
    assert user.text("mailroom") == "keep;\r\n"


async def test_missing_groups_are_named_and_nothing_is_installed(user: User) -> None:
    user.contacts.delete_groups("Feed", "Jail")
    with pytest.raises(ConfigError, match=r"missing contact groups: Feed, Jail\. `mailroom setup"):
        await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    assert user.scripts() == {}


@pytest.mark.parametrize("mine", [{}, {"my rules": MINE}], ids=["alone", "beside the user's"])
async def test_removed_rules_leave_the_scripts_as_they_were(user: User, mine: dict[str, str]) -> None:
    for name, text in mine.items():
        user.put(name, text)
    before = user.scripts()
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    assert user.receive("who@example.net") == {"Screener"}
    assert await rules.remove_sieve(user.settings) == 0
    assert user.scripts() == before
    assert user.receive("who@example.net") == {"Inbox"}


async def test_mail_from_several_people_waits_in_the_screener(user: User) -> None:
    ann, shop = add_sender_to(user, "Imbox"), add_sender_to(user, "Jail")
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    assert user.receive(f"Ann <{ann}>, Shop <{shop}>") == {"Screener"}
    assert user.receive(f"who@example.net, {ann}") == {"Screener"}
    assert user.receive(f'"Lee, Ann" <{ann}>') == by_triage("Imbox")


async def test_a_group_that_was_made_anew_makes_the_script_old(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    async with open_servers(user.settings) as servers:
        examined = Examined(user.settings, DEFAULT_SCHEME, servers, print)
        assert (await check_rules(examined)).outcome is Outcome.OK
        user.contacts.delete_groups("Feed")
        put_card(user.http, user.user.book_url, group_card("Feed"))
        found = await check_rules(examined)
        assert (found.outcome, "not what it would write now" in found.detail) == (Outcome.WARNING, True)
        capsys.readouterr()
        await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
        assert "The script mailroom is replaced and active." in capsys.readouterr().err
        assert (await check_rules(examined)).outcome is Outcome.OK


# --- beside a daemon that screens


SCREENING = replace(DEFAULT_SCHEME, screening=Screening("on"))
FRIEND = "friend@example.net"


@asynccontextmanager
async def screening(user: User) -> AsyncIterator[Triage]:
    """A daemon's passes; what arrives inside is new mail."""
    async with open_servers(user.settings) as servers:
        yield await prepare(servers.client, await servers.contacts(), SCREENING, Tally(), datetime.now(UTC))


async def test_rules_file_decided_senders_at_delivery_and_the_daemon_screens_the_rest(user: User) -> None:
    feed, imbox = add_sender_to(user, "Feed"), add_sender_to(user, "Imbox")
    user.mail.receive("Sent", "to a friend", "From: user@localhost", f"To: {FRIEND}")
    await rules.apply_sieve(user.settings, SCREENING)
    async with screening(user) as triage:
        at_delivery = {sender: user.receive(sender, sender) for sender in (feed, imbox, FRIEND, "who@example.org")}
        assert at_delivery == {
            feed: {"Feed"},
            imbox: {"Imbox", "Inbox"},
            FRIEND: {"Inbox"},
            "who@example.org": {"Inbox"},
        }
        await triage.run(datetime.now(UTC))
    places, keywords = user.mail.places(), user.mail.keywords()
    assert {sender: places[sender] for sender in at_delivery} == {**at_delivery, "who@example.org": {"Screener"}}
    assert {sender for sender in at_delivery if "mailroom-seen" in keywords[sender]} == {*at_delivery} - {feed}
    async with open_servers(user.settings) as servers:
        assert (await check_rules(Examined(user.settings, SCREENING, servers, print))).outcome is Outcome.OK


async def test_rules_from_before_screening_was_on_screen_friends_and_doctor_says_so(user: User) -> None:
    user.mail.receive("Sent", "to a friend", "From: user@localhost", f"To: {FRIEND}")
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    async with screening(user) as triage:
        assert user.receive(FRIEND, "hello") == {"Screener"}
        await triage.run(datetime.now(UTC))
    assert user.mail.places()["hello"] == {"Screener"}
    async with open_servers(user.settings) as servers:
        found = await check_rules(Examined(user.settings, SCREENING, servers, print))
    assert (found.outcome, "undoes half of the screening" in found.detail) == (Outcome.WARNING, True)


async def test_doctor_tries_a_mark_on_mail_that_was_read_and_takes_it_off_again(user: User) -> None:
    user.mail.receive("Inbox", "read", "From: who@example.org")
    async with open_servers(user.settings) as servers:
        examined = Examined(user.settings, SCREENING, servers, print)
        untried = await check_marking(examined)
        assert (untried.outcome, "no mail there has been read" in untried.detail) == (Outcome.OK, True)
        user.mail.call("Email/set", update={user.mail.id_of("read"): {"keywords/$seen": True}})
        found = await check_marking(examined)
        screened = await check_screening(examined)
    assert (found.outcome, found.detail) == (Outcome.OK, "a mail in the Inbox took one, and lost it again")
    assert user.mail.keywords() == {"read": {"$seen"}}
    assert screened.detail == "on, but not begun: the daemon begins when it starts, and leaves mail from before alone"
