"""Daemons that serve many mailboxes: one for all, or one for each."""

import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL

import httpx
import trio

from bench.accounts.server import Server
from bench.daemon_figures import cpu_seconds, memory_mb
from tests.real.processes import free_port

READY_SECONDS = 600.0
LOOK_EVERY_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is up: every account was tried once. `seconds` and `cpu` are what that took, from its start."""

    process: trio.Process
    url: str
    seconds: float
    cpu: float

    @property
    def memory_mb(self) -> float:
        """What is resident now."""
        return memory_mb(self.process.pid, "VmRSS")

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.process.pid)

    async def stop(self) -> float:
        """Seconds from SIGTERM until it is gone."""
        asked = time.perf_counter()
        self.process.terminate()
        await self.process.wait()
        return time.perf_counter() - asked


@asynccontextmanager
async def daemon_of(servers: Sequence[tuple[Server, int]]) -> AsyncIterator[Daemon]:
    """One process for so many mailboxes of each server."""
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as name:
        folder = Path(name)
        (folder / "defaults.toml").write_text("debounce_seconds = 0\n")
        for place, (server, count) in enumerate(servers):
            for number in range(count):
                _write_account(folder / f"s{place}-{number:05}.toml", server, number)
        async with _running({"MAILROOM_ACCOUNTS": name}, servers[0][0]) as daemon:
            yield daemon


@asynccontextmanager
async def daemons_of(server: Server, count: int) -> AsyncIterator[list[Daemon]]:
    """A process for each of so many mailboxes."""
    async with AsyncExitStack() as stack:
        daemons: list[Daemon] = []
        for number in range(count):
            login = {
                "MAILROOM_JMAP_SESSION_URL": f"{server.origin}/jmap/session",
                "MAILROOM_JMAP_TOKEN": f"token-{number}",
                "MAILROOM_DEBOUNCE_SECONDS": "0",
            }
            daemons.append(await stack.enter_async_context(_running(login, server)))
        yield daemons


def _write_account(file: Path, server: Server, number: int) -> None:
    file.write_text(f'jmap_session_url = "{server.origin}/jmap/session"\njmap_token = "token-{number}"\n')
    file.chmod(0o600)


@asynccontextmanager
async def _running(settings: dict[str, str], server: Server) -> AsyncIterator[Daemon]:
    """A daemon, once it is ready. Raises `RuntimeError` if it ends."""
    port = free_port()
    trusted = {} if server.authority is None else {"SSL_CERT_FILE": str(server.authority)}
    environment = os.environ | settings | trusted | {"MAILROOM_HEALTH_PORT": str(port)}
    started = time.perf_counter()
    process = await trio.lowlevel.open_process([sys.executable, "-m", "mailroom"], env=environment, stdout=DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        with trio.fail_after(READY_SECONDS):
            async with httpx.AsyncClient(trust_env=False) as http:
                while not await _is_ready(http, f"{url}/readyz"):
                    if process.returncode is not None:
                        raise RuntimeError("the daemon ended: see above")
                    await trio.sleep(LOOK_EVERY_SECONDS)
        yield Daemon(process, url, time.perf_counter() - started, cpu_seconds(process.pid))
    finally:
        process.terminate()
        with trio.move_on_after(10, shield=True):
            await process.wait()
        process.kill()


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).is_success
    except httpx.TransportError:
        return False
