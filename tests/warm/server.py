"""Imports all of Mailroom, then forks for each command: `python -m tests.warm.server ADDRESS`, until its input ends."""

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Never

import mailroom.commands.demo
import mailroom.commands.doctor
import mailroom.commands.reset
import mailroom.commands.rules
import mailroom.commands.senders
import mailroom.commands.setup
import mailroom.commands.triage
import mailroom.daemon.process  # noqa: F401  imported once for all commands, like those above
from mailroom.__main__ import entry


def serve(address: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        unready = address.with_suffix(".unready")
        listener.bind(str(unready))
        listener.listen()
        # Whoever finds it can connect at once.
        unready.rename(address)
        while 0 not in select.select([0, listener.fileno()], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                keep(connection)
            connection.close()
            while a_keeper_ended():
                pass
    address.unlink()
    address.parent.rmdir()


def a_keeper_ended() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def keep(connection: socket.socket) -> Never:
    """Run a command and tell its client the process id, then the status. A client that is killed takes it along."""
    _, streams, _, _ = socket.recv_fds(connection, len(b"streams"), 3)
    request = json.loads(connection.makefile().readline())
    alive, held_by_command = os.pipe()
    command = os.fork()
    if command == 0:
        connection.close()
        become(request, streams)
    for each in (*streams, held_by_command):
        os.close(each)
    connection.sendall(b"%d\n" % command)
    if alive not in select.select([alive, connection.fileno()], [], [])[0]:
        os.kill(command, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    # A client that was killed does not hear it.
    with suppress(BrokenPipeError):
        connection.sendall(b"%d\n" % status)
    os._exit(0)


def become(request: dict[str, Any], streams: Sequence[int]) -> Never:
    """Be the command, as if it had just been started, and end with its status."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = ["mailroom", *request["arguments"]]
    encoding = os.environ.get("PYTHONIOENCODING")
    # Open as long as the process.
    sys.stdin = open(0, encoding=encoding)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding=encoding, errors="backslashreplace")  # noqa: SIM115
    status = 1
    try:
        status = entry()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = 120  # as Python does
    os._exit(status)


if __name__ == "__main__":
    gc.freeze()
    serve(Path(sys.argv[1]))
