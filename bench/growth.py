"""How much memory a daemon needs for much work: one big sender, or a big address book."""

from dataclasses import dataclass
from statistics import median

import trio

from bench.daemon_figures import memory_mb
from bench.load import Load
from bench.mail_app import mail_app
from bench.servers import Server, variables
from tests.daemon_process import DaemonProcess, Line, daemon_process

DEADLINE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Growth:
    """Memory of a daemon in units of 1,000,000 bytes: before its first busy pass, at its peak, after the last one.

    `senders` wait for each of the passes; `seconds` are what the daemon says that each of them took.
    """

    server: str
    contacts: str
    senders: int
    load: Load
    before_mb: float
    peak_mb: float
    after_mb: float
    seconds: tuple[float, ...]

    @property
    def grown_mb(self) -> float:
        return self.peak_mb - self.before_mb

    @property
    def median_seconds(self) -> float:
        return median(self.seconds)


async def measure_growth(server: Server, load: Load, passes: int = 1) -> Growth:
    """Label the senders of the load in so many equal parts; a fresh daemon whose first pass had nothing to do."""
    async with server.account(load) as settings, mail_app(settings) as app:
        changed = {"poll_interval": "1", "debounce_seconds": "0"}
        async with daemon_process(settings.jmap_session_url, **changed, **variables(settings)) as daemon:
            with trio.fail_after(DEADLINE_SECONDS):
                await daemon.logs("poll_completed")
                before = memory_mb(daemon.process.pid, "VmRSS")
                senders = load.senders // passes
                for number in range(passes):
                    await app.label_some(range(number * senders, (number + 1) * senders))
                    while sum(line["senders_triaged"] for line in _busy(daemon)) < (number + 1) * senders:
                        await daemon.logs("poll_completed", times=len(daemon.logged("poll_completed")) + 1)
            pid = daemon.process.pid
            seconds = tuple(line["seconds"] for line in _busy(daemon))
            peak, after = memory_mb(pid, "VmHWM"), memory_mb(pid, "VmRSS")
    return Growth(server.name, server.contacts, senders, load, before, peak, after, seconds)


def _busy(daemon: DaemonProcess) -> list[Line]:
    """The passes that had something to do."""
    return [line for line in daemon.logged("poll_completed") if line["senders_triaged"]]
