"""The daemon as a process of its own, its log read as it comes."""

import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from subprocess import PIPE
from typing import Any, BinaryIO

import trio

from tests.real.processes import free_port

Line = dict[str, Any]

COLD = (sys.executable, "-m", "mailroom")
"""The daemon as people start it."""

STOP_SECONDS = 25.0
"""Less than any wait that a signal has to cut short (an answer has 30 s), and long for a busy machine."""


@dataclass
class DaemonProcess:
    """`lines` are its log; `errors` is what it printed to standard error."""

    process: trio.Process
    health_port: int
    lines: list[Line] = field(default_factory=list)
    errors: str = ""
    _more: trio.Event = field(default_factory=trio.Event)
    _reading: trio.CancelScope = field(default_factory=trio.CancelScope)
    _all_read: trio.Event = field(default_factory=trio.Event)

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.health_port}/healthz"

    def logged(self, event: str) -> list[Line]:
        return [line for line in self.lines if line["event"] == event]

    async def logs(self, event: str, times: int = 1) -> Line:
        """Wait until an event was logged so many times; returns the last of these lines."""
        while len(self.logged(event)) < times:
            await self._more.wait()
        return self.logged(event)[times - 1]

    async def logs_until(self, is_enough: Callable[[Sequence[Line]], bool]) -> None:
        """Wait until the lines that were logged satisfy a condition."""
        while not is_enough(self.lines):
            await self._more.wait()

    def stop_reading(self) -> None:
        """Hang up on the log while the daemon writes it."""
        self._reading.cancel()

    async def exit_status(self) -> int:
        """Wait for the end, and for the last of its output."""
        status = await self.process.wait()
        await self._all_read.wait()
        return status

    async def read(self) -> None:
        assert self.process.stderr is not None
        if self.process.stdout is not None:
            await self._read_log(self.process.stdout)
        async for part in self.process.stderr:
            self.errors += part.decode()
        self._all_read.set()

    async def _read_log(self, log: trio.abc.ReceiveStream) -> None:
        rest = b""
        with self._reading:
            async for part in log:
                *whole, rest = (rest + part).split(b"\n")
                self.lines += [json.loads(line) for line in whole]
                self._more.set()
                self._more = trio.Event()
        await log.aclose()


@asynccontextmanager
async def daemon_process(
    session_url: str, log_file: BinaryIO | None = None, command: Sequence[str] = COLD, /, **settings: str
) -> AsyncIterator[DaemonProcess]:
    """Run `mailroom` with the settings given, by their names without prefix; killed at the end.

    With a `log_file` its log goes there, and isn't read.
    """
    login = {"jmap_session_url": session_url, "jmap_token": "sandbox-token"}
    async with running_process(login | settings, log_file, command) as daemon:
        yield daemon


@asynccontextmanager
async def running_process(
    settings: Mapping[str, str], log_file: BinaryIO | None = None, command: Sequence[str] = COLD
) -> AsyncIterator[DaemonProcess]:
    """The same with no login but what the settings say, which may be a folder of accounts."""
    values = {"health_port": str(free_port()), "log_level": "debug", "log_format": "json", **settings}
    environment = {f"MAILROOM_{name.upper()}": value for name, value in values.items()}
    process = await trio.lowlevel.open_process(
        command, env=os.environ | environment, stdout=log_file or PIPE, stderr=PIPE
    )
    daemon = DaemonProcess(process, int(values["health_port"]))
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(daemon.read)
            yield daemon
            nursery.cancel_scope.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        with trio.move_on_after(5, shield=True):
            await process.wait()


async def stops_at_once(process: DaemonProcess, number: signal.Signals = signal.SIGTERM) -> None:
    """Send a signal; the daemon must be gone without waiting for anything, cleanly, with its port free again."""
    with trio.fail_after(STOP_SECONDS):
        process.process.send_signal(number)
        await process.process.wait()
    assert await process.exit_status() == 0
    assert process.errors == ""
    assert process.lines[-1]["event"] == "service_stopped"
    assert process.lines[-1]["reason"] == number.name
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", process.health_port))
