"""`mailroom setup`: shows what is missing, creates it, and says what it could not create."""

import os
import pty
import signal
from contextlib import suppress
from dataclasses import replace
from subprocess import PIPE

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.cli.main import main
from mailroom.commands import rules, setup
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.config.screening import Mode, Screening
from mailroom.errors import ConfigError, Refused
from mailroom.sandbox import CYRUS, FASTMAIL, Flavour, Limits, Sandbox, SetError, faults
from mailroom.sandbox.faults import Endpoint
from tests.commands.support import bare_sandbox, command, environment, sets, settings_for
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.real.processes import free_port
from tests.screener import NOW, Wire, client_of, connected, empty_sandbox, screener, start
from tests.warm import mailroom

ALL = 28
"""Screener, 7 destinations, 7 labels, error and warning label, 3 optional labels, 7 groups, provenance group."""

INSTALL_AGAIN = {
    name: f"New mail is sorted by rules that name all this: install them, again if they are: `{command}`."
    for name, command in (
        ("fastmail", "mailroom rules"),
        ("james", "mailroom rules"),
        ("cyrus", "mailroom rules --format sieve --apply"),
        ("stalwart", "mailroom rules --format sieve --apply"),
    )
}

SCREENING_IS_OFF = "The daemon leaves new mail where it is: screening is off. MAILROOM_SCREENING=on turns it on."


def rows(output: str) -> dict[str, str]:
    """The state by part and name, in the order of the table."""
    table, _, _ = output.partition("\n\n")
    return {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in table.splitlines()[1:]}


def mailboxes(sandbox: Sandbox) -> list[str]:
    return sorted(mailbox.name for mailbox in sandbox.store.mailboxes.objects.values())


