"""Several accounts on the command line: which one a command is about, all of them, and the list of them."""

import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
import trio

from mailroom.cli.ending import MEND_FIRST
from mailroom.cli.main import COMMANDS, main
from mailroom.commands import accounts
from mailroom.config.environment import Environment
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.shard import Shard, shard_of
from mailroom.observe.health import serve_health
from mailroom.observe.reports import ManyAccounts, Part
from mailroom.observe.status import Status
from mailroom.sandbox import Sandbox
from tests.commands.support import Ended
from tests.guard import GUARD_SECONDS
from tests.real.processes import free_port
from tests.scrape import Idle
from tests.screener import empty_sandbox, served_here
from tests.scripted_server import ScriptedServer, json_reply, reply
from tests.warm import mailroom

ABOUT_NO_ACCOUNT = {"accounts", "demo", "healthcheck", "run", "sandbox"}
ABOUT_ALL = {"doctor", "setup"}
ARGUMENTS: Mapping[str, list[str]] = {
    "open": ["15m"],
    "rules": ["--format", "sieve"],
    "spam": ["ann@example.org"],
    "triage": ["ann@example.org", "Feed"],
    "undo": ["ann@example.org"],
}


def folder_of(**files: str) -> Path:
    folder = Path("accounts")
    folder.mkdir(mode=0o700)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


@asynccontextmanager
async def two_accounts(anna: Sandbox, bob: Sandbox) -> AsyncIterator[Path]:
    """A folder of two accounts, each on a server of its own."""
    async with served_here(anna) as of_anna, served_here(bob) as of_bob:
        login = f'jmap_token = "{anna.token}"\njmap_session_url = "{{}}"\n'
        with trio.fail_after(GUARD_SECONDS):
            yield folder_of(anna=login.format(of_anna), bob=login.format(of_bob))


