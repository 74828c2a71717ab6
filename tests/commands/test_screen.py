"""`mailroom screen`: the Inbox judged once from the shell, dry or for good."""

import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from subprocess import PIPE
from typing import Any

import pytest
import trio
import trio.testing

from mailroom.account.servers import open_servers
from mailroom.commands import reset, screen
from mailroom.commands.screen_report import show_explained, show_json, show_table
from mailroom.commands.with_servers import NotFinished
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Mode, Screening
from mailroom.contacts.jmap import JmapContacts
from mailroom.decisions.judge import Outcome
from mailroom.errors import ConfigError, Unavailable
from mailroom.observe.status import Tally
from mailroom.sandbox import Flavour, Limits, MethodError, Sandbox, SetError
from mailroom.sandbox.faults import CutAfter, CutBefore, Delay
from mailroom.senders.screen import CHANGED_MEANWHILE, TRIES, Findings, find_unjudged, screen_all
from mailroom.triage.passes import prepare
from tests.commands.support import command, environment, sets, settings_for
from tests.exhaustive import always, some_of
from tests.flavours import every_flavour
from tests.screener import Wire, client_of, empty_sandbox
from tests.warm import mailroom

SUBJECT = "A subject that nobody may read"


def scheme(mode: Mode) -> Scheme:
    return replace(DEFAULT_SCHEME, screening=Screening(mode=mode))


ON, OFF = scheme("on"), scheme("off")


def arrives(sandbox: Sandbox, sender: str, days_ago: float = 0.1, **how: Any) -> str:
    return sandbox.deliver(sender, SUBJECT, ["Inbox"], received_at=_ago(days_ago), **how)


def _ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def keywords_of(sandbox: Sandbox, mail: str) -> set[str]:
    return set(sandbox.store.mails.objects[mail].keywords)


def decide(sandbox: Sandbox, group: str, address: str) -> None:
    uid = sandbox.add_card(address, address)
    cards = sandbox.store.cards.objects.values()
    chosen = next(card for card in cards if card.data.get("name", {}).get("full") == group)
    sandbox.change_card(chosen.uid, {"members": {uid: True}})


def some_mail(sandbox: Sandbox) -> Mapping[str, str]:
    """One mail for each thing that becomes of mail."""
    sandbox.add_card("friend@example.org", "Friend")
    decide(sandbox, "Feed", "feed@example.org")
    return {
        "stranger": arrives(sandbox, "Stranger <stranger@example.org>"),
        "friend": arrives(sandbox, "Friend <friend@example.org>"),
        "feed": arrives(sandbox, "Feed <feed@example.org>"),
        "read": arrives(sandbox, "Read <read@example.org>", keywords=("$seen",)),
        "nobody": arrives(sandbox, "undisclosed"),
        "old": arrives(sandbox, "Old <old@example.org>", days_ago=30),
    }


async def begin_screening(settings: AccountSettings, days_ago: float) -> None:
    """What the daemon does at its first start with screening on."""
    async with open_servers(settings) as servers:
        await prepare(servers.client, await servers.contacts(), ON, Tally(), _ago(days_ago))


def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


FIGURES = ("screened", "routed", "stays", "undecided", "left_alone", "failed")


