import httpx
import pytest
import trio
from trio.testing import MockClock

from mailroom.sandbox import MethodError, faults
from mailroom.sandbox.dispatch import CONTACTS
from mailroom.sandbox.faults import Endpoint, Faults, Reply
from tests.exhaustive import always

from .support import call, error_of, make_sandbox, running


def test_a_fault_strikes_as_often_as_told_and_lets_some_pass_before() -> None:
    switches = Faults()
    switches.next_request(Reply(503), skip=1, times=2)
    struck = [switches.take(Endpoint.API) is not None for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert switches.struck == 2


def test_a_fault_strikes_only_its_endpoint_or_any() -> None:
    switches = Faults()
    switches.next_request(Reply(503), endpoint=Endpoint.EVENT)
    switches.next_request(Reply(500), endpoint=None, skip=1)
    assert switches.take(Endpoint.API) is None
    assert switches.take(Endpoint.EVENT) == Reply(503)
    assert switches.take(Endpoint.SESSION) == Reply(500)


def test_a_lasting_fault_strikes_until_cleared() -> None:
    switches = Faults()
    switches.next_request(Reply(503), times=None)
    assert [switches.take(Endpoint.API) for _ in range(3)] == [Reply(503)] * 3
    switches.clear()
    assert switches.take(Endpoint.API) is None


def test_a_method_fails_with_the_error_given_and_does_nothing() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    sandbox.faults.method_error("Email/set", MethodError("serverFail", "sorry"), skip=1)
    assert call(sandbox, "Email/set", destroy=["M99"])
    assert error_of(sandbox, "Email/set", destroy=[mail_id]) == "serverFail"
    assert mail_id in sandbox.store.mails.objects
    assert call(sandbox, "Email/set", destroy=[mail_id])["destroyed"] == [mail_id]


def test_a_call_that_names_a_text_the_server_chokes_on_fails_and_the_others_run() -> None:
    sandbox = make_sandbox()
    sandbox.faults.refused_texts["bücher.example"] = MethodError("invalidArguments")
    assert error_of(sandbox, "Email/query", filter={"from": "ann@bücher.example"}) == "invalidArguments"
    assert call(sandbox, "Email/query", filter={"from": "ann@example.org"})["ids"] == []


def test_faults_do_not_touch_the_scripted_user() -> None:
    sandbox = make_sandbox()
    sandbox.faults.method_error("ContactCard/set", MethodError("serverFail"), times=None)
    sandbox.add_card("ann@example.org", "Ann")
    assert len(sandbox.cards()) == 1


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        (faults.html(), 200, "text/html; charset=utf-8"),
        (faults.half_json(), 200, "application/json"),
        (faults.json_reply([1, 2]), 200, "application/json"),
        (faults.json_reply({"type": "urn:ietf:params:jmap:error:limit"}), 200, "application/json"),
        (faults.status(503, retry_after="7"), 503, "text/plain"),
        (faults.problem("limit", 429, limit="maxConcurrentRequests"), 429, "application/problem+json"),
        (faults.redirect("https://elsewhere.example/"), 302, "text/plain"),
    ],
)
async def test_a_reply_replaces_the_answer_once(fault: Reply, status: int, content_type: str) -> None:
    sandbox = make_sandbox()
    async with running(sandbox) as server:
        sandbox.faults.next_request(fault)
        response = await server.post(("Mailbox/set", {"create": {"new": {"name": "News"}}}))
        after = await server.post(("Core/echo", {}))
    assert (response.status_code, response.headers["content-type"]) == (status, content_type)
    assert response.content == fault.body
    assert dict(response.headers).items() >= {name.lower(): value for name, value in fault.headers}.items()
    assert after.status_code == 200
    assert sandbox.store.mailboxes.objects.keys() == {"P1", "P2", "P3", "P4"}


