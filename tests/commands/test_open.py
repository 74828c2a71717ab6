"""`mailroom open`: screening is open for a while, and then closed again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailroom.cli.main import main
from mailroom.commands import open as opening
from mailroom.commands.durations import read_duration
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import Screening
from mailroom.decisions.state_card import State, read_state, uid_of
from mailroom.sandbox import Flavour, Sandbox
from tests.commands.support import command, sets, settings_for
from tests.flavours import every_flavour
from tests.screener import NOW, empty_sandbox, screener

ON = replace(DEFAULT_SCHEME, screening=Screening(mode="on"))
QUARTER = timedelta(minutes=15)


def state_of(sandbox: Sandbox) -> State:
    card = sandbox.store.card_with_uid(uid_of(sandbox.account_id))
    return read_state("" if card is None else str(next(iter(card.data["notes"].values()))["note"]))


@every_flavour
async def test_while_it_is_open_strangers_stay_and_are_marked_and_then_no_more(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    async with settings_for(sandbox) as settings, screener(sandbox, ON) as daemon:
        await opening.open_for(QUARTER, settings, ON)
        until = state_of(sandbox).open_until
        assert until is not None
        early, late = until - timedelta(minutes=5), until + timedelta(minutes=5)
        let_in = sandbox.deliver("Ann <ann@x.org>", mailboxes=["Inbox"], received_at=early)
        await daemon.run(early)
        assert (sandbox.mailboxes_of(let_in), _keywords(sandbox, let_in)) == ({"Inbox"}, {"mailroom-seen"})
        screened = sandbox.deliver("Ann <ann@x.org>", mailboxes=["Inbox"], received_at=late)
        await daemon.run(late)
        assert (sandbox.mailboxes_of(let_in), sandbox.mailboxes_of(screened)) == ({"Inbox"}, {"Screener"})


def _keywords(sandbox: Sandbox, mail: str) -> set[str]:
    return set(sandbox.store.mails.objects[mail].keywords)


async def test_closed_again_strangers_are_screened_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings, screener(sandbox, ON) as daemon:
        await opening.open_for(QUARTER, settings, ON)
        await opening.close(settings, ON)
        assert capsys.readouterr().out.endswith("Screening is closed: new mail of strangers goes to Screener.\n")
        assert state_of(sandbox) == State(screening_since=NOW)
        now = datetime.now(UTC)
        mail = sandbox.deliver("Ann <ann@x.org>", mailboxes=["Inbox"], received_at=now)
        await daemon.run(now)
        assert sandbox.mailboxes_of(mail) == {"Screener"}
        before = sandbox.store.states()
        await opening.close(settings, ON)
        assert (capsys.readouterr().out, sandbox.store.states()) == ("Screening was not open.\n", before)


async def test_it_may_be_opened_before_screening_ever_began() -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        await opening.open_for(QUARTER, settings, ON)
        until = state_of(sandbox).open_until
        async with screener(sandbox, ON):
            assert state_of(sandbox) == State(screening_since=NOW, open_until=until)


async def test_as_a_process_it_says_until_when_and_that_it_has_no_effect_where_screening_is_off() -> None:
    sandbox = empty_sandbox()
    async with settings_for(sandbox) as settings:
        opened = await command(settings, "open", "1h30m", MAILROOM_SCREENING="on", TZ="Asia/Tokyo")
        until = state_of(sandbox).open_until
        off = await command(settings, "open", "2h")
        watch = await command(settings, "open", "2h", MAILROOM_SCREENING="watch")
        closed = await command(settings, "open", "OFF")
    assert until is not None
    local = (until + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")
    assert (opened.status, opened.errors) == (0, "")
    assert opened.output == (
        f"Screening is open until {local}: new mail stays in the Inbox, whoever sends it. "
        "`mailroom open off` closes it.\n"
    )
    assert (off.status, watch.status, closed.status) == (0, 0, 0)
    assert off.output.splitlines()[1] == (
        "By the settings here screening is off: nobody's mail leaves the Inbox anyway, and this counts once it is on. "
        "MAILROOM_SCREENING=on turns it on."
    )
    assert "screening is only watching" in watch.output
    assert state_of(sandbox).open_until is None


@pytest.mark.parametrize(
    ("text", "minutes"), [("15m", 15), ("2h", 120), ("1h30m", 90), (" 24H ", 1440), ("90m", 90), ("1m", 1)]
)
def test_durations(text: str, minutes: int) -> None:
    assert read_duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("15", "no duration: write 15m"),
        ("-5m", "no duration: write 15m"),
        ("0m", "no duration"),
        ("", "no duration"),
        ("m", "no duration"),
        ("1.5h", "no duration"),
        ("15s", "no duration"),
        ("٣m", "no duration"),
        ("30m1h", "no duration"),
        ("99999999999h", "no duration"),
        ("25h", "25h is too long: 24h at most; off closes"),
        ("24h1m", "too long"),
    ],
)
def test_nonsense_is_refused_before_anything_is_asked(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["open", text]) == 2
    assert told in capsys.readouterr().err


async def test_a_missing_group_is_named_and_nothing_is_written() -> None:
    sandbox = Sandbox()
    async with settings_for(sandbox) as settings:
        ended = await command(settings, "open", "15m")
    assert ended.status == 1
    assert "no contact group Mailroom: create it, or run `mailroom setup --apply`" in ended.errors
    assert sets(sandbox) == []
