"""What the system and the daemon's own metrics tell of a daemon process."""

import os
from pathlib import Path

import httpx

from tests.daemon_process import DaemonProcess
from tests.scrape import samples


def memory_mb(pid: int, field: str) -> float:
    """In units of 1,000,000 bytes. VmRSS is what is resident now, VmHWM the most that ever was (proc(5))."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1_000_000


def cpu_seconds(pid: int) -> float:
    """User and system time of a process (proc(5), /proc/pid/stat fields 14 and 15), in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def metrics(daemon: DaemonProcess) -> dict[str, float]:
    """Its /metrics, by name and labels."""
    async with httpx.AsyncClient() as http:
        return samples((await http.get(httpx.URL(daemon.health_url).join("/metrics"))).text)
