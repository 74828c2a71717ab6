"""The network between Mailroom and its servers: a proxy that delays what passes, in a process of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from bench.processes import module_process
from mailroom.config.account_settings import AccountSettings


@dataclass(frozen=True, slots=True)
class Network:
    """`round_trip_ms` is what each exchange takes longer, and opening a connection, too."""

    round_trip_ms: int

    @property
    def seconds(self) -> float:
        return self.round_trip_ms / 1000


NO_DELAY = Network(0)


@asynccontextmanager
async def far_away(settings: AccountSettings, network: Network) -> AsyncIterator[AccountSettings]:
    """The same account, its servers at the other end of a network. Without a delay they are asked directly."""
    if network == NO_DELAY:
        yield settings
        return
    async with through_proxy(settings, network) as delayed:
        yield delayed


@asynccontextmanager
async def through_proxy(settings: AccountSettings, network: Network) -> AsyncIterator[AccountSettings]:
    """The same account behind a proxy, even where that delays nothing."""
    urls = [url for url in (settings.jmap_session_url, settings.carddav_url) if url is not None]
    ports = sorted({_port(url) for url in urls})
    async with module_process("bench.proxy_process", str(network.seconds), *map(str, ports)) as words:
        by_port = dict(zip(ports, map(int, words), strict=True))
        carddav = settings.carddav_url
        changed = {
            "jmap_session_url": _at_port(settings.jmap_session_url, by_port),
            "carddav_url": None if carddav is None else _at_port(carddav, by_port),
        }
        yield settings.model_copy(update=changed)


def _port(url: str) -> int:
    """Raises `ValueError` for a url without a port: the servers that are measured listen on ports of their own."""
    port = httpx.URL(url).port
    if port is None:
        raise ValueError(f"{url} has no port")
    return port


def _at_port(url: str, by_port: dict[int, int]) -> str:
    return str(httpx.URL(url).copy_with(port=by_port[_port(url)]))