@every_flavour
async def test_a_new_account_is_shown_what_it_lacks_and_stays_as_it_is(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = bare_sandbox(flavour)
    async with settings_for(sandbox) as settings:
        assert await setup.show(settings, DEFAULT_SCHEME) == 0
    output = capsys.readouterr().out
    assert [*rows(output)][:3] == [
        "Screener          Screener",
        "destination       Imbox",
        "destination       Feed",
    ]
    assert [*rows(output)][-3:] == [
        "contact group     Billboard",
        "contact group     Truck",
        "provenance group  Mailroom",
    ]
    assert list(rows(output).values()) == ["missing"] * ALL
    assert output.endswith(f"\n\n28 of 28 missing: `mailroom setup --apply` creates them.\n{SCREENING_IS_OFF}\n")
    assert sets(sandbox) == []


@every_flavour
async def test_what_is_missing_is_created_and_the_daemon_finds_it(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = bare_sandbox(flavour)
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
        output = capsys.readouterr().out
        assert list(rows(output).values()) == ["created"] * ALL
        assert output.endswith(f"\n28 of 28 created.\n{INSTALL_AGAIN[flavour.name]}\n{SCREENING_IS_OFF}\n")
        assert {*mailboxes(sandbox)} >= DEFAULT_SCHEME.managed_mailboxes | DEFAULT_SCHEME.labels | {
            "@MailroomError",
            "@MailroomWarning",
        }
        assert sandbox.groups() == {name: set() for name in {*DEFAULT_SCHEME.groups, "Mailroom"}}
        async with connected(sandbox, httpx.URL(settings.jmap_session_url), Wire()) as client:
            await start(client)


async def test_it_says_since_when_new_mail_is_screened(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = bare_sandbox()

    async def said(mode: Mode) -> list[str]:
        scheme = replace(DEFAULT_SCHEME, screening=Screening(mode=mode))
        assert await setup.apply(settings, scheme) == 0
        return capsys.readouterr().out.splitlines()[-2:]

    async with settings_for(sandbox) as settings:
        assert await said("on") == [
            "28 of 28 created.",
            "New mail is screened from the daemon's first start on (`mailroom`); mail from before is left alone.",
        ]
        assert (await said("watch"))[1].startswith("The daemon only tells what screening would do with new mail.")
        async with screener(sandbox, replace(DEFAULT_SCHEME, screening=Screening(mode="on"))):
            since = NOW.astimezone().strftime("%Y-%m-%d %H:%M")
            assert await said("on") == [
                "Nothing is missing: all 28 exist.",
                f"New mail is screened since {since}; mail from before is left alone.",
            ]


@every_flavour
async def test_a_second_run_finds_nothing_missing_and_writes_nothing(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = bare_sandbox(flavour)
    async with settings_for(sandbox) as settings:
        await setup.apply(settings, DEFAULT_SCHEME)
        states, written = sandbox.store.states(), len(sets(sandbox))
        capsys.readouterr()
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
        assert (sandbox.store.states(), len(sets(sandbox))) == (states, written)
        output = capsys.readouterr().out
        assert list(rows(output).values()) == ["exists"] * ALL
        assert output.endswith(f"\nNothing is missing: all 28 exist.\n{SCREENING_IS_OFF}\n")
        assert await setup.show(settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == output


async def test_it_takes_two_requests_to_look_one_for_mailboxes_and_one_for_groups() -> None:
    sandbox = bare_sandbox()
    async with settings_for(sandbox) as settings:
        await setup.apply(settings, DEFAULT_SCHEME)
    assert [request.endpoint for request in sandbox.requests] == [Endpoint.SESSION, *[Endpoint.API] * 4]
    assert [request.calls for request in sandbox.requests[3:]] == [("Mailbox/set",), ("ContactCard/set",)]


async def test_what_is_there_stays_and_only_the_rest_is_created(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("@ToFeed")
    sandbox.destroy_mailbox("Feed")
    async with settings_for(sandbox) as settings:
        screener = sandbox.mailbox_id("Screener")
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    created = [name for name, state in rows(capsys.readouterr().out).items() if state == "created"]
    assert created == ["destination       Feed", "triage label      @ToFeed"]
    assert sandbox.mailbox_id("Screener") == screener


async def test_a_limit_of_the_server_makes_more_calls_of_it() -> None:
    sandbox = bare_sandbox(limits=Limits(max_objects_in_set=2))
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    assert len(sets(sandbox)) == 10 + 4


async def test_a_mailbox_that_is_there_tells_how_many_mails_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = bare_sandbox()
    for name, mails in (("Feed", 2), ("Jail", 1), ("Truck", 0)):
        sandbox.create_mailbox(name)
        for _ in range(mails):
            sandbox.deliver(mailboxes=[name])
    async with settings_for(sandbox) as settings:
        assert await setup.show(settings, DEFAULT_SCHEME) == 0
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    for shown in capsys.readouterr().out.split("Part ")[1:]:
        lines = [line for line in shown.splitlines() if line.startswith("destination") and "exists" in line]
        assert [line.strip().split(maxsplit=2)[1:] for line in lines] == [
            ["Feed", "exists, holds 2 mails"],
            ["Jail", "exists, holds 1 mail"],
            ["Truck", "exists"],
        ]


async def test_a_mailbox_that_the_rules_know_under_another_name_is_not_made_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = empty_sandbox(flavour=CYRUS)
    async with settings_for(sandbox) as settings:
        assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        mailboxes, id = sandbox.store.mailboxes, sandbox.mailbox_id("Screener")
        mailboxes.change(id, replace(mailboxes.objects[id], name="Waiting room"))
        sandbox.destroy_mailbox("Feed")
        capsys.readouterr()
        assert await setup.apply(settings, DEFAULT_SCHEME) == 1
    output = capsys.readouterr().out
    assert rows(output)["Screener          Screener"] == "renamed"
    assert rows(output)["destination       Feed"] == "created"
    said = "✗ Screener Screener: Screener is now called Waiting room: rename it back, or set screener_mailbox."
    assert said in " ".join(output.split())
    assert "Screener" not in {mailbox.name for mailbox in mailboxes.objects.values()}


# --- notes and groups

ANN, BOB, CY, DEE = (f"{name}@x.org" for name in ("ann", "bob", "cy", "dee"))


async def settled_account(flavour: Flavour = FASTMAIL) -> Sandbox:
    """Ann and Bob are in Feed, Cy is in Truck."""
    sandbox = empty_sandbox(flavour=flavour)
    for sender, label in ((ANN, "@ToFeed"), (BOB, "@ToFeed"), (CY, "@ToTruck")):
        sandbox.deliver(sender, mailboxes=["Screener", label])
    async with client_of(sandbox, Wire()) as client:
        await (await start(client)).run(NOW)
    return sandbox


def delete_groups(sandbox: Sandbox, *names: str) -> None:
    cards = sandbox.store.cards
    for id in [id for id, card in cards.objects.items() if card.kind == "group" and card.data["name"]["full"] in names]:
        cards.remove(id)


def uid_of(sandbox: Sandbox, name: str) -> str:
    return next(each.uid for each in sandbox.store.cards.objects.values() if each.data["name"]["full"] == name)


def move_to(sandbox: Sandbox, uid: str, group: str) -> None:
    """As by hand, in the address book app."""
    for card in list(sandbox.store.cards.objects.values()):
        if card.kind == "group" and (uid in card.members or card.data["name"]["full"] == group):
            members = {each: True for each in card.members if each != uid}
            joined = {uid: True} if card.data["name"]["full"] == group else {}
            sandbox.change_card(card.uid, {"members": {**members, **joined}})


@every_flavour
async def test_a_group_that_it_creates_anew_is_refilled_from_the_notes(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = await settled_account(flavour)
    before = sandbox.groups()
    delete_groups(sandbox, "Feed", "Paper Trail")
    async with settings_for(sandbox) as settings:
        assert await setup.show(settings, DEFAULT_SCHEME) == 0
        assert "Back in" not in capsys.readouterr().out
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
        output = capsys.readouterr().out
        assert sandbox.groups() == before
        assert output.endswith(
            "\n2 of 28 created.\nBack in Feed, as their notes say: 2 of your contacts.\n"
            f"Back in Paper Trail, as their notes say: 1 of your contacts.\n"
            f"{INSTALL_AGAIN[flavour.name]}\n{SCREENING_IS_OFF}\n"
        )
        written = len(sets(sandbox))
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    assert len(sets(sandbox)) == written


async def test_only_a_group_that_it_has_created_is_refilled_and_with_nobody_who_was_moved(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = await settled_account()
    # Nobody leaves the Screener's side by a label: the user takes Cy out, and puts Bob elsewhere.
    move_to(sandbox, uid_of(sandbox, "cy"), "")
    move_to(sandbox, uid_of(sandbox, "bob"), "Jail")
    delete_groups(sandbox, "Feed", "Billboard")
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
        groups = sandbox.groups()
        assert (groups["Feed"], groups["Jail"], groups["Truck"]) == ({ANN}, {BOB}, set())
        assert (
            "! the contact group Truck is empty, and 1 contact carries a note that belongs there. To have them back, "
            "delete the group"
        ) in capsys.readouterr().out


async def test_contacts_that_cannot_be_put_back_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = await settled_account()
    delete_groups(sandbox, "Feed")
    async with settings_for(sandbox) as settings:
        sandbox.faults.next_request(faults.status(503), skip=4)
        assert await setup.apply(settings, DEFAULT_SCHEME) == 1
        output = capsys.readouterr().out
        assert "✗ contacts were not put back into Feed: " in output
        assert "HTTP 503. `mailroom setup --apply` says what to do" in output
        assert await setup.show(settings, DEFAULT_SCHEME) == 0
        assert "! the contact group Feed is empty, and 2 contacts carry a note" in capsys.readouterr().out
        delete_groups(sandbox, "Feed")
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    assert sandbox.groups()["Feed"] == {ANN, BOB}


async def test_notes_of_a_category_that_is_not_configured_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = await settled_account()
    scheme = Scheme((category("News"), category("Parcels", contact_group="Truck")))
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, scheme) == 0
        said = "! 2 contacts carry a note of a category that isn't configured: Feed (2). Configure it with the"
        assert said in capsys.readouterr().out
        assert sandbox.groups()["News"] == set()
        kept = Scheme((category("News", contact_group="Feed", destination_mailbox="Feed"),))
        assert await setup.apply(settings, kept) == 0
        assert "! 1 contact carries a note of a category that isn't configured: Truck (1)." in capsys.readouterr().out


@every_flavour
async def test_a_group_that_cannot_be_read_is_named_and_no_second_one_made(
    flavour: Flavour, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = await settled_account(flavour)
    feed = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Feed")
    feed.data["members"] = 17
    delete_groups(sandbox, "Jail")
    async with settings_for(sandbox) as settings:
        for run in (setup.show, setup.apply):
            assert await run(settings, DEFAULT_SCHEME) == 1
            output = capsys.readouterr().out
            assert rows(output)["contact group     Feed"] == "unreadable"
            assert f"✗ contact group Feed: the contact card {feed.id} may be this group, and can't be read" in " ".join(
                output.split()
            )
        with pytest.raises(ConfigError, match=f"contact group Feed: the contact card {feed.id} may be this group"):
            async with connected(sandbox, httpx.URL(settings.jmap_session_url), Wire()) as client:
                await start(client)
    names = [card.data["name"]["full"] for card in sandbox.store.cards.objects.values() if card.kind == "group"]
    assert sorted(names).count("Feed") == sorted(names).count("Jail") == 1


def read_terminal(fd: int) -> bytes:
    output = b""
    # What Linux answers when the other end is closed.
    with suppress(OSError):
        while part := os.read(fd, 65_536):
            output += part
    os.close(fd)
    return output


# --- nested mailboxes


async def test_nested_mailboxes_are_created_with_all_that_lies_above_them(capsys: pytest.CaptureFixture[str]) -> None:
    scheme = Scheme(
        (
            category("News", destination_mailbox="Filed/2026/News"),
            category("Shops", destination_mailbox="Filed/2026/Shops"),
            category("Jail", destination_mailbox="Archive/Jail", label="Filed/@ToJail"),
            category("Feed", destination_mailbox="Filed"),
        )
    )
    sandbox = bare_sandbox()
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, scheme) == 0
        for name in scheme.managed_mailboxes | scheme.labels:
            sandbox.mailbox_id(name)
        names = mailboxes(sandbox)
        assert [names.count(each) for each in ("Filed", "2026", "Archive", "News")] == [1, 1, 1, 1]
        capsys.readouterr()
        assert await setup.apply(settings, scheme) == 0
    assert "Nothing is missing" in capsys.readouterr().out


async def test_a_parent_that_is_refused_is_named_as_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    scheme = Scheme((category("News", destination_mailbox="Filed/News"),))
    sandbox = bare_sandbox()
    sandbox.faults.set_errors["mailbox1"] = SetError("forbidden", "no more mailboxes here")
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, scheme) == 1
    assert (
        "✗ destination Filed/News: a mailbox above it was refused: forbidden. Create it in "
        "your mail app, or choose another name for it in the configuration.\n"
    ) in capsys.readouterr().out


# --- what goes wrong


@every_flavour
async def test_a_single_failure_stops_nothing_else(flavour: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = bare_sandbox(flavour)
    sandbox.faults.set_errors |= {"mailbox2": SetError("overQuota"), "group1": SetError("forbidden", "read only")}
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 1
        output = capsys.readouterr().out
        assert [name for name, state in rows(output).items() if state == "failed"] == [
            "destination       Feed",
            "contact group     Feed",
        ]
        assert "✗ destination Feed: overQuota. Create it in your mail app, or choose another name" in output
        assert "✗ contact group Feed: forbidden. Create it in your address book app.\n" in output
        assert "\n26 of 28 created; 2 could not be created.\n" in output
        sandbox.faults.clear()
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    assert "\n2 of 28 created.\n" in capsys.readouterr().out


@pytest.mark.parametrize(("skip", "failed"), [(2, 20), (3, 8)], ids=["mailboxes", "groups"])
async def test_an_outage_in_the_middle_is_told_and_the_next_run_finishes(
    skip: int, failed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = bare_sandbox()
    sandbox.faults.next_request(faults.status(503), skip=skip)
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 1
        output = capsys.readouterr().out
        assert list(rows(output).values()).count("failed") == failed
        assert output.count("answered HTTP 503. Run `mailroom setup --apply` again.\n") == failed
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    assert f"\n{failed} of 28 created.\n" in capsys.readouterr().out


async def test_an_answer_that_got_lost_makes_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = bare_sandbox()
    for skip in (2, 2):
        sandbox.faults.next_request(faults.CutAfter(), skip=skip)
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 1
        capsys.readouterr()
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    assert "Nothing is missing" in capsys.readouterr().out
    names = [card.data["name"]["full"] for card in sandbox.store.cards.objects.values()]
    assert len(names) == len(set(names)) == 8


async def test_a_name_that_means_a_mailbox_with_a_role_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    scheme = Scheme((category("Old", destination_mailbox="Archive"), category("Feed")), screener="Junk")
    sandbox = bare_sandbox()
    async with settings_for(sandbox) as settings:
        for run in (setup.show, setup.apply):
            assert await run(settings, scheme) == 1
            output = capsys.readouterr().out
            conflicts = [name for name, state in rows(output).items() if state == "conflict"]
            assert conflicts == ["Screener          Junk", "destination       Archive"]
            assert (
                "✗ destination Archive: it is the account's archive mailbox: choose another name for it in the "
                "configuration.\n"
            ) in output
            assert "2 in conflict with another mailbox.\n" in output
    assert sandbox.mailbox_id("Feed")


async def test_without_warnings_no_warning_label_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = bare_sandbox()
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, Scheme(warnings_enabled=False)) == 0
    output = capsys.readouterr().out
    assert "27 of 27 created" in output
    assert "warning" not in output


async def test_refused_credentials_name_the_setting_to_renew() -> None:
    sandbox = bare_sandbox()
    async with settings_for(sandbox) as settings:
        sandbox.token = "an0ther-t0ken"  # noqa: S105  invented
        with pytest.raises(Refused, match="renew MAILROOM_JMAP_TOKEN and start again"):
            await setup.apply(settings, DEFAULT_SCHEME)


async def test_a_wrong_password_is_called_so() -> None:
    async with settings_for(bare_sandbox()) as settings:
        login = {"jmap_token": None, "jmap_username": "ann", "jmap_password": SecretStr("wr0ng")}
        with pytest.raises(Refused, match="wrong user name or password; renew MAILROOM_JMAP_USERNAME and _PASSWORD"):
            await setup.show(settings.model_copy(update=login), DEFAULT_SCHEME)


def test_bad_settings_end_it_before_any_server_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "x")
    monkeypatch.setenv("MAILROOM_JMAP_SESSION_URL", f"http://127.0.0.1:{free_port()}/")
    monkeypatch.setenv("MAILROOM_POLL_INTERVAL", "soon")
    assert main(["setup"]) == 2
    errors = "mailroom: MAILROOM_POLL_INTERVAL must be a number of seconds from 1 to 86400\n"
    assert capsys.readouterr() == ("", errors)


# --- as a process


async def test_through_a_pipe_there_is_neither_colour_nor_progress() -> None:
    async with settings_for(bare_sandbox()) as settings:
        shown = await command(settings, "setup", FORCE_COLOR="1", CLICOLOR_FORCE="1", COLUMNS="20")
        applied = await command(settings, "setup", "--apply", PYTHONIOENCODING="ascii")
    assert (shown.status, shown.errors) == (applied.status, applied.errors) == (0, "")
    assert "\x1b" not in shown.output + applied.output
    assert len(rows(shown.output)) == len(rows(applied.output)) == ALL


async def test_a_terminal_gets_colour() -> None:
    ours, theirs = pty.openpty()
    async with settings_for(bare_sandbox()) as settings:
        await trio.run_process(mailroom("setup"), env=environment(settings, TERM="xterm"), stdout=theirs)
    os.close(theirs)
    assert b"\x1b[33mmissing" in read_terminal(ours)


@pytest.mark.parametrize(("number", "status"), always(1, [(signal.SIGINT, 130), (signal.SIGTERM, 143)]))
async def test_an_interrupted_run_is_finished_by_the_next(number: signal.Signals, status: int) -> None:
    sandbox = bare_sandbox()
    sandbox.faults.next_request(faults.Delay(3600), skip=3)
    async with settings_for(sandbox) as settings:
        process = await trio.lowlevel.open_process(
            mailroom("setup", "--apply"),
            env=environment(settings),
            stdout=PIPE,
            stderr=PIPE,
        )
        while len(sandbox.requests) < 5:
            await trio.testing.wait_all_tasks_blocked(0.01)
        process.send_signal(number)
        assert await process.wait() == status
        assert process.stderr is not None
        assert await process.stderr.receive_some() == b""
        done = await command(settings, "setup", "--apply")
    assert "\n8 of 28 created.\n" in done.output
    assert done.status == 0


async def test_a_label_that_an_account_may_do_without_is_no_reason_to_install_rules(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("@ToScreener")
    async with settings_for(sandbox) as settings:
        assert await setup.apply(settings, DEFAULT_SCHEME) == 0
    output = capsys.readouterr().out
    assert rows(output)["optional label    @ToScreener"] == "created"
    assert "install" not in output
