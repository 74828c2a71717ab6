"""No error text holds a secret or a piece of mail: of commands, settings, the contacts server, and crashes."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import structlog
import trio
from pydantic import SecretStr

from mailroom.account.servers import open_servers
from mailroom.cli.ending import MEND_FIRST, TRY_AGAIN, report
from mailroom.cli.main import main
from mailroom.commands import clear, doctor, history, reset, rules, senders, setup, spam, triage, undo
from mailroom.commands.doctor_report import JsonReport
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.decisions.note import ADOPTED, recorded
from mailroom.errors import MailroomError
from mailroom.sandbox import CYRUS, MethodError, SetError
from mailroom.sandbox.faults import Endpoint, Fault, Reply
from mailroom.senders.clear import To
from tests.commands.support import environment, settings_for
from tests.exhaustive import always, some_of
from tests.guard import GUARD_SECONDS
from tests.leaks import (
    ANN,
    CARDDAV_PASSWORD,
    ECHO,
    HEARTBEAT_PATH,
    NOTE,
    PASSWORD,
    REPLIES,
    STREAMS,
    SUBJECT,
    TOKEN,
    Heard,
    delivered,
    talkative_sandbox,
)
from tests.screener import NOW
from tests.scripted_server import Answer, ScriptedServer, reply, session_reply

ANSWERS = {**REPLIES, "401": Reply(401, ECHO.encode()), "403": Reply(403, ECHO.encode())}

Command = Callable[[AccountSettings, Scheme], Awaitable[int]]

COMMANDS: dict[str, Command] = {
    "setup": setup.show,
    "setup --apply": setup.apply,
    "senders": senders.show_waiting,
    "senders --inbox": senders.show_inbox,
    "senders --category": lambda settings, scheme: senders.show_members(scheme.by_name["Feed"], settings),
    "triage": lambda settings, scheme: triage.triage([ANN], scheme.by_name["Feed"], frozenset(), settings, scheme),
    "rules": rules.print_sieve,
    "rules --apply": rules.apply_sieve,
    "undo": lambda settings, scheme: undo.undo(ANN, settings, scheme),
    "history": lambda settings, scheme: history.show(None, settings, scheme),
    "clear --apply": lambda settings, scheme: clear.apply(To.ARCHIVE, None, settings, scheme),
    "spam": lambda settings, scheme: spam.spam(ANN, settings, scheme),
    "reset": reset.dry_run,
    "reset --apply": reset.undo,
}


async def said(work: Callable[[], Awaitable[object]], capsys: pytest.CaptureFixture[str]) -> Heard:
    """What a command prints, and the error that ends it."""
    heard = Heard()
    try:
        await work()
    except MailroomError as error:
        report(error)
    heard.add("output", "".join(capsys.readouterr()))
    assert heard.texts["output"]
    return heard


class TestCommands:
    @pytest.mark.parametrize(
        ("endpoint", "fault"),
        [
            # What the daemon says of the two others is looked at by `tests/test_secrets.py`.
            pytest.param(endpoint, fault, id=f"{endpoint}, {name}", marks=marks)
            for endpoint, marks in (
                (Endpoint.SESSION, ()),
                (Endpoint.API, pytest.mark.exhaustive),
                (Endpoint.EVENT, pytest.mark.exhaustive),
            )
            for name, fault in (ANSWERS | (STREAMS if endpoint is Endpoint.EVENT else {})).items()
        ],
    )
    async def test_doctor_tells_none(
        self, endpoint: Endpoint, fault: Fault, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = talkative_sandbox(CYRUS, TOKEN)
        sandbox.faults.next_request(fault, endpoint=endpoint, times=None)
        async with settings_for(sandbox) as settings:
            for name, value in environment(settings).items():
                monkeypatch.setenv(name, value)
            heard = await said(partial(doctor.run, doctor.CHECKS_WITHOUT_WRITING, JsonReport()), capsys)
        assert heard.leaks() == []

    @some_of("command", COMMANDS, "reset --apply")
    @some_of("fault", ANSWERS, *list(ANSWERS)[:2])
    async def test_with_bad_answers_tell_none(
        self, fault: Fault, command: Command, capsys: pytest.CaptureFixture[str]
    ) -> None:
        sandbox = talkative_sandbox(CYRUS, TOKEN)
        sandbox.faults.next_request(fault, times=None)
        async with settings_for(sandbox) as settings:
            heard = await said(partial(command, settings, DEFAULT_SCHEME), capsys)
        assert heard.leaks() == []

    @pytest.mark.parametrize("command", ["setup --apply", "triage", "reset --apply"])
    @pytest.mark.parametrize("kind", always(1, [ECHO, "forbidden"]))
    async def test_with_refusals_tell_none(self, kind: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox = talkative_sandbox(CYRUS, TOKEN)
        mail = delivered(sandbox, ANN)
        sandbox.label(mail, "@ToFeed")
        sandbox.destroy_mailbox("@ToJail")
        sandbox.move(mail, "Feed")
        sandbox.add_card(ANN, "", notes={"n": {"note": recorded("", "Feed", NOW, ADOPTED)}})
        sandbox.faults.set_errors[mail] = SetError(kind, ECHO, properties=(SUBJECT,))
        sandbox.faults.method_error("Mailbox/set", MethodError(kind, ECHO), times=None)
        sandbox.faults.method_error("ContactCard/set", MethodError(kind, ECHO), times=None)
        async with settings_for(sandbox) as settings:
            heard = await said(partial(COMMANDS[command], settings, DEFAULT_SCHEME), capsys)
        assert ("forbidden" if kind == "forbidden" else "…") in heard.texts["output"]
        assert [leak for leak in heard.leaks() if "display name" not in leak] == []


WELL_KNOWN, BOOK = "/.well-known/carddav", "/book/"


def multistatus(body: str) -> Answer:
    text = f'<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav">{body}</d:multistatus>'
    return reply("207 Multi-Status", text.encode(), Content_Type="application/xml")


def linked(where: str) -> Answer:
    found = f"<c:addressbook-home-set><d:href>{where}</d:href></c:addressbook-home-set>"
    props = f"<d:propstat><d:prop>{found}</d:prop></d:propstat>"
    return multistatus(f"<d:response><d:href>/?token={TOKEN}</d:href>{props}</d:response>")


class TestTheContactsServer:
    @pytest.mark.parametrize(
        "answer",
        [
            reply("401 Unauthorized", ECHO.encode(), WWW_Authenticate=f'Basic realm="{TOKEN}"'),
            reply("403 Forbidden", ECHO.encode()),
            reply("500 Internal Server Error", ECHO.encode()),
            reply("200 OK", ECHO.encode(), Content_Type="text/html"),
            reply("302 Found", Location=f"https://ann:{TOKEN}@other.example/dav?token={TOKEN}"),
            reply("302 Found", Location=f"{WELL_KNOWN}?token={TOKEN}"),
            reply("302 Found", Location=f"/book?token={TOKEN}"),
            multistatus(f"<d:response><d:href>{NOTE}</d:href>"),
            multistatus(f"<d:{SUBJECT.partition(' ')[0]}>{ECHO}"),
            linked(f"https://ann:{TOKEN}@other.example/"),
            linked(f"/empty?token={TOKEN}"),
            linked(f"/gone?token={TOKEN}"),
        ],
    )
    async def test_tells_none(self, answer: Answer) -> None:
        heard = Heard()
        with trio.fail_after(GUARD_SECONDS), structlog.testing.capture_logs() as logs:
            async with trio.open_nursery() as nursery:
                server = ScriptedServer()
                server.script("/session", session_reply())
                for path in ("/", WELL_KNOWN, "/book", BOOK):
                    server.script(path, answer)
                server.script("/empty", multistatus(""))
                server.script("/gone", reply("404 Not Found", ECHO.encode()))
                await nursery.start(server.serve)
                settings = AccountSettings(
                    jmap_token=SecretStr(TOKEN),
                    jmap_session_url=f"{server.origin}/session",
                    carddav_username="ann",
                    carddav_password=SecretStr(CARDDAV_PASSWORD),
                )
                async with open_servers(settings) as servers:
                    with pytest.raises(MailroomError) as caught:
                        await servers.contacts()
                nursery.cancel_scope.cancel()
        heard.add("error", str(caught.value))
        heard.add("log", str(logs))
        assert heard.leaks() == []


BAD_SETTINGS: dict[str, dict[str, str]] = {
    "token with a space": {"JMAP_TOKEN": f"{TOKEN} x"},
    "token with a line end": {"JMAP_TOKEN": f"{TOKEN}\nx"},
    "token in quotes": {"JMAP_TOKEN": f'"{TOKEN}"'},
    "token with Bearer": {"JMAP_TOKEN": f"Bearer {TOKEN}"},
    "token with a letter": {"JMAP_TOKEN": f"{TOKEN}ä"},
    "password with a control character": {"JMAP_USERNAME": "ann", "JMAP_PASSWORD": f"{PASSWORD}\x01"},
    "password without a user": {"JMAP_PASSWORD": PASSWORD},
    "token and password": {"JMAP_TOKEN": TOKEN, "JMAP_USERNAME": "ann", "JMAP_PASSWORD": PASSWORD},
    "password as user": {"JMAP_USERNAME": f"ann:{PASSWORD}", "JMAP_PASSWORD": PASSWORD},
    "contacts password alone": {"JMAP_TOKEN": TOKEN, "CARDDAV_PASSWORD": CARDDAV_PASSWORD},
    "password in a url": {"JMAP_TOKEN": TOKEN, "JMAP_SESSION_URL": f"https://ann:{TOKEN}@mail.example/"},
    "token in a bad url": {"JMAP_TOKEN": TOKEN, "CARDDAV_URL": f"http://mail.example/?token={TOKEN}"},
    "bad heartbeat url": {"JMAP_TOKEN": TOKEN, "HEARTBEAT_URL": f"ftp://kuma.example/{HEARTBEAT_PATH}"},
    "heartbeat url that is none": {"JMAP_TOKEN": TOKEN, "HEARTBEAT_URL": f"http://[/{HEARTBEAT_PATH}"},
    "token everywhere": dict.fromkeys(("CONTACTS", "POLL_INTERVAL", "HEALTH_PORT", "LOG_LEVEL", "LOG_FORMAT"), TOKEN),
    "token as host": {"JMAP_TOKEN": TOKEN, "HEALTH_HOST": f"{TOKEN}:80"},
}


class TestSettings:
    @pytest.mark.parametrize("given", BAD_SETTINGS.values(), ids=BAD_SETTINGS)
    @some_of("arguments", {" ".join(each): each for each in ([], ["setup"], ["doctor"], ["doctor", "--json"])}, "")
    def test_that_are_bad_tell_none(
        self,
        given: dict[str, str],
        arguments: list[str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        for name, value in given.items():
            monkeypatch.setenv(f"MAILROOM_{name}", value)
        assert main(arguments) in (MEND_FIRST, TRY_AGAIN)
        heard = Heard()
        heard.add("output", "".join(capsys.readouterr()))
        assert "MAILROOM_" in heard.texts["output"]
        assert heard.leaks() == []

    @pytest.mark.parametrize(
        "text",
        [
            f"MAILROOM_JMAP_TOKEN:{TOKEN}\n",
            f"MAILROOM_JMAP_TOKEN {TOKEN}\n",
            f"MAILROOM_JMAP_TOKN={TOKEN}\n",
            f"'MAILROOM_JMAP_TOKEN {TOKEN}'=1\n",
            f"MAILROOM_JMAP_TOKEN={TOKEN}\nMAILROOM_JMAP_TOKEN-{TOKEN}=x\n",
            f"MAILROOM_JMAP_TOKEN='{TOKEN}\n",
        ],
        ids=["colon", "space", "misspelt", "quoted", "hyphen", "open quote"],
    )
    def test_in_a_malformed_file_tell_none(self, text: str, capsys: pytest.CaptureFixture[str]) -> None:
        Path(".env").write_text(text)
        assert main([]) == MEND_FIRST
        heard = Heard()
        heard.add("output", "".join(capsys.readouterr()))
        assert heard.leaks() == []

    @pytest.mark.parametrize(
        "toml", [f"token = {TOKEN}", f'token = "{TOKEN}"', f'token = "{TOKEN}'], ids=["bare", "unknown", "open"]
    )
    def test_in_the_wrong_file_tell_none(
        self, toml: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("mailroom.toml").write_text(toml)
        monkeypatch.setenv("MAILROOM_CONFIG", "mailroom.toml")
        monkeypatch.setenv("MAILROOM_JMAP_TOKEN", TOKEN)
        assert main([]) == MEND_FIRST
        heard = Heard()
        heard.add("output", "".join(capsys.readouterr()))
        assert "mailroom.toml" in heard.texts["output"]
        assert heard.leaks() == []


@pytest.mark.parametrize("how", always(1, ["__main__.entry()", "trio.run(__main__.main)"]))
def test_a_crash_shows_where_and_what_but_no_values(how: str) -> None:
    script = (
        "import trio\nfrom mailroom import __main__\nfrom mailroom.cli import main, run\n"
        f"def bug(*_): raise KeyError({ECHO!r})\n"
        f"main.main = run.run_daemon_alone = bug\n{how}\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603  our own program
    heard = Heard()
    heard.add("stderr", done.stderr)
    assert done.returncode == 1
    assert done.stderr.endswith("KeyError\n")
    assert ", in bug\n" in done.stderr
    assert heard.leaks() == []
