"""No secret and nothing of a mail is told: by the log at debug, health app, metrics, commands or errors.

Servers are as talkative as they can be: whatever they refuse, they quote the login and the mail.
"""

import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import structlog
import trio
from pydantic import SecretStr
from trio.testing import MockClock

from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon import process as daemon
from mailroom.observe import log
from mailroom.sandbox import CYRUS, FASTMAIL, MethodError, Sandbox, SetError, faults
from mailroom.sandbox.faults import Endpoint, Fault
from tests.daemon_process import daemon_process, stops_at_once
from tests.exhaustive import always
from tests.guard import GUARD_SECONDS
from tests.leaks import (
    ANN,
    CARDDAV_PASSWORD,
    ECHO,
    EVERYTHING,
    HEARTBEAT_PATH,
    NAME,
    NOTE,
    PASSWORD,
    REPLIES,
    STREAMS,
    SUBJECT,
    TOKEN,
    Heard,
    delivered,
    spellings,
    talkative_sandbox,
)
from tests.real.accounts import radicale_book
from tests.real.contacts_app import ContactsApp
from tests.real.processes import free_port
from tests.real.radicale import running_radicale
from tests.screener import served
from tests.scripted_server import ScriptedServer, reply
from tests.warm import mailroom

BOB = "bob@example.org"


async def ask_health(heard: Heard, health_port: int) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=GUARD_SECONDS) as http:
        for path in ("healthz", "livez", "readyz", "metrics", "nothing"):
            heard.add(f"/{path}", (await http.get(f"http://127.0.0.1:{health_port}/{path}")).text)


class TestTheSearch:
    @pytest.mark.parametrize("secret", EVERYTHING.values(), ids=EVERYTHING)
    @pytest.mark.parametrize(
        "spell",
        [
            lambda secret: f"Bearer {secret}",
            lambda secret: secret.upper(),
            lambda secret: f"https://x.example/?q={quote(secret)}&",
            lambda secret: repr(ValueError(secret)),
            *(
                lambda secret, user=user: "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
                for user in ("ann", "anna", "robin")
            ),
        ],
        ids=["plain", "upper", "url", "repr", "basic-1", "basic-2", "basic-3"],
    )
    def test_finds_a_planted_leak(self, secret: str, spell: Callable[[str], str]) -> None:
        heard = Heard()
        heard.add("log", f"poll_failed error={spell(secret)} retry_in=1")
        (leak,) = heard.leaks()
        assert leak.endswith(" in log")

    async def test_finds_a_leak_in_the_log_of_a_daemon_that_logs_what_it_must_not(self, tmp_path: Path) -> None:
        async with trouble_at(None, Endpoint.API, tmp_path) as (sandbox, heard):
            mail = delivered(sandbox)
            sandbox.label(mail, "@ToFeed")
            structlog.get_logger(component="x").debug("leak", header=f"Bearer {TOKEN}", about=SUBJECT)
            await filed(sandbox, mail)
        # The token is masked, whoever logs it.
        assert heard.leaks() == ["subject in log"]
        assert "Bearer [secret]" in heard.texts["log"]

    def test_finds_no_secret_in_another(self) -> None:
        assert all(len(spelling) > 9 for secret in EVERYTHING.values() for spelling in spellings(secret))


class TestOrdinaryWork:
    """The daemon as a process, at debug level, and every command."""

    async def test_with_a_token_tells_none(self) -> None:
        await tells_none(talkative_sandbox(FASTMAIL, TOKEN), {"jmap_token": TOKEN})

    @pytest.mark.exhaustive
    async def test_with_two_passwords_tells_none(self) -> None:
        sandbox = talkative_sandbox(CYRUS, PASSWORD)
        mail = {"jmap_token": "", "jmap_username": sandbox.email, "jmap_password": PASSWORD}
        contacts = {"contacts": "carddav", "carddav_username": "ann", "carddav_password": CARDDAV_PASSWORD}
        with running_radicale() as radicale:
            with httpx.Client(auth=("ann", CARDDAV_PASSWORD), timeout=GUARD_SECONDS) as http:
                ContactsApp(http, radicale_book(radicale, http, "ann")).add(ANN, NAME, f"NOTE:{NOTE}")
            await tells_none(sandbox, mail | contacts | {"carddav_url": f"http://127.0.0.1:{radicale.port}/"})


