"""Reading the accounts' files again: when they have changed, and when SIGHUP asks for it."""

from collections.abc import AsyncIterator, Hashable
from typing import Never

import structlog
import trio

from mailroom.config.account_files import AccountFiles
from mailroom.daemon.accounts import Accounts
from mailroom.errors import ConfigError

log = structlog.get_logger(component="daemon")

LOOK_EVERY_SECONDS = 5.0


async def follow(files: AccountFiles, accounts: Accounts, hangups: AsyncIterator[int], seen: Hashable) -> Never:
    """Take what has changed since `seen`, once two looks agree: half a file may be valid, too.

    A hangup has what is there taken at once, and accounts that are set aside tried again. What can't be read changes
    nothing, and is told once.
    """
    taken = last = seen
    told: str | None = None
    while True:
        with trio.move_on_after(LOOK_EVERY_SECONDS) as pause:
            await anext(hangups)
        is_asked = not pause.cancelled_caught
        try:
            now = await trio.to_thread.run_sync(files.look)
            if is_asked or (now != taken and now == last):
                accounts.take(await trio.to_thread.run_sync(files.read))
                taken = now
            if is_asked:
                accounts.try_again()
            told = None
        except ConfigError as unreadable:
            now = None
            if is_asked or str(unreadable) != told:
                log.error("accounts_unreadable", error=str(unreadable), hint="all accounts go on as they were")
            told = str(unreadable)
        last = now
