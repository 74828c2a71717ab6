"""`mailroom` as a process of its own that has its imports behind it: these take longer than most of what it does here.

A server imports everything once, and forks for each command. What a test starts is a small program that hands the
server its arguments, environment, folder and standard streams, passes signals on, and ends as the command does.
What happens during the imports is tested without, in `tests/test_cli.py`.
"""

import atexit
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from tests.guard import GUARD_SECONDS

HERE = Path(__file__).parent

_SHARED = "WARM_SERVER"
"""Environment variable: the address of the server that the processes of `pytest -n` share."""


def mailroom(*arguments: str) -> list[str]:
    """The command line of `mailroom` with these arguments."""
    return [sys.executable, "-I", "-S", str(HERE / "client.py"), _server(), *arguments]


def start_for_all_processes() -> None:
    """One server for the processes of `pytest -n`, before they begin with their own imports."""
    os.environ[_SHARED] = _started()


@cache
def _server() -> str:
    """The address of the server, which listens there. It is started when it is needed first, if it isn't shared."""
    address = os.environ.get(_SHARED) or _started()
    deadline = time.monotonic() + GUARD_SECONDS
    while not os.path.exists(address):
        assert time.monotonic() < deadline, "the server of `tests/warm/` did not come up: its error is above"
        time.sleep(0.01)
    return address


def _started() -> str:
    address = f"{tempfile.mkdtemp(prefix='mailroom-')}/server"
    server = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "tests.warm.server", address], cwd=HERE.parents[1], stdin=subprocess.PIPE
    )
    # It ends when its standard input does.
    atexit.register(server.communicate)
    return address