async def command(folder: Path, *arguments: str) -> Ended:
    """Run `mailroom` on the folder to its end, through pipes."""
    done = await trio.run_process(
        mailroom(*arguments),
        env={**os.environ, "MAILROOM_ACCOUNTS": str(folder), "MAILROOM_HEALTH_PORT": str(free_port())},
        capture_stdout=True,
        capture_stderr=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


# --- which account


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ABOUT_NO_ACCOUNT | ABOUT_ALL])
class TestACommandThatIsAboutOne:
    """Each of them: one that is added later has no account option by accident."""

    def test_wants_a_name_where_there_are_several(
        self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MAILROOM_ACCOUNTS", str(folder_of(bob="", anna="")))
        assert main([name, *ARGUMENTS.get(name, [])]) == MEND_FIRST
        assert capsys.readouterr().err == (
            "mailroom: there are several accounts; say which with --account: anna, bob\n"
        )

    def test_is_about_the_named_one(
        self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MAILROOM_ACCOUNTS", str(folder_of(bob="poll_interval = 0\n", anna="")))
        assert main([name, *ARGUMENTS.get(name, []), "--account", "bob"]) == MEND_FIRST
        assert "bob.toml: poll_interval must be a number of seconds" in capsys.readouterr().err

    def test_needs_no_name_for_the_only_one(
        self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("MAILROOM_ACCOUNTS", str(folder_of(anna="poll_interval = 0\n")))
        assert main([name, *ARGUMENTS.get(name, [])]) == MEND_FIRST
        assert "anna.toml: poll_interval must be a number of seconds" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ana", "there is no account 'ana'; did you mean anna? (there are: anna, bob)"),
        ("", "there is no account '' (there are: anna, bob)"),
        ("../anna", "there is no account '../anna'; did you mean anna? (there are: anna, bob)"),
    ],
)
def test_a_name_that_no_account_has_is_told_with_all(
    given: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAILROOM_ACCOUNTS", str(folder_of(anna="", bob="")))
    assert main(["senders", "--account", given]) == MEND_FIRST
    assert capsys.readouterr().err == f"mailroom: {said}\n"


def test_thousands_of_names_are_not_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MAILROOM_ACCOUNTS", str(folder_of(**{f"a{number:02}": "" for number in range(25)})))
    assert main(["senders"]) == MEND_FIRST
    assert capsys.readouterr().err.endswith(", a19 and 5 more (`mailroom accounts` lists them)\n")


def test_a_name_without_a_folder_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "t")
    assert main(["senders", "--account", "anna"]) == MEND_FIRST
    assert "there is none: MAILROOM_ACCOUNTS is not set" in capsys.readouterr().err


async def test_the_named_account_is_asked_and_no_other() -> None:
    anna, bob = empty_sandbox(), empty_sandbox()
    bob.deliver("ann@example.org", "Hello", ("Screener",))
    async with two_accounts(anna, bob) as folder:
        ended = await command(folder, "senders", "--json", "--account", "bob")
    assert (ended.status, [each["sender"] for each in json.loads(ended.output)]) == (0, ["ann@example.org"])
    assert anna.requests == []


# --- all of them


async def test_setup_is_about_all_and_goes_on_after_a_mistake() -> None:
    anna, bob = Sandbox(), Sandbox()
    async with two_accounts(anna, bob) as folder:
        (folder / "carl.toml").write_text("")
        before = await command(folder, "setup")
        alone = await command(folder, "setup", "--apply", "--account", "bob")
        all_of_them = await command(folder, "setup", "--apply")
    assert (before.status, alone.status, all_of_them.status) == (MEND_FIRST, 0, MEND_FIRST)
    assert [line for line in before.output.splitlines() if line.endswith(":") and " " not in line] == [
        "anna:",
        "bob:",
        "carl:",
    ]
    assert "anna:" not in alone.output
    assert "mailroom: carl.toml: jmap_token_file is missing" in all_of_them.errors
    assert anna.groups().keys() == bob.groups().keys() != set()


async def test_doctor_checks_all_and_ends_with_a_table() -> None:
    async with two_accounts(empty_sandbox(), Sandbox()) as folder:
        (folder / "carl.toml").write_text("jmap_token = 1\n")
        ended = await command(folder, "doctor", "--read-only")
        found = await command(folder, "doctor", "--read-only", "--json")
        alone = await command(folder, "doctor", "--read-only", "--json", "--account", "anna")
    lines = ended.output.splitlines()
    # What they have in common is looked at once.
    assert lines[0] == "For all accounts:"
    assert [ended.output.count(title) for title in ("Health port", "Secrets", "Clock")] == [1, 1, 3]
    # Files that name no categories.
    assert ended.output.count("7 categories, the usual ones") == 2
    assert [line.partition(" ")[0] for line in lines[-5:-1]] == ["anna", "bob", "carl", ""]
    assert lines[-5].split() == ["anna", "all", "is", "well"]
    assert lines[-4].split()[1:4] == ["failed:", "mailboxes,", "groups;"]
    assert lines[-3].split()[1:] == ["failed:", "settings"]
    assert lines[-1] == "2 of 3 accounts can't be served as they are."
    document = json.loads(found.output)
    assert [(each["account"], each["ok"]) for each in document["accounts"]] == [
        ("anna", True),
        ("bob", False),
        ("carl", False),
    ]
    assert [check["check"] for check in document["checks"]] == ["health_port", "dotenv"]
    assert (ended.status, found.status, document["ok"], alone.status) == (1, 1, False, 0)
    assert json.loads(alone.output).keys() == {"ok", "version", "checks"}


# --- reset


@pytest.mark.parametrize("is_served", [True, False])
async def test_reset_wants_that_account_stopped_and_not_the_daemon(is_served: bool) -> None:
    daemon = ScriptedServer()
    ok = json_reply({"status": "ok", "version": "1"})
    daemon.script("/healthz", ok)
    daemon.script("/healthz/anna", ok if is_served else reply("404 Not Found"))
    async with two_accounts(empty_sandbox(), empty_sandbox()) as folder, trio.open_nursery() as nursery:
        await nursery.start(daemon.serve)
        port = daemon.origin.rpartition(":")[2]
        done = await trio.run_process(
            mailroom("reset", "--apply", "--yes", "--account", "anna"),
            env={**os.environ, "MAILROOM_ACCOUNTS": str(folder), "MAILROOM_HEALTH_PORT": port},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        nursery.cancel_scope.cancel()
    said = done.stderr.decode()
    assert done.returncode == (MEND_FIRST if is_served else 0)
    assert ("serves anna: set `enabled = false` in anna.toml, or it triages anew" in said) is is_served


# --- the list


FILES = {
    "anna": 'jmap_token = "a"\n',
    "bob": 'jmap_token = "b"\njmap_session_url = "https://mail.example.com/"\n',
    "carl": "jmap_token = 1\n",
    "dora": 'jmap_token = "d"\nenabled = false\n',
    "eve": 'jmap_token = "e"\n',
}


async def test_the_list_tells_files_alone_where_no_daemon_runs(capsys: pytest.CaptureFixture[str]) -> None:
    process = ProcessSettings(accounts=folder_of(**FILES), health_port=free_port())
    assert await accounts.as_json(Environment(process, None)) == 1
    assert [(each["account"], each["role"], each["state"]) for each in json.loads(capsys.readouterr().out)] == [
        ("anna", None, "daemon not running"),
        ("bob", None, "daemon not running"),
        ("carl", None, "broken"),
        ("dora", None, "disabled"),
        ("eve", None, "daemon not running"),
    ]


async def test_the_list_tells_what_the_daemon_says_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    daemon = ScriptedServer()
    ok = {"status": "ok", "version": "1"}
    daemon.script("/healthz", json_reply({**ok, "accounts": 3, "shard": None, "role": "first"}))
    daemon.script("/healthz/anna", json_reply(ok))
    daemon.script("/healthz/bob", json_reply({"status": "unhealthy", "version": "1", "last_poll_error": "refused"}))
    daemon.script("/healthz/carl", json_reply(ok))
    for name in ("dora", "eve"):
        daemon.script(f"/healthz/{name}", reply("404 Not Found"))
    async with trio.open_nursery() as nursery:
        await nursery.start(daemon.serve)
        port = int(daemon.origin.rpartition(":")[2])
        process = ProcessSettings(accounts=folder_of(**FILES), health_port=port)
        assert await accounts.as_json(Environment(process, None)) == 1
        as_json = json.loads(capsys.readouterr().out)
        assert await accounts.show(Environment(process, None)) == 1
        shown = capsys.readouterr().out.splitlines()
        nursery.cancel_scope.cancel()
    problem = "carl.toml: jmap_token must be an API token, and is a whole number"
    assert as_json[1:3] == [
        {
            "account": "bob",
            "shard": None,
            "role": "first",
            "state": "unhealthy",
            "session_url": "https://mail.example.com/",
            "problems": [],
            "last_poll_error": "refused",
        },
        {
            "account": "carl",
            "shard": None,
            "role": "first",
            "state": "ok",
            "session_url": None,
            "problems": [problem],
            "last_poll_error": None,
        },
    ]
    assert [line.split("  ")[0] for line in shown] == ["Account", "anna", "bob", "carl", "dora", "eve", "", shown[-1]]
    assert shown[3].split("  ", 1)[1].split() == ["ok", *problem.split()]
    assert shown[-1] == "5 accounts: 2 ok, 1 unhealthy, 1 not served, 1 disabled."


@asynccontextmanager
async def shard_of_bob(role: Literal["first", "standby"]) -> AsyncIterator[int]:
    """What answers for the shard that has bob and not anna: the health app of a daemon; the value is its port."""
    report = ManyAccounts({"bob": Idle(Status(60))}, Part(str(BOBS), role))
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            yield await nursery.start(serve_health, report, "127.0.0.1", 0)
            nursery.cancel_scope.cancel()


BOBS, ANNAS = shard_of("bob", 4), shard_of("anna", 4)


@pytest.mark.parametrize("role", ["first", "standby"])
@pytest.mark.parametrize("asked_for", [BOBS, None])
async def test_shard_and_role_are_those_of_the_daemon_that_answers(
    asked_for: Shard | None, role: Literal["first", "standby"], capsys: pytest.CaptureFixture[str]
) -> None:
    """Not those of the shell that asks, which knows at most the shard."""
    assert BOBS != ANNAS
    folder = folder_of(anna=FILES["anna"], bob=FILES["bob"])
    async with shard_of_bob(role) as port:
        environment = Environment(ProcessSettings(accounts=folder, health_port=port, shard=asked_for), None)
        assert await accounts.as_json(environment) == 0
        as_json = json.loads(capsys.readouterr().out)
        assert await accounts.show(environment) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [(each["account"], each["shard"], each["role"], each["state"]) for each in as_json] == [
        ("anna", str(ANNAS), None, "other shard"),
        ("bob", str(BOBS), role, "ok"),
    ]
    assert [line.split()[:3] for line in shown[:3]] == [
        ["Account", "Shard", "State"],
        ["anna", str(ANNAS), "other"],
        ["bob", str(BOBS), "ok"],
    ]
    assert shown[-1] == (
        f"2 accounts: 1 ok, 1 other shard. The daemon on port {port} serves shard {BOBS}; its role is {role}."
    )


@pytest.mark.parametrize("command", [accounts.show, accounts.as_json])
async def test_a_daemon_of_another_shard_than_was_asked_for_is_told(
    command: Callable[[Environment], Awaitable[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    async with shard_of_bob("standby") as port:
        folder = folder_of(anna=FILES["anna"], bob=FILES["bob"])
        process = ProcessSettings(accounts=folder, health_port=port, shard=ANNAS)
        assert await command(Environment(process, None)) == 1
    said = capsys.readouterr()
    assert said.err == (
        f"mailroom: the daemon on port {port} serves shard {BOBS}, and not shard {ANNAS}, which was asked for: set "
        f"MAILROOM_HEALTH_PORT to the port of the process that does, or MAILROOM_SHARD={BOBS} to look at this one\n"
    )
    assert "not served" not in said.out


@pytest.mark.parametrize(
    ("told", "serves", "remedy"),
    [
        (
            {"accounts": 2, "shard": None, "role": "first"},
            "all accounts, and not shard 2/4, which was asked for",
            ", or unset MAILROOM_SHARD to look at this one",
        ),
        ({"last_poll_age_seconds": 1.0, "role": "first"}, "a single account, and not those of a folder", ""),
    ],
)
async def test_a_daemon_without_shards_is_told_where_one_was_asked_for(
    told: Mapping[str, object], serves: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = ScriptedServer()
    daemon.script("/healthz", json_reply({"status": "ok", "version": "1", **told}))
    for name in ("anna", "bob"):
        daemon.script(f"/healthz/{name}", reply("404 Not Found"))
    async with trio.open_nursery() as nursery:
        await nursery.start(daemon.serve)
        port = int(daemon.origin.rpartition(":")[2])
        folder = folder_of(anna=FILES["anna"], bob=FILES["bob"])
        process = ProcessSettings(accounts=folder, health_port=port, shard=Shard(2, 4))
        assert await accounts.show(Environment(process, None)) == 1
        nursery.cancel_scope.cancel()
    assert capsys.readouterr().err == (
        f"mailroom: the daemon on port {port} serves {serves}: "
        f"set MAILROOM_HEALTH_PORT to the port of the process that does{remedy}\n"
    )


async def test_only_accounts_of_that_daemon_are_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    daemon = ScriptedServer()
    daemon.script("/healthz", json_reply({"status": "ok", "version": "1", "accounts": 1, "shard": str(BOBS)}))
    daemon.script("/healthz/bob", json_reply({"status": "ok", "version": "1"}))
    async with trio.open_nursery() as nursery:
        await nursery.start(daemon.serve)
        port = int(daemon.origin.rpartition(":")[2])
        process = ProcessSettings(accounts=folder_of(anna=FILES["anna"], bob=FILES["bob"]), health_port=port)
        assert await accounts.show(Environment(process, None)) == 0
        nursery.cancel_scope.cancel()
    assert daemon.asked_for("/healthz/anna") == []


def test_without_a_folder_there_is_no_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "t")
    assert main(["accounts"]) == MEND_FIRST
    assert "there is no folder of accounts: MAILROOM_ACCOUNTS is not set" in capsys.readouterr().err
