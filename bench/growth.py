"""How much memory one big sender costs a daemon, over its whole pass."""

from dataclasses import dataclass
from pathlib import Path

import trio

from bench.load import Load
from bench.mail_app import mail_app
from bench.servers import Server, variables
from tests.daemon_process import daemon_process

DEADLINE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Growth:
    """Memory of the daemon in units of 1,000,000 bytes: before the pass, and at its peak up to the pass's end."""

    server: str
    mails: int
    before_mb: float
    peak_mb: float

    @property
    def grown_mb(self) -> float:
        return self.peak_mb - self.before_mb


async def measure_growth(server: Server, mails: int) -> Growth:
    """One label on one mail of a sender with so many; a fresh daemon whose first pass had nothing to do."""
    async with server.account(Load(1, mails)) as settings, mail_app(settings) as app:
        changed = {"poll_interval": "1", "debounce_seconds": "0"}
        async with daemon_process(settings.jmap_session_url, **changed, **variables(settings)) as daemon:
            with trio.fail_after(DEADLINE_SECONDS):
                await daemon.logs("poll_completed")
                before = memory_mb(daemon.process.pid, "VmRSS")
                await app.label_all()
                await daemon.logs("sender_triaged")
            return Growth(server.name, mails, before, memory_mb(daemon.process.pid, "VmHWM"))


def memory_mb(pid: int, field: str) -> float:
    """VmRSS is what is resident now, VmHWM the most that ever was (proc(5), /proc/pid/status)."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1_000_000
