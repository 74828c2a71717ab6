"""The human tests as processes, with short times."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import trio

from tests.commands.support import Ended
from tests.guard import GUARD_SECONDS
from tests.real.processes import free_port

FOLDER = Path(__file__).parents[1] / "human-tests"
PASS, FAIL, NOT_RUN, INTERRUPTED = 0, 1, 2, 130


def command_line(name: str, *arguments: str) -> list[str]:
    """How to start a script."""
    return [sys.executable, str(FOLDER / name), *arguments]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables of a script with these settings, by their names without prefix."""
    usual = {"poll_interval": "1", "debounce_seconds": "0.1", "health_port": str(free_port())}
    return os.environ | {f"MAILROOM_{key.upper()}": value for key, value in (usual | dict(settings)).items()}


async def run_script(name: str, *arguments: str, settings: Mapping[str, str]) -> Ended:
    """Run a script to its end, through pipes."""
    with trio.fail_after(GUARD_SECONDS):
        done = await trio.run_process(
            command_line(name, *arguments),
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
