"""`mailroom doctor`: what it finds in good and bad accounts, and that it leaves nothing behind."""

import json
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any

import pytest
import trio

from mailroom.commands import doctor
from mailroom.commands.doctor import CHECKS, CHECKS_WITHOUT_WRITING
from mailroom.commands.doctor_report import JsonReport, TextReport, VerboseReport
from mailroom.config.account_settings import AccountSettings
from mailroom.decisions.contact import new_uid
from mailroom.doctor import contacts_check, push_check, screening_checks
from mailroom.doctor.findings import Check
from mailroom.sandbox import Flavour, MethodError, Sandbox, SetError, faults
from mailroom.sandbox.faults import Endpoint
from tests.commands.support import bare_sandbox, command, environment, sets, settings_for
from tests.daemon_process import daemon_process
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.real.processes import free_port
from tests.screener import empty_sandbox
from tests.warm import mailroom

NAMES = [
    "settings",
    "session",
    "mail",
    "contacts",
    "mailboxes",
    "search",
    "groups",
    "categories",
    "splits",
    "own_addresses",
    "screening",
    "daily",
    "keywords",
    "eventsource",
    "clock",
    "health_port",
    "dotenv",
]
FINE = dict.fromkeys(NAMES, "ok")
"""A healthy account. What is seen of rules depends on the server: tests/doctor/test_checks.py."""


@dataclass(frozen=True)
class Diagnosis:
    """The document of `--json`, and the exit status."""

    status: int
    document: dict[str, Any]

    @property
    def statuses(self) -> dict[str, str]:
        """By check, without the rules."""
        checks = [check for check in self.document["checks"] if check["check"] != "rules"]
        return {str(check["check"]): str(check["status"]) for check in checks}

    def of(self, name: str) -> dict[str, Any]:
        found: dict[str, Any]
        [found] = [check for check in self.document["checks"] if check["check"] == name]
        return found


Examine = Callable[..., Awaitable[Diagnosis]]


@pytest.fixture
def examine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Examine:
    """Run the checks in this process."""

    async def run(settings: AccountSettings, checks: Sequence[Check] = CHECKS, **variables: str) -> Diagnosis:
        port = {"MAILROOM_HEALTH_PORT": str(free_port())}
        for name, value in {**environment(settings), **port, **variables}.items():
            monkeypatch.setenv(name, value)
        status = await doctor.run(checks, JsonReport())
        return Diagnosis(status, json.loads(capsys.readouterr().out))

    return run


def content(sandbox: Sandbox) -> tuple[list[str], dict[str, set[str]], list[Any]]:
    """What a test card or mailbox would show up in."""
    names = sorted(mailbox.name for mailbox in sandbox.store.mailboxes.objects.values())
    return names, sandbox.groups(), sandbox.cards()


# --- healthy accounts


@every_flavour
async def test_a_healthy_account_passes_and_is_left_as_it_was(flavour: Flavour, examine: Examine) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    before = content(sandbox)
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert (found.status, found.document["ok"], found.statuses) == (0, True, FINE)
    assert content(sandbox) == before
    assert found.of("contacts")["detail"] == "a test card was created in the group Mailroom, and removed again"
    assert 0 < found.of("eventsource")["measured_seconds"] < push_check.EVENT_SECONDS
    assert {"ContactCard/set", "Email/set", "Mailbox/set"} == set(sets(sandbox))


@every_flavour
async def test_read_only_writes_nothing(flavour: Flavour, examine: Examine) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    async with settings_for(sandbox) as settings:
        found = await examine(settings, CHECKS_WITHOUT_WRITING)
    assert (found.status, found.statuses) == (0, FINE)
    assert sets(sandbox) == []
    assert "writing was not tried (--read-only)" in found.of("contacts")["detail"]
    assert found.of("eventsource")["measured_seconds"] is None


async def test_the_keys_of_the_document_are_these(examine: Examine) -> None:
    async with settings_for(empty_sandbox()) as settings:
        document = (await examine(settings)).document
    assert [*document] == ["ok", "version", "checks"]
    assert {tuple(check) for check in document["checks"]} == {
        ("check", "status", "detail", "advice", "measured_seconds")
    }


# --- settings and session


