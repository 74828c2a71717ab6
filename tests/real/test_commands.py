"""`mailroom setup` and `mailroom doctor` on a new account of Cyrus, with contacts over CardDAV."""

import itertools
import json
from typing import Any

import pytest
import trio
from pydantic import SecretStr

from mailroom.commands import setup
from mailroom.commands.doctor import CHECKS, CHECKS_WITHOUT_WRITING
from mailroom.commands.doctor import run as run_doctor
from mailroom.commands.doctor_report import JsonReport
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.decisions.places import needed_mailboxes
from tests.commands.support import Ended, command, environment
from tests.guard import GUARD_SECONDS
from tests.real.contacts_app import ContactsApp
from tests.real.cyrus import Cyrus
from tests.real.mail_app import MailApp
from tests.real.mailbox_user import ROLES, MailboxUser
from tests.real.processes import free_port

_numbers = itertools.count(1)


@pytest.fixture
def new_user(cyrus: Cyrus) -> MailboxUser:
    """A user with the mailboxes that every account has, and an address book that nobody has opened yet."""
    user = MailboxUser(cyrus, f"new{next(_numbers)}")
    cyrus.create_user(user.name)
    cyrus.create_mailboxes(user.name, ROLES)
    return user


def settings_of(user: MailboxUser) -> AccountSettings:
    return AccountSettings(jmap_session_url=user.server.session_url, jmap_token=SecretStr(user.token))


async def run(user: MailboxUser, *arguments: str, **variables: str) -> Ended:
    with trio.fail_after(GUARD_SECONDS):
        return await command(settings_of(user), *arguments, MAILROOM_HEALTH_PORT=str(free_port()), **variables)


def subscribed(user: MailboxUser) -> set[str]:
    """The names of the mailboxes that a mail app shows: lines such as `() "/" "Paper Trail"`."""
    with user.server.imap(user.name) as imap:
        _, lines = imap.lsub()
    return {line.decode().rpartition('"/" ')[2].strip('"') for line in lines if isinstance(line, bytes)}


def mailboxes(user: MailboxUser) -> set[str]:
    with user.server.imap(user.name) as imap:
        _, lines = imap.list()
    return {line.decode().rpartition('"/" ')[2].strip('"') for line in lines if isinstance(line, bytes)}


def cards(user: MailboxUser) -> list[str]:
    """The name of every file in the address book."""
    with user.http() as http:
        reply = http.request("PROPFIND", user.book_url, headers={"Depth": "1"}).raise_for_status()
    return sorted(part.partition("</")[0] for part in reply.text.split("href>") if ".vcf" in part.partition("</")[0])


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {check["check"]: check["status"] for check in document["checks"]}


async def test_a_new_account_is_set_up_and_then_well(new_user: MailboxUser) -> None:
    shown = await run(new_user, "setup")
    assert (shown.status, shown.errors) == (0, "")
    assert "\n28 of 28 missing: `mailroom setup --apply` creates them.\n" in shown.output
    applied = await run(new_user, "setup", "--apply")
    assert (applied.status, applied.errors) == (0, "")
    assert "\n28 of 28 created.\nNew mail is sorted by rules that name all this: install them" in applied.output
    assert subscribed(new_user) >= needed_mailboxes(DEFAULT_SCHEME)
    again = await run(new_user, "setup", "--apply")
    assert (again.status, again.output.splitlines()[-2]) == (0, "Nothing is missing: all 28 exist.")

    before = cards(new_user)
    assert len(before) == 8
    ended = await run(new_user, "doctor", "--json")
    document = json.loads(ended.output)
    found = statuses(document)
    # This server has no push (204), no rules yet, and names its identity with an empty address.
    warned = [found.pop(name) for name in ("eventsource", "rules", "own_addresses")]
    assert (ended.status, warned) == (0, ["warning"] * 3), document
    assert set(found.values()) == {"ok"}
    assert cards(new_user) == before
    assert (await run(new_user, "rules", "--format", "sieve", "--apply")).status == 0
    ended = await run(new_user, "doctor", "--json", "--read-only")
    assert statuses(json.loads(ended.output))["rules"] == "ok", ended.output
    names = needed_mailboxes(DEFAULT_SCHEME) | DEFAULT_SCHEME.optional_labels
    assert mailboxes(new_user) == {"INBOX", *(role.name for role in ROLES), *names}


