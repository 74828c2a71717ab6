"""Redirects to another origin, be it by port, host or scheme: nothing is asked there, so no login arrives."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trio.testing
import trustme
from pydantic import SecretStr

from mailroom import http_clients
from mailroom.account.servers import open_servers
from mailroom.commands import doctor
from mailroom.commands.doctor_report import JsonReport
from mailroom.config.account_settings import AccountSettings
from mailroom.errors import BadReply
from mailroom.http_clients import http_client
from mailroom.jmap.batch import Batch
from mailroom.jmap.event_source import check_stream, connect
from mailroom.jmap.event_stream import event_source_url
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.observe.heartbeat import send_heartbeats
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status
from tests.exhaustive import always
from tests.guard import GUARD_SECONDS
from tests.scripted_server import ScriptedServer, reply, session_reply

EVENTS = "/events"
STOLEN = "/stolen"


@dataclass(frozen=True)
class Servers:
    """The user's server, another one, and an origin to which the first one redirects."""

    own: ScriptedServer
    other: ScriptedServer
    settings: AccountSettings

    def asked_for_the_stolen(self) -> list[str]:
        return [asked.target for server in (self.own, self.other) for asked in server.asked_for(STOLEN)]


@pytest.fixture(params=["port", "host", "scheme"])
def elsewhere(request: pytest.FixtureRequest) -> str:
    """What the origin of the redirects differs in."""
    return str(request.param)


@asynccontextmanager
async def redirecting(path: str, elsewhere: str, tls: ssl.SSLContext) -> AsyncIterator[Servers]:
    """A server that redirects requests for one path, and sets a cookie on the way."""
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery:
            own, other = ScriptedServer(tls if elsewhere == "scheme" else None), ScriptedServer()
            for server in (own, other):
                await nursery.start(server.serve)
                server.script(STOLEN, reply("200 OK"))
            origin = f"http://localhost:{own.port}" if elsewhere == "host" else other.origin
            for unused in ("/", "/api", EVENTS, "/.well-known/carddav"):
                own.script(unused, reply("404 Not Found"))
            own.script("/session", session_reply(f"{own.origin}{EVENTS}"))
            own.script(path, reply("307 Temporary Redirect", Location=f"{origin}{STOLEN}", Set_Cookie="login=s3cret"))
            token = SecretStr("s3cret")
            yield Servers(own, other, AccountSettings(jmap_token=token, jmap_session_url=f"{own.origin}/session"))
            nursery.cancel_scope.cancel()


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ssl.SSLContext]:
    """A certificate for 127.0.0.1 that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    http_clients._tls.cache_clear()
    yield context
    http_clients._tls.cache_clear()


async def read_session(servers: Servers) -> None:
    async with open_servers(servers.settings) as opened:
        await opened.client.session()


async def call(servers: Servers) -> None:
    async with open_servers(servers.settings) as opened:
        batch = Batch()
        batch.add(get_mailboxes("u1"))
        await opened.client.send(batch)


async def listen(servers: Servers) -> None:
    async with open_servers(servers.settings) as opened, http_client() as stream_http:
        offered = (await opened.client.session()).event_source_url
        assert offered is not None
        response = await connect(opened.client, stream_http, event_source_url(offered))
        try:
            check_stream(response)
        finally:
            await response.aclose()


async def find_contacts(servers: Servers) -> None:
    async with open_servers(servers.settings) as opened:
        await opened.contacts()


@pytest.mark.parametrize(
    ("path", "ask"),
    [("/session", read_session), ("/api", call), (EVENTS, listen), ("/.well-known/carddav", find_contacts)],
    ids=["session", "api", "events", "carddav"],
)
async def test_of_a_server_are_not_followed(
    path: str, ask: Callable[[Servers], Awaitable[None]], elsewhere: str, tls: ssl.SSLContext
) -> None:
    async with redirecting(path, elsewhere, tls) as servers:
        with pytest.raises(BadReply, match=r"redirects|another server"):
            await ask(servers)
        assert servers.own.asked_for(path)[-1].headers["Authorization"] == "Bearer s3cret"
        assert servers.asked_for_the_stolen() == []


async def test_to_plain_http_of_the_same_server_are_followed_over_tls(tls: ssl.SSLContext) -> None:
    """So a server behind a proxy redirects, which doesn't know that it is asked by https."""
    async with redirecting("/unused", "scheme", tls) as servers:
        servers.own.script(
            "/session", reply("301 Moved Permanently", Location=f"http://127.0.0.1:{servers.own.port}/at")
        )
        servers.own.script("/at", session_reply())
        await read_session(servers)
        assert [asked.path for asked in servers.own.asked] == ["/session", "/at"]
        assert servers.own.asked[-1].headers["Authorization"] == "Bearer s3cret"


# Events it asks for by `push.connect`, as the daemon does.
@pytest.mark.parametrize("path", always(1, ["/api", "/session", "/.well-known/carddav"]))
async def test_are_not_followed_by_the_doctor(
    path: str,
    elsewhere: str,
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with redirecting(path, elsewhere, tls) as servers:
        monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "s3cret")
        monkeypatch.setenv("MAILROOM_JMAP_SESSION_URL", servers.settings.jmap_session_url)
        await doctor.run(doctor.CHECKS, JsonReport())
        assert servers.own.asked_for(path)
        assert servers.asked_for_the_stolen() == []
    assert "redirects" in (said := capsys.readouterr().out) or "another server" in said


async def test_of_a_monitor_are_not_followed(elsewhere: str, tls: ssl.SSLContext) -> None:
    async with redirecting("/push", elsewhere, tls) as servers, http_client() as http, trio.open_nursery() as nursery:
        status = Status(60)
        url = httpx.URL(servers.own.origin).join("/push").copy_with(username="ann", password="s3cret")  # noqa: S106  invented
        nursery.start_soon(send_heartbeats, http, SecretStr(str(url)), status, 60, "heartbeat_url")
        status.pass_succeeded("startup", PassOutcome({}, 0, 0, 0), 1)
        asked = await servers.own.wait_asked("/push", 1)
        assert asked.headers["Authorization"].startswith("Basic ")
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert servers.asked_for_the_stolen() == []
        nursery.cancel_scope.cancel()


async def test_that_were_followed_would_be_seen(elsewhere: str, tls: ssl.SSLContext) -> None:
    async with redirecting("/api", elsewhere, tls) as servers, http_client() as client:
        await client.get(f"{servers.own.origin}/api", follow_redirects=True)
        assert servers.asked_for_the_stolen() == [STOLEN]
