"""A folder of accounts that changes while they are served: by the daemon's own look, and at SIGHUP."""

import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import structlog
import trio
from structlog.typing import EventDict
from trio.testing import MockClock, wait_all_tasks_blocked

from mailroom.config.account_files import AccountFiles
from mailroom.config.process_settings import ProcessSettings
from mailroom.daemon.many import serve_many
from mailroom.daemon.reload import LOOK_EVERY_SECONDS
from mailroom.errors import ConfigError
from mailroom.sandbox import Sandbox
from mailroom.sandbox.faults import Endpoint
from tests.screener import empty_sandbox, served_here

CALM = "poll_interval = 3600\ndebounce_seconds = 0\n"


@dataclass
class Provider:
    """A daemon in this process that serves a folder; each mailbox has a server of its own."""

    folder: Path
    clock: MockClock
    mailboxes: dict[str, Sandbox]
    urls: dict[str, str]
    logs: list[EventDict]
    health_url: str = ""

    def write(self, name: str, text: str | None = None) -> None:
        """The account's file: with its token in a file of its own, or this text."""
        secret = self.folder / f"{name}.token"
        secret.write_text(self.mailboxes[name].token)
        usual = f'jmap_session_url = "{self.urls[name]}"\njmap_token_file = "{secret.name}"\n'
        (self.folder / f"{name}.toml").write_text(usual if text is None else text)

    async def looks(self, times: int = 2) -> None:
        """As much time passes as it takes to look so many times; what follows from it happens."""
        for _ in range(times):
            self.clock.jump(LOOK_EVERY_SECONDS)
            await self.rests()

    async def rests(self) -> None:
        """Threads read the folder, however long that takes them, and servers answer."""
        threads = trio.to_thread.current_default_thread_limiter()
        for _ in range(5):
            await wait_all_tasks_blocked(0.02)
            while threads.borrowed_tokens:
                await trio.lowlevel.checkpoint()

    async def served(self) -> list[str]:
        """The names of the accounts that `/metrics` knows."""
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"{self.health_url}/metrics")).text
        lines = [line for line in text.splitlines() if line.startswith("mailroom_mails_filed_total{")]
        return sorted(line.split('"')[1] for line in lines)

    async def health(self, name: str = "") -> httpx.Response:
        async with httpx.AsyncClient() as http:
            return await http.get(f"{self.health_url}/healthz{f'/{name}' if name else ''}")

    async def is_ready(self) -> bool:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{self.health_url}/readyz")).status_code == 200

    async def files(self, name: str) -> None:
        """A mail with a label comes to this account, and is filed."""
        sandbox = self.mailboxes[name]
        mail = sandbox.deliver(f"New <new{len(sandbox.requests)}@example.org>", mailboxes=("Screener", "@ToFeed"))
        while sandbox.mailboxes_of(mail) != {"Feed"}:
            await sandbox.changed()

    def logged(self, event: str) -> list[EventDict]:
        return [line for line in self.logs if line["event"] == event]

    def gives(self, name: str, password: str) -> None:
        """The account's file has a password for the page, too."""
        file = self.folder / f"{name}.toml"
        (self.folder / f"{name}.page").write_text(password)
        file.write_text(f'{file.read_text()}page_password_file = "{name}.page"\n')

    def connects(self, name: str) -> int:
        """How often the account has opened its event stream: once for each start."""
        return [each.endpoint for each in self.mailboxes[name].requests].count(Endpoint.EVENT)


@asynccontextmanager
async def provider(
    folder: Path, clock: MockClock, *names: str, unused: tuple[str, ...] = (), **process: object
) -> AsyncIterator[Provider]:
    """The accounts `names` are served; for `unused` there are mailboxes, and no files yet. Free ports unless `process`
    says which."""
    (folder / "defaults.toml").write_text(CALM)
    with structlog.testing.capture_logs() as logs:
        async with AsyncExitStack() as stack:
            mailboxes = {name: empty_sandbox() for name in (*names, *unused)}
            urls = {name: str(await stack.enter_async_context(served_here(each))) for name, each in mailboxes.items()}
            running = Provider(folder, clock, mailboxes, urls, logs)
            for name in names:
                running.write(name)
            async with trio.open_nursery() as nursery:
                settings = ProcessSettings().model_copy(update={"health_port": 0, "page_port": 0, **process})
                port = await nursery.start(serve_many, settings, AccountFiles(folder))
                running.health_url = f"http://127.0.0.1:{port}"
                for name in names:
                    await mailboxes[name].broadcaster.wait_for_stream()
                await running.looks()
                yield running
                nursery.cancel_scope.cancel()


