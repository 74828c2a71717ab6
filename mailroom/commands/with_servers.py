"""How commands run: with the account's servers open, until they are done or interrupted."""

from collections.abc import Awaitable, Callable

from mailroom.account.servers import Servers, open_servers, telling_what_to_renew
from mailroom.config.account_settings import AccountSettings
from mailroom.errors import MailroomError
from mailroom.signals import run_until_signal


class NotFinished(MailroomError):
    """An outage ended a command halfway; the message says how to finish it."""


async def with_servers(settings: AccountSettings, work: Callable[[Servers], Awaitable[int]]) -> int:
    """Run `work` on the account's servers; returns its exit status. Raises `MailroomError`."""

    async def opened() -> int:
        with telling_what_to_renew(settings):
            async with open_servers(settings) as servers:
                return await work(servers)

    return await until_interrupted(opened)


async def until_interrupted(work: Callable[[], Awaitable[int]]) -> int:
    """Run `work`, cancelled by SIGINT or SIGTERM so that it cleans up; returns its status (128 + signal if cut off).

    Raises the `MailroomError` of `work`.
    """
    status = 0
    failure: MailroomError | SystemExit | None = None

    async def noted() -> None:
        nonlocal status, failure
        try:
            status = await work()
        except (MailroomError, SystemExit) as error:
            # Raised outside the nursery, which would wrap it in a group. A console exits where nobody reads it.
            failure = error

    stopped_by = await run_until_signal(noted)
    if failure is not None:
        raise failure
    return status if stopped_by is None else 128 + stopped_by
