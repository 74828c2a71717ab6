"""HTTP as every backend uses it: who we are to a server, one exchange within a deadline, what a status means."""

import base64
import re
import socket
import sys
import zlib
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
import trio
from pydantic import SecretStr

from mailroom.errors import BadReply, MailroomError, Refused, TooLarge, Unavailable
from mailroom.http_clients import Http
from mailroom.redaction import never_say
from mailroom.urls import origin
from mailroom.wire import Json, plain_name

DEADLINE_SECONDS = 30
"""For one HTTP exchange from connect to the last byte. httpx alone has no total one."""

MAX_REPLY_BYTES = 16 * 1024 * 1024
"""A reply of 4,096 mails has about 2 MB. It is held in memory whole, beside what is read from it."""

_GZIP_MAGIC = b"\x1f\x8b"
_MAX_GZIP_MEMBERS = 1_000

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)')
# At the beginning or after a comma, where a parameter has an equals sign.
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z0-9_-]+)(?=\s+[^\s=]|\s*(?:,|$))")

MAX_RETRY_AFTER_SECONDS = 24 * 60 * 60.0

Origin = tuple[str, str, int | None]
"""Scheme, host and port."""


class Credentials(httpx.Auth):
    """Adds `Authorization` to requests for trusted origins, and to no others."""

    def __init__(self, authorization: SecretStr, *trusted: httpx.URL) -> None:
        never_say(authorization)
        self._authorization = authorization
        self._origins = {_origin(url) for url in trusted}

    def trust(self, url: httpx.URL) -> None:
        self._origins.add(_origin(url))

    def trusts(self, url: httpx.URL) -> bool:
        return _origin(url) in self._origins

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self.trusts(request.url):
            request.headers["Authorization"] = self._authorization.get_secret_value()
        yield request


def bearer(token: SecretStr) -> SecretStr:
    """The `Authorization` value of a bearer token (RFC 6750 §2.1)."""
    return SecretStr(f"Bearer {token.get_secret_value()}")


def basic(username: str, password: SecretStr) -> SecretStr:
    """The `Authorization` value of a user name and password (RFC 7617 §2)."""
    pair = f"{username}:{password.get_secret_value()}".encode()
    return SecretStr("Basic " + base64.b64encode(pair).decode())


class Reply:
    """What came back, body read whole. `login` is the scheme of the credentials that were sent, if any."""

    def __init__(self, response: httpx.Response, body: bytes) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.url = response.url
        self.login = response.request.headers.get("Authorization", "").partition(" ")[0].lower()
        self.body = body

    @property
    def location(self) -> str | None:
        """Where a redirect leads, or None if this is none."""
        return self.headers.get("Location") if 300 <= self.status < 400 else None

    @property
    def beginning(self) -> str:
        """As much of the body as a message may hold, whatever it is."""
        return self.body[:4_000].decode(errors="replace")

    @property
    def content_type(self) -> str:
        return plain_name(str(self.headers.get("Content-Type", "nothing")).partition(";")[0].strip().lower())


async def fetch(
    http: Http,
    method: str,
    url: httpx.URL,
    *,
    auth: httpx.Auth,
    headers: Mapping[str, str] | None = None,
    json_body: Json = None,
    content: bytes | None = None,
) -> Reply:
    """One HTTP exchange within the deadline, redirects not followed. Raises `Unavailable` or `BadReply`."""
    request = http.build_request(method, url, headers=headers, json=json_body, content=content)
    where = origin(url)
    try:
        with trio.fail_after(DEADLINE_SECONDS):
            response = await http.send(request, auth=auth, stream=True)
            try:
                _acknowledge(response)
                return Reply(response, await _unpacked(response, await _read_body(response)))
            finally:
                with trio.move_on_after(1, shield=True):
                    await response.aclose()
    except trio.TooSlowError:
        raise Unavailable(f"{where} gave no whole answer in {DEADLINE_SECONDS} s") from None
    except UnicodeError:
        # Of the resolver, for a label that is empty or too long; of httpx, for one that is no IDNA: it looks at where a
        # redirect leads, though it isn't to follow it.
        raise Unavailable(f"{where} has, or leads to, a name that no host can have") from None
    except httpx.TransportError as error:
        raise no_exchange(url, error) from error


def _acknowledge(response: httpx.Response) -> None:
    """Tell the server's kernel at once that the first part is here; ours would wait 40 ms for something to send.

    A server that writes an answer in parts, as Cyrus does with 4 kB each, sends the second no sooner (RFC 896), unless
    the first fills a packet: on loopback, where a packet takes 64 kB, it doesn't.
    """
    stream = response.extensions.get("network_stream")
    if sys.platform == "linux" and stream is not None:
        stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def _read_body(response: httpx.Response) -> bytes:
    """The body as it comes over the wire, up to the limit."""
    body = bytearray()
    with trio.CancelScope() as scope:
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_REPLY_BYTES:
                # Raising in the middle would leave the generators of httpx open; cancellation ends them in order.
                scope.cancel()
    _check_size(response, body)
    return bytes(body)


