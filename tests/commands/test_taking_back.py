"""`mailroom undo`, `history`, `clear` and `spam`: what they print, and how they end."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailroom.cli.main import main
from mailroom.commands import clear, history, spam, undo
from mailroom.commands.names import address_named, subject_named
from mailroom.commands.with_servers import NotFinished
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.decisions.whole import WholeList
from mailroom.errors import ConfigError
from mailroom.sandbox import Sandbox, SetError
from mailroom.sandbox.faults import Reply
from mailroom.senders.clear import To
from tests.commands.support import command, sets, settings_for
from tests.new_mail import join, raw
from tests.screener import NOW, empty_sandbox

ANN = "ann@x.org"


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def decided(sandbox: Sandbox, *lines: str) -> str:
    """Ann is in Jail, with a mail there, and these lines are in the note."""
    note = "\n".join(["— Mailroom —", "Created by Mailroom", *lines])
    join(sandbox, "Jail", sandbox.add_card(ANN, "Ann Lee", notes={"n": {"note": note}}))
    return sandbox.deliver(f"Ann Lee <{ANN}>", "Hi", ["Jail"])


TWICE = ("Triaged to Feed on 2026-03-05", "Re-triaged to Jail on 2026-03-06T14:03Z")


class TestUndo:
    async def test_says_what_changed(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        mail = decided(sandbox, *TWICE)
        async with settings_for(sandbox) as settings:
            assert await undo.undo(ANN, settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == (
            "“Re-triaged to Jail on 2026-03-06T14:03Z” is undone: ann@x.org goes back to Feed; 1 mail moves; "
            "the contact joins Feed; the contact leaves Jail. The same command again brings it back.\n"
        )
        assert sandbox.mailboxes_of(mail) == {"Feed"}

    async def test_dry_changes_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        decided(sandbox, *TWICE)
        async with settings_for(sandbox) as settings:
            assert await undo.dry_run(ANN, settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == (
            "“Re-triaged to Jail on 2026-03-06T14:03Z” would be undone: ann@x.org goes back to Feed; 1 mail moves; the "
            "contact joins Feed; the contact leaves Jail. Nothing is changed yet: without --dry-run it is.\n"
        )
        assert sets(sandbox) == []

    async def test_says_where_a_sender_goes_without_a_decision(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        decided(sandbox, "Back to the Screener on 2026-03-05")
        async with settings_for(sandbox) as settings:
            await undo.dry_run(ANN, settings, DEFAULT_SCHEME)
        assert "nothing is decided about ann@x.org" in capsys.readouterr().out
        note = "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Feed on 2026-03-05"
        join(sandbox, "Feed", sandbox.add_card("*@x.org", "x.org", notes={"n": {"note": note}}))
        async with settings_for(sandbox) as settings:
            await undo.dry_run(ANN, settings, DEFAULT_SCHEME)
        assert "ann@x.org goes with its whole domain, to Feed" in capsys.readouterr().out

    async def test_says_which_part_of_the_mail_goes_where(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        decided(sandbox, "Triaged to Jail on 2026-03-05")
        sandbox.deliver(raw=raw(ANN, "List-Id: <dev.x.org>"), mailboxes=["Jail"])
        block = "— Mailroom —\nCreated by Mailroom"
        by_list = {"n": {"note": f"{block}\nWhole list <dev.x.org>\nTriaged to Feed on 2026-03-05"}}
        join(sandbox, "Feed", sandbox.add_card("", "Dev", notes=by_list, emails={}))
        leaves = "the contact leaves Jail. Nothing is changed yet"
        async with settings_for(sandbox) as settings:
            await undo.dry_run(ANN, settings, DEFAULT_SCHEME)
            assert (
                "would be undone: what came by a decided list goes with that, and nothing else is decided about "
                f"ann@x.org; 2 mails move (1 to Feed, 1 to Screener); {leaves}"
            ) in capsys.readouterr().out
            by_domain = {"n": {"note": f"{block}\nWhole domain\nTriaged to Feed on 2026-03-05"}}
            join(sandbox, "Imbox", sandbox.add_card("*@x.org", "x.org", notes=by_domain))
            await undo.dry_run(ANN, settings, DEFAULT_SCHEME)
            assert (
                "ann@x.org goes with its whole domain, to Imbox, what came by a decided list with that; "
                f"2 mails move (1 to Feed, 1 to Imbox); {leaves}"
            ) in capsys.readouterr().out
            await undo.dry_run(WholeList("dev.x.org"), settings, DEFAULT_SCHEME)
            assert "nothing is decided about list:dev.x.org; the contact leaves Feed" in capsys.readouterr().out
            sandbox.deliver(raw=raw("bob@x.org", "List-Id: <dev.x.org>"), mailboxes=["Feed"])
            await undo.dry_run(WholeList("dev.x.org"), settings, DEFAULT_SCHEME)
            assert (
                "mail of decided domains goes with these, and nothing is decided about list:dev.x.org; "
                "1 mail moves to Imbox; the contact leaves Feed"
            ) in capsys.readouterr().out

    async def test_cut_off_says_how_to_go_on(self) -> None:
        sandbox = empty_sandbox()
        decided(sandbox, *TWICE)
        sandbox.faults.next_request(Reply(503), skip=3, times=None)
        async with settings_for(sandbox) as settings:
            with pytest.raises(NotFinished, match=f"`mailroom history {ANN}` shows whether it is done"):
                await undo.undo(ANN, settings, DEFAULT_SCHEME)


class TestHistory:
    async def test_is_a_table_the_newest_first(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        decided(sandbox, *TWICE, "Back to the Screener on 2026-03-07T09:00Z", "Undone on 2026-03-08T09:00Z")
        async with settings_for(sandbox) as settings:
            assert await history.show(None, settings, DEFAULT_SCHEME) == 0
        shown = capsys.readouterr().out
        assert [line.split() for line in shown.splitlines()[:5]] == [
            ["When", "Who", "Name", "From", "To"],
            ["2026-03-08", "09:00", "ann@x.org", "Ann", "Lee", "(no", "decision)"],
            ["2026-03-07", "09:00", "ann@x.org", "Ann", "Lee", "Jail", "Screener"],
            ["2026-03-06", "14:03", "ann@x.org", "Ann", "Lee", "Feed", "Jail"],
            ["2026-03-05", "ann@x.org", "Ann", "Lee", "Feed"],
        ]
        assert shown.endswith("\n4 decisions, newest first.\n")

    async def test_of_one_sender(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with settings_for(empty_sandbox()) as settings:
            assert await history.show(ANN, settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == "0 decisions about ann@x.org.\n"

    async def test_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        decided(sandbox, *TWICE)
        async with settings_for(sandbox) as settings:
            assert await history.as_json(ANN, settings, DEFAULT_SCHEME) == 0
        told = json.loads(capsys.readouterr().out)
        assert told[0] == {
            "when": "2026-03-06T14:03Z",
            "who": [ANN],
            "name": "Ann Lee",
            "what": "retriaged",
            "from": "Feed",
            "to": "Jail",
        }
        assert told[1]["from"] is None


def waits(sandbox: Sandbox, sender: str = f"Ann Lee <{ANN}>") -> str:
    keywords = ("mailroom-seen", "mailroom-waiting")
    return sandbox.deliver(sender, "Hi", ["Screener"], received_at=NOW - timedelta(days=9), keywords=keywords)


class TestClear:
    async def test_dry_shows_whose_mail_it_is(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        waits(sandbox)
        waits(sandbox)
        async with settings_for(sandbox) as settings:
            assert await clear.dry_run(To.ARCHIVE, 7, settings, DEFAULT_SCHEME) == 0
        shown = capsys.readouterr().out
        assert shown.splitlines()[1].split()[:4] == [ANN, "Ann", "Lee", "2"]
        assert shown.endswith(
            "\nNothing is changed yet: 2 mails of 1 sender would go to the Archive. `mailroom clear --older 7 --apply` "
            "does it, and decides about nobody.\n"
        )
        assert sets(sandbox) == []

    async def test_says_what_went_where(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        mail = waits(sandbox)
        async with settings_for(sandbox) as settings:
            assert await clear.apply(To.INBOX, None, settings, DEFAULT_SCHEME) == 0
            assert await clear.apply(To.INBOX, None, settings, DEFAULT_SCHEME) == 0
            assert await clear.dry_run(To.INBOX, 3, settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out.splitlines() == [
            "1 mail went from Screener to the Inbox; nobody is decided about.",
            "Nothing waits in Screener, but what carries a label.",
            "Nothing waits in Screener for longer than 3 days, but what carries a label.",
        ]
        assert sandbox.mailboxes_of(mail) == {"Inbox"}

    async def test_says_what_could_not_be_moved(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        sandbox.faults.set_errors[waits(sandbox)] = SetError("forbidden")
        async with settings_for(sandbox) as settings:
            assert await clear.apply(To.TRASH, None, settings, DEFAULT_SCHEME) == 1
        assert capsys.readouterr().out.splitlines()[-1] == (
            "✗ 1 mail could not be moved: forbidden. `mailroom clear --to Trash --apply` tries again."
        )

    async def test_cut_off_says_what_does_the_rest(self) -> None:
        sandbox = empty_sandbox()
        waits(sandbox)
        sandbox.faults.next_request(Reply(503), skip=2, times=None)
        async with settings_for(sandbox) as settings:
            with pytest.raises(NotFinished, match="`mailroom clear --apply` does the rest"):
                await clear.apply(To.ARCHIVE, None, settings, DEFAULT_SCHEME)


class TestSpam:
    async def test_says_where_it_went(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        waits(sandbox)
        async with settings_for(sandbox) as settings:
            assert await spam.spam(ANN, settings, DEFAULT_SCHEME) == 0
        assert capsys.readouterr().out == "1 mail of ann@x.org went to Junk, marked as junk; no contact was made.\n"

    async def test_says_what_could_not_be_moved(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = empty_sandbox()
        sandbox.faults.set_errors[waits(sandbox)] = SetError("forbidden")
        async with settings_for(sandbox) as settings:
            assert await spam.spam(ANN, settings, DEFAULT_SCHEME) == 1
        assert "`mailroom spam ann@x.org` tries again" in capsys.readouterr().out


class TestNames:
    def test_of_senders_are_canonical(self) -> None:
        assert address_named("ANN@X.org") == ANN
        assert subject_named("ANN@X.org") == ANN
        assert str(subject_named("*@Shop.example")) == "@shop.example"
        assert str(subject_named("list:Dev.Python.org")) == "list:dev.python.org"

    @pytest.mark.parametrize("text", ["ann", ""])
    def test_that_are_none_are_refused(self, text: str) -> None:
        for named in (address_named, subject_named):
            with pytest.raises(ConfigError, match="is no mail address"):
                named(text)


async def test_from_the_shell() -> None:
    sandbox = empty_sandbox()
    decided(sandbox, *TWICE)
    waits(sandbox, "Bob <bob@x.org>")
    async with settings_for(sandbox) as settings:
        for arguments, said in (
            (("undo", ANN, "--dry-run"), "goes back to Feed"),
            (("undo", ANN), "is undone"),
            (("history",), "3 decisions, newest first"),
            (("history", ANN, "--json"), '"what": "retriaged"'),
            (("spam", "bob@x.org"), "1 mail of bob@x.org went to Junk"),
            (("clear", "--to", "inbox"), "Nothing waits in Screener"),
            (("clear", "--older", "3", "--apply"), "Nothing waits in Screener for longer than 3 days"),
        ):
            ended = await command(settings, *arguments)
            assert (ended.status, ended.errors) == (0, ""), arguments
            assert said in ended.output
        refused = await command(settings, "undo", "bob@x.org")
    assert refused.status == 2
    assert refused.errors == (
        "mailroom: nothing was decided about bob@x.org: no contact has a note of it. "
        "`mailroom history` shows what was\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["undo"], "Missing argument 'ADDRESS|@DOMAIN|list:ID'"),
        (["spam"], "Missing argument 'ADDRESS'"),
        (["clear", "--to", "Feed"], "'Feed' is not one of 'archive', 'inbox', 'trash'"),
        (["clear", "--older", "0"], "0 is not in the range"),
    ],
)
def test_wrong_use_says_what_is_wrong(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
