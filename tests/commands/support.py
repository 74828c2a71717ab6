"""Commands on a sandbox: inside the test, and as processes of their own."""

import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio
from pydantic import SecretStr

from mailroom.config.account_settings import AccountSettings
from mailroom.sandbox import FASTMAIL, Flavour, Limits, Sandbox
from mailroom.sandbox.sample import ROLES
from tests.guard import GUARD_SECONDS
from tests.screener import served_here
from tests.warm import mailroom


def bare_sandbox(flavour: Flavour = FASTMAIL, limits: Limits | None = None) -> Sandbox:
    """A new account: the mailboxes that every account has, and nothing of Mailroom's."""
    sandbox = Sandbox(flavour, limits)
    for name, role in ROLES:
        sandbox.create_mailbox(name, role)
    return sandbox


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    output: str
    errors: str


@asynccontextmanager
async def settings_for(sandbox: Sandbox) -> AsyncIterator[AccountSettings]:
    """Serve the sandbox; gives the settings that lead to it."""
    async with served_here(sandbox) as url:
        with trio.fail_after(GUARD_SECONDS):
            yield AccountSettings(jmap_session_url=str(url), jmap_token=SecretStr(sandbox.token))


def environment(settings: AccountSettings, **more: str) -> Mapping[str, str]:
    """The variables of a process with these settings."""
    token = "" if settings.jmap_token is None else settings.jmap_token.get_secret_value()
    return {
        **os.environ,
        "MAILROOM_JMAP_SESSION_URL": settings.jmap_session_url,
        "MAILROOM_JMAP_TOKEN": token,
        **more,
    }


async def command(settings: AccountSettings, *arguments: str, **variables: str) -> Ended:
    """Run `mailroom` with these arguments to its end, through pipes."""
    done = await trio.run_process(
        mailroom(*arguments),
        env=environment(settings, **variables),
        capture_stdout=True,
        capture_stderr=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def sets(sandbox: Sandbox) -> list[str]:
    """The calls that write, of all requests so far."""
    return [call for request in sandbox.requests for call in request.calls if call.endswith("/set")]
