"""Where the page is, as browsers see it, and whose word about who calls is taken."""

import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import httpx
from pydantic import SecretStr

from mailroom.config.page_settings import Network
from mailroom.config.process_settings import ProcessSettings

SECRET_HEADER = "X-Mailroom-Proxy-Secret"  # noqa: S105  a header's name
_OWN_NAMES = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that says who has logged in: in which header, and what proves that it is the proxy (None: nothing)."""

    header: str
    secret: SecretStr | None


@dataclass(frozen=True, slots=True)
class Access:
    """`origins` are those that a form of ours comes from, `hosts` what a browser may call us; `is_https` is how it sees
    us. Forwarded addresses and the names of `proxy` are taken from `trusted` alone."""

    origins: frozenset[str]
    hosts: frozenset[str]
    is_https: bool
    trusted: tuple[Network, ...]
    proxy: Proxy | None

    @classmethod
    def of(cls, settings: ProcessSettings, port: int) -> Self:
        """`port` is the one that is listened on."""
        header = settings.page_proxy_header
        proxy = None if header is None else Proxy(header, settings.page_proxy_secret)
        if settings.page_url is None:
            hosts = {f"{name}:{port}" for name in _OWN_NAMES}
            hosts |= {*_OWN_NAMES} if port == _DEFAULT_PORTS["http"] else set()
            origins = frozenset(f"http://{host}" for host in hosts)
            return cls(origins, frozenset(hosts), False, settings.page_proxy_from, proxy)
        url = httpx.URL(settings.page_url)
        host = url.netloc.decode("ascii")
        hosts = {host} if url.port else {host, f"{host}:{_DEFAULT_PORTS[url.scheme]}"}
        is_https = url.scheme == "https"
        return cls(frozenset({settings.page_url}), frozenset(hosts), is_https, settings.page_proxy_from, proxy)

    def trusts(self, address: str) -> bool:
        """Whether this is the proxy's address."""
        return any(_within(address, network) for network in self.trusted)

    def caller(self, peer: str, forwarded: Sequence[str]) -> str:
        """Whose address counts: the peer's, or where that is the proxy the last one that it didn't add for itself.

        `forwarded` are the values of X-Forwarded-For.
        """
        if not self.trusts(peer):
            return peer
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        return next((hop for hop in reversed(hops) if _is_address(hop) and not self.trusts(hop)), peer)

    def named_by_proxy(self, peer: str, names: Sequence[str], secrets: Sequence[str]) -> str | None:
        """Whom the proxy names as logged in; None if nobody is named. Raises `ValueError` for a name that isn't its."""
        if self.proxy is None or not names:
            return None
        if len(names) > 1 or not self.trusts(peer):
            raise ValueError("named by somebody else")
        wanted = self.proxy.secret
        if wanted is not None and not _is_the_secret(wanted, secrets):
            raise ValueError("without the proxy's secret")
        return names[0]


def _is_the_secret(wanted: SecretStr, given: Iterable[str]) -> bool:
    values = list(given)
    return len(values) == 1 and hmac.compare_digest(values[0].encode(), wanted.get_secret_value().encode())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _within(address: str, network: Network) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found in network


def neighbourhood(address: str) -> str:
    """Whose tries are counted together: an address; of IPv6 all that one household has (its /64)."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
