"""The whole daemon, as a process, against the sandbox over loopback."""

import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon import process as daemon
from mailroom.sandbox import Flavour, Sandbox, faults
from mailroom.sandbox.faults import EditSession, Endpoint
from tests.daemon_process import DaemonProcess, daemon_process, stops_at_once
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.guard import GUARD_SECONDS
from tests.real.processes import free_port
from tests.scrape import samples
from tests.screener import empty_sandbox, served
from tests.scripted_server import ScriptedServer, reply
from tests.warm import mailroom


@asynccontextmanager
async def daemon_on(sandbox: Sandbox, **settings: str) -> AsyncIterator[DaemonProcess]:
    async with served(sandbox) as url:
        with trio.fail_after(GUARD_SECONDS):
            async with daemon_process(str(url), None, mailroom(), **settings) as process:
                yield process


async def scrape(process: DaemonProcess) -> str:
    async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
        return (await http.get(process.health_url.replace("healthz", "metrics"))).text


async def test_a_start_with_nothing_to_do_is_one_pass() -> None:
    sandbox = empty_sandbox()
    async with daemon_on(sandbox, debounce_seconds="0", poll_interval="3600") as process:
        await process.logs("eventsource_connected")
        await process.logs("poll_completed")
        mail = sandbox.deliver("Ann <ann@example.org>")
        assert mail
        await process.logs("poll_completed", times=2)
        assert [line["trigger"] for line in process.logged("poll_completed")] == ["startup", "push"]
        # Session, event stream, the check of the start, the pass, and the pass for the mail.
        asked = [each.endpoint for each in sandbox.requests]
        assert asked == [Endpoint.SESSION, Endpoint.EVENT, *[Endpoint.API] * 3]
        await stops_at_once(process)


