"""The rules on the mail server are looked after at the start and every hour."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import structlog
import trio
from pydantic import SecretStr
from structlog.typing import EventDict
from trio.testing import MockClock, wait_all_tasks_blocked

from mailroom.account.rules_watch import LOOK_AGAIN_SECONDS, watch_rules
from mailroom.account.servers import Servers, open_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.keys import VARIABLES
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status
from mailroom.sandbox import CYRUS, FASTMAIL, Flavour, Sandbox, faults
from mailroom.senders.server_rules import script_text, sieve_of
from mailroom.senders.sieve_script import find_installed, install
from tests.exhaustive import always, some_of
from tests.screener import empty_sandbox, served_here

IDLE = PassOutcome(triaged_by_category={}, mails_filed=0, senders_failing=0, mailboxes_missing=0)


@dataclass
class Watched:
    """An account whose rules are looked after; each `hour` is over when the look has been."""

    sandbox: Sandbox
    servers: Servers
    status: Status
    clock: MockClock
    logs: list[EventDict]

    async def install(self, scheme: Scheme = DEFAULT_SCHEME) -> None:
        """What `mailroom rules --apply` does; the command would set up logging."""
        client = self.servers.client
        access = (await client.session()).sieve
        assert access is not None
        installed = await find_installed(client, access)
        contacts = await self.servers.contacts()
        text = await script_text(client, contacts, scheme, sieve_of(access), installed.include)
        await install(client, access, installed, text)

    async def start(self) -> None:
        self.status.pass_succeeded("startup", IDLE, 0.1)
        await wait_all_tasks_blocked(0.2)

    async def hour(self) -> None:
        self.clock.jump(LOOK_AGAIN_SECONDS)
        await wait_all_tasks_blocked(0.2)

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Level and states of each line about a change."""
        return [
            (line["log_level"], line["was"], line["server_rules"])
            for line in self.logs
            if line["event"] == "rules_changed"
        ]


@asynccontextmanager
async def watched(
    clock: MockClock, flavour: Flavour = CYRUS, scheme: Scheme = DEFAULT_SCHEME
) -> AsyncIterator[Watched]:
    sandbox = empty_sandbox(flavour=flavour)
    status = Status(poll_interval=60)
    async with served_here(sandbox) as url, trio.open_nursery() as nursery:
        settings = AccountSettings(jmap_session_url=str(url), jmap_token=SecretStr(sandbox.token))
        async with open_servers(settings) as servers:
            with structlog.testing.capture_logs() as logs:
                nursery.start_soon(watch_rules, servers, scheme, status, VARIABLES)
                yield Watched(sandbox, servers, status, clock, logs)
            nursery.cancel_scope.cancel()


def switched_off(sandbox: Sandbox) -> None:
    sandbox.store.active_script = None


def replaced_by_the_users(sandbox: Sandbox) -> None:
    sandbox.add_script("mine", "keep;", active=True)


def member_added(sandbox: Sandbox) -> None:
    (feed,) = (each for each in sandbox.store.cards.objects.values() if each.data["name"]["full"] == "Feed")
    sandbox.change_card(feed.uid, {"members": {sandbox.add_card("ann@x.org", "Ann"): True}})


def removed(sandbox: Sandbox) -> None:
    sandbox.store.active_script = None
    for id in list(sandbox.store.scripts.objects):
        sandbox.store.scripts.remove(id)


@pytest.mark.parametrize(
    ("happens", "state"),
    always(
        1,
        [
            (member_added, "old"),
            (switched_off, "replaced"),
            (replaced_by_the_users, "replaced"),
            (removed, "none"),
        ],
    ),
)
async def test_what_becomes_of_the_rules_is_told_once_and_so_is_their_return(
    mock_clock: MockClock, happens: Callable[[Sandbox], None], state: str
) -> None:
    async with watched(mock_clock) as it:
        await it.install()
        assert it.status.health().server_rules == "unknown"
        await it.start()
        assert (it.status.health().server_rules, it.changes) == ("current", [])
        happens(it.sandbox)
        await it.hour()
        await it.hour()
        assert (it.status.health().server_rules, it.changes) == (state, [("warning", "current", state)])
        await it.install()
        await it.hour()
        assert (it.status.health().server_rules, it.changes[1:]) == ("current", [("info", state, "current")])


async def test_rules_from_before_screening_was_on_are_old_and_so_are_those_of_screening_when_it_is_off(
    mock_clock: MockClock,
) -> None:
    screening = replace(DEFAULT_SCHEME, screening=Screening("on"))
    for installed, now, said in (
        (DEFAULT_SCHEME, screening, "has to leave mail of strangers to the daemon"),
        (screening, DEFAULT_SCHEME, "it differs from what would be written now"),
    ):
        async with watched(mock_clock, scheme=now) as it:
            await it.install(installed)
            await it.start()
            assert it.changes == [("warning", "unknown", "old")]
            assert said in it.logs[-1]["hint"]
            await it.install(now)
            await it.hour()
            assert it.changes[1:] == [("info", "old", "current")]


async def test_rules_that_are_old_at_the_start_are_told(mock_clock: MockClock) -> None:
    async with watched(mock_clock) as it:
        await it.install()
        member_added(it.sandbox)
        await it.start()
        assert it.changes == [("warning", "unknown", "old")]


async def test_whoever_never_had_rules_is_not_told(mock_clock: MockClock) -> None:
    async with watched(mock_clock) as it:
        await it.start()
        await it.hour()
        assert (it.status.server_rules, it.changes) == ("none", [])


async def test_a_server_that_shows_no_rules_is_asked_for_none(mock_clock: MockClock) -> None:
    async with watched(mock_clock, FASTMAIL) as it:
        await it.start()
        await it.hour()
        assert (it.status.server_rules, it.changes) == ("unknown", [])
        assert not [call for request in it.sandbox.requests for call in request.calls]


@some_of("missing", {"a mailbox is missing": True, "an outage": False}, "an outage")
async def test_what_cannot_be_compared_is_unknown_and_no_change(mock_clock: MockClock, missing: bool) -> None:
    async with watched(mock_clock) as it:
        await it.install()
        await it.start()
        if missing:
            it.sandbox.destroy_mailbox("Feed")
        else:
            it.sandbox.faults.next_request(faults.status(503))
        await it.hour()
        assert (it.status.server_rules, it.changes) == ("unknown", [])
        if missing:
            it.sandbox.create_mailbox("Feed")
        await it.hour()
        assert (it.status.server_rules, it.changes) == ("current", [])
