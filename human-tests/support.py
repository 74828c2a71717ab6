"""How a human test runs: it says what it is, asks before it changes anything, checks, cleans up, and ends in a verdict.

A script is a docstring and a coroutine of steps:

    async def steps(run: Run) -> None: ...  # or a figure, as str

    if __name__ == "__main__":
        raise SystemExit(main(__doc__, steps))
"""

import argparse
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import trio

from mailroom.account.servers import Servers, open_servers, telling_what_to_renew
from mailroom.commands.terminal import log_to_stderr, printable
from mailroom.commands.with_servers import until_interrupted
from mailroom.config.account_settings import AccountSettings
from mailroom.config.environment import read_environment
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import Scheme
from mailroom.errors import ConfigError, MailroomError

PASS, FAIL, UNMET = 0, 1, 2

LOOK_AGAIN_SECONDS = 0.3
SERVER_SECONDS = 20
"""What a server and a pass may take, beside the times that the settings name."""

HAND_SECONDS = 600
"""What a person may take to find a mail and put a label on it."""

CLEAN_UP_SECONDS = 60
"""Nothing interrupts cleaning up; this ends it on a server that doesn't answer any more."""


class Unmet(Exception):
    """The test can't run here; the text says what is missing and what to do about it."""


class Failed(Exception):
    """What the test is to prove does not hold; the text says what."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a script. `clean_up` is done at the end, last entry first, however the steps end."""

    title: str
    auto: bool
    settings: AccountSettings
    scheme: Scheme
    scheme_file: Path | None
    process: ProcessSettings
    servers: Servers
    clean_up: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def patience_seconds(self) -> float:
        """How long the daemon, or the user with the mail app, may take for one thing."""
        daemon = SERVER_SECONDS + self.settings.debounce_seconds + self.settings.poll_interval
        return daemon if self.auto else daemon + HAND_SECONDS

    def check(self, what: str, holds: bool) -> None:
        """Tell that something holds, or end the test because it doesn't."""
        if not holds:
            raise Failed(f"not so: {what}")
        say(f"  ✓ {what}")

    async def until(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds and tell so; `Failed` when it takes too long."""
        with trio.move_on_after(self.patience_seconds) as patience:
            while not await condition():  # noqa: ASYNC110  it happens on a server
                await trio.sleep(LOOK_AGAIN_SECONDS)
        if patience.cancelled_caught:
            raise Failed(f"not so after {self.patience_seconds:.0f} s: {what}")
        say(f"  ✓ {what}")

    async def consent(self) -> None:
        """Ask whether to go on, before the first change. Raises `Unmet` for a no."""
        if self.auto:
            return
        if not sys.stdin.isatty():
            raise Unmet("it asks before it changes anything: run it in a terminal, or with --auto")
        print("Go on, and change the account as described? [y/N] ", end="", flush=True)
        # Not in a thread: one that waits for a line can't be stopped by Ctrl-C.
        await trio.lowlevel.wait_readable(sys.stdin)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Unmet("you said no, so nothing was changed")


Steps = Callable[[Run], Awaitable[str | None]]
"""What a script does; it may return a figure for the verdict."""


def say(text: str) -> None:
    """One plain line; servers may have written a part of it."""
    print("\n".join(map(printable, text.split("\n"))), flush=True)


def arguments_of(doc: str | None) -> argparse.ArgumentParser:
    """The command line that every script has."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=doc, formatter_class=formatter)
    parser.add_argument("--auto", action="store_true", help="ask nothing, and do what the user would be asked to do")
    return parser


def main(doc: str | None, steps: Steps) -> int:
    """Run a script that has no options of its own; returns its exit status."""
    return run_script(doc, steps, auto=arguments_of(doc).parse_args().auto)


def run_script(doc: str | None, steps: Steps, *, auto: bool) -> int:
    """Run a script; returns its exit status: 0 for PASS, 1 for FAIL, 2 if it can't run here, 130 after Ctrl-C."""
    text = (doc or "").strip()
    title = text.partition("\n")[0]
    say(title if auto else f"{text}\n")
    try:
        environment = read_environment()
    except ConfigError as invalid:
        return _end(title, Unmet("; ".join(invalid.problems)))
    process, account = environment.process, environment.account
    if account is None:
        return _end(title, Unmet(f"these scripts are for a single account: unset {process.key('accounts')}"))

    async def work() -> int:
        log_to_stderr(process.log_level, process.log_format)
        async with open_servers(account.settings) as servers:
            return await _run(
                Run(title, auto, account.settings, account.scheme, account.scheme_file, process, servers), steps
            )

    status = trio.run(until_interrupted, work)
    if status not in (PASS, FAIL, UNMET):
        say(f"FAIL  {title} (interrupted)")
    return status


async def _run(run: Run, steps: Steps) -> int:
    problem: Exception | None = None
    left_behind: str | None = None
    figure: str | None = None
    try:
        with telling_what_to_renew(run.settings):
            figure = await steps(run)
    except (Unmet, Failed, MailroomError) as ended:
        problem = ended
    finally:
        left_behind = await _clean_up(run)
    title = f"{run.title} {figure}" if figure else run.title
    return _end(title, problem if problem or not left_behind else Failed(left_behind))


async def _clean_up(run: Run) -> str | None:
    """Undo what the steps changed, uninterrupted; returns what could not be undone, having told it."""
    problem: str | None = None
    try:
        with trio.fail_after(CLEAN_UP_SECONDS, shield=True):
            await run.clean_up.aclose()
    except (Failed, MailroomError) as failure:
        problem = str(failure)
    except trio.TooSlowError:
        problem = f"it took longer than {CLEAN_UP_SECONDS} s"
    if problem is None:
        return None
    told = f"cleaning up failed: {problem}. Run this script again: it removes what an earlier run left"
    say(f"  ✗ {told}")
    return told


def _end(title: str, problem: Exception | None) -> int:
    if problem is None:
        say(f"PASS  {title}")
        return PASS
    if isinstance(problem, Unmet | ConfigError):
        say(f"NOT RUN  {title}\n  {problem}")
        return UNMET
    say(f"FAIL  {title}\n  {problem}")
    return FAIL
