"""The real daemon as a process of its own, watched from outside: by its health port, its log and its end."""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import httpx
import trio
from support import Failed, Run, say

from mailroom.observe.status import Health
from mailroom.wire import reader

HOST = "127.0.0.1"
STOP_SECONDS = 10
ANSWER_SECONDS = 5
LAST_LINES = 12
LOWEST_PORT, PORTS = 20_000, 12_000
DAEMON = (sys.executable, "-m", "mailroom")

_read_health = reader(Health)


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that was started; `log` holds all that it printed."""

    run: Run
    process: trio.Process
    port: int
    log: BinaryIO
    http: httpx.AsyncClient

    async def health(self) -> Health | None:
        """What `/healthz` answers; None if nobody listens, before it is up or after its end."""
        return await health_at(self.http, self.port)

    async def sees(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds. Raises `Failed` when that takes too long, or once the daemon has ended."""

        async def holds() -> bool:
            if self.process.poll() is not None:
                raise Failed(f"the daemon ended with status {self.process.returncode}")
            return await condition()

        await self.run.until(what, holds)

    async def is_ready(self) -> bool:
        """Whether the first pass is done."""
        health = await self.health()
        return health is not None and health.last_poll_trigger is not None

    async def stop(self) -> int:
        """End it with SIGTERM; returns its exit status."""
        self.process.terminate()
        with trio.move_on_after(STOP_SECONDS):
            return await self.process.wait()
        raise Failed(f"the daemon still runs {STOP_SECONDS} s after SIGTERM")

    def tell_log(self) -> None:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").splitlines()
        say("\n".join(["  The end of the daemon's log:", *(f"    {line}" for line in lines[-LAST_LINES:])]))


async def health_at(http: httpx.AsyncClient, port: int) -> Health | None:
    """What `/healthz` answers on a port of this machine; None if nobody listens."""
    try:
        return _read_health(json.loads((await http.get(f"http://{HOST}:{port}/healthz")).content))
    except httpx.TransportError:
        return None


@asynccontextmanager
async def started_daemon(run: Run, command: Sequence[str] = DAEMON, **settings: str) -> AsyncIterator[Daemon]:
    """Start the daemon with the settings of the script but for those given (by their names without prefix).

    It gets a health port of its own. It is gone at the end, and its log is shown if the test fails.
    """
    port = free_port()
    values = {"health_host": HOST, "health_port": str(port), "log_format": "json", **settings}
    with tempfile.TemporaryFile() as log:
        process = await trio.lowlevel.open_process(
            list(command), env=environment(**values), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
            daemon = Daemon(run, process, port, log, http)
            try:
                yield daemon
            except Failed:
                daemon.tell_log()
                raise
            finally:
                if process.poll() is None:
                    process.kill()
                with trio.move_on_after(STOP_SECONDS, shield=True):
                    await process.wait()


@asynccontextmanager
async def running_daemon(run: Run, **settings: str) -> AsyncIterator[Daemon]:
    """A daemon whose first pass is done."""
    async with started_daemon(run, DAEMON, **settings) as daemon:
        await daemon.sees("the daemon is up, and its first pass is done", daemon.is_ready)
        yield daemon


async def command(*arguments: str, **settings: str) -> tuple[int, str]:
    """Run a `mailroom` command to its end, and show what it prints; returns its exit status and its output."""
    say(f"  • mailroom {' '.join(arguments)}")
    done = await trio.run_process(
        [*DAEMON, *arguments],
        env=environment(**settings),
        stdin=b"",
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = done.stdout.decode(errors="replace")
    say("\n".join(f"    {line}" for line in output.splitlines()))
    return done.returncode, output


def environment(**settings: str) -> dict[str, str]:
    return os.environ | {f"MAILROOM_{name.upper()}": value for name, value in settings.items()}


def free_port() -> int:
    """A TCP port of this machine that nobody listens on.

    It is below those that systems give to clients, so that none of them takes it before the daemon does.
    """
    while True:
        port = LOWEST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
