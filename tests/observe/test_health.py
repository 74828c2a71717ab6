import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
import trio
from hypercorn.config import Config
from trio.testing import MockClock

from mailroom import __version__
from mailroom.config.process_settings import ProcessSettings
from mailroom.observe.health import serve_health
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.reports import ManyAccounts, Part, Report
from mailroom.observe.status import Status
from mailroom.serving.server import PortTaken
from tests.exhaustive import always
from tests.guard import GUARD_SECONDS
from tests.scrape import Idle, report_of, samples

IDLE = PassOutcome(triaged_by_category={}, mails_filed=0, senders_failing=0, mailboxes_missing=0)


@asynccontextmanager
async def reporting(report: Report) -> AsyncIterator[httpx.AsyncClient]:
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve_health, report, "127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Connection": "close"}) as http:
            yield http
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def served(status: Status) -> AsyncIterator[httpx.AsyncClient]:
    async with reporting(report_of(status)) as http:
        yield http


async def test_healthz_tells_everything_compactly_and_in_order(mock_clock: MockClock) -> None:
    status = Status(poll_interval=60)
    async with served(status) as http:
        mock_clock.jump(1.23)
        reply = await http.get("/healthz")
    assert reply.status_code == 200
    assert reply.text == (
        '{"status":"ok","last_poll_age_seconds":1.2,"last_poll_trigger":null,"last_poll_error":null,'
        '"eventsource":{"status":"not_started","connected_since":null,"last_event_at":null,"reconnect_count":0,'
        '"last_error":null},"senders_failing":0,"mailboxes_missing":0,"server_rules":"unknown","screening":"off",'
        '"mails_waiting":null,"role":"first",'
        f'"version":"{__version__}"}}'
    )
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"


async def test_healthz_is_503_once_two_poll_intervals_went_by_without_success(mock_clock: MockClock) -> None:
    status = Status(poll_interval=60)
    async with served(status) as http:
        mock_clock.jump(120)
        assert (await http.get("/healthz")).status_code == 200
        mock_clock.jump(1)
        reply = await http.get("/healthz")
        assert (reply.status_code, reply.json()["status"]) == (503, "unhealthy")
        status.pass_succeeded("push", IDLE, 0.2)
        assert (await http.get("/healthz")).status_code == 200


async def test_failing_senders_and_a_broken_push_leave_it_healthy(mock_clock: MockClock) -> None:
    status = Status(poll_interval=60)
    status.pass_succeeded("fallback", replace(IDLE, senders_failing=3, mailboxes_missing=1), 0.2)
    status.push_connected()
    status.push_disconnected("the server ended the event stream")
    async with served(status) as http:
        reply = await http.get("/healthz")
    assert reply.status_code == 200
    health = reply.json()
    assert (health["senders_failing"], health["mailboxes_missing"]) == (3, 1)
    assert health["last_poll_trigger"] == "fallback"
    assert health["eventsource"] == {
        "status": "disconnected",
        "connected_since": None,
        "last_event_at": None,
        "reconnect_count": 1,
        "last_error": "the server ended the event stream",
    }


async def test_livez_answers_whatever_the_mail_server_does(mock_clock: MockClock) -> None:
    async with served(Status(poll_interval=60)) as http:
        mock_clock.jump(100_000)
        assert (await http.get("/livez")).status_code == 200


