"""Where and on what the figures were taken; no host name, no path."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Machine:
    """`commit` ends in `+` where the code measured is not what was committed; `busy` is the load average of the last
    minute before the first benchmark, in processes: figures of a machine that does other work are worth little."""

    commit: str
    day: date
    cores: int
    memory_gb: float
    python: str
    busy: float


def this_machine() -> Machine:
    changed = _git("status", "--porcelain", "--", "mailroom", "bench")
    return Machine(
        commit=_git("rev-parse", "--short", "HEAD") + ("+" if changed else ""),
        day=date.today(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        busy=os.getloadavg()[0],
    )


def _git(*arguments: str) -> str:
    """What git prints, or `unknown` outside a repository."""
    try:
        done = subprocess.run(["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True, check=True)  # noqa: S603, S607  git, wherever it is
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
