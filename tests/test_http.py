"""One HTTP exchange against servers that are scripted byte for byte, on loopback."""

import base64
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from trio.testing import MockClock

from mailroom import http as http_module
from mailroom.errors import BadReply, MailroomError, Refused, Unavailable
from mailroom.http import DEADLINE_SECONDS, Credentials, Reply, basic, bearer, check_status, fetch
from mailroom.http import retry_after as read_retry_after
from mailroom.http_clients import http_client
from tests.guard import GUARD_SECONDS
from tests.scripted_server import Answer, ScriptedServer, reply

MIB = 1024 * 1024
TOKEN = SecretStr("s3cret-token")


@asynccontextmanager
async def scripted(*answers: Answer) -> AsyncIterator[ScriptedServer]:
    """A server that gives these answers at /, one after the other."""
    with trio.fail_after(1000):
        async with trio.open_nursery() as nursery:
            server = ScriptedServer()
            server.script("/", *answers)
            await nursery.start(server.serve)
            yield server
            nursery.cancel_scope.cancel()


async def get(origin: str) -> Reply:
    url = httpx.URL(origin).join("/")
    async with http_client() as http:
        return await fetch(http, "GET", url, auth=Credentials(bearer(TOKEN), url))


def sends(*parts: bytes) -> Answer:
    """These bytes as they stand; then the server hangs up."""

    async def send(stream: trio.abc.Stream) -> None:
        for part in parts:
            await stream.send_all(part)

    return send


