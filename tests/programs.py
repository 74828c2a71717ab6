"""Run the project's commands as a shell does: as processes of their own, from scripts like those that pip makes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.guard import GUARD_SECONDS

ENTRIES = {"mailroom": "mailroom.__main__", "trio-run": "mailroom.trio_run"}


def command(folder: Path, name: str) -> list[str]:
    """How to start a console script; it is written into `folder`, which like a `bin` folder holds no modules."""
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f"import sys\nfrom {ENTRIES[name]} import entry\nsys.exit(entry())\n")
    return [sys.executable, str(script)]


def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and keep what it printed."""
    return subprocess.run(  # noqa: S603  our own program
        arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GUARD_SECONDS, check=False
    )
