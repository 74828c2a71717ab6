"""Server processes for the tests: start one, wait until it listens, leave nothing of it behind."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120.0
STOP_SECONDS = 5.0

MEMORY = Path("/dev/shm")  # noqa: S108  the folder made in it has a random name
ROOM_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a process runs as, by name."""

    user: str
    group: str


class ServerDied(Exception):
    """A server ended, or never listened; the text carries what it printed."""


def free_port() -> int:
    """A TCP port that nobody listens on at 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_folder(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for a server's files, in memory where there is room: a mail server waits for the disk at each write.

    pytest's own temporary folders are closed to other users, and too deep for a socket's path.
    """
    in_memory = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES else None
    return tempfile.TemporaryDirectory(prefix=prefix, dir=in_memory, ignore_cleanup_errors=True)


@contextmanager
def running_process(
    command: Sequence[str], *, log: Path, account: Account | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in a session of its own (as `account`, if given); its output goes to the file `log`.

    On the way out it gets SIGTERM, and whatever is left of its process group after 5 seconds SIGKILL.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  servers of the tests
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
        )
    try:
        yield process
    finally:
        _stop(process)


def wait_for_ports(process: subprocess.Popen[bytes], *ports: int, log: Path) -> None:
    """Return once `process` listens on all `ports` of 127.0.0.1.

    Raises ServerDied with the end of `log` if it ends first or takes longer than START_SECONDS.
    """
    deadline = time.monotonic() + START_SECONDS
    for port in ports:
        while not _listens(port):
            # The wait for an early end is the pause between two attempts, too.
            with suppress(subprocess.TimeoutExpired):
                status = process.wait(timeout=0.02)
                raise ServerDied(f"ended with status {status} before it listened on {port}: {_tail(log)}")
            if time.monotonic() > deadline:
                raise ServerDied(f"not listening on {port} after {START_SECONDS:.0f} s: {_tail(log)}")


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS):
            return True
    except ConnectionRefusedError:
        return False


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:].strip() or "it printed nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
    finally:
        # Children may outlive their parent; they share its process group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=STOP_SECONDS)
