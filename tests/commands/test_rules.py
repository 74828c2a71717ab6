"""`mailroom rules`: prints rules, installs a Sieve script beside the user's. What mail does then: tests/real."""

import json
from dataclasses import replace

import pytest

from mailroom.account.servers import open_servers
from mailroom.cli.ending import MEND_FIRST
from mailroom.cli.main import main
from mailroom.commands import rules
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.config.screening import Screening
from mailroom.errors import ConfigError, MailroomError
from mailroom.rules import found_script, sieve
from mailroom.sandbox import CYRUS, FASTMAIL, STALWART, Flavour, Limits, MethodError, Sandbox, SetError, faults
from mailroom.sandbox.dispatch import SIEVE
from mailroom.sandbox.errors import Json
from mailroom.senders.server_rules import state_of
from mailroom.senders.sieve_script import find_installed
from tests.commands.support import bare_sandbox, command, sets, settings_for
from tests.exhaustive import some_of
from tests.rules.sieve_interpreter import Delivery, deliver
from tests.screener import empty_sandbox

MINE = 'require "fileinto";\nif true {\n  fileinto "Archive";\n  stop;\n}\n'
PLAIN = replace(CYRUS, sieve_extensions=("fileinto",))
COUNT = 8
"""Rules of the usual scheme: 7 categories, the Imbox once more for persons, the Screener."""


def cyrus_with_members() -> Sandbox:
    """A server with Sieve; ann is in the Imbox, bob is a person."""
    sandbox = empty_sandbox(flavour=CYRUS)
    for address, groups in (("ann@example.org", ["Imbox"]), ("bob@example.org", ["Imbox", "Person"])):
        uid = sandbox.add_card(address, address)
        for group in groups:
            join(sandbox, group, uid)
    return sandbox


def join(sandbox: Sandbox, group: str, uid: str) -> None:
    (found,) = [card for card in sandbox.store.cards.objects.values() if card.data.get("name") == {"full": group}]
    members = found.data.get("members", {})
    sandbox.change_card(found.uid, {"members": {**members, uid: True}})


def ending(script: str, sender: str) -> frozenset[str]:
    """Where the script puts a mail."""
    names = {name: name for name in DEFAULT_SCHEME.managed_mailboxes}
    return deliver(script.replace("\r\n", "\n"), Delivery(sender, mailbox_names=names))


def with_copy(session: Json) -> Json:
    """A session that announces the Sieve extension copy, be it there or not."""
    details = session["accounts"]["u1"]["accountCapabilities"][SIEVE]
    details["sieveExtensions"] = (*details["sieveExtensions"], "copy")
    return session


