"""How the client finds its session, and when it reads it again: over real sockets."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.errors import BadReply, Unavailable
from mailroom.http import Credentials, bearer
from mailroom.http_clients import http_client
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.jmap.session import CONTACTS, MAIL
from mailroom.sandbox import CYRUS, FASTMAIL, Flavour, Limits, Sandbox, faults
from mailroom.sandbox.faults import Endpoint, Fault
from tests.exhaustive import always
from tests.guard import GUARD_SECONDS
from tests.jmap.support import ACCOUNT, connected, served
from tests.jmap.trouble import assert_clean, edited, with_nonsense, with_outages
from tests.screener import empty_sandbox
from tests.scripted_server import Answer, ScriptedServer, reply, session_reply

API, SESSION = Endpoint.API, Endpoint.SESSION


@asynccontextmanager
async def scripted(well_known: Answer, others: Mapping[str, Answer]) -> AsyncIterator[Client]:
    """A client that knows nothing but the name of a server."""
    with trio.fail_after(GUARD_SECONDS):
        async with trio.open_nursery() as nursery, http_client() as http:
            server = ScriptedServer()
            await nursery.start(server.serve)
            for path, answer in {"/.well-known/jmap": well_known, **others}.items():
                server.script(path, answer)
            url = httpx.URL(server.origin)
            yield Client(http, url, Credentials(bearer(SecretStr("s3cret")), url))
            nursery.cancel_scope.cancel()


class TestDiscovery:
    @pytest.mark.parametrize("flavour", [FASTMAIL, CYRUS], ids=lambda flavour: flavour.name)
    async def test_reads_the_session_once(self, flavour: Flavour) -> None:
        async with connected(empty_sandbox(flavour=flavour)) as c:
            await c.mailboxes()
            await c.mailboxes()
            assert c.endpoints == ["session", "api", "api"]
            session = await c.client.session()
            assert session.api_url == c.base_url.join("/jmap/api/")
            assert session.event_source_url is not None
            assert session.event_source_url.startswith(f"{c.base_url}".rstrip("/") + "/jmap/event/")

    async def test_follows_the_well_known_url(self) -> None:
        async with connected(empty_sandbox(flavour=CYRUS), session_path="/.well-known/jmap") as c:
            assert len(await c.mailboxes()) > 0
            assert c.endpoints == ["well_known", "session", "api"]

    async def test_tries_the_well_known_url_of_a_server(self) -> None:
        async with connected(empty_sandbox(), session_path="") as c:
            assert len(await c.mailboxes()) > 0
            assert c.endpoints == ["well_known", "session", "api"]

    async def test_takes_a_session_at_the_root_of_a_server(self) -> None:
        async with scripted(reply("404 Not Found"), {"/": session_reply()}) as client:
            assert (await client.session()).mail_account == "u1"

    async def test_says_what_is_wrong_with_the_well_known_url_where_there_is_no_session(self) -> None:
        page = reply("200 OK", b"<html>", Content_Type="text/html")
        async with scripted(reply("404 Not Found"), {"/": page}) as client:
            with pytest.raises(BadReply, match=r"/\.well-known/jmap answered HTTP 404; expected a JMAP session"):
                await client.session()

    async def test_says_at_once_that_the_well_known_url_is_down(self) -> None:
        async with scripted(reply("503 Service Unavailable"), {}) as client:
            with pytest.raises(Unavailable, match="answered HTTP 503"):
                await client.session()

    async def test_reads_the_session_once_for_all_who_ask_at_the_same_time(self) -> None:
        async with connected(empty_sandbox()) as c, trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(c.mailboxes)
        assert sorted(c.endpoints) == ["api", "api", "api", "session"]

    @pytest.mark.parametrize("code", always(1, [301, 302, 303, 307, 308]))
    @pytest.mark.parametrize(
        "location", ["/jmap/session?again", "session", "//{netloc}/jmap/session", "{base}/jmap/session"]
    )
    async def test_follows_redirects_on_the_same_server(self, code: int, location: str) -> None:
        async with connected(empty_sandbox()) as c:
            target = location.format(base=c.base_url, netloc=c.base_url.netloc.decode())
            c.sandbox.faults.next_request(faults.redirect(target, code), endpoint=SESSION)
            await c.mailboxes()
            assert c.endpoints == ["session", "session", "api"]

    async def test_gives_up_on_redirects_in_a_circle(self) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(faults.redirect("/jmap/session"), endpoint=SESSION, times=None)
            with pytest.raises(BadReply, match="redirects again and again; expected a JMAP session"):
                await c.client.session()
            assert len(c.endpoints) == 5

    async def test_never_follows_a_redirect_to_another_server(self) -> None:
        other = Sandbox()
        async with connected(empty_sandbox()) as c, served(other) as other_url:
            c.sandbox.faults.next_request(faults.redirect(str(other_url.join("/jmap/session"))), endpoint=SESSION)
            with pytest.raises(BadReply, match=r"redirects to another server.*set the session url to it"):
                await c.client.session()
        assert other.requests == []

    @pytest.mark.parametrize("location", ["http://[::1/", "https://x:port/", "/\x7f", "https://ü" + "x" * 80])
    async def test_refuses_a_redirect_to_nowhere(self, location: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(faults.redirect(location), endpoint=SESSION)
            with pytest.raises(Unavailable, match="Invalid URL in location header"):
                await c.client.session()

    async def test_hides_the_password_of_a_session_url(self) -> None:
        async with connected(empty_sandbox(), session_path="/jmap/session?token=s3cret") as c:
            c.sandbox.faults.next_request(faults.redirect("https://other.example/"), endpoint=SESSION)
            with pytest.raises(BadReply) as caught:
                await c.client.session()
            c.sandbox.faults.next_request(faults.redirect("/jmap/session?token=s3cret"), endpoint=SESSION, times=None)
            with pytest.raises(BadReply) as again:
                await c.client.session()
        assert "s3cret" not in f"{caught.value} {again.value}"

    async def test_trusts_the_api_url_that_the_session_names(self) -> None:
        elsewhere = empty_sandbox()
        async with connected(empty_sandbox()) as c, served(elsewhere) as elsewhere_url:
            c.sandbox.faults.next_request(edited(apiUrl=str(elsewhere_url.join("/jmap/api/"))), endpoint=SESSION)
            await c.mailboxes()
        assert [(request.endpoint, request.authorized) for request in elsewhere.requests] == [(API, True)]

    @pytest.mark.parametrize("url", ["http://mail.example/api", "ftp://127.0.0.1/api", "http://[::1/", "//x:port/"])
    async def test_sends_nothing_to_an_api_url_that_is_not_safe(self, url: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(edited(apiUrl=url), endpoint=SESSION)
            with pytest.raises(BadReply, match=r"apiUrl|url"):
                await c.mailboxes()
            assert c.endpoints == ["session"]

    async def test_needs_an_account_for_mail(self) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(faults.without_capability(MAIL), endpoint=SESSION)
            with pytest.raises(BadReply, match=r"offers no mail account.*does the token allow access to mail"):
                await c.client.session()

    async def test_works_without_contacts(self) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(faults.without_capability(CONTACTS), endpoint=SESSION)
            assert (await c.client.session()).contacts_account is None
            assert len(await c.mailboxes()) > 0

    @with_nonsense
    async def test_survives_nonsense(self, fault: Fault, message: str) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(fault, endpoint=SESSION)
            with pytest.raises(BadReply, match=message) as caught:
                await c.client.session()
            assert_clean(caught.value)
            assert len(await c.mailboxes()) > 0

    @with_outages
    async def test_survives_an_outage(self, fault: Fault, retry_after: float | None) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(fault, endpoint=SESSION)
            with pytest.raises(Unavailable) as caught:
                await c.client.session()
            assert caught.value.retry_after == retry_after
            assert_clean(caught.value)
            assert len(await c.mailboxes()) > 0


class TestSessionState:
    async def test_that_moves_makes_the_next_call_read_the_session_again(self) -> None:
        async with connected(empty_sandbox()) as c:
            await c.mailboxes()
            c.sandbox.renew_session()
            for _ in range(3):
                await c.mailboxes()
            assert c.endpoints == ["session", "api", "api", "session", "api", "api"]

    async def test_that_never_agrees_with_the_session_costs_one_read(self) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(edited(state="never the same"), endpoint=SESSION, times=None)
            for _ in range(5):
                await c.mailboxes()
            assert c.endpoints.count("session") == 2
            c.sandbox.renew_session()
            for _ in range(3):
                await c.mailboxes()
            assert c.endpoints.count("session") == 3

    async def test_that_is_missing_costs_one_read(self) -> None:
        async with connected(empty_sandbox()) as c:
            stateless = faults.json_reply({"methodResponses": [["Mailbox/get", {"list": []}, "c0"]]})
            c.sandbox.faults.next_request(stateless, times=None)
            for _ in range(4):
                await c.mailboxes()
            assert c.endpoints.count("session") == 2

    async def test_does_not_matter_to_a_refresh(self) -> None:
        async with connected(empty_sandbox()) as c:
            await c.client.session()
            c.sandbox.renew_session()
            assert (await c.client.refresh()).state == "s2"
            assert (await c.client.session()).state == "s2"
            assert c.endpoints == ["session", "session"]

    async def test_is_not_needed_to_see_that_the_api_has_moved(self) -> None:
        async with connected(empty_sandbox()) as c:
            c.sandbox.faults.next_request(edited(apiUrl="/jmap/gone/"), endpoint=SESSION)
            with pytest.raises(BadReply, match="answered HTTP 404"):
                await c.mailboxes()
            assert len(await c.mailboxes()) > 0

    async def test_is_not_needed_to_see_that_the_limits_have_changed(self) -> None:
        async with connected(empty_sandbox()) as c:
            await c.mailboxes()
            c.sandbox.limits = Limits(max_calls_in_request=2)
            batch = Batch()
            slots = [batch.add(get_mailboxes(ACCOUNT)) for _ in range(3)]
            with pytest.raises(Unavailable, match="limit"):
                await c.client.send(batch)
            assert (await c.client.send(batch))[slots[2]]
