"""One account among many, kept running: whatever goes wrong with it is its own affair, and not the end of it."""

from typing import Never, Protocol

import structlog
import trio

from mailroom.backoff import backoff
from mailroom.errors import ConfigError, MailroomError, Refused, leaves
from mailroom.observe.status import Status

log = structlog.get_logger(component="daemon")

TRY_AGAIN_SECONDS = 60 * 60.0
"""An account that is set aside is tried this often, beside whenever its file changes."""

LONGEST_BACKOFF_SECONDS = 300.0
HEALTHY_AFTER_SECONDS = 600.0
"""An account that ran this long was well: the back-off starts anew after it."""


class Runnable(Protocol):
    """What may be kept running: an `Account`."""

    @property
    def status(self) -> Status: ...

    async def run(self) -> None: ...


async def keep_running(account: Runnable) -> Never:
    """Run the account, again and again. Raises nothing that an `Exception` can be; health and log tell of it."""
    crashes = 0
    told: str | None = None
    while True:
        started = trio.current_time()
        failure = await _run(account)
        if (reason := _to_mend(failure)) is not None:
            account.status.set_aside(reason)
            # Once, not every hour.
            (log.debug if reason == told else log.error)("account_set_aside", reason=reason, retry_in=TRY_AGAIN_SECONDS)
            told = reason
            await trio.sleep(TRY_AGAIN_SECONDS)
            continue
        told = None
        crashes = 1 if trio.current_time() - started >= HEALTHY_AFTER_SECONDS else crashes + 1
        delay = backoff(crashes, longest=LONGEST_BACKOFF_SECONDS)
        account.status.set_aside(_in_words(failure))
        account.status.restarts += 1
        _tell_crash(failure, crashes, delay)
        await trio.sleep(delay)


async def _run(account: Runnable) -> Exception:
    """Why the account ended."""
    ended_by: Exception = RuntimeError("it ended by itself")
    try:
        await account.run()
    except* Exception as failures:
        # Whatever it is: neither this account's last run nor anybody else's is to end by it.
        ended_by = failures
    return ended_by


def _to_mend(failure: Exception) -> str | None:
    """What the user has to mend before the account can work, if it is that."""
    problems = sorted({str(each) for each in leaves(failure) if isinstance(each, ConfigError | Refused)})
    return "; ".join(problems) or None


def _in_words(failure: Exception) -> str:
    """What ended it, for people; of a bug its type alone, as its text may quote anything."""
    return "; ".join(sorted({str(e) if isinstance(e, MailroomError) else type(e).__name__ for e in leaves(failure)}))


def _tell_crash(failure: Exception, crashes: int, delay: float) -> None:
    details = {"restarts": crashes, "retry_in": delay}
    if all(isinstance(each, MailroomError) for each in leaves(failure)):
        log.error("account_restarted", error=_in_words(failure), **details)
    else:
        log.error("account_restarted", error=_in_words(failure), exc_info=failure, **details)
