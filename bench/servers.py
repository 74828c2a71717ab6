"""The servers that are measured, each ready to give an account that is filled with a load."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from subprocess import PIPE
from typing import Protocol

import trio
from pydantic import SecretStr

from bench.load import Load
from mailroom.settings import Settings
from tests.real.cyrus import Cyrus
from tests.real.mailbox_user import create_mailbox_user

START_SECONDS = 60


def variables(settings: Settings) -> dict[str, str]:
    """What a daemon process needs to log in there, beside the session url; by names without prefix."""
    token = "" if settings.jmap_token is None else settings.jmap_token.get_secret_value()
    carddav = {} if settings.carddav_url is None else {"carddav_url": settings.carddav_url}
    return {"jmap_token": token, **carddav}


class Server(Protocol):
    """`name` and `contacts` (the protocol of the address book) are for the report."""

    @property
    def name(self) -> str: ...

    @property
    def contacts(self) -> str: ...

    def account(self, load: Load) -> AbstractAsyncContextManager[Settings]:
        """Settings that log in to a fresh account with the load in its Screener, nothing labelled."""
        ...


@dataclass(frozen=True, slots=True)
class SandboxServer:
    """The embedded JMAP server, a new process for every account: it must not share a core's event loop with us."""

    name: str = "sandbox"
    contacts: str = "JMAP"

    @asynccontextmanager
    async def account(self, load: Load) -> AsyncIterator[Settings]:
        command = [sys.executable, "-m", "bench.sandbox_process", str(load.senders), str(load.mails_each)]
        process = await trio.lowlevel.open_process(command, stdout=PIPE)
        try:
            with trio.fail_after(START_SECONDS):
                session_url, token = (await _first_line(process)).split()
            yield Settings(jmap_session_url=session_url, jmap_token=SecretStr(token))
        finally:
            process.kill()
            with trio.move_on_after(5, shield=True):
                await process.wait()


@dataclass(frozen=True, slots=True)
class CyrusServer:
    """A running Cyrus, a new user for every account. Contacts go over CardDAV, all mail is indexed."""

    cyrus: Cyrus
    name: str = "Cyrus"
    contacts: str = "CardDAV"
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def account(self, load: Load) -> AsyncIterator[Settings]:
        user = f"bench{next(self._numbers)}"
        await trio.to_thread.run_sync(_fill, self.cyrus, user, load)
        token = SecretStr(self.cyrus.token(user))
        yield Settings(jmap_session_url=self.cyrus.session_url, jmap_token=token, carddav_url=self.cyrus.carddav_url)


def _fill(cyrus: Cyrus, user: str, load: Load) -> None:
    mailbox_user = create_mailbox_user(cyrus, user)
    if load.mails:
        mailbox_user.append("Screener", *load.messages())
    cyrus.index(user)


async def _first_line(process: trio.Process) -> str:
    """Raises `RuntimeError` if the process ends without having printed one."""
    text = b""
    while process.stdout is not None and not text.endswith(b"\n"):
        part = await process.stdout.receive_some()
        if not part:
            raise RuntimeError("the sandbox process ended before it listened")
        text += part
    return text.decode()