async def tells_none(sandbox: Sandbox, login: dict[str, str]) -> None:
    heard = Heard()
    with trio.fail_after(GUARD_SECONDS):
        async with served(sandbox) as url, monitor() as heartbeat:
            settings = login | {"heartbeat_url": f"{heartbeat.origin}/{HEARTBEAT_PATH}"}
            await work(sandbox, str(url), settings, heard)
            await commands(str(url), settings, heard)
    assert heartbeat.asked
    assert heard.texts["log"]
    # These commands are there to tell of people by name.
    by_name = {f"display name in {command}" for command in ("senders", "triage", "reset")}
    assert [leak for leak in heard.leaks() if leak not in by_name] == []


@asynccontextmanager
async def monitor() -> AsyncIterator[ScriptedServer]:
    """A monitor that takes heartbeats, after one that it answers with all it knows."""
    async with trio.open_nursery() as nursery:
        server = ScriptedServer()
        server.script(f"/{HEARTBEAT_PATH}", reply("500 Quite Wrong", ECHO.encode()), reply("200 OK"))
        await nursery.start(server.serve)
        yield server
        nursery.cancel_scope.cancel()


async def work(sandbox: Sandbox, url: str, settings: dict[str, str], heard: Heard) -> None:
    """Ann is settled and changes category, Bob has two labels; then the daemon is stopped."""
    ann, bob = delivered(sandbox), delivered(sandbox, f"{NAME} <{BOB}>")
    async with daemon_process(url, None, mailroom(), debounce_seconds="0", poll_interval="1", **settings) as process:
        sandbox.label(ann, "@ToFeed")
        await process.logs("sender_triaged")
        sandbox.label(bob, "@ToFeed")
        sandbox.label(bob, "@ToJail")
        await process.logs("conflict_detected")
        sandbox.label(ann, "@ToJail")
        await process.logs("group_reassigned")
        await process.logs("heartbeat_works_again")
        await ask_health(heard, process.health_port)
        await stops_at_once(process)
    heard.add("log", str(process.lines))
    heard.add("stderr", process.errors)


