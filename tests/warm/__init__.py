"""`mailroom` as a process of its own that has its imports behind it: these take longer than most of what it does here.

A server imports everything once, and forks for each command. What a test starts is a small program that hands the
server its arguments, environment, folder and standard streams, passes signals on, and ends as the command does.
What happens during the imports is tested without, in `tests/test_cli.py`.
"""

import atexit
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


def mailroom(*arguments: str) -> list[str]:
    """The command line of `mailroom` with these arguments."""
    return [sys.executable, "-I", "-S", str(HERE / "client.py"), _server(), *arguments]


@cache
def _server() -> str:
    """The address of the server. It is started when it is needed first, and ended with this process."""
    address = f"{tempfile.mkdtemp(prefix='mailroom-')}/server"
    server = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "tests.warm.server", address],
        cwd=HERE.parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"listening\n"
    # It ends when its standard input does.
    atexit.register(server.communicate)
    return address
