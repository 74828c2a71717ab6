"""Whether the process may open as many files and connections as its accounts need."""

import resource
from collections.abc import Collection

import httpx
import structlog

from mailroom.http_clients import MOST_AT_ONCE
from mailroom.urls import origin

log = structlog.get_logger(component="daemon")

_OF_THE_PROCESS = 100
"""Log, health port and its clients, event loop, name look-ups, files that are read."""


def needed(session_urls: Collection[str]) -> int:
    """An event stream for each account, and the connections for requests to each origin."""
    origins = {origin(httpx.URL(url)) for url in session_urls}
    return len(session_urls) + MOST_AT_ONCE * len(origins) + _OF_THE_PROCESS


def make_room(session_urls: Collection[str]) -> None:
    """Raise this process's own limit as far as it takes and the system lets it, and say so where that isn't enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed(session_urls)
    if soft == resource.RLIM_INFINITY or wanted <= soft:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError):
        # A sandbox around the service may forbid it.
        allowed = soft
    if allowed < wanted:
        log.error(
            "too_few_descriptors",
            accounts=len(session_urls),
            needed=wanted,
            allowed=allowed,
            hint=f"accounts beyond the limit can't connect: set LimitNOFILE={wanted} in the systemd unit, or run the "
            f"container with --ulimit nofile={wanted}",
        )
