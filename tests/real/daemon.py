"""The daemon as a process of its own, on the account of a user of a real server."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import trio

from tests.daemon_process import DaemonProcess, daemon_process
from tests.guard import GUARD_SECONDS
from tests.real.mailbox_user import MailboxUser

NO_OTHERS: Mapping[str, str] = {}


@asynccontextmanager
async def daemon_of(
    user: MailboxUser, settings: Mapping[str, str] = NO_OTHERS, *, port: int | None = None
) -> AsyncIterator[DaemonProcess]:
    """Run the daemon with the user's token, unless `settings` (by name) say otherwise.

    It asks the server's own HTTP port, or the one given.
    """
    url = f"http://127.0.0.1:{port or user.server.http_port}/jmap/"
    usual = {"jmap_token": user.token, "poll_interval": "1", "debounce_seconds": "0"} | dict(settings)
    with trio.fail_after(GUARD_SECONDS):
        async with daemon_process(url, **usual) as daemon:
            yield daemon


def with_password(user: MailboxUser, password: str | None = None) -> dict[str, str]:
    """The settings of a login by name and password instead of a token."""
    return {"jmap_token": "", "jmap_username": user.name, "jmap_password": password or user.password}