@every_flavour
@pytest.mark.parametrize("mode", always(1, ["off", "watch", "on"]))
async def test_a_dry_run_shows_what_becomes_of_mail_and_writes_nothing(
    flavour: Flavour, mode: Mode, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    some_mail(sandbox)
    async with settings_for(sandbox) as settings:
        assert await screen.dry_run(None, show_json, settings, scheme(mode)) == 0
        found = shown(capsys)
    assert [found[name] for name in ("mode", "applied", *FIGURES)] == [mode, False, 2, {"Feed": 1}, 1, 0, 1, {}]
    assert [(each["sender"], each["mails"], each["outcome"], each["reason"]) for each in found["senders"]] == [
        (None, 1, "screened", "no_sender"),
        ("stranger@example.org", 1, "screened", "stranger"),
        ("feed@example.org", 1, "routed", "decided"),
        ("friend@example.org", 1, "stays", "known_contact"),
    ]
    assert sets(sandbox) == []


@every_flavour
async def test_applied_it_does_what_the_dry_run_showed_and_once(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mails = some_mail(sandbox)
    async with settings_for(sandbox) as settings:
        await screen.dry_run(7, show_json, settings, OFF)
        dry = shown(capsys)
        assert await screen.apply(7, show_json, settings, OFF) == 0
        done = shown(capsys)
        assert [done[name] for name in FIGURES] == [dry[name] for name in FIGURES]
        assert done["senders"] == dry["senders"]
        before = sandbox.store.states()
        assert await screen.apply(7, show_table, settings, OFF) == 0
        assert "Nothing to judge: no mail in the Inbox since " in capsys.readouterr().out
        assert sandbox.store.states() == before
    assert {name: sandbox.mailboxes_of(mail) for name, mail in mails.items()} == {
        "stranger": {"Screener"},
        "friend": {"Inbox"},
        "feed": {"Feed"},
        "read": {"Inbox"},
        "nobody": {"Screener"},
        "old": {"Inbox"},
    }
    assert keywords_of(sandbox, mails["stranger"]) == {"mailroom-seen", "mailroom-waiting", "mailroom-from-inbox"}
    assert keywords_of(sandbox, mails["feed"]) == {"mailroom-seen", "mailroom-from-inbox"}
    assert keywords_of(sandbox, mails["friend"]) == {"mailroom-seen"}
    assert keywords_of(sandbox, mails["read"]) == {"$seen", "mailroom-seen"}
    assert keywords_of(sandbox, mails["old"]) == set()


async def test_a_reset_undoes_what_it_did_while_screening_is_off() -> None:
    sandbox = empty_sandbox()
    mails = some_mail(sandbox)
    async with settings_for(sandbox) as settings:
        assert await screen.apply(7, show_table, settings, OFF) == 0
        assert sandbox.mailboxes_of(mails["stranger"]) == {"Screener"}
        assert await reset.undo(settings, OFF) == 0
    assert sandbox.mailboxes_of(mails["stranger"]) == sandbox.mailboxes_of(mails["nobody"]) == {"Inbox"}
    assert not [mail for mail in mails.values() if keywords_of(sandbox, mail) - {"$seen"}]


async def test_where_screening_has_not_begun_it_has_to_be_told_how_far_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = empty_sandbox()
    some_mail(sandbox)
    async with settings_for(sandbox) as settings:
        assert await screen.dry_run(None, show_table, settings, OFF) == 0
        said = capsys.readouterr().out
        with pytest.raises(ConfigError, match=r"has not begun.*`mailroom screen --since 7 --apply`"):
            await screen.apply(None, show_table, settings, OFF)
    assert "Nothing is changed yet: `mailroom screen --since 7 --apply` does this.\n" in said
    assert "Screening is not on: MAILROOM_SCREENING=on" in said
    assert sets(sandbox) == []


async def test_mail_from_before_screening_began_is_reached_on_purpose_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        await begin_screening(settings, days_ago=2)
        new, before, old = (arrives(sandbox, f"S <s{days}@x.org>", days_ago=days) for days in (1, 3, 300))
        assert await screen.dry_run(None, show_table, settings, ON) == 0
        said = capsys.readouterr().out
        assert "\n1 mail since " in said
        assert said.endswith("Nothing is changed yet: `mailroom screen --apply` does this.\n")
        assert await screen.apply(None, show_table, settings, ON) == 0
        assert [sandbox.mailboxes_of(mail) for mail in (new, before, old)] == [{"Screener"}, {"Inbox"}, {"Inbox"}]
        assert await screen.apply(100, show_table, settings, ON) == 0
        assert [sandbox.mailboxes_of(mail) for mail in (before, old)] == [{"Screener"}, {"Inbox"}]
        assert await screen.apply(20_000, show_table, settings, ON) == 0
        assert sandbox.mailboxes_of(old) == {"Screener"}


async def test_the_table_has_a_line_for_each_verdict_and_no_subject() -> None:
    sandbox = empty_sandbox()
    some_mail(sandbox)
    arrives(sandbox, "Stranger <STRANGER@example.org>")
    arrives(sandbox, "Aaron <aaron@example.org>")
    async with settings_for(sandbox) as settings:
        ended = await command(settings, "screen", TZ="UTC")
    assert (ended.status, ended.errors) == (0, "")
    *lines, figures, how, turn_on = [line.rstrip() for line in ended.output.splitlines()]
    assert lines == [
        "To Screener, no_sender: 1 mail",
        "    1  (no usable sender)",
        "",
        "To Screener, stranger: 3 mails",
        "    2  stranger@example.org",
        "    1  aaron@example.org",
        "",
        "To Feed, decided: 1 mail",
        "    1  feed@example.org",
        "",
        "Stays, known_contact: 1 mail",
        "    1  friend@example.org",
        "",
    ]
    assert figures.startswith("7 mails since 20")
    assert figures.endswith(
        ": 4 to Screener, 1 to Feed, 1 stays, 1 left alone (read, flagged, answered, labelled or filed already)."
    )
    assert how == "Nothing is changed yet: `mailroom screen --since 7 --apply` does this."
    assert turn_on == "Screening is not on: MAILROOM_SCREENING=on has the daemon do this with new mail."


async def test_a_warning_is_shown_and_sender_by_sender_apart(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    arrives(sandbox, "Ann <ann@x.org>")
    failed = "mx.x.org; dmarc=fail (p=none) header.from=x.org"
    raw = f"From: Ann <ann@x.org>\r\nAuthentication-Results: {failed}\r\nSubject: {SUBJECT}\r\n\r\nText\r\n"
    arrives(sandbox, "", raw=raw.encode())
    async with settings_for(sandbox) as settings:
        assert await screen.dry_run(None, show_table, settings, ON) == 0
        warned = "To Screener and @MailroomWarning, stranger: 1 mail\n    1  ann@x.org\n"
        assert warned in capsys.readouterr().out
        assert await screen.dry_run(None, show_table, settings, replace(ON, warnings_enabled=False)) == 0
        assert "@MailroomWarning" not in capsys.readouterr().out


async def test_nothing_new_is_said_with_how_to_reach_further_back(capsys: pytest.CaptureFixture[str]) -> None:
    async with settings_for(empty_sandbox()) as settings:
        assert await screen.dry_run(None, show_table, settings, ON) == 0
        assert capsys.readouterr().out.endswith(" is without a verdict. --since DAYS reaches further back.\n")
        assert await screen.dry_run(9, show_table, settings, ON) == 0
        assert capsys.readouterr().out.endswith(" is without a verdict.\n")


async def test_explained_each_reason_has_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    some_mail(sandbox)
    async with settings_for(sandbox) as settings:
        assert await screen.dry_run(None, show_explained, settings, ON) == 0
    said = capsys.readouterr().out
    assert "To Screener, stranger: 1 mail\n(nothing is known of the sender)\n    1  stranger@example.org" in said
    assert "Stays, known_contact: 1 mail\n(the sender is in your address book)\n" in said
    assert "MAILROOM_SCREENING" not in said


async def test_as_processes_it_screens_and_says_where_mail_went() -> None:
    sandbox = empty_sandbox()
    mails = some_mail(sandbox)
    async with settings_for(sandbox) as settings:
        wrong = await command(settings, "screen", "--since", "0")
        ended = await command(settings, "screen", "--since", "7", "--apply", "--explain", MAILROOM_SCREENING="on")
        document = await command(settings, "screen", "--json", MAILROOM_SCREENING="on")
    assert (wrong.status, "'--since'" in wrong.errors) == (2, True)
    assert (ended.status, ended.errors) == (0, "")
    assert "\nScreened 5 mails since " in ended.output
    assert SUBJECT not in ended.output
    assert sandbox.mailboxes_of(mails["stranger"]) == {"Screener"}
    assert json.loads(document.output)["senders"] == []


@every_flavour
async def test_mail_in_many_parts_is_all_screened(flavour: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox(replace(flavour.limits, max_objects_in_set=3), flavour)
    mails = [arrives(sandbox, f"S <s{number % 4}@x.org>", days_ago=0.1 * number) for number in range(10)]
    async with settings_for(sandbox) as settings:
        assert await screen.apply(7, show_json, settings, ON) == 0
    assert shown(capsys)["screened"] == 10
    assert {frozenset(sandbox.mailboxes_of(mail)) for mail in mails} == {frozenset({"Screener"})}
    assert sets(sandbox).count("Email/set") == 4


REQUESTS = 8
"""Of a run in two parts: the start check, the search, and three for each part."""


@some_of("fault", {"before": CutBefore(), "after": CutAfter()}, "after")
@some_of("number", {str(number): number for number in range(REQUESTS)}, "1", "6")
async def test_cut_off_anywhere_the_same_command_does_the_rest(number: int, fault: CutBefore | CutAfter) -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_set=3))
    mails = [arrives(sandbox, f"S <s{number}@x.org>") for number in range(6)]
    async with settings_for(sandbox) as settings:
        sandbox.faults.next_request(fault, skip=number)
        with (
            pytest.raises(Unavailable)
            if number < 2
            else pytest.raises(NotFinished, match=r"`mailroom screen --since 7 --apply` does the rest$")
        ):
            await screen.apply(7, show_table, settings, ON)
        assert await screen.apply(7, show_table, settings, ON) == 0
    assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Screener"}] * 6


async def test_the_requests_of_two_parts_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_set=3))
    for number in range(6):
        arrives(sandbox, f"S <s{number}@x.org>")
    async with settings_for(sandbox) as settings:
        assert await screen.apply(7, show_table, settings, ON) == 0
    assert sum(bool(request.calls) for request in sandbox.requests) == REQUESTS


