"""What `mailroom sandbox` does: serve the sample mailbox, and say how a daemon gets at it."""

from __future__ import annotations

import trio

from mailroom.sandbox.flavour import flavour_named
from mailroom.sandbox.sample import fill_sample
from mailroom.sandbox.sandbox import Sandbox
from mailroom.sandbox.server import serve


async def run(port: int, flavour: str, host: str = "127.0.0.1") -> None:
    """Serve until cancelled. Raises SandboxError (unknown flavour, port in use) with a text for the user."""
    sandbox = Sandbox(flavour_named(flavour))
    fill_sample(sandbox)
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(
            lambda task_status: serve(sandbox, host=host, port=port, task_status=task_status)
        )
        print(settings_text(sandbox, base_url), flush=True)


def settings_text(sandbox: Sandbox, base_url: str) -> str:
    """Lines for a POSIX shell that point a daemon at the sandbox."""
    return (
        f"# The {sandbox.flavour.name} sandbox listens on {base_url}. Its mail lives in memory only.\n"
        "# Point a daemon at it, in another terminal:\n"
        f"export MAILROOM_JMAP_SESSION_URL={base_url}/jmap/session\n"
        f"export MAILROOM_JMAP_TOKEN={sandbox.token}\n"
        "export MAILROOM_CONTACTS=jmap\n"
        "# Stop the sandbox with Ctrl-C."
    )
