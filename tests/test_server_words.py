"""What servers put into paths, names and texts is told nowhere: not in the log, by health, or on the terminal."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import structlog
import trio
from pydantic import SecretStr
from trio.testing import MockClock

from mailroom.account.rhythm import Rhythm
from mailroom.account.ring import Ring
from mailroom.account.servers import Servers, open_servers
from mailroom.account.triage_loop import TriageLoop
from mailroom.cli.ending import report
from mailroom.config.account_settings import AccountSettings
from mailroom.contacts.base import Change, Fields, NewCard, Wanted
from mailroom.contacts.steps import alone
from mailroom.errors import MailroomError
from mailroom.jmap.batch import Batch
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.observe import log
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status
from tests.exhaustive import some_of
from tests.leaks import CARDDAV_PASSWORD, ECHO, EVERYTHING, TOKEN, Heard
from tests.scripted_server import Answer, ScriptedServer, json_reply, reply, session_reply

PATH = "Kq8Vt-folder"
WORDS = EVERYTHING | {"path": PATH}
HOME, BOOK, API = f"/{PATH}/home/", f"/{PATH}/book/", f"/{PATH}/api"
ELSEWHERE = f"https://ann:{TOKEN}@other.example/{PATH}/x?token={TOKEN}"
ANN = "ann@example.org"

Work = Callable[[Servers], Awaitable[object]]


async def heard(servers: Servers, work: Work, file: Path, capsys: pytest.CaptureFixture[str]) -> Heard:
    """What the log, health and the terminal say once a pass has done the work."""
    said = Heard()
    status = Status(60)

    async def run_pass() -> PassOutcome:
        await work(servers)
        return PassOutcome({}, 0, 0, 0)

    send, receive = trio.open_memory_channel[Ring](1)
    loop = TriageLoop(run_pass, receive, status, Rhythm(60, 0, 0))
    with send, file.open("wb") as output:
        log.set_up("debug", "json", fd=output.fileno())
        for does in (loop.run, partial(work, servers)):
            with trio.move_on_after(0.5):
                try:
                    await does()
                except MailroomError as error:
                    report(error)
    said.add("log", written(file))
    said.add("health", str(status.health()))
    said.add("terminal", "".join(capsys.readouterr()))
    return said


def written(file: Path) -> str:
    return file.read_text()


def edited_session(**changes: str) -> Answer:
    urn = "urn:ietf:params:jmap:mail"
    session = {
        "capabilities": {"urn:ietf:params:jmap:core": {}, urn: {}},
        "accounts": {"u1": {"name": "ann@example.org", "accountCapabilities": {urn: {}}}},
        "primaryAccounts": {urn: "u1"},
        "username": "ann@example.org",
        "apiUrl": API,
        "state": "s1",
    }
    return json_reply(session | changes)


def multistatus(body: str) -> Answer:
    text = f'<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav">{body}</d:multistatus>'
    return reply("207 Multi-Status", text.encode(), Content_Type="application/xml")


def found(href: str, props: str) -> str:
    inner = f"<d:propstat><d:prop>{props}</d:prop></d:propstat>"
    return f"<d:response><d:href>{href}</d:href>{inner}</d:response>"


def error(rule: str) -> bytes:
    return (
        f'<d:error xmlns:d="DAV:"><d:{rule}/><d:responsedescription>{ECHO}</d:responsedescription></d:error>'.encode()
    )


def home(where: str) -> Answer:
    return multistatus(found("/", f"<c:addressbook-home-set><d:href>{where}</d:href></c:addressbook-home-set>"))


A_BOOK = multistatus(found(BOOK, "<d:resourcetype><d:collection/><c:addressbook/></d:resourcetype>"))
EMPTY = multistatus("")

ANYWHERE = {
    "401": reply("401 Unauthorized", ECHO.encode(), WWW_Authenticate=f'Basic realm="{TOKEN} {PATH}"'),
    "403": reply("403 Forbidden", error("need-privileges")),
    "403 by another rule": reply("403 Forbidden", error(f"x-{TOKEN}")),
    "403 in words": reply("403 Forbidden", error("x" * 200)),
    "404": reply("404 Not Found", ECHO.encode(), Content_Type=f"text/{TOKEN}; {PATH}"),
    "500": reply(f"500 {PATH}", ECHO.encode()),
    "200": reply("200 OK", f"<p>{PATH}{ECHO}".encode(), Content_Type="text/html"),
    "a redirect": reply("302 Found", Location=f"/{PATH}?token={TOKEN}"),
    "a redirect elsewhere": reply("302 Found", Location=ELSEWHERE),
    "another root": reply("207 Multi-Status", f"<x-{TOKEN}/>".encode()),
    "no XML": reply("207 Multi-Status", f"<{PATH} {ECHO}".encode()),
    "a DTD": reply("207 Multi-Status", f'<!DOCTYPE {PATH} SYSTEM "{TOKEN}"><a/>'.encode()),
    "a href elsewhere": multistatus(found(ELSEWHERE, "")),
    "a href that is none": multistatus(found(f"https://xn--0/{PATH}", "")),
    "less than all": multistatus(
        f"<d:response><d:href>/{PATH}</d:href><d:status>HTTP/1.1 507 {PATH} {TOKEN}</d:status></d:response>"
    ),
}
DISCOVERIES = ANYWHERE | {
    "nothing": EMPTY,
    "a home without books": home(HOME),
    "a home elsewhere": home(ELSEWHERE),
    "no home": multistatus(found(f"/{PATH}", "")),
}
CARD = f"BEGIN:VCARD\r\nVERSION:3.0\r\nEMAIL:{ANN}\r\nNOTE {PATH} {TOKEN}\r\nEND:VCARD\r\n"
REPORTS = ANYWHERE | {
    "an unreadable card": multistatus(found(f"{BOOK}1.vcf?token={TOKEN}", f"<c:address-data>{CARD}</c:address-data>")),
    "a card not handed out": multistatus(found(f"/{PATH}/{TOKEN}", "")),
    "a card of a long name": multistatus(found(f"{BOOK}{PATH}%20{TOKEN}", "")),
}


WRITES = ANYWHERE | {
    "a card that is there": reply("412 Precondition Failed", error(f"x-{TOKEN}")),
    "a card that is too large": reply("413 Content Too Large", error(f"x-{TOKEN}")),
}


async def read(servers: Servers) -> None:
    await (await servers.contacts()).read_all()


async def write(servers: Servers) -> None:
    contacts = await servers.contacts()
    look_up = await alone(servers.client, contacts.look_up(Wanted((ANN,))))
    card = NewCard("u", ANN, Fields("Ann"), "note")
    failures = await alone(servers.client, look_up.add([Change(ANN, "u", card)]))
    structlog.get_logger().warning("sender_failed", reasons=failures)


class TestOfContacts:
    async def heard_where(
        self, work: Work, folder: Path, capsys: pytest.CaptureFixture[str], **answers: Answer
    ) -> Heard:
        given = {"first": home(HOME), "home": A_BOOK, "book": EMPTY, "card": EMPTY} | answers
        async with trio.open_nursery() as nursery:
            server = ScriptedServer()
            server.script("/session", session_reply())
            for path in ("/", "/.well-known/carddav"):
                server.script(path, given["first"])
            server.script(HOME, given["home"])
            server.script(BOOK, given["book"])
            server.script(f"/{PATH}", reply("404 Not Found"))
            server.script(f"{BOOK}u.vcf", given["card"])
            await nursery.start(server.serve)
            settings = AccountSettings(
                jmap_token=SecretStr(TOKEN),
                jmap_session_url=f"{server.origin}/session",
                carddav_url=f"{server.origin}/",
                contacts="carddav",
                carddav_username="ann",
                carddav_password=SecretStr(CARDDAV_PASSWORD),
            )
            async with open_servers(settings) as servers:
                said = await heard(servers, work, folder / "log", capsys)
            nursery.cancel_scope.cancel()
        return said

    @some_of("answer", DISCOVERIES, "403 in words", "a redirect elsewhere", "another root", "a home elsewhere")
    @some_of("where", {"first": "first", "home": "home"}, "home")
    async def test_nothing_is_told_of_a_discovery(
        self, where: str, answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
    ) -> None:
        said = await self.heard_where(read, tmp_path, capsys, **{where: answer})
        assert said.leaks(WORDS) == []

    @some_of("answer", REPORTS, "500", "a href elsewhere", "an unreadable card", "a card of a long name")
    async def test_nothing_is_told_of_a_report(
        self, answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
    ) -> None:
        said = await self.heard_where(read, tmp_path, capsys, book=answer)
        assert "card_unreadable" in said.texts["log"] or said.texts["terminal"]
        assert said.leaks(WORDS) == []

    @some_of("answer", WRITES, "403 by another rule", "a redirect", "a card that is there")
    async def test_nothing_is_told_of_a_write(
        self, answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
    ) -> None:
        said = await self.heard_where(write, tmp_path, capsys, card=answer)
        assert "sender_failed" in said.texts["log"] or said.texts["terminal"]
        assert said.leaks(WORDS) == []

    @pytest.mark.parametrize(("name", "told"), [("1.vcf", "1.vcf"), ("a%3Ab", "a:b"), ("Ann%20Lee", "…"), ("a@b", "…")])
    async def test_a_card_is_told_by_the_last_part_of_its_path(
        self, name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
    ) -> None:
        said = await self.heard_where(read, tmp_path, capsys, book=multistatus(found(f"{BOOK}{name}", "")))
        assert json.dumps({"card": told})[1:-1].replace(": ", ":") in said.texts["log"].replace(": ", ":")


async def ask(servers: Servers) -> None:
    batch = Batch()
    slot = batch.add(get_mailboxes("u1"))
    (await servers.client.send(batch))[slot]


API_ANSWERS = ANYWHERE | {
    "a bad request": reply("400 Bad Request", f"{PATH} {ECHO}".encode()),
    "a malformed answer": json_reply({"methodResponses": [[PATH + " " + TOKEN]]}),
    "an error of a new type": json_reply({"methodResponses": [["error", {"type": f"{PATH} {TOKEN}"}, "c0"]]}),
    "an error in words": json_reply(
        {"methodResponses": [["error", {"type": "serverFail", "description": PATH + ECHO}, "c0"]]}
    ),
}
SESSIONS = {
    "an api elsewhere": {"apiUrl": f"http://ann:{TOKEN}@other.example/{PATH}?{TOKEN}"},
    "an api that is no url": {"apiUrl": f"https://xn--0/{PATH}"},
    "an event source elsewhere": {"eventSourceUrl": f"http://other.example/{PATH}?{TOKEN}"},
}


class TestOfJmap:
    async def heard_where(
        self, session: Answer, answer: Answer, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> Heard:
        async with trio.open_nursery() as nursery:
            server = ScriptedServer()
            server.script("/session", session)
            server.script(API, answer)
            server.script(f"/{PATH}", reply("404 Not Found"))
            await nursery.start(server.serve)
            settings = AccountSettings(jmap_token=SecretStr(TOKEN), jmap_session_url=f"{server.origin}/session")
            async with open_servers(settings) as servers:
                said = await heard(servers, ask, folder / "log", capsys)
            nursery.cancel_scope.cancel()
        return said

    @some_of("answer", API_ANSWERS, "a redirect", "a malformed answer", "an error of a new type", "an error in words")
    async def test_nothing_is_told_of_a_request(
        self, answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
    ) -> None:
        said = await self.heard_where(edited_session(apiUrl=API), answer, tmp_path, capsys)
        assert said.texts["terminal"]
        assert said.leaks(WORDS) == []

    @some_of("answer", ANYWHERE, "404", "a redirect elsewhere", "no XML")
    async def test_nothing_is_told_of_a_session_that_can_not_be_read(
        self, answer: Answer, tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
    ) -> None:
        said = await self.heard_where(answer, EMPTY, tmp_path, capsys)
        assert said.texts["terminal"]
        assert said.leaks(WORDS) == []

    @pytest.mark.parametrize("changes", SESSIONS.values(), ids=SESSIONS)
    async def test_nothing_is_told_of_the_urls_in_it(
        self, changes: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
    ) -> None:
        said = await self.heard_where(edited_session(**changes), EMPTY, tmp_path, capsys)
        assert said.texts["terminal"]
        assert said.leaks(WORDS) == []