async def says_nothing(stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()


async def drips(stream: trio.abc.Stream) -> None:
    """A byte every second: no single read ever takes long."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await stream.send_all(b" ")
        await trio.sleep(1)


class Endless:
    """An answer whose body never ends; counts what it got rid of."""

    def __init__(self) -> None:
        self.bytes_sent = 0

    async def __call__(self, stream: trio.abc.Stream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            await stream.send_all(b"x" * 65_536)
            self.bytes_sent += 65_536


class TestFetch:
    async def test_reads_the_whole_answer(self) -> None:
        async with scripted(reply("200 OK", b"hello", Content_Type="text/plain; charset=utf-8")) as server:
            answer = await get(server.origin)
        assert (answer.status, answer.body, answer.content_type) == (200, b"hello", "text/plain")
        assert server.asked[0].headers["User-Agent"].startswith("mailroom/")
        assert server.asked[0].headers["Authorization"] == "Bearer s3cret-token"

    async def test_decodes_a_compressed_answer(self) -> None:
        body = gzip.compress(b"hello" * 1000)
        async with scripted(reply("200 OK", body, Content_Encoding="gzip")) as server:
            assert (await get(server.origin)).body == b"hello" * 1000

    async def test_decodes_an_answer_compressed_in_parts(self) -> None:
        # RFC 1952 §2.2; what follows the last member is padding.
        body = b"".join(gzip.compress(part) for part in (b"hello ", b"", b"world")) + bytes(7)
        async with scripted(reply("200 OK", body, Content_Encoding="gzip")) as server:
            assert (await get(server.origin)).body == b"hello world"

    async def test_does_not_follow_redirects(self) -> None:
        async with scripted(reply("302 Found", Location="/elsewhere")) as server:
            answer = await get(server.origin)
        assert answer.location == "/elsewhere"
        assert len(server.asked) == 1

    async def test_calls_no_other_status_a_redirect(self) -> None:
        async with scripted(reply("201 Created", Location="/new"), reply("304 Not Modified")) as server:
            assert (await get(server.origin)).location is None
            assert (await get(server.origin)).location is None


class TestAServerThatCantBeReached:
    async def test_because_nothing_listens_is_unavailable(self) -> None:
        with trio.socket.socket() as unused:
            await unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            with pytest.raises(Unavailable, match=rf"^http://127\.0\.0\.1:{port}: ConnectError: "):
                await get(f"http://127.0.0.1:{port}")

    @pytest.mark.parametrize(
        "host", ["mail.invalid", "a" * 70 + ".invalid", "mail..invalid"], ids=["unknown", "long-label", "empty-label"]
    )
    async def test_because_no_such_host_exists_is_unavailable(self, host: str) -> None:
        with trio.fail_after(GUARD_SECONDS), pytest.raises(Unavailable, match=host):
            await get(f"https://{host}")

    async def test_because_its_port_is_none_is_unavailable(self) -> None:
        with pytest.raises(Unavailable):
            await get("http://127.0.0.1:99999")

    @pytest.mark.parametrize(
        "answer",
        [
            sends(),
            sends(b"HTTP/1.1 200 OK\r\nContent-Le"),
            sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
            sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
            sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            sends(b"220 mail.example ESMTP\r\n"),
            sends(b"\x16\x03\x01\x02\x00" + bytes(100)),
            sends(b"HTTP/1.1 200 OK\r\nX: ", *[b"x" * 65_536] * 32),
        ],
        ids=["nothing", "half-head", "half-body", "open-chunks", "bad-chunk", "smtp", "tls", "endless-header"],
    )
    async def test_because_the_connection_breaks_is_unavailable(self, answer: Answer) -> None:
        async with scripted(answer) as server:
            with pytest.raises(Unavailable, match=rf"^{server.origin}: "):
                await get(server.origin)

    @pytest.mark.parametrize("answer", [says_nothing, drips])
    async def test_within_the_deadline_is_unavailable(self, answer: Answer, autojump_clock: MockClock) -> None:
        async with scripted(answer) as server:
            start = trio.current_time()
            with pytest.raises(Unavailable, match="gave no whole answer in 30 s"):
                await get(server.origin)
            assert trio.current_time() - start == pytest.approx(DEADLINE_SECONDS)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (sends(b"GET /?Bearer s3cret-token\r\n\r\n"), "illegal status line"),
            (sends(b"HTTP/1.1 200 OK\r\nBearer s3cret-token\r\n\r\n"), "illegal header line"),
            (reply("302 Found", Location="https://x:s3cret-token/"), "Invalid URL in location header"),
        ],
        ids=["request", "header", "location"],
    )
    async def test_because_it_echoes_the_request_is_unavailable_and_nothing_of_it_is_told(
        self, answer: Answer, said: str
    ) -> None:
        async with scripted(answer) as server:
            with pytest.raises(Unavailable) as caught:
                await get(server.origin)
        assert str(caught.value) == f"{server.origin}: RemoteProtocolError: {said}"

    async def test_because_the_request_can_not_be_sent_is_unavailable_without_the_credentials(self) -> None:
        async with http_client() as http:
            url = httpx.URL("http://127.0.0.1:9/")
            with pytest.raises(Unavailable) as caught:
                await fetch(http, "GET", url, auth=Credentials(SecretStr("Bearer s3cret\n"), url))
        assert "s3cret" not in str(caught.value)


class TestAClient:
    async def test_keeps_no_cookies(self) -> None:
        async with scripted(reply("200 OK", Set_Cookie="session=s3cret"), reply("200 OK")) as server:
            url = httpx.URL(server.origin).join("/")
            async with http_client() as http:
                for _ in range(2):
                    await fetch(http, "GET", url, auth=Credentials(bearer(TOKEN), url))
        assert [asked.headers.get("Cookie") for asked in server.asked] == [None, None]

    @pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
    async def test_shows_the_credentials_to_no_proxy(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with scripted(reply("200 OK", b"proxy")) as proxy, scripted(reply("200 OK", b"server")) as server:
            monkeypatch.setenv(variable, proxy.origin)
            assert (await get(server.origin)).body == b"server"
        assert proxy.asked == []

    async def test_goes_to_https_through_the_proxy_without_the_credentials(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with scripted() as proxy:
            proxy.script("mail.invalid:443", reply("502 Bad Gateway"))
            monkeypatch.setenv("https_proxy", proxy.origin)
            with pytest.raises(Unavailable, match="ProxyError: HTTP 502"):
                await get("https://mail.invalid/")
        (asked,) = proxy.asked
        assert asked.target == "mail.invalid:443"
        assert "Authorization" not in asked.headers


class TestABodyWithoutEnd:
    async def test_is_read_up_to_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_module, "MAX_REPLY_BYTES", MIB)
        endless = Endless()
        async with scripted(endless) as server:
            with pytest.raises(BadReply, match="sends too large an answer; expected at most 1 MiB"):
                await get(server.origin)
        socket_buffers = 16 * MIB
        assert endless.bytes_sent < MIB + socket_buffers

    async def test_is_read_up_to_the_limit_where_it_is_compressed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_module, "MAX_REPLY_BYTES", MIB)
        async with scripted(reply("200 OK", gzip.compress(bytes(2 * MIB)), Content_Encoding="gzip")) as server:
            with pytest.raises(BadReply, match="too large an answer"):
                await get(server.origin)

    async def test_is_read_up_to_the_limit_where_it_is_compressed_in_parts(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http_module, "MAX_REPLY_BYTES", MIB)
        body = gzip.compress(bytes(MIB // 2)) * 3
        async with scripted(reply("200 OK", body, Content_Encoding="gzip")) as server:
            with pytest.raises(BadReply, match="too large an answer"):
                await get(server.origin)

    async def test_is_not_read_to_the_last_of_a_million_parts(self) -> None:
        async with scripted(reply("200 OK", gzip.compress(b"") * 100_000, Content_Encoding="gzip")) as server:
            with pytest.raises(BadReply, match="expected whole and valid gzip"):
                await get(server.origin)

    async def test_is_not_unpacked_from_a_parcel_in_a_parcel(self) -> None:
        # Each layer may multiply by a thousand: a kilobyte in, a gigabyte out, in one step.
        body = gzip.compress(gzip.compress(b"hello"))
        async with scripted(reply("200 OK", body, Content_Encoding="gzip, gzip")) as server:
            with pytest.raises(BadReply, match="expected gzip, or no content encoding"):
                await get(server.origin)

    async def test_may_be_just_as_long_as_the_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_module, "MAX_REPLY_BYTES", MIB)
        async with scripted(reply("200 OK", bytes(MIB))) as server:
            assert len((await get(server.origin)).body) == MIB


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip at all",
        gzip.compress(b"hello" * 100)[:15] + b"garbage garbage",
        gzip.compress(b"hello")[:-4],
        gzip.compress(b"hello") + gzip.compress(b"world")[:-4],
    ],
    ids=["garbage", "garbage-inside", "cut", "cut-in-the-second-part"],
)
async def test_a_body_that_is_not_compressed_as_announced_is_a_bad_reply(body: bytes) -> None:
    async with scripted(reply("200 OK", body, Content_Encoding="gzip")) as server:
        with pytest.raises(BadReply, match="expected whole and valid gzip"):
            await get(server.origin)


class TestCredentials:
    @pytest.mark.parametrize(
        ("url", "trusted"),
        [
            ("https://mail.example/jmap", True),
            ("https://mail.example:443/other?x=1", True),
            ("https://MAIL.example/", True),
            ("https://mail.example:8443/jmap", False),
            ("http://mail.example/jmap", False),
            ("https://mail.example.evil.example/jmap", False),
            ("https://mail.example@evil.example/jmap", False),
            ("https://evil.example/mail.example", False),
        ],
    )
    def test_go_to_their_origin_alone(self, url: str, trusted: bool) -> None:
        credentials = Credentials(bearer(TOKEN), httpx.URL("https://mail.example/session"))
        request = httpx.Request("GET", url)
        next(credentials.auth_flow(request))
        assert credentials.trusts(httpx.URL(url)) is trusted
        assert request.headers.get("Authorization") == ("Bearer s3cret-token" if trusted else None)

    def test_go_to_origins_that_are_trusted_later(self) -> None:
        credentials = Credentials(bearer(TOKEN), httpx.URL("https://mail.example/"))
        credentials.trust(httpx.URL("https://api.example/jmap"))
        assert credentials.trusts(httpx.URL("https://api.example/"))

    def test_of_a_user_are_encoded_as_utf_8(self) -> None:
        value = basic("jürgen", SecretStr("pass:wörd")).get_secret_value()
        assert base64.b64decode(value.removeprefix("Basic ")).decode() == "jürgen:pass:wörd"

    def test_are_not_in_what_is_printed(self) -> None:
        assert "s3cret" not in f"{bearer(TOKEN)!r} {basic('jane', TOKEN)!s} {Credentials(bearer(TOKEN))!r}"


def a_reply(status: int, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx.Request("GET", "https://mail.example/jmap?token=s3cret")
    return Reply(httpx.Response(status, headers=named, request=request), b"")


class TestAStatus:
    @pytest.mark.parametrize("status", [200, 201, 204, 207])
    def test_of_success_raises_nothing(self, status: int) -> None:
        check_status(a_reply(status), httpx.URL("https://mail.example/jmap"))

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (401, Refused),
            (403, Refused),
            (429, Unavailable),
            (500, Unavailable),
            (502, Unavailable),
            (503, Unavailable),
            (599, Unavailable),
            (301, BadReply),
            (304, BadReply),
            (400, BadReply),
            (404, BadReply),
            (407, BadReply),
            (410, BadReply),
        ],
    )
    def test_of_failure_is_an_error_of_its_kind(self, status: int, error: type[MailroomError]) -> None:
        headers = {"Location": "https://other.example/"} if status == 301 else {}
        with pytest.raises(error, match=rf"^https://mail\.example .*{status}") as caught:
            check_status(a_reply(status, **headers), httpx.URL("https://mail.example/jmap?token=s3cret"))
        assert type(caught.value) is error
        assert "s3cret" not in str(caught.value)

    def test_of_refusal_says_what_to_do(self) -> None:
        with pytest.raises(Refused, match="wrong or expired token"):
            check_status(a_reply(401), httpx.URL("https://mail.example/jmap"))

    @pytest.mark.parametrize("status", [429, 503])
    def test_brings_the_servers_wish(self, status: int) -> None:
        with pytest.raises(Unavailable) as caught:
            check_status(a_reply(status, Retry_After="120"), httpx.URL("https://mail.example/jmap"))
        assert caught.value.retry_after == 120


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("0", 0.0),
            ("120", 120.0),
            (" 7 ", 7.0),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
            ("Wed, 21 Oct 2015 07:28:00", 0.0),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("1e999", None),
            ("nan", None),
            ("Wed, 99 Oct 2015 07:28:00 GMT", None),
            ("Wed, 21 Oct 99999999999 07:28:00 GMT", None),
            ("Wed, 21 Oct 2015 07:28:00 +99999999999", None),
        ],
    )
    def test_is_seconds_or_a_date_or_nothing(self, value: str, seconds: float | None) -> None:
        assert read_retry_after(a_reply(429, Retry_After=value)) == seconds

    def test_is_none_without_the_header(self) -> None:
        assert read_retry_after(a_reply(429)) is None

    def test_as_a_date_is_counted_from_now(self) -> None:
        in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
        assert read_retry_after(a_reply(503, Retry_After=in_an_hour)) == pytest.approx(3600, abs=30)

    @pytest.mark.parametrize("day", [1, 5, 9], ids=["behind", "right", "ahead"])
    def test_as_a_date_is_counted_from_the_servers_own_time(self, day: int) -> None:
        reply = a_reply(
            429, Date=f"Thu, 0{day} Mar 2026 12:00:00 GMT", Retry_After=f"Thu, 0{day} Mar 2026 12:00:30 GMT"
        )
        assert read_retry_after(reply) == 30

    def test_is_a_day_at_most(self) -> None:
        assert read_retry_after(a_reply(503, Retry_After="9" * 400)) == 86_400
        assert read_retry_after(a_reply(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT")) == 86_400

    @given(
        st.text(max_size=30)
        | st.lists(st.sampled_from(["Mon, ", "31 ", "Jan ", "0001 ", "9" * 20, "23:59:59 ", "GMT", "-2359"])).map(
            "".join
        )
    )
    def test_is_never_a_wait_without_end(self, value: str) -> None:
        headers = [(b"Retry-After", value.encode())]
        seconds = read_retry_after(Reply(httpx.Response(429, headers=headers, request=httpx.Request("GET", "/")), b""))
        assert seconds is None or 0 <= seconds <= 86_400