async def test_a_sender_of_mail_in_many_parts_is_asked_about_once() -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_set=3))
    for number in range(6):
        arrives(sandbox, f"S <s{number % 2}@x.org>", days_ago=0.1 * number)
    async with settings_for(sandbox) as settings:
        assert await screen.dry_run(7, show_table, settings, ON) == 0
    searches = [call for request in sandbox.requests for call in request.calls if call == "Email/query"]
    assert len(searches) == 1 + 2


async def test_interrupted_it_says_how_to_go_on() -> None:
    sandbox = empty_sandbox(Limits(max_objects_in_set=3))
    mails = [arrives(sandbox, f"S <s{number}@x.org>") for number in range(6)]
    async with settings_for(sandbox) as settings:
        sandbox.faults.next_request(Delay(3600), skip=REQUESTS - 1)
        process = await trio.lowlevel.open_process(
            mailroom("screen", "--since", "7", "--apply"),
            env=environment(settings),
            stdout=PIPE,
            stderr=PIPE,
        )
        while sum(bool(request.calls) for request in sandbox.requests) < REQUESTS:
            await trio.testing.wait_all_tasks_blocked(0.01)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 143
        assert process.stderr is not None
        said = await process.stderr.receive_some()
        assert b"Stopped halfway: `mailroom screen --since 7 --apply` does the rest." in said
        assert len(sandbox.mails_in("Screener")) == 3
        assert await screen.apply(7, show_table, settings, ON) == 0
    assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Screener"}] * 6


