"""`mailroom senders`: who waits in the Screener, and who is in a category."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from mailroom.cli.main import main
from mailroom.commands import senders
from mailroom.commands.names import category_named
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.errors import ConfigError
from mailroom.sandbox import Flavour, Limits, Sandbox
from tests.commands.support import bare_sandbox, command, sets, settings_for
from tests.flavours import every_flavour
from tests.screener import empty_sandbox

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEED = DEFAULT_SCHEME.by_name["Feed"]


def deliver(sandbox: Sandbox, minute: int, sender: str, *mailboxes: str) -> None:
    received_at = START + timedelta(minutes=minute)
    sandbox.deliver(sender, f"At {minute}", mailboxes or ("Screener",), received_at=received_at)


def waiting(sender: str | None, name: str, mails: int, minute: int, asks: str | None = None) -> Mapping[str, object]:
    newest = (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"sender": sender, "name": name, "mails": mails, "newest": newest, "asks": asks}


def api_calls(sandbox: Sandbox) -> int:
    return sum(bool(request.calls) for request in sandbox.requests)


@every_flavour
async def test_who_waits_is_sorted_newest_first_and_a_sender_in_two_spellings_is_one(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    deliver(sandbox, 1, "Ann Old <ann@x.org>")
    deliver(sandbox, 2, "Bob <bob@x.org>")
    deliver(sandbox, 3, "Ann New <ANN@x.org>")
    deliver(sandbox, 4, "ann@x.org")
    deliver(sandbox, 5, "Filed <filed@x.org>", "Feed")
    deliver(sandbox, 6, "Gone <gone@x.org>", "Screener", "Trash")
    deliver(sandbox, 0, "undisclosed")
    async with settings_for(sandbox) as settings:
        assert await senders.waiting_as_json(settings, DEFAULT_SCHEME) == 0
    assert json.loads(capsys.readouterr().out) == [
        waiting("ann@x.org", "Ann New", 3, 4),
        waiting("bob@x.org", "Bob", 1, 2),
        waiting(None, "", 1, 0),
    ]
    assert sets(sandbox) == []


async def test_the_table_says_how_many_wait_and_in_which_order() -> None:
    sandbox = empty_sandbox()
    deliver(sandbox, 1, "Ann <ann@x.org>")
    deliver(sandbox, 2, "Ann <ann@x.org>")
    deliver(sandbox, 0, "=?utf-8?q?B=C3=B6b?= <bob@x.org>")
    async with settings_for(sandbox) as settings:
        ended = await command(settings, "senders", TZ="Asia/Tokyo")
    assert (ended.status, ended.errors) == (0, "")
    assert [line.rstrip() for line in ended.output.splitlines()] == [
        "Sender     Name  Mails  Newest mail",
        "ann@x.org  Ann       2  2026-03-01 21:02",
        "bob@x.org  Böb       1  2026-03-01 21:00",
        "",
        "2 senders wait in Screener with 3 mails, newest first.",
    ]


@every_flavour
async def test_who_waits_for_the_user_is_listed_with_the_reason_wherever_the_mail_lies(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    error = "@MailroomError"
    deliver(sandbox, 1, "Ann <ann@x.org>", "Screener", "@ToJail", error)
    deliver(sandbox, 2, "Ann <ann@x.org>", "Archive", "@ToFeed", error)
    deliver(sandbox, 3, "undisclosed", "Screener", "@ToFeed", error)
    deliver(sandbox, 4, f"Robin <{sandbox.email}>", "Inbox", "@ToFeed", error)
    deliver(sandbox, 5, "Bob <bob@x.org>", "@ToFeed", error)
    deliver(sandbox, 6, "Cy <cy@x.org>")
    deliver(sandbox, 7, "Dee <dee@x.org>", "Screener", error)
    async with settings_for(sandbox) as settings:
        assert await senders.waiting_as_json(settings, DEFAULT_SCHEME) == 0
        found = {each["sender"]: each["asks"] for each in json.loads(capsys.readouterr().out)}
        assert found == {
            "ann@x.org": "asks you: @ToFeed and @ToJail",
            None: "no usable sender",
            sandbox.email: "your own address",
            "bob@x.org": "asks you: @ToFeed failed, or another address of the contact has another label, or "
            "others in the conversation have this one (the log says which)",
            "cy@x.org": None,
            "dee@x.org": None,
        }
        assert await senders.show_waiting(settings, DEFAULT_SCHEME) == 0
    shown = capsys.readouterr().out
    assert "Why it waits" in shown.splitlines()[0]
    assert shown.endswith("\n6 senders wait in Screener or for your answer with 7 mails, newest first.\n")
    assert sets(sandbox) == []


async def test_one_sender_with_changing_addresses_is_hinted_at_with_the_command_that_holds_for_all() -> None:
    sandbox = empty_sandbox()
    for minute in range(3):
        deliver(sandbox, minute, f"Shop <bounce-{minute}@mail.shop.example>")
        raw = f"From: A{minute} <reply+{minute}@forum.example>\r\nList-Id: Forum <forum.x.org>\r\n\r\nHi\r\n"
        sandbox.deliver(raw=raw.encode(), received_at=START)
        deliver(sandbox, minute, f"Ann <ann{minute}@gmail.com>")
    async with settings_for(sandbox) as settings:
        ended = await command(settings, "senders")
    look_alike = "Hint: 3 addresses look like one sender's, who takes a new one each time. Decide about the whole"
    assert ended.output.splitlines()[-2:] == [
        f"{look_alike} domain: mailroom triage @shop.example CATEGORY",
        f"{look_alike} mailing list: mailroom triage list:forum.x.org CATEGORY",
    ]


@every_flavour
async def test_who_is_in_the_inbox_undecided(flavour: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.add_card("friend@x.org", "A Friend", emails={"a": {"address": "friend@x.org"}, "b": {"address": "f@w.org"}})
    sandbox.add_card("known@x.org", "Known")
    sandbox.add_group("Imbox", ["friend@x.org"])
    for minute, address in enumerate(("friend@x.org", "f@w.org", "known@x.org", "who@x.org", sandbox.email)):
        deliver(sandbox, minute, f"Name <{address}>", "Inbox")
    deliver(sandbox, 9, "Who <WHO@x.org>", "Inbox", "Feed")
    deliver(sandbox, 9, "Elsewhere <elsewhere@x.org>", "Archive")
    async with settings_for(sandbox) as settings:
        assert await senders.inbox_as_json(settings, DEFAULT_SCHEME) == 0
        assert json.loads(capsys.readouterr().out) == [
            waiting("who@x.org", "Who", 2, 9),
            waiting("known@x.org", "Name", 1, 2),
        ]
        assert await senders.show_inbox(settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out.endswith("\n2 senders are in the Inbox undecided with 3 mails, newest first.\n")
    assert sets(sandbox) == []


async def test_the_command_line_asks_for_the_inbox(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    deliver(sandbox, 1, "Who <who@x.org>", "Inbox")
    async with settings_for(sandbox) as settings:
        assert await senders.show_inbox(settings, DEFAULT_SCHEME) == 0
        assert (await command(settings, "senders", "--inbox")).output == capsys.readouterr().out


async def test_nobody_is_in_the_inbox_undecided(capsys: pytest.CaptureFixture[str]) -> None:
    async with settings_for(empty_sandbox()) as settings:
        assert await senders.show_inbox(settings, DEFAULT_SCHEME) == 0
    assert capsys.readouterr().out == "Nobody is in the Inbox undecided.\n"


async def test_nobody_waits(capsys: pytest.CaptureFixture[str]) -> None:
    async with settings_for(empty_sandbox()) as settings:
        assert await senders.show_waiting(settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == "Nobody waits in Screener.\n"
        assert await senders.waiting_as_json(settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == "[]\n"


async def test_however_many_wait_it_takes_two_requests_and_one_for_each_further_page() -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_get=30))
    for number in range(75):
        deliver(sandbox, number, f"Somebody <s{number}@x.org>")
    async with settings_for(sandbox) as settings:
        assert await senders.show_waiting(settings, DEFAULT_SCHEME) == 0
    assert api_calls(sandbox) == 4


async def test_names_that_would_steer_a_terminal_are_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    sandbox.add_card("ann@x.org", "Ann\x1b[31m\u202e")
    sandbox.add_group("Feed", ["ann@x.org"])
    async with settings_for(sandbox) as settings:
        assert await senders.show_members(FEED, settings) == 0
    assert "Ann\\x1b[31m\\u202e" in capsys.readouterr().out


@every_flavour
async def test_who_is_in_a_category_is_sorted_by_address(flavour: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.add_card("bob@x.org", "Bob")
    sandbox.add_card("ann@x.org", "Ann", emails={"a": {"address": "zoe@x.org"}, "b": {"address": "Ann@x.org"}})
    sandbox.add_card("cy@x.org", "Cy")
    (feed,) = [card.uid for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Feed"]
    uids = {card["uid"]: True for card in sandbox.cards() if card["name"]["full"] != "Cy"}
    sandbox.change_card(feed, {"members": {**uids, "nobodys-uid": True}})
    async with settings_for(sandbox) as settings:
        assert await senders.members_as_json(FEED, settings) == 0
        assert json.loads(capsys.readouterr().out) == [
            {"sender": "ann@x.org", "name": "Ann"},
            {"sender": "bob@x.org", "name": "Bob"},
            {"sender": "zoe@x.org", "name": "Ann"},
        ]
        assert await senders.show_members(FEED, settings) == 0
        assert capsys.readouterr().out.endswith("\n\n3 senders in Feed, by address.\n")
    assert sets(sandbox) == []


async def test_a_category_is_found_in_whatever_case_by_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    scheme = Scheme(categories=(category("News", contact_group="Papers"),))
    sandbox = bare_sandbox()
    sandbox.add_card("ann@x.org", "Ann")
    sandbox.add_group("Papers", ["ann@x.org"])
    async with settings_for(sandbox) as settings:
        assert await senders.show_members(category_named("nEWS", scheme), settings) == 0
    assert capsys.readouterr().out.endswith("\n1 sender in News.\n")


async def test_what_is_missing_is_named_with_the_command_that_creates_it() -> None:
    async with settings_for(bare_sandbox()) as settings:
        with pytest.raises(ConfigError, match=r"missing mailbox: Screener\. `mailroom setup --apply` creates it"):
            await senders.show_waiting(settings, DEFAULT_SCHEME)
        with pytest.raises(ConfigError, match=r"missing contact group: Feed\. `mailroom setup --apply` creates it"):
            await senders.show_members(FEED, settings)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--category", "Paper Trial"],
            "no category 'Paper Trial'; did you mean Paper Trail? (there are: Imbox, Feed,",
        ),
        (["--waiting", "--category", "Feed"], "--waiting and --category ask for different lists"),
    ],
    ids=["unknown category", "two lists"],
)
def test_wrong_use_exits_2(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "x")
    assert main(["senders", *arguments]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert said in errors