async def _unpacked(response: httpx.Response, body: bytes) -> bytes:
    """The body without its compression. httpx would unpack any number of layers, each a thousand times the last."""
    where = origin(response.url)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity" or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BadReply(f"{where} sent a body in {plain_name(encoding)}", expected="gzip, or no content encoding")
    unpacked = bytearray()
    for _ in range(_MAX_GZIP_MEMBERS):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)  # 16 more means gzip
        try:
            unpacked += unpacker.decompress(body, MAX_REPLY_BYTES + 1 - len(unpacked))
        except zlib.error:
            break
        _check_size(response, unpacked)
        if not unpacker.eof:
            break
        # Several members in a row are one body (RFC 1952 §2.2); anything else after a member is padding.
        body = unpacker.unused_data
        if not body.startswith(_GZIP_MAGIC):
            return bytes(unpacked)
        await trio.lowlevel.checkpoint()
    raise BadReply(f"{where} sent a body that can't be unpacked", expected="whole and valid gzip")


def _check_size(response: httpx.Response, body: bytes | bytearray) -> None:
    if len(body) > MAX_REPLY_BYTES:
        limit = MAX_REPLY_BYTES // 1024 // 1024
        raise TooLarge(f"{origin(response.url)} sends too large an answer", expected=f"at most {limit} MiB")


def no_exchange(url: httpx.URL, error: httpx.TransportError | OSError) -> Unavailable:
    """The connection failed, or what came over it is no HTTP; that isn't repeated: it may echo what was sent."""
    where = f"{origin(url)}: {type(error).__name__}"
    if isinstance(error, httpx.LocalProtocolError):
        return Unavailable(where)
    if isinstance(error, httpx.ProxyError):
        # The status, and what the proxy calls it in its own words.
        return Unavailable(f"{where}: HTTP {plain_name(str(error)[:3])}")
    # h11 and httpx quote what they can't read, after a colon.
    said = _text_of(error) if isinstance(error, httpx.NetworkError | OSError) else str(error).partition(":")[0]
    return Unavailable(f"{where}: {said or 'the connection failed'}")


def _text_of(error: BaseException) -> str:
    """What an error says, or what caused it does: httpx and trio pass a refused certificate on without a word."""
    cause: BaseException | None = error
    while cause is not None:
        if text := str(cause):
            return text
        cause = cause.__cause__ or cause.__context__
    return ""


def check_status(reply: Reply, url: httpx.URL) -> None:
    """Raise what an HTTP status other than 2xx means."""
    if not 200 <= reply.status < 300:
        raise _meaning(reply, origin(url)).saying(reply.beginning)


def _meaning(reply: Reply, where: str) -> MailroomError:
    if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return login_refused(reply, where)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS or reply.status >= 500:
        return Unavailable(f"{where} answered HTTP {reply.status}", retry_after=retry_after(reply))
    if reply.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return BadReply(
            f"{where} takes no request as large as this one (HTTP 413)",
            expected="what the server itself says it takes; a proxy before it may have a limit of its own",
        )
    if reply.location is not None:
        return BadReply(f"{where} redirects (HTTP {reply.status})", expected="an answer at this url itself")
    return BadReply(f"{where} answered HTTP {reply.status}", expected="HTTP 200")


def login_refused(reply: Reply, where: str) -> Refused:
    """What 401 or 403 means: a login that is wrong, may not do this, or is sent in a way that the server doesn't take.

    The last is what its challenges say (RFC 9110 §11.6.1).
    """
    if reply.status == HTTPStatus.FORBIDDEN:
        return Refused(f"{where} forbids it (HTTP 403); may this login use it?")
    refused = f"{where} refused the credentials (HTTP {reply.status})"
    challenges = [_QUOTED.sub("", each) for each in reply.headers.get_list("WWW-Authenticate")]
    taken = sorted({scheme for each in challenges for scheme in _SCHEME.findall(each)}, key=str.lower)
    if taken and reply.login and reply.login not in map(str.lower, taken):
        names = " and ".join(map(plain_name, taken))
        return Refused(f"{refused}; it takes logins by {names}, not by {reply.login.title()} as sent: let it take that")
    return Refused(f"{refused}: wrong {'user name or password' if reply.login == 'basic' else 'or expired token'}")


def retry_after(reply: Reply) -> float | None:
    """Seconds of a Retry-After header, a number or a date (RFC 9110 §10.2.3), at most a day; None without one."""
    value = reply.headers.get("Retry-After", "").strip()
    try:
        seconds = float(value) if value.isdecimal() else (_date(value) - _now(reply)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), MAX_RETRY_AFTER_SECONDS)


def _now(reply: Reply) -> datetime:
    """By the server's clock (RFC 9110 §6.6.1), which its dates are of: ours may be wrong."""
    try:
        return _date(reply.headers.get("Date", ""))
    except ValueError:
        return datetime.now(UTC)


def _date(text: str) -> datetime:
    """Raises `ValueError`."""
    date = parsedate_to_datetime(text)
    # An HTTP date is in GMT even where it doesn't say so (RFC 9110 §5.6.7).
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme)