async def screened(sandbox: Sandbox, before: Mapping[int, Callable[[], object]]) -> Findings:
    """Screen the Inbox while somebody else acts before requests of these numbers: 4 looks, 5 asks, 6 writes …"""
    wire = Wire()
    async with client_of(sandbox, wire) as client:
        session = await client.session()
        assert session.contacts_account is not None
        contacts = JmapContacts(client, session.contacts_account, session.limits)
        wire.before = before
        unjudged = await find_unjudged(client, contacts, ON, None, 7, datetime.now(UTC))
        return await screen_all(unjudged, lambda mails: None)


async def test_a_mail_that_the_user_moves_meanwhile_stays_as_the_user_left_it() -> None:
    sandbox = empty_sandbox()
    moved, other = arrives(sandbox, "Ann <ann@x.org>"), arrives(sandbox, "Bob <bob@x.org>")
    findings = await screened(sandbox, {6: lambda: sandbox.move(moved, "Trash")})
    assert (findings.count(Outcome.SCREENED), findings.failed) == (1, {})
    assert (sandbox.mailboxes_of(moved), sandbox.mailboxes_of(other)) == ({"Trash"}, {"Screener"})


async def test_a_sender_whom_a_daemon_settles_meanwhile_is_routed() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox, "Ann <ann@x.org>")

    def settle() -> None:
        decide(sandbox, "Feed", "ann@x.org")
        sandbox.move(arrives(sandbox, "Ann <ann@x.org>"), "Feed")

    findings = await screened(sandbox, {6: settle})
    assert (findings.routed, sandbox.mailboxes_of(mail)) == ({"Feed": 1}, {"Feed"})


