"""What concerns this machine: its clock, the port for health checks, the file with the login."""

import errno
import stat
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx
import trio

from mailroom.config.process_settings import ProcessSettings
from mailroom.config.screening import Mode
from mailroom.config.variables import DOTENV
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.errors import shortened
from mailroom.http import fetch
from mailroom.observe.running_daemon import ask_daemon

TOLERATED_SECONDS = 30.0
"""Notes carry dates, and certificates and tokens have times; half a minute hurts none of them."""

_HALF_A_SECOND = 0.5
"""A Date header has whole seconds: the time that it means is on average this much later."""


async def check_clock(examined: Examined) -> Finding:
    """How far this machine's clock is from the mail server's."""
    url = httpx.URL(examined.settings.jmap_session_url)
    before = time.time()
    reply = await fetch(examined.servers.http, "GET", url, auth=examined.servers.client.credentials)
    after = time.time()
    server = _unix_seconds(str(reply.headers.get("Date", "")))
    if server is None:
        return Finding(Outcome.SKIPPED, "the server doesn't tell its time")
    ahead = round((before + after) / 2 - server - _HALF_A_SECOND, 1)
    if abs(ahead) <= TOLERATED_SECONDS:
        return Finding(Outcome.OK, f"within {max(1, round(abs(ahead)))} s of the server's", measured_seconds=ahead)
    return Finding(
        Outcome.WARNING,
        f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's",
        "set this machine's clock, for example by switching on time synchronisation",
        ahead,
    )


def _unix_seconds(date: str) -> float | None:
    """The time of an HTTP date (RFC 9110 §5.6.7), which is in GMT even where it doesn't say so."""
    try:
        at = parsedate_to_datetime(date)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


async def check_dotenv(_process: ProcessSettings, _screening: Mode | None) -> Finding:
    """Whether others on this machine can read the file that holds the login."""
    try:
        mode = (await trio.Path(DOTENV).stat()).st_mode
    except OSError:
        return Finding(Outcome.OK, f"there is no {DOTENV} here")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        return Finding(Outcome.WARNING, f"others on this machine may read {DOTENV}", f"chmod 600 {DOTENV}")
    return Finding(Outcome.OK, f"{DOTENV} is readable by you alone")


async def check_health_port(process: ProcessSettings, screening: Mode | None) -> Finding:
    """Whether the daemon can listen where it should, or does so already.

    `screening` is how it should screen; None where each of its accounts has a mode of its own.
    """
    host, port = process.health_host, process.health_port
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except (OSError, UnicodeError) as error:
        return await _why_taken(process, screening, error)
    for listener in listeners:
        await listener.aclose()
    return Finding(Outcome.OK, f"port {port} on {host} is free")


async def _why_taken(process: ProcessSettings, screening: Mode | None, error: OSError | UnicodeError) -> Finding:
    host, port = process.health_host, process.health_port
    host_key, port_key = map(process.key, ("health_host", "health_port"))
    if not isinstance(error, OSError) or error.errno != errno.EADDRINUSE:
        reason = getattr(error, "strerror", None) or type(error).__name__
        advice = f"set {host_key} or {port_key} to what this machine can listen on"
        return Finding(Outcome.FAILED, f"can't listen on {host} port {port} ({reason})", advice)
    daemon = await ask_daemon(process)
    if daemon is None:
        problem = f"port {port} on {host} is used by another program"
        return Finding(Outcome.FAILED, problem, f"set {port_key} to a free one")
    answers = f"a running Mailroom {daemon.version} answers on port {port}"
    if daemon.status != "ok":
        age = daemon.last_poll_age_seconds
        how = "and is unhealthy" if age is None else f"and had no success for {age:.0f} s"
        return Finding(Outcome.WARNING, f"{answers}, {how}", "its log says why")
    if daemon.screening is not None and screening not in (None, daemon.screening):
        differs = f"its screening is {shortened(daemon.screening, 20)}, and that of these settings {screening}"
        return Finding(Outcome.WARNING, f"{answers}; {differs}", "start it again with these settings")
    return Finding(Outcome.OK, f"{answers}, and is healthy")
