"""The daemon with a folder of accounts, as a process: what it logs and tells, and how it ends."""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trio

from mailroom.commands import healthcheck
from mailroom.daemon.descriptors import needed
from mailroom.sandbox import Sandbox
from tests.daemon_process import COLD, DaemonProcess, running_process, stops_at_once
from tests.guard import GUARD_SECONDS
from tests.scrape import samples
from tests.screener import empty_sandbox, served
from tests.warm import mailroom


@dataclass
class Folder:
    """A folder of accounts, and a mailbox for each, on a server of its own."""

    path: Path
    mailboxes: dict[str, Sandbox]
    urls: dict[str, str]

    def write(self, name: str) -> None:
        file = self.path / f"{name}.toml"
        file.write_text(f'jmap_session_url = "{self.urls[name]}"\njmap_token = "{self.mailboxes[name].token}"\n')
        file.chmod(0o600)


@asynccontextmanager
async def folder_of(path: Path, *names: str) -> AsyncIterator[Folder]:
    (path / "defaults.toml").write_text("debounce_seconds = 0\npoll_interval = 3600\n")
    mailboxes = {name: empty_sandbox() for name in names}
    with trio.fail_after(GUARD_SECONDS):
        async with AsyncExitStack() as stack:
            urls = {name: str(await stack.enter_async_context(served(each))) for name, each in mailboxes.items()}
            yield Folder(path, mailboxes, urls)


async def get(daemon: DaemonProcess, path: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=GUARD_SECONDS) as http:
        return await http.get(daemon.health_url.replace("/healthz", path))


async def test_it_serves_all_accounts_reads_again_at_a_hangup_and_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with folder_of(tmp_path, "anna", "bert") as folder:
        folder.write("anna")
        async with running_process({"accounts": str(tmp_path)}, None, mailroom()) as daemon:
            assert (await daemon.logs("service_started"))["accounts"] == 1
            await daemon.logs("poll_completed")
            assert (await get(daemon, "/readyz")).status_code == 200
            folder.write("bert")
            daemon.process.send_signal(signal.SIGHUP)
            assert (await daemon.logs("accounts_changed", times=2))["added"] == ["bert"]
            await daemon.logs("eventsource_connected", times=2)
            await daemon.logs("poll_completed", times=2)
            mail = folder.mailboxes["bert"].deliver("Bob <bob@example.org>", mailboxes=("Screener", "@ToFeed"))
            line = await daemon.logs("sender_triaged")
            assert (line["account"], list(line)[:5]) == (
                "bert",
                ["event", "level", "timestamp", "component", "account"],
            )
            while folder.mailboxes["bert"].mailboxes_of(mail) != {"Feed"}:
                await folder.mailboxes["bert"].changed()
            values = samples((await get(daemon, "/metrics")).text)
            assert values['mailroom_senders_triaged_total{account="bert",category="Feed"}'] == 1
            assert values['mailroom_senders_triaged_total{account="anna",category="Feed"}'] == 0
            assert "account" not in await daemon.logs("service_started")
            monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(daemon.health_port))
            for name, said in ((None, "healthy: 2 of 2 accounts are well"), ("bert", "healthy: last successful pass")):
                assert await trio.to_thread.run_sync(healthcheck.run, name) == 0
                assert capsys.readouterr().out.startswith(said)
            await stops_at_once(daemon)


async def test_an_account_that_has_to_be_mended_ends_nothing(tmp_path: Path) -> None:
    async with folder_of(tmp_path, "anna", "bert") as folder:
        folder.write("anna")
        folder.write("bert")
        folder.mailboxes["anna"].token = "another"  # noqa: S105  invented
        folder.mailboxes["bert"].destroy_mailbox("Feed")
        async with running_process({"accounts": str(tmp_path)}, None, mailroom()) as daemon:
            lines = [await daemon.logs("account_set_aside", times=number) for number in (1, 2)]
            reasons = {line["account"]: line["reason"] for line in lines}
            assert "refused the credentials" in reasons["anna"]
            assert "missing mailboxes: Feed" in reasons["bert"]
            health = await get(daemon, "/healthz")
            assert (health.status_code, health.json()["unhealthy"]) == (503, ["anna", "bert"])
            assert (await get(daemon, "/livez")).status_code == 200
            assert (await get(daemon, "/healthz/bert")).json()["last_poll_error"] == reasons["bert"]
            await stops_at_once(daemon)


async def test_a_folder_without_accounts_ends_the_start_with_2(tmp_path: Path) -> None:
    async with running_process({"accounts": str(tmp_path)}, None, mailroom()) as daemon:
        with trio.fail_after(GUARD_SECONDS):
            assert await daemon.exit_status() == 2
        assert "holds no account" in daemon.errors
        assert "Traceback" not in daemon.errors


@pytest.mark.exhaustive
async def test_too_few_descriptors_are_told_at_the_start_with_the_number_that_would_do(tmp_path: Path) -> None:
    limited = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (90, 90)); sys.argv[:] = ['m']; "
    command = [sys.executable, "-c", f"{limited}runpy.run_module('mailroom', run_name='__main__')"]
    assert COLD[0] == command[0]
    async with folder_of(tmp_path, "anna") as folder:
        folder.write("anna")
        async with running_process({"accounts": str(tmp_path)}, None, command) as daemon:
            line = await daemon.logs("too_few_descriptors")
            assert (line["accounts"], line["allowed"], line["needed"]) == (1, 90, needed([folder.urls["anna"]]))
            assert f"LimitNOFILE={line['needed']}" in line["hint"]
            await daemon.logs("poll_completed")
            await stops_at_once(daemon)


def test_descriptors_are_one_an_account_and_ten_a_server() -> None:
    one = needed(["https://a.example/x"])
    assert needed(["https://a.example/x"] * 1000) == one + 999
    assert needed(["https://a.example/x", "https://b.example/x"]) == one + 11
