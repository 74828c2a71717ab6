"""A web server on loopback that answers what a test tells it to, byte for byte."""

import json
import ssl
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import partial

import trio

Answer = Callable[[trio.abc.Stream], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came; `at` is trio's clock."""

    target: str
    headers: Mapping[str, str]
    at: float

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class ScriptedServer:
    """Answers the requests for each path in the order of its script; the last answer repeats. Over TLS if given."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.asked: list[Asked] = []
        self.port = 0
        self._scripts: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._more = trio.Event()

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def script(self, path: str, *answers: Answer) -> None:
        self._scripts[path] = deque(answers)

    def asked_for(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    async def wait_asked(self, path: str, times: int) -> Asked:
        """Wait until a path was asked for so many times; returns the last of these requests."""
        while len(self.asked_for(path)) < times:
            await self._more.wait()
        return self.asked_for(path)[times - 1]

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, self._exchange, 0, host="127.0.0.1"))
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def _exchange(self, plain: trio.SocketStream) -> None:
        stream: trio.abc.Stream = plain
        if self._tls is not None:
            stream = trio.SSLStream(plain, self._tls, server_side=True, https_compatible=True)
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                part = await stream.receive_some()
                if not part:
                    return
                head += part
            await _read_body(head, stream)
            await self._answer(head, stream)
        except trio.BrokenResourceError:
            pass  # the client hung up, as it may

    async def _answer(self, head: bytes, stream: trio.abc.Stream) -> None:
        first, _, rest = head.partition(b"\r\n")
        asked = Asked(
            first.split()[1].decode(),
            dict(HeaderParser().parsestr(rest.decode("latin-1")).items()),
            trio.current_time(),
        )
        self.asked.append(asked)
        self._more.set()
        self._more = trio.Event()
        script = self._scripts[asked.path]
        answer = script.popleft() if len(script) > 1 else script[0]
        await answer(stream)


async def _read_body(read: bytes, stream: trio.abc.Stream) -> None:
    """The rest of a request. Closed over what nobody read, the connection would be reset, and the answer lost."""
    head, _, body = read.partition(b"\r\n\r\n")
    announced = HeaderParser().parsestr(head.partition(b"\r\n")[2].decode("latin-1")).get("Content-Length", "0")
    missing = int(announced) - len(body)
    while missing > 0 and (part := await stream.receive_some()):
        missing -= len(part)


def reply(status: str, body: bytes = b"", **headers: str) -> Answer:
    """A whole reply, after which the server hangs up. Header names are written with underscores."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *lines, "", ""])

    async def send(stream: trio.abc.Stream) -> None:
        await stream.send_all(head.encode() + body)

    return send


def json_reply(value: object) -> Answer:
    return reply("200 OK", json.dumps(value).encode(), Content_Type="application/json")


def event_stream(*parts: bytes | float) -> Answer:
    """An event stream: bytes are sent, numbers are seconds to wait; then the server hangs up."""

    async def send(stream: trio.abc.Stream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for part in parts:
            if isinstance(part, bytes):
                await stream.send_all(part)
            else:
                await trio.sleep(part)

    return send


FOREVER = float("inf")


def session_reply(event_source_url: str | None = None, *, contacts: bool = False) -> Answer:
    """A JMAP session with the account u1 whose API is at /api."""
    urns = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
    urns += ["urn:ietf:params:jmap:contacts"] if contacts else []
    return json_reply(
        {
            "capabilities": {urn: {} for urn in urns},
            "accounts": {"u1": {"name": "jane@example.com", "accountCapabilities": {urn: {} for urn in urns}}},
            "primaryAccounts": dict.fromkeys(urns, "u1"),
            "username": "jane@example.com",
            "apiUrl": "/api",
            "eventSourceUrl": event_source_url,
            "state": "s1",
        }
    )
