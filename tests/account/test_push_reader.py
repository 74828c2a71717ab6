"""The reader against servers that are scripted byte for byte, on loopback, by a clock that jumps."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import structlog
import trio
from pydantic import SecretStr
from structlog.typing import EventDict
from trio.testing import MockClock

from mailroom.account.push_reader import PushReader
from mailroom.account.ring import Bell, Ring
from mailroom.http import Credentials, bearer
from mailroom.http_clients import http_client
from mailroom.jmap.client import Client
from mailroom.jmap.event_stream import MAX_EVENT_BYTES
from mailroom.observe.status import Status
from tests.exhaustive import always
from tests.scripted_server import FOREVER, Answer, ScriptedServer, event_stream, reply, session_reply

TEMPLATE = "/events?types={types}&closeafter={closeafter}&ping={ping}"
PING = b'event: ping\ndata: {"interval": 30}\n\n'
NO_EVENTS = reply("204 No Content")


def session(event_source_url: str | None = TEMPLATE) -> Answer:
    return session_reply(event_source_url)


def state(account: str = "u1", type: str = "Email", *, id: str = "", retry: str = "") -> bytes:
    data = json.dumps({"@type": "StateChange", "changed": {account: {type: "s2"}}})
    lines = ["event: state", f"data: {data}", *([f"id: {id}"] if id else []), *([f"retry: {retry}"] if retry else [])]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass
class Listening:
    """A reader at work, and everything that it touches."""

    server: ScriptedServer
    status: Status
    rings: trio.MemoryReceiveChannel[Ring]
    logs: list[EventDict]

    async def connects(self, times: int) -> list[float]:
        """When the event source was asked for, on trio's clock, counted from the first time."""
        await self.server.wait_asked("/events", times)
        asked = self.server.asked_for("/events")
        return [round(each.at - asked[0].at, 3) for each in asked]

    def logged(self, event: str) -> list[EventDict]:
        return [line for line in self.logs if line["event"] == event]