async def commands(url: str, settings: dict[str, str], heard: Heard) -> None:
    """Every command on the account, two at a time."""
    environment = {f"MAILROOM_{name.upper()}": value for name, value in settings.items()}
    environment |= {"MAILROOM_JMAP_SESSION_URL": url, "MAILROOM_LOG_LEVEL": "debug"}
    environment |= {"MAILROOM_HEALTH_PORT": str(free_port())}
    two_at_a_time = trio.CapacityLimiter(2)

    async def run(*arguments: str) -> None:
        async with two_at_a_time:
            done = await trio.run_process(
                mailroom(*arguments),
                env=os.environ | environment,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        assert done.stdout + done.stderr
        heard.add(arguments[0], (done.stdout + done.stderr).decode())

    async with trio.open_nursery() as nursery:
        for arguments in (
            ("setup",),
            ("doctor", "--json"),
            ("senders", "--json"),
            ("triage", ANN, "Imbox"),
            ("rules", "--format", "sieve"),
            ("reset",),
        ):
            nursery.start_soon(run, *arguments)


API, SESSION, EVENT = Endpoint.API, Endpoint.SESSION, Endpoint.EVENT


@asynccontextmanager
async def trouble_at(
    fault: Fault | None, endpoint: Endpoint, folder: Path, secret: str = TOKEN
) -> AsyncIterator[tuple[Sandbox, Heard]]:
    """The daemon in this process, whose server answers with the fault at first; what it says is heard at the end."""
    heard = Heard()
    sandbox = talkative_sandbox(FASTMAIL, secret)
    if fault is not None:
        sandbox.faults.next_request(fault, endpoint=endpoint, times=3 if endpoint is SESSION else 1)
    file = folder / "log"
    with file.open("wb") as output, trio.fail_after(1000):
        log.set_up("debug", "json", fd=output.fileno())
        async with served(sandbox) as url, trio.open_nursery() as nursery:
            settings = AccountSettings(jmap_token=SecretStr(secret), jmap_session_url=str(url), debounce_seconds=0)
            process = ProcessSettings(health_port=free_port())
            running = await nursery.start(daemon.serve, process, AccountConfig(None, settings, DEFAULT_SCHEME))
            yield sandbox, heard
            await ask_health(heard, running.health_port)
            nursery.cancel_scope.cancel()
    heard.add("log", file.read_text())


async def filed(sandbox: Sandbox, mail: str) -> None:
    while sandbox.mailboxes_of(mail) != {"Feed"}:
        await sandbox.changed()


class TestTrouble:
    @pytest.mark.parametrize(
        ("endpoint", "fault", "event"),
        [
            pytest.param(
                endpoint,
                fault,
                event,
                id=f"{endpoint}, {name}",
                # What commands say of all answers is looked at by `tests/test_error_texts.py`.
                marks=() if name in always else pytest.mark.exhaustive,
            )
            for endpoint, faults_there, event, always in (
                (API, REPLIES, "poll_failed", ("malformed at a secret", "type and more")),
                (SESSION, REPLIES, "poll_failed", ()),
                (EVENT, REPLIES | STREAMS, "eventsource_", ("redirect here", "malformed")),
            )
            for name, fault in faults_there.items()
        ],
    )
    async def test_with_answers_tells_none(
        self, endpoint: Endpoint, fault: Fault, event: str, tmp_path: Path, autojump_clock: MockClock
    ) -> None:
        async with trouble_at(fault, endpoint, tmp_path) as (sandbox, heard):
            mail = delivered(sandbox)
            sandbox.label(mail, "@ToFeed")
            await filed(sandbox, mail)
        assert event in heard.texts["log"]
        assert heard.leaks() == []

    async def test_with_urls_of_the_session_tells_none(self, tmp_path: Path, autojump_clock: MockClock) -> None:
        def with_secrets(session: dict[str, object]) -> dict[str, object]:
            api = str(session["apiUrl"])
            return {**session, "apiUrl": f"{api}nowhere?token={TOKEN}", "eventSourceUrl": f"{api}?token={TOKEN}"}

        fault = faults.EditSession(with_secrets)
        async with trouble_at(fault, SESSION, tmp_path) as (sandbox, heard):
            mail = delivered(sandbox)
            sandbox.label(mail, "@ToFeed")
            await filed(sandbox, mail)
        assert "HTTP 404" in heard.texts["log"]
        assert heard.leaks() == []

    @pytest.mark.parametrize("kind", always(1, [ECHO, "serverFail", "unknownMethod", "invalidArguments"]))
    @pytest.mark.parametrize("method", always(2, ["Email/query", "ContactCard/set", "Mailbox/get", "Email/set"]))
    async def test_with_methods_tells_none(
        self, method: str, kind: str, tmp_path: Path, autojump_clock: MockClock
    ) -> None:
        async with trouble_at(None, API, tmp_path) as (sandbox, heard):
            sandbox.faults.method_error(method, MethodError(kind, ECHO), times=3)
            mail = delivered(sandbox)
            sandbox.label(mail, "@ToFeed")
            await filed(sandbox, mail)
        assert "_failed" in heard.texts["log"]
        assert heard.leaks() == []

    @pytest.mark.parametrize("which", ["card", "mail", "error label"])
    async def test_with_one_object_tells_none(self, which: str, tmp_path: Path, autojump_clock: MockClock) -> None:
        refusal = SetError("invalidProperties", ECHO, properties=("mailboxIds", SUBJECT))
        async with trouble_at(None, API, tmp_path) as (sandbox, heard):
            mail = delivered(sandbox)
            (card,) = (card.id for card in sandbox.store.cards.objects.values() if card.kind != "group")
            sandbox.faults.set_errors[card if which == "card" else mail] = refusal
            sandbox.label(mail, "@ToFeed")
            if which == "error label":
                sandbox.label(mail, "@ToJail")
            while "invalidProperties" not in (tmp_path / "log").read_text():  # noqa: ASYNC110  no line tells of itself
                await trio.sleep(1)
        assert r"invalidProperties (mailboxIds, \u2026)" in heard.texts["log"]
        assert heard.leaks() == []
