"""Checks, what they find, and the order in which they run."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from mailroom.account.servers import Servers, what_to_renew
from mailroom.config.account_settings import AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import Scheme
from mailroom.config.screening import Mode
from mailroom.doctor.clean_up import NotUndone
from mailroom.errors import ConfigError, MailroomError, Refused, Unavailable


class Outcome(Enum):
    """`FAILED` would stop the daemon; with a `WARNING` it runs, but not as well as it could."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw, and what to do about it. `measured_seconds` is what it measured, if it did.

    `server_said` holds a server's own words.
    """

    outcome: Outcome
    detail: str
    advice: str = ""
    measured_seconds: float | None = None
    server_said: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """What the checks look at. `tell` is for what the user must know even if the check is cut off."""

    settings: AccountSettings
    scheme: Scheme
    servers: Servers
    tell: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `name` is its key for scripts, `needs` the names of checks that must not have failed.

    `notice` says, before it runs, what it changes for a moment. `if_broken` is what an error that it raises comes to:
    a warning, where the daemon can do without.
    """

    name: str
    title: str
    run: Callable[[Examined], Awaitable[Finding]]
    needs: tuple[str, ...] = ()
    notice: str = ""
    if_broken: Outcome = Outcome.FAILED


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """One check of what all accounts of the process have in common. It is given how the daemon should screen, None
    where each account has a mode of its own."""

    name: str
    title: str
    run: Callable[[ProcessSettings, Mode | None], Awaitable[Finding]]


async def find(check: Check, examined: Examined) -> Finding:
    """Run a check; an error that it raises is what it finds."""
    try:
        return await check.run(examined)
    except MailroomError as error:
        return Finding(check.if_broken, *_meaning(error, examined.settings), server_said=error.words)


def _meaning(error: MailroomError, settings: AccountSettings) -> tuple[str, str]:
    """What an error says, and what to do about it."""
    if isinstance(error, NotUndone):
        return error.problem, error.by_hand
    if isinstance(error, ConfigError):
        return "\n".join(error.problems), ""
    if isinstance(error, Refused):
        return str(error), what_to_renew(settings)
    if isinstance(error, Unavailable):
        return str(error), "try again; if it stays so, look at the network and at the urls in the settings"
    return str(error), "see that the urls in the settings are right; if they are, the server is at fault"


def skipped(check: Check, checks: Iterable[Check], findings: Mapping[str, Finding]) -> Finding | None:
    """The finding of a check that can't run because of earlier ones; None if it can."""
    titles = [
        each.title
        for each in checks
        if each.name in check.needs and findings[each.name].outcome in (Outcome.FAILED, Outcome.SKIPPED)
    ]
    return Finding(Outcome.SKIPPED, f"not possible without: {', '.join(titles)}") if titles else None
