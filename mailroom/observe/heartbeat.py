"""The heartbeat: tells a monitor that expects to hear of us (Uptime Kuma, healthchecks.io) that passes succeed."""

from typing import Never

import httpx
import structlog
import trio
from pydantic import SecretStr

from mailroom.errors import BadReply, Unavailable
from mailroom.http import fetch
from mailroom.http_clients import Http
from mailroom.observe.status import Status, Success

log = structlog.get_logger(component="heartbeat")

DEADLINE_SECONDS = 10


async def send_heartbeats(
    http: Http, secret_url: SecretStr, status: Status, poll_interval: float, setting: str
) -> Never:
    """Fetch the url after each pass that succeeded, at most once in `poll_interval` seconds. `setting` names it.

    Raises nothing that the monitor can cause. The url is never logged: whoever knows it can speak for us.
    """
    url = httpx.URL(secret_url.get_secret_value())
    sent_for: Success | None = None
    told: str | None = None
    success: Success | None = None
    while True:
        success = await status.success_after(success)
        if sent_for is not None and success.ended_at - sent_for.ended_at < poll_interval:
            continue
        sent_for = success
        problem = await _send(http, heartbeat_url(url, success), setting)
        _tell(problem, told)
        told = problem


def heartbeat_url(url: httpx.URL, success: Success) -> httpx.URL:
    """The url with what Uptime Kuma's push monitor reads; its other parameters stay. `ping` is in milliseconds."""
    return url.copy_merge_params({"status": "up", "msg": success.trigger, "ping": str(round(success.seconds * 1000))})


async def _send(http: Http, url: httpx.URL, setting: str) -> str | None:
    """Returns what went wrong, without the url. Redirects aren't followed: they would hand the url's secret on."""
    auth = httpx.BasicAuth(url.username, url.password) if url.userinfo else httpx.Auth()
    try:
        with trio.fail_after(DEADLINE_SECONDS):
            reply = await fetch(http, "GET", url, auth=auth)
    except trio.TooSlowError:
        return f"no answer in {DEADLINE_SECONDS} s"
    except (Unavailable, BadReply) as failure:
        return str(failure)
    if reply.location is not None:
        return f"it redirects (HTTP {reply.status}): set {setting} to where it leads"
    return None if 200 <= reply.status < 300 else f"it answered HTTP {reply.status}"


def _tell(problem: str | None, told: str | None) -> None:
    """A monitor may be away for days: a problem is a warning when it is new, and its end is told."""
    if problem is not None:
        tell = log.debug if problem == told else log.warning
        tell("heartbeat_failed", error=problem)
    elif told is not None:
        log.info("heartbeat_works_again")