async def test_the_inbox_is_screened_once(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        contacts, mail = ContactsApp(http, mailbox_user.book_url), MailApp(http, mailbox_user)
        contacts.add("friend@shop.example", "Friend")
        contacts.join("Feed", contacts.add("feed@shop.example", "Feed"))
        for name in ("Stranger", "Friend", "Feed"):
            mail.deliver("INBOX", f"{name} <{name.lower()}@shop.example>", name)
        mail.deliver("Sent", "user@localhost", "Sent")
        shown = await run(mailbox_user, "screen", "--json")
        assert (shown.status, json.loads(shown.output)["screened"]) == (0, 1), shown.output + shown.errors
        screened = await run(mailbox_user, "screen", "--since", "7", "--apply", "--explain")
        assert (screened.status, screened.errors) == (0, "")
        assert "To Screener, stranger: 1 mail\n(nothing is known of the sender)\n" in screened.output
        assert ": 1 to Screener, 1 to Feed, 1 stays.\n" in screened.output
        places = mail.places()
        assert [places[name] for name in ("Stranger", "Friend", "Feed")] == [{"Screener"}, {"Inbox"}, {"Feed"}]
        again = await run(mailbox_user, "screen", "--since", "7", "--apply")
        assert (again.status, again.output.startswith("Nothing to judge: ")) == (0, True)


async def test_nested_mailboxes_are_created_in_one_request(new_user: MailboxUser) -> None:
    scheme = Scheme(
        (
            category("News", destination_mailbox="Filed/2026/News", label="Filed/@ToNews"),
            category("Shops", destination_mailbox="Filed/2026/Shops"),
        )
    )
    with trio.fail_after(GUARD_SECONDS):
        assert await setup.apply(settings_of(new_user), scheme) == 0
        assert await setup.show(settings_of(new_user), scheme) == 0
    assert subscribed(new_user) >= needed_mailboxes(scheme) | {"Filed", "Filed/2026"}


async def test_a_group_that_cannot_be_read_is_named_and_no_second_one_made(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        contacts = ContactsApp(http, mailbox_user.book_url)
        contacts.delete_groups("Feed", "Jail")
        # A card of vCard 2.1, as this server takes it.
        name = "FN;ENCODING=QUOTED-PRINTABLE:=46eed"
        card = contacts.put("UID:feed", name, "N:;;;;", "X-ADDRESSBOOKSERVER-KIND:group").rpartition("/")[2]
    before = cards(mailbox_user)
    applied = await run(mailbox_user, "setup", "--apply")
    assert applied.status == 1
    assert (
        f"✗ contact group Feed: the contact card {card} may be this group, and can't be read (it is quoted"
        in " ".join(applied.output.split())
    )
    assert len(cards(mailbox_user)) == len(before) + 1
    started = await run(mailbox_user, "rules", "--format", "sieve", "--apply")
    assert f"contact group Feed: the contact card {card} may be this group" in started.errors


@pytest.mark.parametrize("checks", [CHECKS, CHECKS_WITHOUT_WRITING], ids=["all", "read-only"])
async def test_contacts_with_a_wrong_password_are_what_is_wrong(
    new_user: MailboxUser, checks: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(
        settings_of(new_user),
        MAILROOM_CARDDAV_USERNAME=new_user.name,
        MAILROOM_CARDDAV_PASSWORD=f"{new_user.password}x",
    ).items():
        monkeypatch.setenv(name, value)
    with trio.fail_after(GUARD_SECONDS):
        assert await run_doctor(checks, JsonReport()) == 1
    document = json.loads(capsys.readouterr().out)
    found = {check["check"]: check for check in document["checks"]}
    assert (found["contacts"]["status"], found["groups"]["status"]) == ("failed", "skipped")
    assert "MAILROOM_CARDDAV_USERNAME and _PASSWORD (contacts)" in found["contacts"]["advice"]