@pytest.mark.parametrize(("fault", "acted"), [(faults.CutBefore(), False), (faults.CutAfter(), True)])
async def test_the_connection_is_cut_before_or_after_the_server_acted(fault: faults.Fault, acted: bool) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    filing = ("Email/set", {"update": {mail_id: {"mailboxIds/P4": True}}})
    async with running(sandbox) as server:
        sandbox.faults.next_request(fault)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await server.post(filing)
        assert ("Feed" in sandbox.mailboxes_of(mail_id)) is acted
        [recorded] = sandbox.requests
        assert (recorded.calls, recorded.status) == (("Email/set",), None)
        assert (await server.post(filing)).status_code == 200


async def test_a_delay_comes_before_the_answer() -> None:
    sandbox = make_sandbox()
    sandbox.faults.next_request(faults.Delay(3600))
    async with running(sandbox) as server:
        with pytest.raises(httpx.ReadTimeout):
            await server.http.post("/jmap/api/", json={}, timeout=httpx.Timeout(5, read=0.05))


async def test_a_session_can_lack_a_capability() -> None:
    sandbox = make_sandbox()
    sandbox.faults.next_request(faults.without_capability(CONTACTS), endpoint=Endpoint.SESSION)
    async with running(sandbox) as server:
        assert CONTACTS not in (await server.http.get("/jmap/session")).text
        assert CONTACTS in (await server.http.get("/jmap/session")).text


@pytest.mark.parametrize(
    ("fault", "content"),
    [
        (faults.empty_stream(), b""),
        (faults.half_event(), b'event: state\ndata: {"changed":'),
        (faults.retry_field("500"), b"retry: 500\n\n"),
        (faults.Stream((b"<p>",), ends=True, content_type="text/html"), b"<p>"),
    ],
)
async def test_a_stream_can_be_spoilt(fault: faults.Stream, content: bytes) -> None:
    sandbox = make_sandbox()
    sandbox.faults.next_request(fault, endpoint=Endpoint.EVENT)
    async with running(sandbox) as server:
        response = await server.http.get("/jmap/event/")
    assert response.headers["content-type"].startswith(fault.content_type)
    assert response.content == content


@pytest.mark.parametrize(
    ("fault", "least"),
    always(1, [(faults.endless_line(), 3_000_000), (faults.huge_event(), 5_000_000), (faults.only_comments(), 10_000)]),
)
async def test_a_stream_can_be_huge_and_stay_open(fault: faults.Stream, least: int) -> None:
    sandbox = make_sandbox()
    sandbox.faults.next_request(fault, endpoint=Endpoint.EVENT)
    received = 0
    async with running(sandbox) as server, server.http.stream("GET", "/jmap/event/") as response:
        with trio.CancelScope() as enough:
            async for chunk in response.aiter_bytes():
                received += len(chunk)
                if received >= least:
                    enough.cancel()
    assert received >= least


async def test_a_stream_can_be_slow(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.02
    sandbox = make_sandbox()
    sandbox.faults.next_request(faults.Stream((b"a", b"b"), ends=True, pause=5), endpoint=Endpoint.EVENT)
    async with running(sandbox) as server:
        assert (await server.http.get("/jmap/event/", timeout=None)).text == "ab"
    assert trio.current_time() >= 10


@pytest.mark.parametrize("status", [204, 401, 404, 503])
async def test_new_streams_can_be_refused(status: int) -> None:
    sandbox = make_sandbox()
    sandbox.faults.next_request(faults.status(status), endpoint=Endpoint.EVENT, times=None)
    async with running(sandbox) as server:
        assert [(await server.http.get("/jmap/event/")).status_code for _ in range(2)] == [status] * 2
        sandbox.faults.clear()
        async with server.events():
            assert sandbox.broadcaster.open_streams == 1


async def test_open_streams_can_be_dropped() -> None:
    sandbox = make_sandbox()
    async with running(sandbox) as server:
        async with server.events() as events:
            await events.next()
            sandbox.drop_streams()
            assert await events.rest() == []
            assert events.was_cut
        async with server.events() as events:
            assert "connect" in await events.next()
