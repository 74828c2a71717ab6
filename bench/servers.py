"""The servers that are measured, each ready to give an account that is filled with a load."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from subprocess import PIPE
from typing import Protocol

import httpx
import trio
from pydantic import SecretStr

from bench.load import Load
from tests.real.cyrus import Cyrus
from tests.real.mailbox_user import create_mailbox_user

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Login:
    """An account under test; `carddav_url` is None where contacts go over JMAP."""

    session_url: httpx.URL
    token: SecretStr
    carddav_url: httpx.URL | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What a daemon needs to log in, beside the session url; by names without prefix."""
        carddav = {} if self.carddav_url is None else {"carddav_url": str(self.carddav_url)}
        return {"jmap_token": self.token.get_secret_value(), **carddav}


class Server(Protocol):
    """`name` and `contacts` (the protocol of the address book) are for the report."""

    @property
    def name(self) -> str: ...

    @property
    def contacts(self) -> str: ...

    def account(self, load: Load) -> AbstractAsyncContextManager[Login]:
        """A fresh account with the load in its Screener, nothing labelled."""
        ...


@dataclass(frozen=True, slots=True)
class SandboxServer:
    """The embedded JMAP server, a new process for every account: it must not share a core's event loop with us."""

    name: str = "sandbox"
    contacts: str = "JMAP"

    @asynccontextmanager
    async def account(self, load: Load) -> AsyncIterator[Login]:
        command = [sys.executable, "-m", "bench.sandbox_process", str(load.senders), str(load.mails_each)]
        process = await trio.lowlevel.open_process(command, stdout=PIPE)
        try:
            with trio.fail_after(START_SECONDS):
                session_url, token = (await _first_line(process)).split()
            yield Login(httpx.URL(session_url), SecretStr(token))
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
    async def account(self, load: Load) -> AsyncIterator[Login]:
        user = f"bench{next(self._numbers)}"
        await trio.to_thread.run_sync(_fill, self.cyrus, user, load)
        token = SecretStr(self.cyrus.token(user))
        yield Login(httpx.URL(self.cyrus.session_url), token, httpx.URL(self.cyrus.carddav_url))


def _fill(cyrus: Cyrus, user: str, load: Load) -> None:
    create_mailbox_user(cyrus, user).append("Screener", *load.messages())
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
