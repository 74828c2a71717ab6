"""The human tests, each as a process against a sandbox of its own: they hold, ask nothing, and leave nothing behind."""

import ast
import codecs
import os
import pty
import re
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from mailroom.decisions.digest import KEYWORD as DIGEST
from mailroom.sandbox import CYRUS, FASTMAIL, JAMES, Flavour, MethodError, Sandbox, faults
from mailroom.sandbox.faults import Endpoint
from tests.commands.support import Ended
from tests.guard import GUARD_SECONDS
from tests.human_scripts import (
    FAIL,
    FOLDER,
    INTERRUPTED,
    NOT_RUN,
    PASS,
    command_line,
    environment,
    run_script,
)
from tests.screener import empty_sandbox, served

pytestmark = pytest.mark.human

BOTH = (FASTMAIL, CYRUS)

SCRIPTS: dict[str, tuple[Flavour, ...]] = {
    "test_01_auth.py": (FASTMAIL,),
    "test_02_query.py": (FASTMAIL,),
    "test_03_label.py": (FASTMAIL,),
    "test_05_contacts.py": (FASTMAIL,),
    "test_06_groups.py": (FASTMAIL,),
    "test_07_screener_pass.py": (FASTMAIL,),
    "test_08_conflict.py": (FASTMAIL,),
    "test_09_second_address.py": (FASTMAIL,),
    "test_10_retry_safety.py": (FASTMAIL,),
    "test_11_person.py": (FASTMAIL,),
    "test_12_company.py": (FASTMAIL,),
    "test_14_setup_dry_run.py": (FASTMAIL,),
    "test_15_setup_apply.py": (FASTMAIL,),
    "test_16_eventsource_push.py": BOTH,
    "test_17_retriage.py": (FASTMAIL,),
    "test_18_reset.py": (FASTMAIL,),
    "test_19_from_the_shell.py": (FASTMAIL,),
    "test_20_screening.py": (FASTMAIL, JAMES),
    "test_21_undo.py": (FASTMAIL,),
    "test_22_whole_domain_and_list.py": (FASTMAIL,),
    "test_24_folders_only.py": (FASTMAIL, JAMES),
    "test_26_digest.py": (FASTMAIL,),
}
"""Scripts that pass on a sandbox, and the flavours that make a difference to them."""

ELSEWHERE = {"test_04_carddav_auth.py", "test_13_container.py"}
"""Scripts that need what no sandbox has: CardDAV (see tests/real), and podman with an image."""


def test_every_script_is_run() -> None:
    assert {path.name for path in FOLDER.glob("test_*.py")} == SCRIPTS.keys() | ELSEWHERE


def test_the_readme_names_every_script() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in readme for name in SCRIPTS.keys() | ELSEWHERE)


@pytest.mark.parametrize("name", sorted(SCRIPTS.keys() | ELSEWHERE))
def test_it_says_what_it_proves_what_it_needs_and_what_it_does(name: str) -> None:
    text = ast.get_docstring(ast.parse((FOLDER / name).read_text(encoding="utf-8"))) or ""
    assert text.startswith(f"{int(name.split('_')[1])}. ")
    heads = re.findall(r"^(Proves|Needs|Steps|Changes nothing|Cleans up)\b", text, re.MULTILINE)
    assert heads in (["Proves", "Needs", "Steps", end] for end in ("Changes nothing", "Cleans up"))


@pytest.mark.parametrize(
    ("name", "flavour"),
    [pytest.param(name, flavour, id=f"{name}-{flavour.name}") for name in SCRIPTS for flavour in SCRIPTS[name]],
)
async def test_it_passes_and_leaves_nothing_but_mail_in_the_trash(name: str, flavour: Flavour) -> None:
    sandbox = sandbox_with_some_mail(flavour)
    before = condition(sandbox)
    ended = await run_on(sandbox, name, "--auto")
    assert ended.status == PASS, ended.output + ended.errors
    assert ended.output.splitlines()[-1].startswith("PASS  ")
    assert ended.errors == ""
    assert condition(sandbox) == before
    assert all(sandbox.mailboxes_of(id) == {"Trash"} for id in made_mails(sandbox))


def sandbox_with_some_mail(flavour: Flavour = FASTMAIL) -> Sandbox:
    """Somebody's mail and contact, which no test may touch."""
    sandbox = empty_sandbox(flavour=flavour)
    for mailbox in ("Screener", "Inbox", "Feed"):
        sandbox.deliver("Ann <ann@shop.example>", f"Hello {mailbox}", [mailbox])
    sandbox.add_card("ann@shop.example", "Ann", notes={"n1": {"note": "From the allotment."}})
    return sandbox


@dataclass(frozen=True)
class Condition:
    """All that an account holds, but for the mails that scripts made."""

    mails: dict[str, set[str]]
    mailboxes: set[str]
    cards: list[object]
    groups: dict[str, set[str]]


