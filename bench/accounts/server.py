"""A house of mailboxes in a process of its own, as the benchmark talks to it."""

import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import Any

import trio
import trustme

from bench.accounts.house import Push

START_SECONDS = 300.0


@dataclass
class Server:
    """`origin` is where it listens; `authority` is the file of the authority that its clients have to trust."""

    process: trio.Process
    origin: str = ""
    authority: Path | None = None
    _rest: bytes = b""
    _one_at_a_time: trio.Lock = field(default_factory=trio.Lock)

    async def pushes(self, number: int, per_second: float, *, label_every: int) -> list[Push]:
        """Mail comes to one mailbox after the other, every so many with a label."""
        found = await self._ask({"pushes": number, "per_second": per_second, "label_every": label_every})
        return [Push(*each) for each in found["pushes"]]

    async def labels(self, number: int, per_second: float) -> list[Push]:
        """Mail comes to one mailbox after the other, each with a label."""
        return await self.pushes(number, per_second, label_every=1)

    async def connections(self) -> int:
        """How many there have been so far."""
        return int((await self._ask({"counts": True}))["connections"])

    async def requests(self) -> int:
        return int((await self._ask({"counts": True}))["requests"])

    async def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None  # noqa: S101  it was opened with a pipe
        async with self._one_at_a_time:
            await self.process.stdin.send_all(json.dumps(command).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await self.line())
            return answer

    async def line(self) -> bytes:
        """Raises `RuntimeError` once the process has ended."""
        assert self.process.stdout is not None  # noqa: S101  it was opened with a pipe
        while b"\n" not in self._rest:
            part = await self.process.stdout.receive_some()
            if not part:
                raise RuntimeError("the server of the benchmark ended")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        return line


@asynccontextmanager
async def serving(count: int, *, tls: bool, labelled: int = 0, delay: float = 0.0) -> AsyncIterator[Server]:
    """So many mailboxes; the first has a burden, see `bench.accounts.server_process`."""
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder:
        pem, authority = _certificate(Path(folder)) if tls else (None, None)
        arguments = [str(count), str(labelled), str(delay), *([str(pem)] if pem else [])]
        command = [sys.executable, "-m", "bench.accounts.server_process", *arguments]
        process = await trio.lowlevel.open_process(command, stdin=PIPE, stdout=PIPE)
        try:
            server = Server(process, authority=authority)
            with trio.fail_after(START_SECONDS):
                server.origin = (await server.line()).decode()
            yield server
        finally:
            process.kill()
            with trio.move_on_after(5, shield=True):
                await process.wait()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate with its key for this machine, and the authority that vouches for it."""
    authority = trustme.CA()
    pem, trusted = folder / "server.pem", folder / "authority.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    authority.cert_pem.write_to_path(str(trusted))
    return pem, trusted
