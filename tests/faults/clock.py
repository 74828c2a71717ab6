"""The daemon's clock where hours pass in moments, and what it must not jump over."""

import math
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import trio
from trio.testing import MockClock

from tests.guard import IDLE_SECONDS

IDLE_SECONDS_WITH_OTHERS = 0.05
"""As `IDLE_SECONDS` where another process may be about to send the rest of its answer."""


@dataclass
class Outside:
    """What happens outside of the event loop, which a jumping clock knows nothing of: it waits meanwhile.

    `clock` None is one that doesn't jump.
    """

    clock: MockClock | None = None
    idle_seconds: float = IDLE_SECONDS
    _busy: int = 0

    def __post_init__(self) -> None:
        self._set_pace()

    @contextmanager
    def busy(self) -> Iterator[None]:
        self._busy += 1
        self._set_pace()
        try:
            yield
        finally:
            self._busy -= 1
            self._set_pace()

    def _set_pace(self) -> None:
        if self.clock is not None:
            self.clock.autojump_threshold = math.inf if self._busy else self.idle_seconds


@dataclass
class Turns:
    """One connection to another process, which is busy from a request to its answer. Its methods watch a proxy."""

    outside: Outside
    _theirs: ExitStack = field(default_factory=ExitStack)
    _is_theirs: bool = False

    async def asked(self, _: bytes | bytearray) -> None:
        if not self._is_theirs:
            self._is_theirs = True
            self._theirs.enter_context(self.outside.busy())

    async def answered(self, _: bytes | bytearray) -> None:
        self.end()

    def end(self) -> None:
        self._is_theirs = False
        self._theirs.close()


class PatientResolver(trio.abc.HostnameResolver):
    """Looks names up as trio does, by the system's resolver in a thread; the clock waits for it."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def getaddrinfo(self, *arguments: Any, **more: Any) -> Any:
        with self._outside.busy():
            return await trio.to_thread.run_sync(lambda: socket.getaddrinfo(*arguments, **more), abandon_on_cancel=True)

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        with self._outside.busy():
            return await trio.to_thread.run_sync(socket.getnameinfo, sockaddr, flags, abandon_on_cancel=True)
