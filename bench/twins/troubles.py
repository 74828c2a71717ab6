"""What happens to the first of the two daemons, and how it comes back."""

import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from bench.twins.pace import Pace
from bench.twins.pair import Pair


@dataclass(frozen=True, slots=True)
class Trouble:
    """`strikes` puts it on, and takes it off at the end of the block; `seconds` is how long it lasts at least."""

    name: str
    strikes: Callable[[Pair], AbstractAsyncContextManager[None]]
    seconds: Callable[[Pace], float]


@asynccontextmanager
async def _killed(pair: Pair) -> AsyncIterator[None]:
    pair.first.process.kill()
    await pair.first.process.wait()
    yield
    await pair.starts_first_anew()


@asynccontextmanager
async def _stopped(pair: Pair) -> AsyncIterator[None]:
    """Raises `RuntimeError` where it doesn't end well."""
    pair.first.process.send_signal(signal.SIGTERM)
    if (status := await pair.first.exit_status()) != 0:
        raise RuntimeError(f"SIGTERM ended it with status {status}: {pair.first.errors[-500:]}")
    yield
    await pair.starts_first_anew()


@asynccontextmanager
async def _frozen(pair: Pair) -> AsyncIterator[None]:
    pair.first.process.send_signal(signal.SIGSTOP)
    yield
    pair.first.process.send_signal(signal.SIGCONT)
    await pair.polls_all(pair.first, since=len(pair.first.lines))


@asynccontextmanager
async def _cut_off_silently(pair: Pair) -> AsyncIterator[None]:
    """What it sends meanwhile arrives once the network is back, as TCP has it."""
    pair.valve.shut()
    yield
    pair.valve.open()
    await pair.polls_all(pair.first, since=len(pair.first.lines))


@asynccontextmanager
async def _cut_off_with_resets(pair: Pair) -> AsyncIterator[None]:
    async with pair.way.away():
        yield
    await pair.polls_all(pair.first, since=len(pair.first.lines))


TROUBLES = {
    each.name: each
    for each in (
        Trouble("kill -9", _killed, lambda pace: pace.short),
        Trouble("SIGTERM", _stopped, lambda pace: pace.short),
        Trouble("SIGSTOP", _frozen, lambda pace: pace.long),
        Trouble("silent network", _cut_off_silently, lambda pace: pace.long),
        Trouble("network with resets", _cut_off_with_resets, lambda pace: pace.short),
    )
}
