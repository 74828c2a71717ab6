"""`mailroom digest`: on the terminal, or into the Inbox."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailroom.account.servers import open_servers
from mailroom.commands import digest, history
from mailroom.commands.terminal import local_time
from mailroom.config.daily import Expiry
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.senders.expiry import expire
from tests.commands.support import command, settings_for
from tests.screener import empty_sandbox


async def test_it_is_shown_as_text_that_can_be_copied_and_nothing_is_written() -> None:
    sandbox = empty_sandbox()
    sandbox.deliver("Ann \u202eLee <ann@shop.example>", "Sale at shop.example")
    before = sandbox.store.states()
    async with settings_for(sandbox) as settings:
        shown = await command(settings, "digest")
    assert shown.status == 0
    assert shown.output.startswith("1 sender waits in Screener, with 1 mail.\n")
    assert "Ann \\u202eLee <ann@shop.example>\n  Sale at shop.example\n  1 mail, the newest " in shown.output
    assert "[digest]" in shown.output.splitlines()[-1]
    assert sandbox.store.states() == before


async def test_it_is_put_into_the_inbox_once_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        assert await digest.send(settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == "Nobody waits in Screener. There is nothing to send.\n"
        sandbox.deliver()
        assert await digest.send(settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == "The digest is in the Inbox: 1 sender.\n"
        assert await digest.send(settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == "Today's digest is in the Inbox already.\n"
        assert len(sandbox.mails_in("Inbox")) == 1
        assert await digest.show(settings, DEFAULT_SCHEME) == 0
        assert "1 sender waits in Screener" in capsys.readouterr().out


async def test_history_tells_how_much_mail_left_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    now = datetime(2026, 11, 27, 8, tzinfo=UTC)
    sandbox.deliver(received_at=now - timedelta(days=40))
    scheme = replace(DEFAULT_SCHEME, expire=Expiry(30))
    async with settings_for(sandbox) as settings:
        async with open_servers(settings) as servers:
            for each in (now, now + timedelta(days=1)):
                await expire(servers.client, await servers.contacts(), scheme, Expiry(30), each)
        assert await history.show(None, settings, scheme) == 0
    assert capsys.readouterr().out.endswith(
        f"0 decisions.\n{local_time(now + timedelta(days=1))}: 1 mail that had waited too long left Screener.\n"
    )