async def test_readyz_waits_for_the_first_pass(mock_clock: MockClock) -> None:
    status = Status(poll_interval=60)
    async with served(status) as http:
        assert (await http.get("/readyz")).status_code == 503
        status.pass_succeeded("startup", IDLE, 0.2)
        assert (await http.get("/readyz")).status_code == 200
        mock_clock.jump(100_000)
        assert (await http.get("/readyz")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_head_query_strings_and_a_browsers_accept_header_change_nothing(path: str) -> None:
    status = Status(poll_interval=60)
    status.pass_succeeded("startup", IDLE, 0.2)
    async with served(status) as http:
        browser = {"Accept": "text/html,application/xhtml+xml;q=0.9", "Accept-Language": "de"}
        got = await http.get(path, params={"cache": "bust", "healthz": ""}, headers=browser)
        head = await http.head(path)
    assert got.status_code == head.status_code == 200
    assert json.loads(got.text)["status"] == "ok"
    assert head.content == b""
    assert head.headers["Content-Type"] == got.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/openmetrics-text;version=1.0.0"])
async def test_metrics_in_the_format_that_every_collector_reads(accept: str) -> None:
    status = Status(poll_interval=60)
    async with served(status) as http:
        status.tally.mails_filed = 3
        reply = await http.get("/metrics", headers={"Accept": accept}, params={"name[]": "x"})
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.headers["Cache-Control"] == "no-store"
    assert samples(reply.text)["mailroom_mails_filed_total"] == 3


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/x", "/static/x", "/%ff", "/healthz%0a"])
async def test_unknown_paths_are_404_in_compact_json(path: str) -> None:
    async with served(Status(poll_interval=60)) as http:
        reply = await http.get(path)
    assert (reply.status_code, reply.text) == (404, '{"status":"error","error":"not found"}')


async def test_other_methods_are_405_and_say_what_is_allowed() -> None:
    async with served(Status(poll_interval=60)) as http:
        reply = await http.post("/healthz")
    assert (reply.status_code, reply.text) == (405, '{"status":"error","error":"method not allowed"}')
    assert "GET" in reply.headers["Allow"]


async def test_a_busy_port_names_the_setting() -> None:
    status = Status(poll_interval=60)
    async with served(status) as http:
        port = http.base_url.port
        assert port is not None
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is in use: set MAILROOM_HEALTH_PORT"):
            await serve_health(report_of(status), "127.0.0.1", port)


@pytest.fixture
def endless_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of hypercorn's 3 s: who waits for a client doesn't get to the end."""
    monkeypatch.setattr(Config, "graceful_timeout", 2 * GUARD_SECONDS)


async def test_an_address_that_is_not_ours_names_the_settings() -> None:
    status = Status(poll_interval=60)
    with pytest.raises(PortTaken, match="MAILROOM_HEALTH_HOST"):
        await serve_health(report_of(status), "192.0.2.1", 0)


async def test_it_goes_down_at_once_with_clients_connected_and_frees_its_port(endless_grace: None) -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with served(Status(poll_interval=60)) as http:
            await http.get("/livez")
            port = http.base_url.port
            assert port is not None
            silent = await trio.open_tcp_stream("127.0.0.1", port)
            await silent.send_all(b"GET /healthz HTTP/1.1\r\n")
        await silent.aclose()
        with pytest.raises(OSError, match="attempts to connect"):
            await trio.open_tcp_stream("127.0.0.1", port)


HOSTILE = [
    b"\x00\xff\xfe garbage\r\n\r\n",
    b"GET /livez HTTP/9.9\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /livez HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    + b"\x00\x00\x05\x01\x04\x00\x00\x00\x01abcde",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAA\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMA\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\xff\xff\xff",
    b"CONNECT livez:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nHost: [\r\n\r\n",
    b"GET /livez HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
]


@pytest.mark.parametrize("request_bytes", always(6, HOSTILE))
async def test_hostile_requests_do_not_bring_it_down(request_bytes: bytes) -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with served(Status(poll_interval=60)) as http:
            port = http.base_url.port
            assert port is not None
            stream = await trio.open_tcp_stream("127.0.0.1", port)
            async with stream:
                await stream.send_all(request_bytes)
                await stream.send_eof()
                try:
                    async for _ in stream:
                        pass
                except trio.BrokenResourceError:
                    pass  # hung up with data unread: a reset
            assert (await http.get("/livez")).status_code == 200


@pytest.mark.parametrize("path", [b"/healthz", b"/metrics"])
async def test_a_client_that_asks_and_never_reads_does_not_hold_up_the_end(path: bytes, endless_grace: None) -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with served(Status(poll_interval=60)) as http:
            port = http.base_url.port
            assert port is not None
            deaf = await trio.open_tcp_stream("127.0.0.1", port)
            with trio.move_on_after(0.5), contextlib.suppress(trio.BrokenResourceError):
                while True:
                    await deaf.send_all(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path * 1000)
        await deaf.aclose()


async def test_one_account_that_is_ill_among_several_restarts_nobody(mock_clock: MockClock) -> None:
    accounts = {name: Idle(Status(60)) for name in ("anna", "bert", "cleo")}
    async with reporting(ManyAccounts(accounts)) as http:
        accounts["bert"].status.set_aside("the credentials are refused")
        reply = await http.get("/healthz")
        assert (reply.status_code, reply.text) == (
            200,
            f'{{"status":"ok","accounts":3,"accounts_unhealthy":1,"unhealthy":["bert"],'
            f'"shard":null,"role":"first","version":"{__version__}"}}',
        )
        bert = await http.get("/healthz/bert")
        assert (bert.status_code, bert.json()["last_poll_error"]) == (503, "the credentials are refused")
        anna = await http.get("/healthz/anna")
        assert (anna.status_code, list(anna.json())) == (200, list(bert.json()))
        assert (await http.get("/healthz/dora")).status_code == 404
        accounts["bert"].status.starts()
        assert (await http.get("/healthz/bert")).status_code == 200


async def test_of_several_accounts_the_process_is_ill_once_none_is_well(mock_clock: MockClock) -> None:
    accounts = {f"a{number:02}": Idle(Status(60)) for number in range(30)}
    async with reporting(ManyAccounts(accounts)) as http:
        mock_clock.jump(121)
        reply = await http.get("/healthz")
        assert (reply.status_code, reply.json()["status"], reply.json()["accounts_unhealthy"]) == (503, "unhealthy", 30)
        assert reply.json()["unhealthy"] == [f"a{number:02}" for number in range(20)]
        accounts["a29"].status.pass_succeeded("fallback", IDLE, 0.1)
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/livez")).status_code == 200


async def test_a_process_tells_its_shard_and_whether_it_stands_by() -> None:
    process = ProcessSettings.model_validate({"accounts": "/srv", "shard": "2/8", "standby_seconds": 5})
    async with reporting(ManyAccounts({}, Part.of(process))) as http:
        reply = await http.get("/healthz")
        told = reply.json()
        assert (reply.status_code, told["accounts"], told["shard"], told["role"]) == (200, 0, "2/8", "standby")


async def test_several_accounts_are_ready_once_each_that_it_began_with_was_tried(mock_clock: MockClock) -> None:
    accounts = {name: Idle(Status(60)) for name in ("anna", "bert", "cleo")}
    report = ManyAccounts(accounts)
    async with reporting(report) as http:

        async def is_ready() -> bool:
            return (await http.get("/readyz")).status_code == 200

        accounts["anna"].status.pass_succeeded("startup", IDLE, 0.1)
        accounts["bert"].status.pass_failed("startup", 0.1, "no answer")
        report.begin()
        assert not await is_ready()
        accounts["cleo"].status.set_aside("the credentials are refused")
        assert await is_ready()
        accounts |= {"bert": Idle(Status(60)), "dora": Idle(Status(60))}
        assert await is_ready()


async def test_before_the_accounts_are_there_it_is_not_ready_and_then_without_any_it_is() -> None:
    report = ManyAccounts({})
    async with reporting(report) as http:
        assert (await http.get("/readyz")).status_code == 503
        report.begin()
        assert (await http.get("/readyz")).status_code == 200


async def test_a_single_account_is_asked_for_without_a_name() -> None:
    async with served(Status(60)) as http:
        assert (await http.get("/healthz/anna")).status_code == 404