def condition(sandbox: Sandbox) -> Condition:
    others = sandbox.store.mails.objects.keys() - made_mails(sandbox)
    return Condition(
        mails={id: sandbox.mailboxes_of(id) for id in others},
        mailboxes={mailbox.name for mailbox in sandbox.store.mailboxes.objects.values()},
        cards=[dict(card) for card in sandbox.cards()],
        groups=sandbox.groups(),
    )


def made_mails(sandbox: Sandbox) -> set[str]:
    """The ids of the mails that scripts made: none of them is ever deleted."""
    mails = sandbox.store.mails.objects.items()
    return {
        id
        for id, mail in mails
        if (mail.message.subject or "").startswith("Mailroom human test ") or DIGEST in mail.keywords
    }


async def run_on(sandbox: Sandbox, name: str, *arguments: str, **settings: str) -> Ended:
    """Run a script on a sandbox to its end."""
    async with served(sandbox) as url:
        return await run_script(name, *arguments, settings=settings_for(str(url), sandbox) | settings)


def settings_for(url: str, sandbox: Sandbox) -> dict[str, str]:
    return {"jmap_session_url": url, "jmap_token": sandbox.token}


# --- what else they promise


async def test_what_is_missing_is_said_and_ends_it_with_2() -> None:
    sandbox = sandbox_with_some_mail()
    sandbox.destroy_mailbox("@ToFeed")
    before = condition(sandbox)
    ended = await run_on(sandbox, "test_07_screener_pass.py", "--auto")
    assert ended.status == NOT_RUN
    assert ended.output.endswith("\n  missing: @ToFeed. `mailroom setup --apply` creates them\n")
    assert condition(sandbox) == before
    assert made_mails(sandbox) == set()


async def test_contacts_over_jmap_leave_nothing_to_try_about_carddav() -> None:
    ended = await run_on(sandbox_with_some_mail(), "test_04_carddav_auth.py", "--auto")
    assert ended.status == NOT_RUN
    assert "set MAILROOM_CONTACTS=carddav" in ended.output


async def test_a_server_without_push_leaves_nothing_to_try_about_push() -> None:
    sandbox = sandbox_with_some_mail()
    sandbox.faults.next_request(faults.status(204), endpoint=Endpoint.EVENT, times=None)
    ended = await run_on(sandbox, "test_16_eventsource_push.py", "--auto")
    assert ended.status == NOT_RUN, ended.output
    assert "this server offers no push" in ended.output


async def test_without_podman_there_is_no_container_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    ended = await run_on(sandbox_with_some_mail(), "test_13_container.py", "--auto")
    assert ended.status == NOT_RUN, ended.output + ended.errors
    assert ended.output.endswith("\n  podman is missing: install it, or leave this test out\n")


async def test_bad_settings_end_it_with_2() -> None:
    ended = await run_on(sandbox_with_some_mail(), "test_01_auth.py", "--auto", poll_interval="soon")
    assert ended.status == NOT_RUN
    assert "MAILROOM_POLL_INTERVAL must be a number of seconds from 1 to 86400" in ended.output


async def test_a_refused_login_is_a_failure_that_names_what_to_renew() -> None:
    ended = await run_on(sandbox_with_some_mail(), "test_01_auth.py", "--auto", jmap_token="an0ther-t0ken")  # noqa: S106  invented
    assert ended.status == FAIL
    assert "renew MAILROOM_JMAP_TOKEN" in ended.output
    assert ended.errors == ""


async def test_without_a_terminal_it_asks_nobody_and_changes_nothing() -> None:
    sandbox = sandbox_with_some_mail()
    ended = await run_on(sandbox, "test_03_label.py")
    assert ended.status == NOT_RUN
    assert "run it in a terminal, or with --auto" in ended.output
    assert made_mails(sandbox) == set()


async def test_a_failure_cleans_up_and_ends_it_with_1() -> None:
    sandbox = sandbox_with_some_mail()
    before = condition(sandbox)
    # The first Email/set makes the mail, the second puts the label on.
    sandbox.faults.method_error("Email/set", MethodError("forbidden", "not today"), skip=1)
    ended = await run_on(sandbox, "test_03_label.py", "--auto")
    assert ended.status == FAIL
    assert ended.output.splitlines()[-2].startswith("FAIL  3. ")
    assert ended.output.splitlines()[-1].strip() == "Email/set failed: forbidden"
    assert condition(sandbox) == before
    assert [sandbox.mailboxes_of(id) for id in made_mails(sandbox)] == [{"Trash"}]


