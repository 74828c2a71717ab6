"""What whoever reaches the health port can do to it, in bytes."""

import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from mailroom.observe.health import serve_health
from mailroom.observe.status import Status
from tests import screener
from tests.daemon_process import daemon_process, stops_at_once
from tests.guard import GUARD_SECONDS
from tests.scrape import report_of
from tests.serving.hostile import REFUSED, WEBSOCKET, get
from tests.serving.support import connect, deaf_clients, exchange, said_until_the_end, statuses
from tests.warm import mailroom

LIVEZ = get("/livez", b"Connection: close")
HELD = 1_500


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """Gives the port of a health app that stays up."""
    status = Status(poll_interval=60)
    async with trio.open_nursery() as nursery:
        port = await nursery.start(serve_health, report_of(status), "127.0.0.1", 0)
        yield port
        assert statuses(await exchange(port, LIVEZ)) == [200]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED)
async def test_what_has_no_place_there_is_answered_400_and_nothing_else(request_bytes: bytes) -> None:
    with capture_logs() as lines:
        async with served() as port:
            for _ in range(3):
                assert statuses(await exchange(port, request_bytes)) == [400]
    assert lines == []


async def test_what_is_refused_comes_after_the_answers_that_are_owed() -> None:
    async with served() as port:
        assert statuses(await exchange(port, get("/livez") + get("/nowhere") + WEBSOCKET)) == [200, 404, 400]


async def test_a_second_request_behind_bare_line_feeds_does_not_slip_through() -> None:
    async with served() as port:
        assert statuses(await exchange(port, b"GET /livez HTTP/1.1\nHost: x\n\n" + WEBSOCKET)) == [200, 400]


async def test_bytes_after_the_last_request_change_nothing() -> None:
    async with served() as port:
        assert statuses(await exchange(port, LIVEZ + b"\0\r\n\r\n" + WEBSOCKET)) == [200]
        assert statuses(await exchange(port, LIVEZ, b"\0\r\n\r\n", WEBSOCKET)) == [200]


@pytest.mark.parametrize(
    "last",
    [b"GET /livez HTTP/1.0\r\n\r\n", b"GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", LIVEZ],
    ids=["HTTP/1.0", "HTTP/1.0 that would stay", "close"],
)
async def test_the_last_answer_is_followed_by_a_close_at_once(last: bytes, mock_clock: MockClock) -> None:
    async with served() as port:
        assert statuses(await exchange(port, last)) == [200]
        assert statuses(await exchange(port, get("/livez") + last)) == [200, 200]


async def test_one_who_has_said_all_gets_the_answers(mock_clock: MockClock) -> None:
    async with served() as port:
        with trio.fail_after(GUARD_SECONDS):
            async with await connect(port) as stream:
                await stream.send_all(get("/metrics") * 3)
                await stream.send_eof()
                assert statuses(await said_until_the_end(stream)) == [200, 200, 200]


async def test_an_offer_of_http2_is_passed_over() -> None:
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    async with served() as port:
        assert statuses(await exchange(port, get("/livez", *offer) + LIVEZ)) == [200, 200]


async def test_clients_that_never_read_do_not_hold_up_the_end() -> None:
    with trio.fail_after(GUARD_SECONDS):
        with ExitStack() as held:
            async with served() as port:
                held.enter_context(deaf_clients(port, 50, get("/metrics") * 5))


@pytest.mark.exhaustive
async def test_the_daemon_stops_at_once_beside_50_clients_that_never_read() -> None:
    with trio.fail_after(GUARD_SECONDS):
        async with (
            screener.served(screener.empty_sandbox()) as url,
            daemon_process(str(url), None, mailroom()) as daemon,
        ):
            await daemon.logs("poll_completed")
            with deaf_clients(daemon.health_port, 50, get("/metrics") * 20):
                assert statuses(await exchange(daemon.health_port, LIVEZ)) == [200]
                await stops_at_once(daemon)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * HELD:
        pytest.skip(f"needs {2 * HELD} open files, and may have {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * HELD), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.exhaustive
@pytest.mark.usefixtures("many_files")
async def test_a_monitor_gets_in_beside_1500_connections_that_are_held() -> None:
    async with served() as port:
        with ExitStack() as held:
            clients = [held.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(HELD)]
            assert statuses(await exchange(port, LIVEZ)) == [200]
            left = [client for client in clients if not _hung_up(client)]
            assert len(left) <= 200
            assert left == clients[-len(left) :]


def _hung_up(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