async def test_bad_settings_are_all_told_and_nothing_else_is_tried(examine: Examine) -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        found = await examine(settings, MAILROOM_POLL_INTERVAL="soon", MAILROOM_FOO="1")
    assert found.status == 1
    assert found.statuses == dict.fromkeys(NAMES, "skipped") | {"settings": "failed"}
    assert found.of("settings")["detail"] == (
        "MAILROOM_FOO (in the environment) is not a setting\n"
        "MAILROOM_POLL_INTERVAL must be a number of seconds from 1 to 86400"
    )
    assert sandbox.requests == []


async def test_a_refused_token_is_what_to_renew_and_later_checks_say_why_they_are_skipped(examine: Examine) -> None:
    async with settings_for(empty_sandbox()) as settings:
        found = await examine(settings, MAILROOM_JMAP_TOKEN="an0ther-t0ken")  # noqa: S106  invented
    assert found.status == 1
    rest = dict.fromkeys(NAMES, "skipped") | {"settings": "ok", "session": "failed"}
    rest |= {"health_port": "ok", "dotenv": "ok"}
    assert found.statuses == rest
    assert found.of("session")["advice"] == "renew MAILROOM_JMAP_TOKEN and start again"
    assert found.of("mail")["detail"] == "not possible without: Session"
    assert found.of("groups")["detail"] == "not possible without: Contacts"


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        (faults.html(), "expected a JSON document"),
        (faults.status(503), "answered HTTP 503"),
        (faults.without_capability("urn:ietf:params:jmap:mail"), "does the token allow access to mail"),
    ],
    ids=["html", "503", "no mail"],
)
async def test_a_session_that_is_none_fails(fault: faults.Fault, detail: str, examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.faults.next_request(fault, endpoint=Endpoint.SESSION, times=None)
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert (found.status, found.of("session")["status"]) == (1, "failed")
    assert detail in found.of("session")["detail"]
    assert found.of("session")["advice"] != ""


# --- mail and mailboxes


def read_only(session: dict[str, Any]) -> dict[str, Any]:
    accounts = {id: {**account, "isReadOnly": True} for id, account in session["accounts"].items()}
    return {**session, "accounts": accounts}


async def test_a_read_only_account_fails_without_being_tried(examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.faults.next_request(faults.EditSession(read_only), endpoint=Endpoint.SESSION, times=None)
    async with settings_for(sandbox) as settings:
        found = await examine(settings, CHECKS[:3])
    assert (found.status, list(found.statuses.values())[:4]) == (1, ["ok", "ok", "failed", "failed"])
    assert found.of("mail")["advice"] == "make a token that may write mail"
    assert sets(sandbox) == []


async def test_a_new_account_is_told_to_set_up(examine: Examine) -> None:
    async with settings_for(bare_sandbox()) as settings:
        found = await examine(settings)
    assert (found.status, found.of("mailboxes")["status"], found.of("groups")["status"]) == (1, "failed", "failed")
    assert found.of("mailboxes")["detail"].startswith("missing: Screener, Imbox, Feed, Paper Trail, Jail, Person")
    assert found.of("groups")["detail"] == (
        "missing: Imbox, Feed, Paper Trail, Jail, Person, Billboard, Truck, Mailroom"
    )
    assert found.of("groups")["advice"] == "`mailroom setup --apply` creates what is missing"
    assert found.of("contacts")["detail"] == (
        "a test card was created in no group, since the provenance group is missing, and removed again"
    )


async def test_a_missing_label_is_a_warning_since_the_daemon_runs_without(examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("@ToFeed")
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert (found.status, found.statuses) == (0, FINE | {"mailboxes": "warning"})
    assert found.of("mailboxes")["detail"] == "missing: @ToFeed"


# --- contacts


@every_flavour
async def test_contacts_that_refuse_a_card_fail(flavour: Flavour, examine: Examine) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.faults.set_errors["new0"] = SetError("forbidden", "read only")
    before = content(sandbox)[2]
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert (found.status, found.statuses) == (
        1,
        FINE
        | {"contacts": "failed"}
        | dict.fromkeys(("groups", "categories", "splits", "screening", "daily"), "skipped"),
    )
    assert "forbidden" in found.of("contacts")["detail"]
    assert found.of("contacts")["advice"] == "allow this login to write contacts"
    assert content(sandbox)[2] == before


async def test_a_card_that_a_killed_run_left_is_removed(examine: Examine) -> None:
    sandbox = empty_sandbox()
    before = content(sandbox)
    sandbox.add_card(contacts_check.ADDRESS, contacts_check.NAME, uid=new_uid("u1", contacts_check.ADDRESS))
    for card in sandbox.store.cards.objects.values():
        if card.kind == "group" and card.data["name"]["full"] == "Mailroom":
            sandbox.change_card(card.uid, {"members": {new_uid("u1", contacts_check.ADDRESS): True}})
            break
    assert sandbox.groups()["Mailroom"] == {contacts_check.ADDRESS}
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert found.statuses == FINE
    assert content(sandbox) == before


async def test_a_card_of_the_users_with_that_address_stays(examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.add_card(contacts_check.ADDRESS, "My own test")
    before = content(sandbox)
    async with settings_for(sandbox) as settings:
        assert (await examine(settings)).statuses == FINE
    assert content(sandbox) == before


async def test_a_card_that_can_t_be_removed_is_told_and_the_next_run_removes_it(examine: Examine) -> None:
    sandbox = empty_sandbox()
    before = content(sandbox)
    async with settings_for(sandbox) as settings:
        # The calls before are: first member, card, member off.
        sandbox.faults.method_error("ContactCard/set", MethodError("forbidden"), skip=3)
        found = await examine(settings)
        assert (found.status, found.of("contacts")["status"]) == (1, "failed")
        assert "could not be undone" in found.of("contacts")["detail"]
        assert found.of("contacts")["advice"] == contacts_check.BY_HAND
        assert len(sandbox.cards()) == 1
        assert (await examine(settings)).statuses == FINE
    assert content(sandbox) == before


async def test_a_lost_answer_leaves_no_card(examine: Examine) -> None:
    sandbox = empty_sandbox()
    before = content(sandbox)
    # Requests before: mail, leftover, groups.
    sandbox.faults.next_request(faults.CutAfter(), skip=3)
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert (found.status, found.of("contacts")["status"]) == (1, "failed")
    assert len([calls for calls in sets(sandbox) if calls == "ContactCard/set"]) >= 3
    assert content(sandbox) == before


# --- push


@pytest.mark.parametrize(
    ("fault", "detail"),
    always(
        2,
        [
            (faults.status(204), "no push: "),
            (faults.Stream([b": hello\n\n"]), "connects, but told of no change"),
            (faults.status(401), "refused the credentials"),
            (faults.html(), "expected text/event-stream"),
            (faults.Stream([b": hello\n\n"], ends=True), "connects, but told of no change"),
            (faults.Stream([b"event: state\ndata: nonsense\n\n"]), "connects, but told of no change"),
            (faults.endless_line(), "connects, but told of no change"),
        ],
    ),
    ids=["204", "silent", "401", "html", "ends", "nonsense", "endless"],
)
async def test_without_push_there_is_a_warning_and_no_mailbox_left(
    fault: faults.Fault, detail: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_check, "EVENT_SECONDS", 0.2)
    sandbox = empty_sandbox()
    before = content(sandbox)
    sandbox.faults.next_request(fault, endpoint=Endpoint.EVENT, times=None)
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert (found.status, found.statuses) == (0, FINE | {"eventsource": "warning"})
    assert detail in found.of("eventsource")["detail"]
    assert found.of("eventsource")["advice"] == ("Mailroom works without: it looks every 60 s (MAILROOM_POLL_INTERVAL)")
    assert content(sandbox) == before


async def test_a_mailbox_that_can_t_be_created_is_no_reason_to_fail(examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.faults.set_errors["doctor"] = SetError("forbidden")
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert (found.status, found.statuses) == (0, FINE | {"eventsource": "warning"})
    assert "nothing could be changed to wait for its event: forbidden" in found.of("eventsource")["detail"]


async def test_a_mailbox_of_that_name_with_mail_in_it_stays(examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.create_mailbox(push_check.NAME)
    mail = sandbox.deliver(mailboxes=[push_check.NAME])
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert found.of("eventsource")["status"] == "warning"
    assert "mailboxHasEmail" in found.of("eventsource")["detail"]
    assert sandbox.mailboxes_of(mail) == {push_check.NAME}


# --- the machine


async def test_a_port_that_another_program_has_fails(examine: Examine) -> None:
    async with settings_for(empty_sandbox()) as settings:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            other.close()
            listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, _say_nothing, listeners)
                found = await examine(settings, MAILROOM_HEALTH_PORT=str(port))
                nursery.cancel_scope.cancel()
    assert (found.status, found.statuses) == (1, FINE | {"health_port": "failed"})
    assert found.of("health_port")["detail"] == f"port {port} on 127.0.0.1 is used by another program"
    assert found.of("health_port")["advice"] == "set MAILROOM_HEALTH_PORT to a free one"


async def _say_nothing(stream: trio.SocketStream) -> None:
    await stream.aclose()


async def test_a_port_where_a_daemon_answers_is_fine(examine: Examine) -> None:
    async with (
        settings_for(empty_sandbox()) as settings,
        daemon_process(settings.jmap_session_url, None, mailroom(), poll_interval="3600") as daemon,
    ):
        await daemon.logs("poll_completed")
        found = await examine(settings, MAILROOM_HEALTH_PORT=str(daemon.health_port))
    assert (found.status, found.statuses) == (0, FINE)
    assert "and is healthy" in found.of("health_port")["detail"]


async def test_an_address_of_another_machine_fails(examine: Examine) -> None:
    async with settings_for(empty_sandbox()) as settings:
        health = [check for check in CHECKS if check.name == "health_port"]
        found = await examine(settings, health, MAILROOM_HEALTH_HOST="192.0.2.1")
    assert (found.status, found.of("health_port")["status"]) == (1, "failed")
    assert found.of("health_port")["detail"].startswith("can't listen on 192.0.2.1 port ")


# --- as a process


async def test_through_a_pipe_there_is_one_line_a_check_and_no_colour() -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        ended = await command(settings, "doctor", FORCE_COLOR="1", MAILROOM_HEALTH_PORT=str(free_port()))
    assert (ended.status, ended.errors) == (0, "")
    lines = ended.output.splitlines()
    assert [line[0] for line in lines if line[:1].strip()] == [*"✓✓✓·✓✓✓✓✓✓✓✓✓·✓·✓-✓✓✓T"]
    assert lines[3] == (
        "· Contacts     creates the contact 'Mailroom doctor (a test card: delete it)' in the provenance group and "
        "removes it again (--read-only leaves this out)"
    )
    assert lines[-1] == "The daemon can run."
    assert "\x1b" not in ended.output


async def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    sandbox = empty_sandbox()
    before = content(sandbox)
    async with settings_for(sandbox) as settings:
        process = await trio.lowlevel.open_process(
            mailroom("doctor"), env=environment(settings), stdout=PIPE, stderr=PIPE
        )
        assert process.stdout is not None
        await process.stdout.aclose()
        assert await process.wait() == 1
        assert process.stderr is not None
        assert await process.stderr.receive_some() == b""
    assert content(sandbox) == before


async def test_json_goes_to_standard_output_alone() -> None:
    async with settings_for(bare_sandbox()) as settings:
        ended = await command(settings, "doctor", "--json", MAILROOM_HEALTH_PORT=str(free_port()))
        quiet = await command(settings, "doctor", "--json", "--read-only", MAILROOM_HEALTH_PORT=str(free_port()))
    assert (ended.status, quiet.status) == (1, 1)
    assert [json.loads(each.output)["ok"] for each in (ended, quiet)] == [False, False]
    assert ended.errors.splitlines() == [
        f"Contacts: {contacts_check.NOTICE}",
        f"Keywords: {screening_checks.NOTICE}",
        f"Push: {push_check.NOTICE}",
    ]
    assert quiet.errors == ""


@pytest.mark.parametrize(("number", "status"), always(1, [(signal.SIGTERM, 143), (signal.SIGINT, 130)]))
@pytest.mark.parametrize("moment", ["card", "event"])
async def test_an_interruption_leaves_nothing_behind(moment: str, number: signal.Signals, status: int) -> None:
    sandbox = empty_sandbox()
    before = content(sandbox)
    if moment == "card":
        # The card is being created: session, mail, leftover and groups came before.
        sandbox.faults.next_request(faults.Delay(0.2), skip=3)
    else:
        sandbox.faults.next_request(faults.Stream([b": hello\n\n"]), endpoint=Endpoint.EVENT)
    async with settings_for(sandbox) as settings:
        process = await trio.lowlevel.open_process(
            mailroom("doctor"), env=environment(settings), stdout=PIPE, stderr=PIPE
        )
        while len(sandbox.requests) < 5 if moment == "card" else push_check.NAME not in content(sandbox)[0]:
            await trio.testing.wait_all_tasks_blocked(0.01)
        process.send_signal(number)
        assert await process.wait() == status
        assert process.stderr is not None
        assert await process.stderr.receive_some() == b""
    assert "ContactCard/set" in sets(sandbox)
    assert content(sandbox) == before


async def test_searches_are_tried_as_the_daemon_makes_them(examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.faults.refused_texts['"conditions": [{"inMailbox"'] = MethodError("unsupportedFilter", "nested")
    async with settings_for(sandbox) as settings:
        found = (await examine(settings, CHECKS_WITHOUT_WRITING)).of("search")
        sandbox.faults.refused_texts["inMailbox"] = MethodError("unsupportedFilter", "nowhere")
        refused = (await examine(settings, CHECKS_WITHOUT_WRITING)).of("search")
    assert (found["status"], "the server wants one search a label" in found["detail"]) == ("ok", True)
    assert (refused["status"], "unsupportedFilter" in refused["detail"]) == ("failed", True)


class TestTheServersOwnWords:
    @pytest.mark.parametrize("report", [TextReport, VerboseReport])
    async def test_are_shown_cleaned_to_who_asks(
        self, report: type[TextReport], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = empty_sandbox()
        words = f"Quota of \x1b[31mAnn's\n mail, asked with {sandbox.token}"
        sandbox.faults.next_request(faults.status(500, body=words.encode()), endpoint=Endpoint.SESSION, times=None)
        said = await self.said(sandbox, CHECKS_WITHOUT_WRITING[:1], report, monkeypatch, capsys)
        assert "answered HTTP 500" in said
        shown = "the server said: Quota of [31mAnn's mail, asked with [secret]"
        assert (shown in said) is ("Quota" in said) is (report is VerboseReport)

    async def test_of_a_call_are_shown(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = empty_sandbox()
        sandbox.faults.method_error("Mailbox/get", MethodError("invalidArguments", "no role here"), times=None)
        said = await self.said(sandbox, CHECKS_WITHOUT_WRITING[:2], VerboseReport, monkeypatch, capsys)
        assert "the server said: no role here" in said

    async def said(
        self,
        sandbox: Sandbox,
        checks: Sequence[Check],
        report: type[TextReport],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> str:
        async with settings_for(sandbox) as settings:
            for name, value in environment(settings).items():
                monkeypatch.setenv(name, value)
            await doctor.run(checks, report())
        return " ".join(capsys.readouterr().out.split())

    async def test_are_for_people_alone(self) -> None:
        async with settings_for(empty_sandbox()) as settings:
            ended = await command(settings, "doctor", "--json", "--verbose")
        assert ended.status == 2
        assert "leave out --json" in ended.errors


async def test_an_account_from_before_is_told_what_changed_and_what_keeps_the_old_way(examine: Examine) -> None:
    sandbox = empty_sandbox()
    sandbox.add_card("ann@x.org", "Ann", notes={"n": {"note": "— Mailroom —\nTriaged to Jail on 2026-03-05"}})
    sandbox.add_group("Jail", ["ann@x.org"])
    async with settings_for(sandbox) as settings:
        found = await examine(settings)
    assert found.of("categories")["status"] == "warning"
    assert found.of("categories")["detail"].startswith("the usual categories have changed: new mail of a Person's")
    assert (
        "to keep the old way, write this into the file that MAILROOM_CONFIG names" in found.of("categories")["advice"]
    )


async def test_own_addresses_are_named_and_missed_where_none_is_known(examine: Examine) -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        known = await examine(settings)
        sandbox.email, sandbox.identities = "robin", [("Robin", "")]
        sandbox.renew_session()
        unknown = await examine(settings)
    assert known.of("own_addresses")["detail"] == "yours, and never triaged: robin@example.com"
    assert unknown.of("own_addresses")["status"] == "warning"
    assert 'write own_addresses = ["ann@example.org"]' in unknown.of("own_addresses")["advice"]