@every_flavour
async def test_a_label_files_the_sender_within_moments_of_the_push(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mail = sandbox.deliver("Ann <ann@example.org>")
    async with daemon_on(sandbox, debounce_seconds="0", poll_interval="3600") as process:
        await process.logs("eventsource_connected")
        await process.logs("poll_completed")
        sandbox.label(mail, "@ToFeed")
        line = await process.logs("sender_triaged")
        assert line["sender"] == "ann@example.org"
        await process.logs("poll_completed", times=2)
        assert sandbox.mailboxes_of(mail) == {"Feed"}
        assert sandbox.groups()["Feed"] == {"ann@example.org"}
        async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
            health = (await http.get(process.health_url)).json()
        assert (health["status"], health["last_poll_trigger"]) == ("ok", "push")
        assert health["eventsource"]["status"] == "connected"
        values = samples(await scrape(process))
        assert values["mailroom_event_stream_up"] == 1
        assert values["mailroom_push_to_pass_seconds_count"] >= 1
        await stops_at_once(process)


async def test_metrics_tell_what_was_done_and_name_nobody() -> None:
    sandbox = empty_sandbox()
    sandbox.faults.next_request(faults.status(204), endpoint=Endpoint.EVENT, times=None)
    sandbox.label(sandbox.deliver("Ann <ann@example.org>"), "@ToFeed")
    async with daemon_on(sandbox, poll_interval="3600") as process:
        await process.logs("poll_completed")
        asked = len([each for each in sandbox.requests if each.endpoint == Endpoint.API])
        text = await scrape(process)
    values = samples(text)
    assert values['mailroom_senders_triaged_total{category="Feed"}'] == 1
    assert values['mailroom_senders_triaged_total{category="Jail"}'] == 0
    assert values["mailroom_mails_filed_total"] == 1
    assert values['mailroom_passes_total{outcome="success",trigger="startup"}'] == 1
    assert values['mailroom_pass_duration_seconds_count{outcome="success"}'] == 1
    assert values["mailroom_jmap_requests_total"] == asked
    assert values["mailroom_event_stream_up"] == 0
    assert values["mailroom_last_success_timestamp_seconds"] > 0
    assert "ann" not in text
    assert "sandbox-token" not in text


async def test_a_heartbeat_follows_the_first_pass_and_its_failure_harms_nothing() -> None:
    sandbox = empty_sandbox()
    async with trio.open_nursery() as nursery:
        monitor = ScriptedServer()
        monitor.script("/push/s3cret", reply("500 Internal Server Error"), reply("200 OK"))
        await nursery.start(monitor.serve)
        url = f"{monitor.origin}/push/s3cret?key=k"
        async with daemon_on(sandbox, poll_interval="1", heartbeat_url=url) as process:
            asked = await monitor.wait_asked("/push/s3cret", 1)
            assert asked.target.startswith("/push/s3cret?key=k&status=up&msg=startup&ping=")
            await monitor.wait_asked("/push/s3cret", 2)
            await process.logs("heartbeat_works_again")
            await stops_at_once(process)
        assert [line["error"] for line in process.logged("heartbeat_failed")] == ["it answered HTTP 500"]
        assert "s3cret" not in str(process.lines)
        nursery.cancel_scope.cancel()


async def test_without_push_the_poll_alone_files_the_sender() -> None:
    sandbox = empty_sandbox()
    sandbox.faults.next_request(faults.status(204), endpoint=Endpoint.EVENT, times=None)
    mail = sandbox.deliver("Ann <ann@example.org>")
    async with daemon_on(sandbox, poll_interval="1") as process:
        await process.logs("eventsource_not_available")
        sandbox.label(mail, "@ToFeed")
        await process.logs("sender_triaged")
        await process.logs("poll_completed", times=len(process.logged("poll_completed")) + 1)
        assert sandbox.mailboxes_of(mail) == {"Feed"}
        assert {line["trigger"] for line in process.logged("poll_completed")} <= {"startup", "fallback"}


async def test_the_log_starts_every_line_alike_and_tells_the_settings_and_health_the_role() -> None:
    async with daemon_on(empty_sandbox(), poll_interval="7", debounce_seconds="0.5", standby_seconds="1") as process:
        line = await process.logs("service_started")
        await process.logs("poll_completed")
        assert list(line)[:4] == ["event", "level", "timestamp", "component"]
        assert (line["poll_interval"], line["debounce_seconds"], line["push_enabled"]) == (7, 0.5, True)
        assert line["screening"] == "off"
        assert line["health_port"] == process.health_port
        async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
            health = (await http.get(process.health_url)).json()
        assert health["role"] == "standby"
        assert {tuple(line)[:4] for line in process.lines} == {("event", "level", "timestamp", "component")}
        assert "sandbox-token" not in str(process.lines)


@pytest.mark.parametrize("number", always(1, [signal.SIGTERM, signal.SIGINT]))
async def test_it_stops_while_idle(number: signal.Signals) -> None:
    async with daemon_on(empty_sandbox(), debounce_seconds="0") as process:
        await process.logs("eventsource_connected")
        await process.logs("poll_completed")
        await stops_at_once(process, number)


async def test_it_stops_during_a_pass_and_the_next_start_finishes_it() -> None:
    sandbox = empty_sandbox()
    mail = sandbox.deliver("Ann <ann@example.org>")
    sandbox.label(mail, "@ToFeed")
    # The session has been read by then, and the start check made.
    sandbox.faults.next_request(faults.Delay(GUARD_SECONDS), skip=3)
    async with daemon_on(sandbox, log_level="info") as process:
        while len([each for each in sandbox.requests if each.endpoint == Endpoint.API]) < 4:
            await trio.testing.wait_all_tasks_blocked(0.01)
        await stops_at_once(process)
    assert "@ToFeed" in sandbox.mailboxes_of(mail)
    async with daemon_on(sandbox) as process:
        await process.logs("poll_completed")
    assert sandbox.mailboxes_of(mail) == {"Feed"}


async def test_it_stops_during_a_debounce() -> None:
    sandbox = empty_sandbox()
    async with daemon_on(sandbox, debounce_seconds="60") as process:
        await process.logs("eventsource_connected")
        await stops_at_once(process)


async def test_it_stops_while_a_server_takes_its_time_to_say_hello() -> None:
    sandbox = empty_sandbox()
    sandbox.faults.next_request(faults.Delay(GUARD_SECONDS), endpoint=Endpoint.SESSION, times=None)
    async with daemon_on(sandbox) as process:
        await process.logs("service_started")
        await stops_at_once(process)


async def test_a_start_without_network_is_a_failed_pass_with_health_already_up() -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with daemon_process(f"http://127.0.0.1:{free_port()}/jmap/session", None, mailroom()) as process:
            line = await process.logs("poll_failed")
            assert (line["trigger"], line["consecutive_failures"], line["level"]) == ("startup", 1, "warning")
            async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
                assert (await http.get(process.health_url)).json()["last_poll_trigger"] is None
            await stops_at_once(process)


async def test_refused_credentials_end_it_with_2_and_say_what_to_renew() -> None:
    async with daemon_on(empty_sandbox(), jmap_token="wr0ng") as process:  # noqa: S106  invented
        assert await process.exit_status() == 2
        assert "MAILROOM_JMAP_TOKEN" in process.lines[-1]["reason"]
        assert "MAILROOM_JMAP_TOKEN" in process.errors
        assert "Traceback" not in process.errors
        assert "wr0ng" not in str(process.lines) + process.errors


async def test_missing_mailboxes_end_it_with_2_and_are_all_named() -> None:
    sandbox = empty_sandbox()
    for name in ("Screener", "Feed"):
        sandbox.destroy_mailbox(name)
    async with daemon_on(sandbox) as process:
        assert await process.exit_status() == 2
        assert "Screener" in process.errors
        assert "Feed" in process.errors
        assert "Traceback" not in process.errors


async def test_a_busy_health_port_ends_it_with_1_and_names_the_setting() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        async with daemon_on(empty_sandbox(), health_port=port) as process:
            assert await process.exit_status() == 1
            assert f"health port {port} on 127.0.0.1 is in use: set MAILROOM_HEALTH_PORT" in process.errors
            assert "Traceback" not in process.errors


async def test_a_second_daemon_is_told_that_one_runs_already() -> None:
    sandbox = empty_sandbox()
    async with daemon_on(sandbox) as first:
        port = str((await first.logs("service_started"))["health_port"])
        async with daemon_on(sandbox, health_port=port) as second:
            assert await second.exit_status() == 1
            assert f"runs here already: it answers on port {port}" in second.errors
        await stops_at_once(first)


async def test_the_start_says_whether_the_server_offers_push() -> None:
    sandbox = empty_sandbox()
    edit = EditSession(lambda session: {**session, "eventSourceUrl": None})
    sandbox.faults.next_request(edit, endpoint=Endpoint.SESSION, times=None)
    async with daemon_on(sandbox) as process:
        assert (await process.logs("service_started"))["push_enabled"] is False


async def test_two_signals_at_once_are_one() -> None:
    async with daemon_on(empty_sandbox()) as process:
        await process.logs("poll_completed")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            process.process.send_signal(number)
        assert await process.exit_status() == 0
        assert process.errors == ""


async def test_a_cancelled_daemon_leaves_a_name_lookup_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = trio.Event()
    test_is_over = threading.Event()
    token = trio.lowlevel.current_trio_token()
    really_look_up = socket.getaddrinfo

    def look_up(host: str | bytes | None, *rest: Any, **more: Any) -> Any:
        # In its own thread trio only asks whether the host is a number.
        if host == b"mail.invalid" and threading.current_thread() is not threading.main_thread():
            token.run_sync_soon(asked.set)
            test_is_over.wait()
        return really_look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    settings = AccountSettings(jmap_token=SecretStr("t"), jmap_session_url="https://mail.invalid/jmap")
    process = ProcessSettings().model_copy(update={"health_port": 0})
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            await nursery.start(daemon.serve, process, AccountConfig(None, settings, DEFAULT_SCHEME))
            await asked.wait()
            nursery.cancel_scope.cancel()
    test_is_over.set()
