"""The two daemons as processes of their own, their accounts, and the first one's way to the mail server."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import trio

from bench.accounts.house import House, serve_house, tenant_of
from bench.twins.owner import Owner
from bench.twins.pace import Pace
from tests.courses import Valve
from tests.daemon_process import DaemonProcess, Line, running_process
from tests.proxy import Proxy, proxy_to


@dataclass
class Pair:
    """Both at work on the same mailboxes. `first` is another process after each new start; `all` are all there were.

    The first one's connections go by `way`, and pass while `valve` is open.
    """

    owners: Sequence[Owner]
    way: Proxy
    valve: Valve
    twin: DaemonProcess
    first: DaemonProcess
    all: list[DaemonProcess]
    _nursery: trio.Nursery
    _first_folder: Path

    async def starts_first_anew(self) -> None:
        self.first = await self._nursery.start(_run, self._first_folder, {})
        self.all.append(self.first)
        await self.polls_all(self.first, since=0)

    async def polls_all(self, daemon: DaemonProcess, since: int) -> None:
        """Wait until a daemon has looked at every account, by its log from the line of this number on."""
        await daemon.logs_until(lambda lines: self.polled(lines[since:]).keys() >= self._names)

    def polled(self, lines: Iterable[Line]) -> dict[str, float]:
        """When accounts were looked at first by these lines, in Unix seconds."""
        times: dict[str, float] = {}
        for line in lines:
            if line["event"] == "poll_completed":
                times.setdefault(line["account"], datetime.fromisoformat(line["timestamp"]).timestamp())
        return times

    @property
    def _names(self) -> set[str]:
        return {owner.name for owner in self.owners}


@asynccontextmanager
async def pair_of(pace: Pace) -> AsyncIterator[Pair]:
    """So many accounts, every second one of which screens new mail, and both daemons once they have looked at all."""
    tenants = {f"token-{number}": tenant_of(number) for number in range(pace.accounts)}
    owners = [
        Owner(f"a{number:03}", each.sandbox, screens=number % 2 == 1) for number, each in enumerate(tenants.values())
    ]
    valve = Valve()
    with TemporaryDirectory(prefix="mailroom-twins-") as name:
        async with trio.open_nursery() as nursery:
            origin = httpx.URL(await nursery.start(serve_house, House(tenants)))
            assert origin.port is not None  # noqa: S101  it took one
            async with proxy_to(origin.port, valve.course) as way:
                first_folder = _folder(Path(name) / "first", owners, pace, way.port)
                twin_folder = _folder(Path(name) / "twin", owners, pace, origin.port)
                first = await nursery.start(_run, first_folder, {})
                twin = await nursery.start(_run, twin_folder, {"standby_seconds": f"{pace.standby:g}"})
                pair = Pair(owners, way, valve, twin, first, [first, twin], nursery, first_folder)
                for daemon in (first, twin):
                    await pair.polls_all(daemon, since=0)
                    await daemon.logs("eventsource_connected", times=pace.accounts)
                yield pair
            nursery.cancel_scope.cancel()


def _folder(folder: Path, owners: Iterable[Owner], pace: Pace, port: int) -> Path:
    """The accounts' files, with the way to the mail server that this process has."""
    folder.mkdir()
    (folder / "defaults.toml").write_text(
        f'jmap_session_url = "http://127.0.0.1:{port}/jmap/session"\n'
        f"poll_interval = {pace.poll:g}\ndebounce_seconds = {pace.debounce:g}\n"
    )
    for owner in owners:
        file = folder / f"{owner.name}.toml"
        mode = "on" if owner.screens else "off"
        file.write_text(f'jmap_token = "{owner.sandbox.token}"\n\n[screening]\nmode = "{mode}"\n')
        file.chmod(0o600)
    return folder


async def _run(folder: Path, settings: dict[str, str], *, task_status: trio.TaskStatus[DaemonProcess]) -> None:
    """A daemon, until it ends."""
    async with running_process({"accounts": str(folder), **settings}) as daemon:
        task_status.started(daemon)
        await daemon.exit_status()
