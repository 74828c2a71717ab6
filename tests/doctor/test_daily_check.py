"""What doctor says of the digest and of mail that waits too long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mailroom.account.servers import open_servers
from mailroom.config.daily import Digest, Expiry
from mailroom.config.keys import VARIABLES
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.doctor.daily_check import TURN_ON, check_daily
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.sandbox import Sandbox
from mailroom.senders.expiry import expire
from mailroom.triage.start_check import NO_ADDRESS_FOR_DIGESTS
from tests.commands.support import settings_for
from tests.screener import empty_sandbox

AT = replace(DEFAULT_SCHEME, digest=Digest(time(7, 30), ZoneInfo("Europe/Berlin")))
EXPIRY = Expiry(30)
BOTH = replace(AT, expire=EXPIRY)


@asynccontextmanager
async def examined(sandbox: Sandbox, scheme: Scheme) -> AsyncIterator[Examined]:
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        yield Examined(settings, scheme, servers, print)


async def finding(sandbox: Sandbox, scheme: Scheme) -> Finding:
    async with examined(sandbox, scheme) as account:
        return await check_daily(account)


async def test_without_either_it_says_how_to_turn_the_digest_on() -> None:
    said = await finding(empty_sandbox(), DEFAULT_SCHEME)
    assert (said.outcome, said.advice) == (Outcome.OK, TURN_ON.format(VARIABLES.scheme_place))


async def test_a_digest_needs_an_address() -> None:
    sandbox = empty_sandbox()
    said = await finding(sandbox, AT)
    assert (said.outcome, said.detail) == (
        Outcome.OK,
        "a digest at 07:30 (Europe/Berlin), from and to robin@example.com",
    )
    sandbox.identities, sandbox.email = [("Robin", "")], "robin"
    said = await finding(sandbox, AT)
    assert (said.outcome, said.advice) == (Outcome.FAILED, NO_ADDRESS_FOR_DIGESTS)


async def test_it_says_how_much_mail_would_leave_and_from_when_on() -> None:
    sandbox = empty_sandbox()
    now = datetime.now(UTC)
    for days in (40, 31, 29):
        sandbox.deliver(received_at=now - timedelta(days=days))
    waiting = "2 mails wait for more than 30 days: out of the Screener to Archive, "
    said = await finding(sandbox, BOTH)
    assert said.detail.splitlines()[1] == f"{waiting}a day after the daemon has started with it"
    async with examined(sandbox, BOTH) as account:
        await expire(account.servers.client, await account.servers.contacts(), BOTH, EXPIRY, now)
    said = await finding(sandbox, BOTH)
    assert said.detail.splitlines()[1] == f"{waiting}from {now + timedelta(days=1):%Y-%m-%d %H:%M} UTC on"
