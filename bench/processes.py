"""Helpers in processes of their own: what they do must not share the event loop that is measured."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from subprocess import PIPE

import trio

START_SECONDS = 60


@asynccontextmanager
async def module_process(module: str, *arguments: str) -> AsyncIterator[list[str]]:
    """Run a module of this project; gives the words of the first line that it prints, and kills it at the end."""
    process = await trio.lowlevel.open_process([sys.executable, "-m", module, *arguments], stdout=PIPE)
    try:
        with trio.fail_after(START_SECONDS):
            line = await _first_line(process, module)
        yield line.split()
    finally:
        process.kill()
        with trio.move_on_after(5, shield=True):
            await process.wait()


async def _first_line(process: trio.Process, module: str) -> str:
    """Raises `RuntimeError` if the process ends without having printed one."""
    text = b""
    while process.stdout is not None and not text.endswith(b"\n"):
        part = await process.stdout.receive_some()
        if not part:
            raise RuntimeError(f"{module} ended before it was ready")
        text += part
    return text.decode()
