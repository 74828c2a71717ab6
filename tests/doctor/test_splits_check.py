"""What doctor says of splits."""

from dataclasses import replace

from mailroom.account.servers import open_servers
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.splits import Split
from mailroom.doctor.contacts_check import check_splits
from mailroom.doctor.findings import Examined, Finding, Outcome
from mailroom.sandbox import Sandbox
from tests.commands.support import settings_for
from tests.screener import empty_sandbox

USED = Split(("order",), "Feed", domain="shop.example")
IDLE = Split(("order",), "Feed", address="news@slip.example")


async def found(sandbox: Sandbox, *splits: Split) -> Finding:
    scheme = replace(DEFAULT_SCHEME, splits=splits)
    async with settings_for(sandbox) as settings, open_servers(settings) as servers:
        return await check_splits(Examined(settings, scheme, servers, print))


async def test_those_that_no_decided_sender_has_are_named() -> None:
    sandbox = empty_sandbox()
    sandbox.add_card("news@shop.example", "Shop")
    sandbox.add_card("news@slip.example", "Slip")
    sandbox.add_group("Feed", ["news@shop.example"])
    assert (await found(sandbox)).outcome is Outcome.OK
    assert (await found(sandbox, USED)).outcome is Outcome.OK
    warned = await found(sandbox, USED, IDLE)
    assert warned.outcome is Outcome.WARNING
    assert warned.detail == "nobody was decided about whom these are for: news@slip.example"
