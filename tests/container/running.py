"""Containers while they run."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from tests.container.podman import Podman
from tests.daemon_process import DaemonProcess

STOP_SECONDS = 9
"""Left to itself podman waits ten, and then kills."""


@asynccontextmanager
async def following(daemon: DaemonProcess, podman: Podman, removal: Sequence[str]) -> AsyncIterator[DaemonProcess]:
    """Read the log that a process of podman's prints; at the end podman is told to remove what is written there."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(daemon.read)
            yield daemon
            nursery.cancel_scope.cancel()
    finally:
        # The end of the container is the end of the process, too.
        podman.run(*removal)
        with trio.move_on_after(STOP_SECONDS, shield=True):
            await daemon.process.wait()
        # Shown where the test fails: podman says there why it didn't start the container.
        print(daemon.errors)


async def ask(podman: Podman, *arguments: str) -> str:
    """Run podman while the sandbox goes on serving."""
    return await trio.to_thread.run_sync(podman.run, *arguments)