async def test_mail_that_changes_again_and_again_is_left_to_the_next_run() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox, "Ann <ann@x.org>")
    writes = range(6, 6 + 3 * TRIES, 3)
    findings = await screened(sandbox, {number: lambda: arrives(sandbox, "B <b@x.org>") for number in writes})
    assert (dict(findings.mails), findings.failed) == ({}, {CHANGED_MEANWHILE: 1})
    assert (sandbox.mailboxes_of(mail), keywords_of(sandbox, mail)) == ({"Inbox"}, set())


async def test_what_cannot_be_judged_or_written_stays_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    mail, refused = arrives(sandbox, "Ann <ann@x.org>"), arrives(sandbox, "Bob <bob@x.org>")
    async with settings_for(sandbox) as settings:
        # The search for mail goes through; those in Sent don't.
        sandbox.faults.method_error("Email/query", MethodError("unsupportedSort"), skip=1, times=2)
        assert await screen.apply(7, show_table, settings, ON) == 1
        said = capsys.readouterr().out
        assert "✗ 2 mails could not be judged: the mail server has not told yet" in said
        assert said.endswith("`mailroom screen --since 7 --apply` tries again.\n")
        assert keywords_of(sandbox, mail) == keywords_of(sandbox, refused) == set()
        sandbox.faults.set_errors[refused] = SetError("tooManyKeywords")
        assert await screen.apply(7, show_table, settings, ON) == 1
        assert "✗ 1 mail could not be screened: tooManyKeywords.\n" in capsys.readouterr().out
    assert (sandbox.mailboxes_of(mail), sandbox.mailboxes_of(refused)) == ({"Screener"}, {"Inbox"})


async def test_mail_with_a_triage_label_is_left_to_the_label(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox, "Ann <ann@x.org>")
    sandbox.label(mail, "@ToFeed")
    async with settings_for(sandbox) as settings:
        assert await screen.apply(7, show_json, settings, ON) == 0
    assert shown(capsys)["left_alone"] == 1
    assert (sandbox.mailboxes_of(mail), keywords_of(sandbox, mail)) == ({"Inbox", "@ToFeed"}, set())


async def test_without_an_inbox_it_says_so() -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("Inbox")
    async with settings_for(sandbox) as settings:
        with pytest.raises(ConfigError, match="no Inbox"):
            await screen.dry_run(None, show_table, settings, ON)
