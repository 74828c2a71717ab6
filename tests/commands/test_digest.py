"""`mailroom digest`: on the terminal, or into the Inbox."""

import pytest

from mailroom.commands import digest
from mailroom.config.scheme import DEFAULT_SCHEME
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