@asynccontextmanager
async def listening(*events: Answer, sessions: tuple[Answer, ...] = (), room: int = 10) -> AsyncIterator[Listening]:
    send, receive = trio.open_memory_channel[Ring](room)
    async with send, receive, http_client() as http, http_client() as stream_http, trio.open_nursery() as nursery:
        server = ScriptedServer()
        server.script("/session", *(sessions or (session(),)))
        server.script("/events", *events)
        await nursery.start(server.serve)
        url = httpx.URL(f"{server.origin}/session")
        client = Client(http, url, Credentials(bearer(SecretStr("s3cret")), url))
        status = Status(poll_interval=60)
        with structlog.testing.capture_logs() as logs, trio.fail_after(100_000):
            nursery.start_soon(PushReader(client, stream_http, Bell(send, status), status).run)
            yield Listening(server, status, receive, logs)
        nursery.cancel_scope.cancel()


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random parts of waits would make their lengths unpredictable."""
    monkeypatch.setattr("random.uniform", lambda least, most: least)


async def test_a_state_event_of_our_account_rings(autojump_clock: MockClock) -> None:
    async with listening(event_stream(10.0, state(), FOREVER)) as reader:
        assert await reader.rings.receive() == Ring("connected")
        before = trio.current_time()
        assert await reader.rings.receive() == Ring("state")
        assert trio.current_time() - before == pytest.approx(10)
        assert reader.status.health().eventsource.last_event_at is not None


@pytest.mark.parametrize("charset", ["hex", "idna", "zlib", "utf-16", "iso-8859-1"])
async def test_a_stream_is_utf_8_whatever_its_content_type_says(charset: str, autojump_clock: MockClock) -> None:
    """Some of these would end the reader, and with it the daemon."""
    events = b"\xef\xbb\xbf" + state(id="é")
    async with listening(reply("200 OK", events, Content_Type=f"text/event-stream; charset={charset}")) as reader:
        assert await reader.rings.receive() == Ring("connected")
        assert await reader.rings.receive() == Ring("state")
        again = await reader.server.wait_asked("/events", 2)
        assert again.headers["Last-Event-ID"].encode("latin-1").decode() == "é"


async def test_events_that_are_not_ours_do_not_ring(autojump_clock: MockClock) -> None:
    foreign = [
        state("u2"),
        state(type="Thread"),
        b'event: calendarAlert\ndata: {"changed": {"u1": {"Email": "x"}}}\n\n',
        b"data: a nameless message\n\n",
        b": a comment\n\n",
        PING,
    ]
    async with listening(event_stream(*foreign, 5.0, state(type="Mailbox"), FOREVER)) as reader:
        assert [await reader.rings.receive() for _ in range(2)] == [Ring("connected"), Ring("state")]
        assert trio.current_time() >= 5
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.WouldBlock):
            reader.rings.receive_nowait()


async def test_an_event_without_data_does_nothing_but_set_id_and_wait(autojump_clock: MockClock) -> None:
    # HTML standard, §9.2.6: it isn't dispatched.
    empty = b"event: state\n\n" + b"event: state\ndata\n\n" + b"id: 7\nretry: 5000\n\n"
    async with listening(event_stream(empty, 3.0, state()), event_stream(FOREVER)) as reader:
        assert [await reader.rings.receive() for _ in range(3)] == [Ring("connected"), Ring("state"), Ring("connected")]
        assert await reader.connects(2) == [0, 3 + 5]
        assert reader.server.asked[-1].headers["Last-Event-ID"] == "7"
        assert reader.status.events_received == 1


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
async def test_an_event_counts_as_soon_as_its_line_ends_however_they_are_written(
    end: bytes, autojump_clock: MockClock
) -> None:
    event = state().replace(b"\r\n", end)
    async with listening(event_stream(event, 100.0, event[:-1], 100.0, event[-1:] + event, FOREVER)) as reader:
        heard = [(await reader.rings.receive(), round(trio.current_time())) for _ in range(4)]
    second = 100 if end == b"\r\n" else 200
    assert heard == [(Ring("connected"), 0), (Ring("state"), 0), (Ring("state"), second), (Ring("state"), 200)]


async def test_fastmails_connect_event_counts_like_any_other(autojump_clock: MockClock) -> None:
    hello = b'event: state\ndata: {"type":"connect","changed":{"u1":{"Email":"s1","Mailbox":"s1"}}}\n\n'
    async with listening(event_stream(hello, FOREVER), sessions=(session("/events/"),)) as reader:
        reader.server.script("/events/", event_stream(hello, FOREVER))
        assert [await reader.rings.receive() for _ in range(2)] == [Ring("connected"), Ring("state")]


@pytest.mark.parametrize("url", ["/events", TEMPLATE])
async def test_it_asks_for_mail_and_mailboxes_for_as_long_as_it_lasts(url: str, autojump_clock: MockClock) -> None:
    async with listening(event_stream(FOREVER), sessions=(session(url),)) as reader:
        asked = await reader.server.wait_asked("/events", 1)
        assert asked.target == "/events?types=Email%2CMailbox&closeafter=no&ping=60"
        assert asked.headers["Accept"] == "text/event-stream"
        assert asked.headers["Authorization"] == "Bearer s3cret"


async def test_a_clean_end_is_a_disconnect_and_the_wait_grows_to_a_minute(autojump_clock: MockClock) -> None:
    async with listening(event_stream()) as reader:
        assert await reader.connects(10) == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
        assert reader.status.health().eventsource.reconnect_count == 9


async def test_waits_are_jittered(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    async with listening(event_stream()) as reader:
        assert await reader.connects(4) == [0, 1.25, 3.75, 8.75]


async def test_it_rings_on_every_connect(autojump_clock: MockClock) -> None:
    async with listening(event_stream()) as reader:
        assert [await reader.rings.receive() for _ in range(4)] == [Ring("connected")] * 4


async def test_a_minute_of_health_starts_the_back_off_anew(autojump_clock: MockClock) -> None:
    async with listening(event_stream(), event_stream(), event_stream(60.0), event_stream(59.0)) as reader:
        assert await reader.connects(6) == [0, 1, 3, 3 + 60 + 1, 64 + 59 + 2, 125 + 59 + 4]


async def test_a_full_channel_drops_the_ring_and_counts_it(autojump_clock: MockClock) -> None:
    async with listening(event_stream(state() * 5, FOREVER), room=2) as reader:
        await reader.connects(1)
        while reader.status.events_received < 5:
            await trio.testing.wait_all_tasks_blocked()
        assert [await reader.rings.receive() for _ in range(2)] == [Ring("connected"), Ring("state")]
        assert reader.status.events_dropped == 4


async def test_the_last_id_goes_back_on_reconnect(autojump_clock: MockClock) -> None:
    async with listening(event_stream(state(id="41"), state(id="42é"), state()), event_stream(FOREVER)) as reader:
        asked = await reader.server.wait_asked("/events", 2)
        assert asked.headers["Last-Event-ID"].encode("latin-1").decode() == "42é"
        assert "Last-Event-ID" not in reader.server.asked[1].headers


async def test_an_id_that_the_server_rejects_is_dropped(autojump_clock: MockClock) -> None:
    async with listening(event_stream(state(id="42")), reply("400 Bad Request"), event_stream(FOREVER)) as reader:
        assert "Last-Event-ID" in (await reader.server.wait_asked("/events", 2)).headers
        assert "Last-Event-ID" not in (await reader.server.wait_asked("/events", 3)).headers


@pytest.mark.parametrize(
    ("retry", "connects"),
    always(
        3,
        [
            ("5000", [0, 5, 15, 35, 75, 135, 195]),
            ("0", [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3]),
            ("9" * 100, [0, 300, 600, 900, 1200, 1500, 1800]),
            ("-1", [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3]),
            ("200000", [0, 200, 400, 600, 800, 1000, 1200]),
            ("soon", [0, 1, 3, 7, 15, 31, 63]),
        ],
    ),
)
async def test_a_servers_retry_replaces_the_base(retry: str, connects: list[float], autojump_clock: MockClock) -> None:
    # The connections last no time at all here: whatever the waits are, no back-off starts anew.
    async with listening(event_stream(f"retry: {retry}\n\n".encode())) as reader:
        assert await reader.connects(7) == connects


@pytest.mark.parametrize(("retry_after", "wait"), [("20", 20), ("86400", 300), ("nonsense", 1)])
async def test_retry_after_is_honoured_within_bounds(retry_after: str, wait: float, autojump_clock: MockClock) -> None:
    busy = reply("503 Service Unavailable", Retry_After=retry_after)
    async with listening(busy, event_stream(FOREVER)) as reader:
        assert await reader.connects(2) == [0, wait]


@pytest.mark.parametrize("status", ["204 No Content", "405 Method Not Allowed", "501 Not Implemented"])
async def test_a_server_without_events_is_asked_again_every_hour(status: str, autojump_clock: MockClock) -> None:
    async with listening(reply(status), reply(status), event_stream(FOREVER)) as reader:
        assert await reader.connects(2) == [0, 3600]
        health = reader.status.health().eventsource
        assert (health.status, health.reconnect_count) == ("not_started", 0)
        assert health.last_error is not None
        assert status[:3] in health.last_error
        assert len(reader.logged("eventsource_not_available")) == 1
        assert await reader.rings.receive() == Ring("connected")
        assert await reader.connects(3) == [0, 3600, 7200]
        assert reader.status.health().eventsource.status == "connected"


async def test_a_session_without_url_is_read_again_every_hour(autojump_clock: MockClock) -> None:
    async with listening(event_stream(FOREVER), sessions=(session(None), session(None), session())) as reader:
        assert await reader.rings.receive() == Ring("connected")
        assert [round(each.at) for each in reader.server.asked_for("/session")] == [0, 3600, 7200]
        assert "eventSourceUrl" in reader.logged("eventsource_not_available")[0]["reason"]


async def test_404_reads_the_session_once_more_and_follows_its_new_url(autojump_clock: MockClock) -> None:
    async with listening(reply("404 Not Found"), sessions=(session(), session("/moved"))) as reader:
        reader.server.script("/moved", event_stream(FOREVER))
        assert await reader.rings.receive() == Ring("connected")
        assert trio.current_time() < 1
        assert [asked.path for asked in reader.server.asked] == ["/session", "/events", "/session", "/moved"]
        assert [line["url"] for line in reader.logged("eventsource_listener_started")] == [reader.server.origin] * 2


async def test_404_twice_means_no_push(autojump_clock: MockClock) -> None:
    async with listening(reply("404 Not Found"), reply("404 Not Found"), event_stream(FOREVER)) as reader:
        assert await reader.rings.receive() == Ring("connected")
        assert await reader.connects(3) == [0, 0, 3600]
        assert "404" in reader.logged("eventsource_not_available")[0]["reason"]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_refused_credentials_ring_and_back_off(status: str, autojump_clock: MockClock) -> None:
    async with listening(reply(status), event_stream(FOREVER)) as reader:
        assert await reader.rings.receive() == Ring("refused")
        await trio.testing.wait_all_tasks_blocked()
        assert reader.status.health().eventsource.status == "disconnected"
        assert await reader.rings.receive() == Ring("connected")
        assert await reader.connects(2) == [0, 1]


async def test_a_session_that_refuses_does_not_end_the_reader(autojump_clock: MockClock) -> None:
    async with listening(event_stream(FOREVER), sessions=(reply("401 Unauthorized"), session())) as reader:
        assert [await reader.rings.receive() for _ in range(2)] == [Ring("refused"), Ring("connected")]
        assert trio.current_time() == pytest.approx(1, abs=1)


async def test_a_session_that_fails_backs_off(autojump_clock: MockClock) -> None:
    sessions = (reply("503 Service Unavailable"), reply("200 OK", b"<html>", Content_Type="text/html"), session())
    async with listening(event_stream(FOREVER), sessions=sessions) as reader:
        assert await reader.rings.receive() == Ring("connected")
        assert [round(each.at) for each in reader.server.asked_for("/session")] == [0, 1, 3]
        health = reader.status.health().eventsource
        assert (health.status, health.reconnect_count) == ("connected", 0)


@pytest.mark.parametrize(
    ("answer", "said"),
    always(
        6,
        [
            (reply("200 OK", b"<html>down for maintenance", Content_Type="text/html"), "text/html"),
            (reply("200 OK", b"", Content_Type="text/event-stream", Content_Encoding="gzip"), "gzip"),
            (reply("200 OK", b"{}", Content_Type="s3cret"), "sent [secret]"),
            (reply("307 Temporary Redirect", Location="/events2"), "redirects"),
            (event_stream(b"event: state\ndata: {broken\n\n", FOREVER), "no JSON"),
            (event_stream(b"data: " + b"x" * 5_000_000, FOREVER), "endless event"),
            (event_stream(*[b"data: " + b"x" * 9_000 + b"\n"] * 130, FOREVER), "endless event"),
            (reply("200 OK", b"{}", Content_Type="application/json"), "application/json"),
            (reply("500 Internal Server Error"), "HTTP 500"),
            (reply("302 Found", Location="https://xn--0/"), "a name that no host can have"),
            (reply("200 OK", b"{}", Content_Type="Bearer s3cret"), "sent …"),
            (reply("302 Found", Location="http://127.0.0.1:9/elsewhere"), "redirects"),
            (reply("418 I'm a teapot"), "HTTP 418"),
            (event_stream(b'event: state\ndata: {"changed": 7}\n\n', FOREVER), "malformed"),
            (event_stream(b"data: x"), "ended"),
        ],
    ),
)
async def test_bad_answers_disconnect_with_a_clear_error(answer: Answer, said: str, autojump_clock: MockClock) -> None:
    async with listening(answer, event_stream(FOREVER)) as reader:
        assert await reader.connects(2) == [0, 1]
        assert said in reader.logged("eventsource_disconnected")[0]["error"]
        assert not any("s3cret" in str(line) for line in reader.logs)


async def test_an_event_below_the_bound_is_read(autojump_clock: MockClock) -> None:
    padded = b": " + b"x" * (MAX_EVENT_BYTES - 1000) + b"\n" + state()
    async with listening(event_stream(padded, padded, FOREVER)) as reader:
        assert [await reader.rings.receive() for _ in range(3)] == [Ring("connected"), Ring("state"), Ring("state")]


async def test_the_token_does_not_follow_a_redirect(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        other = ScriptedServer()
        other.script("/events", event_stream(FOREVER))
        await nursery.start(other.serve)
        async with listening(reply("302 Found", Location=f"{other.origin}/events")) as reader:
            await reader.connects(3)
        assert other.asked == []
        nursery.cancel_scope.cancel()


async def test_a_refused_connection_backs_off(autojump_clock: MockClock) -> None:
    async with listening(sessions=(session("http://127.0.0.1:1/events"),)) as reader:
        await trio.sleep(6)
        lines = reader.logged("eventsource_disconnected")[:3]
        assert [(line["attempt"], line["retry_in"], line["log_level"]) for line in lines] == [
            (1, 1.0, "debug"),
            (2, 2.0, "warning"),
            (3, 4.0, "warning"),
        ]
        assert "127.0.0.1" in lines[0]["error"]


async def test_connections_are_told_apart_in_the_log(autojump_clock: MockClock) -> None:
    async with listening(event_stream(), event_stream(FOREVER)) as reader:
        await reader.rings.receive()
        await reader.rings.receive()
        assert [line["event"] for line in reader.logs if line["event"].startswith("eventsource")] == [
            "eventsource_listener_started",
            "eventsource_connected",
            "eventsource_disconnected",
            "eventsource_reconnected",
        ]


async def test_silence_ends_a_connection_after_half_an_hour(autojump_clock: MockClock) -> None:
    async with listening(event_stream(100.0, b": still here\n", FOREVER), event_stream(FOREVER)) as reader:
        assert await reader.connects(2) == [0, 100 + 1800 + 1]
        assert "silent for 1800 s" in reader.logged("eventsource_disconnected")[0]["error"]


async def test_bytes_that_never_end_a_line_are_silence(autojump_clock: MockClock) -> None:
    trickle: list[bytes | float] = [b"x", 100.0] * 30
    async with listening(event_stream(*trickle), event_stream(FOREVER)) as reader:
        assert await reader.connects(2) == [0, 1800 + 1]


async def test_measured_pings_shorten_the_silence(autojump_clock: MockClock) -> None:
    async with listening(event_stream(PING, 40.0, PING, 40.0, PING, FOREVER), event_stream(FOREVER)) as reader:
        assert await reader.connects(2) == [0, 80 + 100 + 1]


async def test_a_server_that_accepts_and_says_nothing_is_left_after_the_deadline(autojump_clock: MockClock) -> None:
    async def say_nothing(stream: trio.abc.Stream) -> None:
        await trio.sleep_forever()

    async with listening(say_nothing, event_stream(FOREVER)) as reader:
        assert await reader.connects(2) == [0, 30 + 1]
        assert "no answer in 30 s" in reader.logged("eventsource_disconnected")[0]["error"]


def remote_ports_and_timers() -> list[tuple[int, int]]:
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [(int(fields[2].rpartition(":")[2], 16), int(fields[5].partition(":")[0], 16)) for fields in lines]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells which timer a socket runs")
async def test_the_kernel_watches_the_connection(autojump_clock: MockClock) -> None:
    async with listening(event_stream(FOREVER)) as reader:
        await reader.rings.receive()
        keep_alive_timer = 2
        assert (reader.server.port, keep_alive_timer) in remote_ports_and_timers()