async def test_what_a_killed_run_left_is_removed_by_the_next() -> None:
    sandbox = sandbox_with_some_mail()
    before = condition(sandbox)
    sender = "carl.card@mailroom-human-test.example"
    sandbox.deliver(f"Carl Card <{sender}>", "Mailroom human test 5: left behind", ["Screener", "@ToFeed"])
    sandbox.add_card(sender, "Carl Card")
    ended = await run_on(sandbox, "test_05_contacts.py", "--auto")
    assert ended.status == PASS, ended.output
    assert condition(sandbox) == before
    assert [sandbox.mailboxes_of(id) for id in made_mails(sandbox)] == [{"Trash"}]


# --- with a person


@dataclass
class Talk:
    """A script that is being talked to; `said` is what it has printed so far."""

    process: trio.Process
    said: str = ""
    _more: trio.Event = field(default_factory=trio.Event)

    async def says(self, text: str) -> None:
        while text not in self.said:
            await self._more.wait()

    async def listen(self) -> None:
        assert self.process.stdout is not None
        decoder = codecs.getincrementaldecoder("utf-8")()
        async for part in self.process.stdout:
            self.said += decoder.decode(part)
            self._more.set()
            self._more = trio.Event()


@asynccontextmanager
async def talking_to(sandbox: Sandbox, name: str, *arguments: str, **settings: str) -> AsyncIterator[tuple[Talk, int]]:
    """Run a script on a terminal, whose other end is the number given; it ends by itself."""
    ours, theirs = pty.openpty()
    try:
        async with served(sandbox) as url:
            with trio.fail_after(GUARD_SECONDS):
                process = await trio.lowlevel.open_process(
                    command_line(name, *arguments),
                    env=environment(settings_for(str(url), sandbox) | settings),
                    stdin=theirs,
                    stdout=subprocess.PIPE,
                )
                talk = Talk(process)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(talk.listen)
                    yield talk, ours
                    await process.wait()
    finally:
        os.close(ours)
        os.close(theirs)


async def test_a_person_is_asked_first_and_then_told_what_to_do() -> None:
    sandbox = sandbox_with_some_mail()
    before = condition(sandbox)
    async with talking_to(sandbox, "test_03_label.py") as (talk, terminal):
        await talk.says("[y/N]")
        assert "Cleans up: the mail goes to the Trash." in talk.said
        assert made_mails(sandbox) == set()
        os.write(terminal, b"y\n")
        await talk.says("put the label @ToFeed on the mail “Mailroom human test 3: label” (in the Screener)")
        (mail,) = made_mails(sandbox)
        sandbox.label(mail, "@ToFeed")
        await talk.says("take the label @ToFeed off the mail")
        sandbox.unlabel(mail, "@ToFeed")
    assert talk.process.returncode == PASS, talk.said
    assert condition(sandbox) == before
    assert sandbox.mailboxes_of(mail) == {"Trash"}


async def test_a_person_labels_a_mail_and_sees_how_soon_it_is_filed() -> None:
    sandbox = sandbox_with_some_mail()
    async with talking_to(sandbox, "test_16_eventsource_push.py") as (talk, terminal):
        os.write(terminal, b"y\n")
        await talk.says("put the label @ToFeed on the mail")
        (mail,) = made_mails(sandbox)
        sandbox.label(mail, "@ToFeed")
    assert talk.process.returncode == PASS, talk.said
    assert re.search(r"^PASS .* \(\d\.\d s from label to filed\)$", talk.said, re.MULTILINE)


async def test_a_person_who_says_no_keeps_everything_as_it_is() -> None:
    sandbox = sandbox_with_some_mail()
    async with talking_to(sandbox, "test_07_screener_pass.py") as (talk, terminal):
        os.write(terminal, b"n\n")
    assert talk.process.returncode == NOT_RUN
    assert talk.said.endswith("you said no, so nothing was changed\n")
    assert made_mails(sandbox) == set()


async def test_an_interrupted_run_stops_its_daemon_and_cleans_up() -> None:
    sandbox = sandbox_with_some_mail()
    before = condition(sandbox)
    # The daemon will be waiting for more events when the signal comes.
    slow = {"debounce_seconds": "60", "poll_interval": "3600"}
    async with talking_to(sandbox, "test_07_screener_pass.py", "--auto", **slow) as (talk, _):
        while not sandbox.mails_in("@ToFeed"):
            await sandbox.changed()
        assert sandbox.broadcaster.open_streams == 1
        talk.process.send_signal(signal.SIGINT)
        await talk.process.wait()
        while sandbox.broadcaster.open_streams:
            await trio.testing.wait_all_tasks_blocked(0.01)
    assert talk.process.returncode == INTERRUPTED
    assert talk.said.endswith(" (interrupted)\n")
    assert condition(sandbox) == before
    assert {frozenset(sandbox.mailboxes_of(id)) for id in made_mails(sandbox)} == {frozenset({"Trash"})}