async def test_a_file_that_comes_starts_an_account_once_two_looks_agree(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna", unused=("bert",)) as running:
        running.write("bert")
        await running.looks(1)
        assert await running.served() == ["anna"]
        await running.looks(1)
        assert await running.served() == ["anna", "bert"]
        await running.files("bert")
        await running.files("anna")
        assert running.connects("anna") == 1


async def test_a_file_that_goes_stops_its_account_alone(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna", "bert") as running:
        (tmp_path / "bert.toml").unlink()
        await running.looks()
        assert await running.served() == ["anna"]
        assert (await running.health("bert")).status_code == 404
        await running.files("anna")
        assert running.connects("anna") == 1


async def test_a_file_that_changes_starts_its_account_anew(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna", "bert") as running:
        text = (tmp_path / "bert.toml").read_text()
        running.write("bert", f"{text}poll_interval = 1800\n")
        await running.looks()
        await running.files("bert")
        assert (running.connects("anna"), running.connects("bert")) == (1, 2)


async def test_a_secret_that_is_rotated_starts_its_account_anew(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna", "bert") as running:
        running.mailboxes["bert"].token = "rotated-token"  # noqa: S105  invented
        # As Kubernetes does it: the file is another one from one moment to the next.
        (tmp_path / "new").write_text("rotated-token")
        os.replace(tmp_path / "new", tmp_path / "bert.token")
        await running.looks()
        await running.files("bert")
        assert (running.connects("anna"), running.connects("bert")) == (1, 2)


async def test_a_file_with_a_mistake_leaves_its_account_as_it_was(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna", "bert") as running:
        running.write("bert", 'jmap_tokn = "x"\n')
        await running.looks(4)
        (told,) = running.logged("account_misconfigured")
        assert told["account"] == "bert"
        assert "jmap_tokn" in str(told["errors"])
        await running.files("bert")
        assert running.connects("bert") == 1
        running.write("bert")
        await running.looks()
        assert running.connects("bert") == 1


async def test_half_a_file_is_not_taken(tmp_path: Path, mock_clock: MockClock) -> None:
    """The first half of a valid TOML may be valid: of an account without its token file, or of another server."""
    async with provider(tmp_path, mock_clock, "anna", "bert") as running:
        whole = (tmp_path / "bert.toml").read_text()
        running.write("bert", whole.splitlines(keepends=True)[0])
        await running.looks(1)
        running.write("bert", whole)
        await running.looks(1)
        assert running.logged("account_misconfigured") == []
        await running.looks()
        await running.files("bert")
        assert running.connects("bert") == 1


@pytest.mark.parametrize("how", ["empty", "gone"])
async def test_a_folder_that_is_not_there_any_more_stops_nobody(
    tmp_path: Path, mock_clock: MockClock, how: str
) -> None:
    folder = tmp_path / "accounts"
    folder.mkdir()
    async with provider(folder, mock_clock, "anna", "bert") as running:
        away = tmp_path / "away"
        folder.rename(away)
        if how == "empty":
            folder.mkdir()
        await running.looks(4)
        assert len(running.logged("accounts_unreadable")) == 1
        await running.files("anna")
        await running.files("bert")
        if how == "empty":
            folder.rmdir()
        away.rename(folder)
        (folder / "bert.toml").unlink()
        await running.looks(3)
        assert await running.served() == ["anna"]
        assert running.connects("anna") == 1


async def test_a_hangup_reads_the_folder_at_once(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna", unused=("bert",)) as running:
        running.write("bert")
        os.kill(os.getpid(), signal.SIGHUP)
        while await running.served() != ["anna", "bert"]:
            await running.rests()
        await running.files("bert")


async def test_a_hangup_tries_those_again_that_are_set_aside(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna", unused=("bert",)) as running:
        told, running.mailboxes["bert"].token = running.mailboxes["bert"].token, "not that one yet"
        running.write("bert", f'jmap_session_url = "{running.urls["bert"]}"\njmap_token = "{told}"\n')
        await running.looks()
        assert len(running.logged("account_set_aside")) == 1
        running.mailboxes["bert"].token = told
        os.kill(os.getpid(), signal.SIGHUP)
        await running.files("bert")
        assert (running.connects("anna"), running.connects("bert")) == (1, 1)


async def test_once_ready_it_stays_so_while_what_was_changed_or_added_waits_for_its_server(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with provider(tmp_path, mock_clock, "anna", "bert", unused=("cleo",)) as running:
        assert await running.is_ready()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            for name in ("bert", "cleo"):
                running.write(name, f'jmap_session_url = "{url}"\njmap_token = "{name}-token"\n')
            await running.looks()
            told = running.logged("accounts_changed")[-1]
            assert (told["added"], told["changed"]) == (["cleo"], ["bert"])
            assert await running.is_ready()


async def test_two_files_for_one_account_serve_it_once(tmp_path: Path, mock_clock: MockClock) -> None:
    async with provider(tmp_path, mock_clock, "anna") as running:
        (tmp_path / "twin.toml").write_text((tmp_path / "anna.toml").read_text())
        await running.looks()
        twin = await running.health("twin")
        assert twin.status_code == 503
        assert "the same account as anna.toml" in twin.json()["last_poll_error"]
        assert (await running.health()).json()["unhealthy"] == ["twin"]
        await running.files("anna")


async def test_a_start_without_any_account_is_something_to_mend(tmp_path: Path) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="holds no account")):
        await serve_many(ProcessSettings(), AccountFiles(tmp_path))
