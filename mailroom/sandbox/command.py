"""What `mailroom sandbox` does: serve the sample mailbox, and say how a daemon gets at it."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Callable

import trio

from mailroom.sandbox.flavour import flavour_named
from mailroom.sandbox.sample import fill_inbox, fill_sample
from mailroom.sandbox.sandbox import Sandbox
from mailroom.sandbox.server import bind, serve_on


async def run(port: int, flavour: str, called: Callable[[str], str], host: str = "127.0.0.1") -> None:
    """Serve until a SIGINT or SIGTERM, or until cancelled; run it in the main thread.

    Raises SandboxError (unknown flavour, port in use), whose text is for the user.
    """
    sandbox = Sandbox(flavour_named(flavour))
    fill_sample(sandbox)
    fill_inbox(sandbox)
    listener = bind(host, port)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_on_signal, signals, nursery.cancel_scope)
            base_url = await nursery.start(serve_on, listener, sandbox)
            print(settings_text(sandbox, base_url, called), flush=True)


def settings_text(sandbox: Sandbox, base_url: str, called: Callable[[str], str]) -> str:
    """Lines for a POSIX shell that point a daemon at the sandbox."""
    return (
        f"# The {sandbox.flavour.name} sandbox listens on {base_url}. Its mail lives in memory only.\n"
        "# Point a daemon at it, in another terminal:\n"
        f"{exports(sandbox, base_url, called)}\n"
        "# Stop the sandbox with Ctrl-C."
    )


def exports(sandbox: Sandbox, base_url: str, called: Callable[[str], str]) -> str:
    """The settings alone, as lines for a POSIX shell; `called` says what their variables are."""
    return f"export {called('jmap_session_url')}={base_url}/jmap/session\nexport {called('jmap_token')}={sandbox.token}"


async def _cancel_on_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()
