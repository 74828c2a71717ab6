"""What single checks make of answers that the sandbox never gives."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest
import trio
from pydantic import SecretStr

from mailroom.account.servers import FASTMAIL_SESSION_HOST, open_servers
from mailroom.commands import rules
from mailroom.config.account_settings import AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import Screening
from mailroom.decisions.note import CREATED, recorded
from mailroom.doctor.contacts_check import check_groups
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.doctor.machine_checks import check_clock, check_dotenv, check_health_port
from mailroom.doctor.mail_checks import (
    APPLY_RULES,
    REPLACE,
    TAKE_IT_OUT,
    check_mail,
    check_mailboxes,
    check_rules,
)
from mailroom.doctor.screening_checks import check_marking, check_marking_rights
from mailroom.jmap.session import CONTACTS, CORE, MAIL, SIEVE
from mailroom.rules.sieve import INSTALL
from mailroom.sandbox import CYRUS
from tests.commands.support import settings_for
from tests.guard import GUARD_SECONDS
from tests.screener import empty_sandbox
from tests.scripted_server import Answer, ScriptedServer, json_reply, reply

HOUR = 3600
SCREENING = replace(DEFAULT_SCHEME, screening=Screening("on"))


def session(*urns: str) -> dict[str, Any]:
    capabilities: dict[str, dict[str, Any]] = {urn: {} for urn in (CORE, MAIL, *urns)}
    return {
        "capabilities": capabilities,
        "accounts": {"u1": {"name": "jane@example.com", "accountCapabilities": capabilities}},
        "primaryAccounts": dict.fromkeys(capabilities, "u1"),
        "username": "jane@example.com",
        "apiUrl": "/api",
        "downloadUrl": "/download/{accountId}/{blobId}?{name}{type}",
        "state": "s1",
    }


def results(*lists: list[dict[str, Any]], method: str) -> Answer:
    """The reply to one /get after the other."""
    responses = [[method, {"list": objects}, f"c{number}"] for number, objects in enumerate(lists)]
    return json_reply({"methodResponses": responses, "sessionState": "s1"})


@asynccontextmanager
async def examined(*urns: str, **scripts: Answer) -> AsyncIterator[Examined]:
    """A server with these capabilities that answers so on these paths."""
    server = ScriptedServer()
    server.script("/session", json_reply(session(*urns)))
    for path, answer in scripts.items():
        server.script(f"/{path.replace('__', '/')}", answer)
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            await nursery.start(server.serve)
            settings = AccountSettings(jmap_session_url=f"{server.origin}/session", jmap_token=SecretStr("t"))
            async with open_servers(settings) as servers:
                yield Examined(settings, DEFAULT_SCHEME, servers, print)
            nursery.cancel_scope.cancel()


# --- the clock


@pytest.mark.parametrize(
    ("ahead", "outcome", "detail"),
    [
        (0, Outcome.OK, "within 1 s of the server's"),
        (20, Outcome.OK, "within "),
        (-20, Outcome.OK, "within "),
        (HOUR, Outcome.WARNING, "s ahead of the server's"),
        (-HOUR, Outcome.WARNING, "s behind the server's"),
    ],
)
async def test_the_clock_is_compared_with_the_servers(ahead: int, outcome: Outcome, detail: str) -> None:
    date = formatdate(time.time() - ahead, usegmt=True)
    async with examined(session=reply("200 OK", Date=date)) as it:
        found = await check_clock(it)
    assert (found.outcome, detail in found.detail) == (outcome, True), found
    assert found.measured_seconds is not None
    assert abs(found.measured_seconds - ahead) < 5
    assert bool(found.advice) == (outcome is Outcome.WARNING)


@pytest.mark.parametrize("header", [{}, {"Date": "soon"}, {"Date": "Mon, 99 Foo 2026 10:00:00 GMT"}])
async def test_a_server_without_a_time_leaves_the_clock_alone(header: dict[str, str]) -> None:
    async with examined(session=reply("200 OK", b"", **header)) as it:
        found = await check_clock(it)
    assert (found.outcome, found.measured_seconds) == (Outcome.SKIPPED, None)


# --- mailboxes


def mailbox(id: str, name: str, role: str | None = None) -> dict[str, Any]:
    return {"id": id, "name": name, "parentId": None, "role": role}


def rights(id: str, **forbidden: bool) -> dict[str, Any]:
    return {"id": id, "myRights": {"mayReadItems": True, "mayAddItems": True, "mayRemoveItems": True, **forbidden}}


@pytest.mark.parametrize("right", ["mayReadItems", "mayAddItems", "mayRemoveItems"])
async def test_each_right_to_file_mail_is_needed_in_the_mailboxes_concerned_only(right: str) -> None:
    mailboxes = [mailbox("m1", "Feed"), mailbox("m2", "@ToFeed"), mailbox("m3", "Family")]
    allowed = [rights("m1"), rights("m2"), rights("m3", **{right: False})]
    refused = [rights("m1"), rights("m2", **{right: False}), rights("m3")]
    async with examined(api=results(mailboxes, allowed, method="Mailbox/get")) as it:
        found = await check_mail(it)
        assert (found.outcome, "in all 2 mailboxes" in found.detail) == (Outcome.OK, True)
    async with examined(api=results(mailboxes, refused, method="Mailbox/get")) as it:
        found = await check_mail(it)
    assert (found.outcome, found.detail) == (
        Outcome.FAILED,
        "this login may not move mail in and out of: @ToFeed",
    )


async def test_a_name_that_means_a_mailbox_with_a_role_fails() -> None:
    mailboxes = [mailbox("m1", "Feed", role="archive")]
    async with examined(api=results(mailboxes, method="Mailbox/get")) as it:
        found = await check_mailboxes(it)
    assert (found.outcome, found.detail) == (
        Outcome.FAILED,
        "Feed: it is the account's archive mailbox: choose another name for it in the configuration",
    )


@pytest.mark.parametrize("check", [check_marking, check_marking_rights])
async def test_an_inbox_that_takes_no_keywords_is_a_warning_and_nothing_is_tried(
    check: Callable[[Examined], Awaitable[Finding]],
) -> None:
    right = "maySetKeywords"
    inbox = {**mailbox("m1", "Inbox", role="inbox"), **rights("m1", **{right: False})}
    feed = {**mailbox("m2", "Feed"), **rights("m2", **{right: True})}
    async with examined(api=results([inbox, feed], [inbox, feed], method="Mailbox/get")) as it:
        found = await check(it)
    assert (found.outcome, found.detail) == (Outcome.WARNING, "this login may not set them in the Inbox")
    async with examined(api=results([feed], [feed], method="Mailbox/get")) as it:
        found = await check(it)
    assert (found.outcome, "no mailbox has the role Inbox" in found.detail) == (Outcome.WARNING, True)


# --- groups


async def test_a_group_that_cannot_be_read_is_named_and_is_not_to_be_created() -> None:
    sandbox = empty_sandbox()
    feed = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Feed")
    feed.data["members"] = 17
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        found = await check_groups(Examined(settings, DEFAULT_SCHEME, servers, print))
    assert (found.outcome, found.advice) == (Outcome.FAILED, "")
    assert found.detail.startswith(f"Feed: the contact card {feed.id} may be this group, and can't be read")


async def test_notes_that_no_group_agrees_with_are_a_warning() -> None:
    sandbox = empty_sandbox()
    text = recorded("", "Old", datetime(2026, 3, 5, tzinfo=UTC), CREATED)
    sandbox.add_card("ann@x.org", "Ann", notes={"n": {"note": text}})
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        found = await check_groups(Examined(settings, DEFAULT_SCHEME, servers, print))
    assert found.outcome is Outcome.WARNING
    assert found.detail.startswith("1 contact carries a note of a category that isn't configured: Old (1).")


# --- rules for future mail


def script(**properties: Any) -> Answer:
    return results([{"id": "s1", "name": "mine", "blobId": "b1", **properties}], method="SieveScript/get")


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (script(isActive=False), "no Sieve script is active: mail yet to come is not sorted"),
        (script(isActive=True), "the Sieve script mine is active, and doesn't run Mailroom's"),
        (script(isActive=True, name="mailroom"), "the Sieve script mailroom is active, and doesn't run Mailroom's"),
    ],
)
async def test_an_active_script_of_the_users_alone_is_a_warning(answer: Answer, detail: str) -> None:
    async with examined(SIEVE, CONTACTS, api=answer, download__u1__b1=reply("200 OK", b"keep;\n")) as it:
        found = await check_rules(it)
    assert (found.outcome, found.detail) == (Outcome.WARNING, detail)
    assert found.advice == APPLY_RULES.format(INSTALL)


@pytest.mark.parametrize("name", ["mailroom", "saved by hand"])
async def test_a_script_of_mailrooms_is_compared_with_what_it_would_write_now(name: str) -> None:
    sandbox = empty_sandbox(flavour=CYRUS)
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        it = Examined(settings, DEFAULT_SCHEME, servers, print)
        assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        (text,) = sandbox.scripts().values()
        sandbox.store.active_script = None
        sandbox.store.scripts.objects.clear()
        sandbox.add_script(name, text, active=True)
        found = await check_rules(it)
        assert (found.outcome, found.detail) == (
            Outcome.OK,
            f"the Sieve script {name} is active, and is the one that Mailroom would write now",
        )
        (feed,) = (each for each in sandbox.store.cards.objects.values() if each.data["name"]["full"] == "Feed")
        sandbox.change_card(feed.uid, {"members": {sandbox.add_card("ann@x.org", "Ann"): True}})
        found = await check_rules(it)
    assert (found.outcome, found.detail, found.advice) == (
        Outcome.WARNING,
        f"the Sieve script {name} is active, but Mailroom's is not what it would write now",
        APPLY_RULES.format(INSTALL),
    )


async def test_a_script_of_the_users_that_runs_the_rules_is_fine() -> None:
    sandbox = empty_sandbox(flavour=CYRUS)
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        sandbox.add_script("mine", 'require "include";\ninclude :optional "mailroom";\n', active=True)
        found = await check_rules(Examined(settings, DEFAULT_SCHEME, servers, print))
    assert (found.outcome, found.detail) == (Outcome.OK, "the Sieve script mine is active, and runs Mailroom's")


# --- rules beside a daemon that screens


async def test_a_daemon_that_screens_needs_no_script() -> None:
    async with examined(SIEVE, CONTACTS, api=script(isActive=False)) as it:
        found = await check_rules(replace(it, scheme=SCREENING))
    assert (found.outcome, found.detail) == (
        Outcome.OK,
        "no Sieve script is active: the daemon alone sorts new mail",
    )


@pytest.mark.parametrize(
    ("text", "outcome"),
    [(b"keep;\n", Outcome.OK), (b'# everybody else\nfileinto "Screener";\n', Outcome.WARNING)],
    ids=["of the user's alone", "with our rules in it"],
)
async def test_a_script_of_the_users_is_fine_unless_it_screens_strangers(text: bytes, outcome: Outcome) -> None:
    async with examined(SIEVE, CONTACTS, api=script(isActive=True), download__u1__b1=reply("200 OK", text)) as it:
        found = await check_rules(replace(it, scheme=SCREENING))
    assert found.outcome is outcome
    assert found.advice == ("" if outcome is Outcome.OK else TAKE_IT_OUT)
    assert ("undoes half of the screening" in found.detail) is (outcome is Outcome.WARNING)


@pytest.mark.parametrize("runs", ["alone", "by the user's"])
async def test_rules_from_before_screening_was_on_undo_half_of_it_until_they_are_installed_again(runs: str) -> None:
    sandbox = empty_sandbox(flavour=CYRUS)
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        it = Examined(settings, SCREENING, servers, print)
        await rules.apply_sieve(settings, DEFAULT_SCHEME)
        if runs == "by the user's":
            sandbox.add_script("mine", 'require "include";\ninclude :optional "mailroom";\n', active=True)
        found = await check_rules(it)
        assert (found.outcome, found.advice) == (Outcome.WARNING, REPLACE.format(INSTALL))
        assert "but Mailroom's undoes half of the screening" in found.detail
        await rules.apply_sieve(settings, SCREENING)
        found = await check_rules(it)
    assert (found.outcome, found.advice) == (Outcome.OK, "")
    assert found.detail.endswith(", which leaves mail of strangers to the daemon")


async def test_a_rule_on_fastmail_that_would_undo_it_is_named() -> None:
    async with examined() as it:
        settings = it.settings.model_copy(update={"jmap_session_url": f"https://{FASTMAIL_SESSION_HOST}/jmap/session"})
        found = await check_rules(replace(it, settings=settings, scheme=SCREENING))
    assert found.outcome is Outcome.SKIPPED
    assert "a rule “Mailroom: Screener” undoes half of the screening" in found.advice


async def test_rules_that_no_program_can_see_are_not_judged() -> None:
    async with examined() as it:
        assert (await check_rules(it)).outcome is Outcome.SKIPPED


# --- the health port


async def test_a_port_of_a_daemon_that_has_no_success_is_a_warning() -> None:
    health = {"status": "unhealthy", "version": "1.2", "last_poll_age_seconds": 900.0}
    async with examined(healthz=json_reply(health)) as it:
        port = int(it.settings.jmap_session_url.rpartition(":")[2].partition("/")[0])
        found = await check_health_port(ProcessSettings(health_port=port), "off")
    assert (found.outcome, found.detail) == (
        Outcome.WARNING,
        f"a running Mailroom 1.2 answers on port {port}, and had no success for 900 s",
    )


@pytest.mark.parametrize(
    ("told", "outcome"),
    [({}, Outcome.OK), ({"screening": "on"}, Outcome.OK), ({"screening": "off"}, Outcome.WARNING)],
    ids=["an older one", "the same", "off"],
)
async def test_a_daemon_that_screens_otherwise_than_the_settings_say_is_a_warning(
    told: dict[str, str], outcome: Outcome
) -> None:
    health = {"status": "ok", "version": "1.2", "last_poll_age_seconds": 9.0, **told}
    async with examined(healthz=json_reply(health)) as it:
        port = int(it.settings.jmap_session_url.rpartition(":")[2].partition("/")[0])
        found = await check_health_port(ProcessSettings(health_port=port), "on")
    assert found.outcome is outcome
    if outcome is Outcome.WARNING:
        assert found.detail.endswith("; its screening is off, and that of these settings on")
        assert found.advice == "start it again with these settings"


@pytest.mark.parametrize(("mode", "outcome"), [(0o600, Outcome.OK), (0o640, Outcome.WARNING), (0o604, Outcome.WARNING)])
async def test_a_file_with_the_login_that_others_can_read_is_a_warning(mode: int, outcome: Outcome) -> None:
    path = trio.Path(".env")
    await path.write_text("MAILROOM_JMAP_TOKEN=x\n")
    await path.chmod(mode)
    found = await check_dotenv(ProcessSettings(), "off")
    assert found.outcome is outcome
    assert found.advice == ("" if outcome is Outcome.OK else "chmod 600 .env")