class TestForFastmail:
    async def test_prints_the_array_and_says_what_to_do_with_it(self) -> None:
        sandbox = bare_sandbox()
        async with settings_for(sandbox) as settings:
            ended = await command(settings, "rules", "--format", "fastmail")
        assert ended.status == 0
        made = json.loads(ended.output)
        assert len(made) == COUNT
        assert made[-1]["fileIn"] == "Screener"
        assert "Settings → Filters & Rules" in ended.errors

    def test_cannot_be_installed(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "x")
        assert main(["rules", "--format", "fastmail", "--apply"]) == MEND_FIRST
        output, errors = capsys.readouterr()
        assert output == ""
        assert "leave --apply out" in errors

    async def test_has_none_for_the_screener_where_the_daemon_screens(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with settings_for(bare_sandbox()) as settings:
            assert await rules.print_fastmail(settings, replace(DEFAULT_SCHEME, screening=Screening("on"))) == 0
        output, errors = capsys.readouterr()
        assert len(json.loads(output)) == COUNT - 1
        assert "Screener" not in output
        assert "delete the one called “Mailroom: Screener” there" in errors

    async def test_warns_of_categories_that_share_a_group(self, capsys: pytest.CaptureFixture[str]) -> None:
        scheme = Scheme((category("Bills"), category("Water", parent="Bills", contact_group="Bills")))
        async with settings_for(bare_sandbox()) as settings:
            assert await rules.print_fastmail(settings, scheme) == 0
        assert "Warning: category Water shares the contact group Bills with Bills" in capsys.readouterr().err


class TestWithoutSieve:
    async def test_prints_a_script_and_what_to_do_by_hand(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with settings_for(empty_sandbox(flavour=FASTMAIL)) as settings:
            assert await rules.print_sieve(settings, DEFAULT_SCHEME) == 0
        output, errors = capsys.readouterr()
        assert ending(output, "who@example.net") == {"Screener"}
        assert "ManageSieve" in errors

    async def test_says_what_to_do_by_hand_instead_of_installing(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with settings_for(empty_sandbox(flavour=FASTMAIL)) as settings:
            with pytest.raises(ConfigError, match=r"offers no Sieve scripts over JMAP.*ManageSieve"):
                await rules.apply_sieve(settings, DEFAULT_SCHEME)
        assert capsys.readouterr().out == ""


class TestWhereTheDaemonScreens:
    async def test_is_installed_without_the_last_rule_as_the_environment_says(self) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            done = await command(settings, "rules", "--format", "sieve", "--apply", MAILROOM_SCREENING="on")
        assert (done.status, done.output) == (0, "")
        text = sandbox.scripts()["mailroom"]
        assert ending(text, "ann@example.org") == {"Imbox", "Inbox"}
        assert ending(text, "who@example.net") == {"Inbox"}


class TestADryRun:
    async def test_prints_what_would_be_installed_and_changes_nothing(self) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            dry = await command(settings, "rules", "--format", "sieve")
            assert (dry.status, sandbox.scripts(), sets(sandbox)) == (0, {}, [])
            assert "Nothing is changed yet" in dry.errors
            done = await command(settings, "rules", "--format", "sieve", "--apply")
        assert (done.status, done.output) == (0, "")
        assert sandbox.scripts() == {"mailroom": dry.output.replace("\n", "\r\n")}

    async def test_prints_the_users_script_as_included(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mine", MINE, active=True)
        async with settings_for(sandbox) as settings:
            assert await rules.print_sieve(settings, DEFAULT_SCHEME) == 0
        assert found_script.included(capsys.readouterr().out) == "mine"


class TestInstalling:
    async def test_files_by_the_addresses_of_the_groups(self) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        assert sandbox.active_script() == "mailroom"
        text = sandbox.scripts()["mailroom"]
        assert {sender: ending(text, sender) for sender in ("ann@example.org", "bob@example.org")} == {
            "ann@example.org": {"Imbox", "Inbox"},
            "bob@example.org": {"Imbox", "Inbox", "Person"},
        }
        assert ending(text, "who@example.net") == {"Screener"}
        assert ending(text, sandbox.email) == {"Inbox"}

    async def test_says_that_the_addresses_are_those_of_today(self, capsys: pytest.CaptureFixture[str]) -> None:
        async with settings_for(cyrus_with_members()) as settings:
            for said in ("installed and active", "Nothing to do"):
                assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
                errors = capsys.readouterr().err
                assert said in errors
                assert "addresses in it are those of today" in errors

    async def test_again_takes_new_members_in(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
            join(sandbox, "Feed", sandbox.add_card("eve@example.org", "Eve"))
            capsys.readouterr()
            assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        assert "The script mailroom is replaced and active." in capsys.readouterr().err
        assert ending(sandbox.scripts()["mailroom"], "eve@example.org") == {"Feed"}

    async def test_again_without_news_writes_nothing(self) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
            written = sets(sandbox)
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
        assert sets(sandbox) == written == ["SieveScript/set"]

    async def test_again_makes_a_script_that_somebody_deactivated_the_active_one(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
            sandbox.store.active_script = None
            capsys.readouterr()
            assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        assert sandbox.active_script() == "mailroom"
        assert "The script mailroom is up to date and active." in capsys.readouterr().err

    async def test_warns_of_a_script_that_files_mail_and_goes_on(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mine", MINE.replace("  stop;\n", ""), active=True)
        async with settings_for(sandbox) as settings:
            for command in (rules.print_sieve, rules.apply_sieve, rules.apply_sieve):
                assert await command(settings, DEFAULT_SCHEME) == 0
                assert "Warning: your own script files or keeps mail and goes on" in capsys.readouterr().err

    async def test_replaces_a_script_that_was_saved_under_another_name(self) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("by hand", f"{sieve.MARKER}\nkeep;\n", active=True)
        async with settings_for(sandbox) as settings:
            assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        assert (sandbox.active_script(), [*sandbox.scripts()]) == ("by hand", ["by hand"])
        assert ending(sandbox.scripts()["by hand"], "who@example.net") == {"Screener"}

    async def test_keeps_the_users_script_running(self, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mine", MINE, active=True)
        async with settings_for(sandbox) as settings:
            for _ in range(2):
                assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
                assert (sandbox.active_script(), sandbox.scripts()["mine"]) == ("mailroom", MINE)
                assert found_script.included(sandbox.scripts()["mailroom"]) == "mine"
        assert "runs your script mine first" in capsys.readouterr().err

    @pytest.mark.parametrize("installed", [True, False])
    async def test_leaves_a_script_of_the_users_active_that_runs_it(
        self, installed: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            if installed:
                await rules.apply_sieve(settings, DEFAULT_SCHEME)
                join(sandbox, "Feed", sandbox.add_card("eve@example.org", "Eve"))
            sandbox.add_script("mine", 'require "include";\ninclude "mailroom";\n', active=True)
            assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        assert sandbox.active_script() == "mine"
        assert found_script.included(sandbox.scripts()["mailroom"]) is None
        assert "mine stays the active one and runs it" in capsys.readouterr().err


class TestRefusing:
    async def refused(self, sandbox: Sandbox, settings: AccountSettings) -> str:
        """What is said; nothing has changed."""
        before, active = sandbox.scripts(), sandbox.active_script()
        with pytest.raises(ConfigError) as raised:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
        assert (sandbox.scripts(), sandbox.active_script()) == (before, active)
        return str(raised.value)

    @pytest.mark.parametrize("active", [True, False])
    async def test_a_script_of_the_same_name_that_it_did_not_write(self, active: bool) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mailroom", MINE, active=active)
        async with settings_for(sandbox) as settings:
            assert "that Mailroom did not write, and leaves alone" in await self.refused(sandbox, settings)

    async def test_a_second_script_where_the_server_runs_one_alone(self) -> None:
        sandbox = empty_sandbox(flavour=PLAIN)
        sandbox.add_script("mine", MINE, active=True)
        async with settings_for(sandbox) as settings:
            assert "the script mine is active, and the server can't run a second" in await self.refused(
                sandbox, settings
            )

    @pytest.mark.parametrize("flavour", [replace(CYRUS, sieve_extensions=())])
    async def test_a_server_that_cannot_file_mail(self, flavour: Flavour) -> None:
        sandbox = empty_sandbox(flavour=flavour)
        async with settings_for(sandbox) as settings:
            assert "it lacks the extension fileinto" in await self.refused(sandbox, settings)

    async def test_more_addresses_than_the_server_takes(self) -> None:
        sandbox = empty_sandbox(Limits(max_size_script=100), CYRUS)
        async with settings_for(sandbox) as settings:
            assert "and the server takes 100: there are too many addresses" in await self.refused(sandbox, settings)

    async def test_a_script_that_the_server_finds_invalid(self) -> None:
        """It announces an extension that it hasn't got: validation comes first, and nothing is written."""
        sandbox = cyrus_with_members()
        sandbox.flavour = replace(CYRUS, sieve_extensions=("fileinto",))
        async with settings_for(sandbox) as settings:
            sandbox.faults.next_request(faults.EditSession(with_copy), endpoint=faults.Endpoint.SESSION)
            said = await self.refused(sandbox, settings)
        assert "finds the script invalid, and nothing is changed: invalidSieve: unsupported: copy" in said
        assert sets(sandbox) == []

    async def test_missing_mailboxes_and_groups(self) -> None:
        sandbox = bare_sandbox(CYRUS)
        async with settings_for(sandbox) as settings:
            assert "`mailroom setup --apply` creates them" in await self.refused(sandbox, settings)

    async def test_the_dry_run_says_so_too(self) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mailroom", MINE)
        async with settings_for(sandbox) as settings:
            with pytest.raises(ConfigError, match="that Mailroom did not write"):
                await rules.print_sieve(settings, DEFAULT_SCHEME)

    async def test_a_write_that_the_server_fails(self) -> None:
        sandbox = cyrus_with_members()
        sandbox.faults.method_error("SieveScript/set", MethodError("serverFail"))
        async with settings_for(sandbox) as settings:
            with pytest.raises(MailroomError, match="serverFail"):
                await rules.apply_sieve(settings, DEFAULT_SCHEME)
        assert sandbox.scripts() == {}


RUNS_IT = 'require "include";\ninclude :personal :optional "mailroom";\n'


class TestRemoving:
    @some_of("mine", {"alone": {}, "beside the user's": {"mine": MINE}}, "beside the user's")
    async def test_leaves_the_scripts_as_they_were(self, mine: dict[str, str]) -> None:
        sandbox = cyrus_with_members()
        for name, text in mine.items():
            sandbox.add_script(name, text, active=True)
        before = sandbox.scripts(), sandbox.active_script()
        async with settings_for(sandbox) as settings:
            assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
            assert "mailroom" in sandbox.scripts()
            done = await command(settings, "rules", "--remove")
            assert (sandbox.scripts(), sandbox.active_script()) == before
            written = sets(sandbox)
            again = await command(settings, "rules", "--format", "sieve", "--remove")
        follows = "your script mine is active again" if mine else "no script is active now"
        assert (done.status, done.output, done.errors) == (
            0,
            "",
            f"mailroom: The script mailroom is removed; {follows}.\n",
        )
        assert (again.status, "Nothing to do" in again.errors) == (0, True)
        assert sets(sandbox) == written

    async def test_leaves_a_script_of_the_users_active_that_can_do_without(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mine", RUNS_IT, active=True)
        async with settings_for(sandbox) as settings:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
            assert await rules.remove_sieve(settings) == 0
        assert (sandbox.scripts(), sandbox.active_script()) == ({"mine": RUNS_IT}, "mine")
        assert "mine stays the active one; its line that includes Mailroom's does" in capsys.readouterr().err

    async def test_says_what_to_do_where_a_script_of_the_users_needs_it(self) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mine", RUNS_IT.replace(" :optional", ""), active=True)
        async with settings_for(sandbox) as settings:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
            before, written = sandbox.scripts(), sets(sandbox)
            with pytest.raises(ConfigError, match="your script mine needs the script mailroom: take the line that"):
                await rules.remove_sieve(settings)
        assert (sandbox.scripts(), sandbox.active_script(), sets(sandbox)) == (before, "mine", written)

    @pytest.mark.parametrize("active", [True, False])
    async def test_leaves_what_it_did_not_write(self, active: bool, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = cyrus_with_members()
        sandbox.add_script("mailroom", MINE, active=active)
        async with settings_for(sandbox) as settings:
            assert await rules.remove_sieve(settings) == 0
        assert (sandbox.scripts(), sets(sandbox)) == ({"mailroom": MINE}, [])
        assert "no script that Mailroom wrote" in capsys.readouterr().err

    async def test_cut_off_in_the_middle_it_is_finished_by_the_next(self) -> None:
        sandbox = cyrus_with_members()
        mine = sandbox.add_script("mine", MINE, active=True)
        async with settings_for(sandbox) as settings:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
            sandbox.store.active_script = mine
            assert await rules.remove_sieve(settings) == 0
        assert (sandbox.scripts(), sandbox.active_script()) == ({"mine": MINE}, "mine")

    async def test_tells_what_the_server_refuses(self) -> None:
        sandbox = cyrus_with_members()
        async with settings_for(sandbox) as settings:
            await rules.apply_sieve(settings, DEFAULT_SCHEME)
            (id,) = sandbox.store.scripts.objects
            sandbox.faults.set_errors[id] = SetError("forbidden", "by policy\x1b[2J")
            ended = await command(settings, "rules", "--remove")
        assert (ended.status, ended.output) == (2, "")
        refusal = "forbidden: by policy\\x1b[2J"
        assert (
            ended.errors == f"mailroom: the server refuses to remove the script mailroom: {refusal}. Remove it there\n"
        )

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--remove"], "take out the rules where you put them in"),
            (["--format", "fastmail", "--remove"], "“Mailroom:”"),
        ],
    )
    async def test_says_what_to_do_by_hand_where_no_script_is_seen(self, arguments: list[str], said: str) -> None:
        async with settings_for(empty_sandbox(flavour=FASTMAIL)) as settings:
            ended = await command(settings, "rules", *arguments)
        assert (ended.status, ended.output) == (2, "")
        assert said in ended.errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--format'"),
        (["--format", "sieve", "--apply", "--remove"], "--apply and --remove are opposites"),
        (["--format", "siev"], "'siev' is not one of 'fastmail', 'sieve'"),
        (["--format", "sieve", "now"], "unexpected extra argument"),
    ],
)
def test_wrong_use_exits_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", *arguments]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert said in errors


@pytest.mark.parametrize("flavour", [CYRUS, STALWART], ids=["cyrus", "stalwart"])
async def test_a_decision_about_a_whole_domain_makes_the_script_old(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)

    async def state(settings: AccountSettings) -> str:
        async with open_servers(settings) as servers:
            access = (await servers.client.session()).sieve
            assert access is not None
            installed = await find_installed(servers.client, access)
            return await state_of(servers.client, await servers.contacts(), DEFAULT_SCHEME, access, installed)

    async with settings_for(sandbox) as settings:
        assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        assert await state(settings) == "current"
        text = "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Feed on 2026-03-05"
        join(sandbox, "Feed", sandbox.add_card("*@shop.example", "shop.example", notes={"n1": {"note": text}}))
        assert await state(settings) == "old"
