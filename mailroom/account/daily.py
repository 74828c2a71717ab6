"""What happens once a day: the digest at its time, and mail that has waited too long leaves the Screener.

The time of day is the wall clock's, which may be set, sleep with its machine, or skip an hour: so it is looked at every
minute, and what was due while nobody looked is done then. Nothing is asked of a server until something is due.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Never

import structlog
import trio

from mailroom.account.servers import Servers
from mailroom.backoff import backoff
from mailroom.config.daily import Digest, Expiry
from mailroom.config.scheme import Scheme
from mailroom.errors import MailroomError
from mailroom.observe.status import Status
from mailroom.senders.digest import claim, compose, put, unclaimed
from mailroom.senders.expiry import expire

log = structlog.get_logger(component="daily")

LOOK_SECONDS = 60.0
SPREAD_SECONDS = 300.0
"""Over so long the digests of many accounts are written that are due at the same time."""
LONGEST_RETRY_SECONDS = 60 * 60.0
EXPIRY_SECONDS = 6 * 60 * 60.0
"""Between two looks at mail that has waited too long: a few hours are nothing beside days."""


def utc_now() -> datetime:
    return datetime.now(UTC)


async def run_daily(
    servers: Servers, scheme: Scheme, status: Status, page: str = "", offset_seconds: float = 0.0
) -> None:
    """All of it, as far as it is configured, once passes succeed. Raises nothing that a server can cause."""
    if scheme.digest is None and scheme.expire is None:
        return
    await status.success_after(None)
    async with trio.open_nursery() as nursery:
        if scheme.digest is not None:
            nursery.start_soon(send_digests, servers, scheme, scheme.digest, page, offset_seconds)
        if scheme.expire is not None:
            nursery.start_soon(expire_mail, servers, scheme, scheme.expire)


async def expire_mail(servers: Servers, scheme: Scheme, expiry: Expiry, now: Callable[[], datetime] = utc_now) -> Never:
    """Move what has waited too long, now and every few hours. Raises nothing that a server can cause."""
    while True:
        try:
            await expire(servers.client, await servers.contacts(), scheme, expiry, now())
        except MailroomError as failure:
            log.warning("expiry_failed", reason=str(failure), retry_in=EXPIRY_SECONDS)
        await trio.sleep(EXPIRY_SECONDS)


async def send_digests(
    servers: Servers,
    scheme: Scheme,
    digest: Digest,
    page: str = "",
    offset_seconds: float = 0.0,
    now: Callable[[], datetime] = utc_now,
) -> Never:
    """Put a digest into the Inbox each day, `offset_seconds` after it is due.

    Raises nothing that a server can cause: what fails is tried again, less and less often, until the day is over.
    """
    last: date | None = None
    while True:
        if (day := digest.day_due(now(), last)) is None:
            await trio.sleep(LOOK_SECONDS)
            continue
        await trio.sleep(offset_seconds)
        await _send_on(day, servers, scheme, digest, page, now)
        last = day


async def _send_on(
    day: date, servers: Servers, scheme: Scheme, digest: Digest, page: str, now: Callable[[], datetime]
) -> None:
    """The digest of a day, tried until it is there or the day is over.

    Where the day was not claimed at first, a claim that is there later may be ours, whose answer was lost; if it is a
    twin's after all, the digest is there already, and is not put a second time.
    """
    failures = 0
    may_be_ours = is_claimed = False
    while now().astimezone(digest.zone).date() <= day or not failures:
        try:
            contacts = await servers.contacts()
            if not is_claimed and (card := await unclaimed(servers.client, contacts, day)) is not None:
                may_be_ours = True
                is_claimed = await claim(servers.client, contacts, scheme, day, card)
            elif not is_claimed:
                is_claimed = may_be_ours
            if is_claimed:
                await _put(day, servers, scheme, digest, page, now())
            return
        except MailroomError as failure:
            failures += 1
            delay = backoff(failures, longest=LONGEST_RETRY_SECONDS)
            log.warning("digest_failed", reason=str(failure), failures=failures, retry_in=round(delay, 1))
            await trio.sleep(delay)


async def _put(day: date, servers: Servers, scheme: Scheme, digest: Digest, page: str, now: datetime) -> None:
    composed = await compose(servers.client, scheme, digest.zone, day, page)
    if composed is None:
        log.info("digest_not_needed", hint="nobody waits")
    elif await put(servers.client, composed, now):
        log.info("digest_written", senders=composed.waits.senders, mails=composed.waits.mails)
