"""One client: the stream that hypercorn reads and writes, and what bounds it."""

import select
from dataclasses import dataclass
from math import inf
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from hypercorn.utils import wrap_app

from mailroom.serving.gate import LONGEST_HEAD_BYTES, REFUSED, Gate
from mailroom.serving.pace import Pace

SEND_BYTES = 16 * 1024
SEND_SECONDS = 5.0
"""Who doesn't take so many bytes within this time is dropped."""

HALF_CLOSED_SECONDS = 5.0
"""Who has said that nothing more will come (`nc -N` does) gets the answers that are owed, for so long."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may ask for.

    `body_bytes` is the longest body of a request, which has to come within `body_seconds`; with 0 none is wanted.
    With more than so many `connections` the idlest is closed. So many `requests_a_second` are begun, of all clients
    together, and some more after a rest; the others wait in line, each client in its own. A second line is for what
    comes of a head after its first piece.
    """

    body_bytes: int = 0
    body_seconds: float = 10.0
    connections: int = 200
    requests_a_second: float = 20.0
    pieces_a_second: float = 100.0


class Connection:
    """A client's stream, with the names that hypercorn's `TCPServer` (0.18) uses; no `do_handshake` means no TLS."""

    def __init__(self, stream: trio.SocketStream, limits: Limits, requests: Pace, pieces: Pace) -> None:
        self.socket = stream.socket
        self._stream = stream
        self.client = _address(stream)
        self._limits = limits
        self._requests = requests
        self._pieces = pieces
        self._first = b""
        self._gate = Gate(limits.body_bytes)
        self._body_deadline = inf
        self._answers = 0
        self._answered = trio.Event()
        self._work = trio.CancelScope()
        self._last_active = trio.current_time()
        self._in_line_since: float | None = None

    @property
    def _owed(self) -> int:
        """Requests under way."""
        return self._gate.requests_passed - self._answers

    @property
    def busyness(self) -> tuple[int, float]:
        """What is least for the idlest connection.

        Without a request comes before with one, and then whoever was silent for longest. Who waits in line comes last,
        and then whoever came first: it is nearest to its answer.
        """
        if self._in_line_since is not None:
            return 2, -self._in_line_since
        return int(self._owed > 0), self._last_active

    async def run(self, app: ASGIFramework, config: Config, context: WorkerContext) -> None:
        """Serve the client to its end. Raises whatever it makes hypercorn raise.

        Hypercorn costs as much for a connection as for a request: it comes when the first one does, in its turn.
        """
        try:
            with self._work:
                if await self._begins(config.keep_alive_timeout):
                    counted = wrap_app(_Counted(app, self), config.wsgi_max_body_size, "asgi")
                    # The casts: a state is a dict, and a stream is annotated as TLS, which it isn't with hypercorn.
                    server = TCPServer(counted, config, context, cast(Any, {}), cast(Any, self))
                    await _until_cancelled(server)
        finally:
            self.socket.close()

    async def _begins(self, seconds: float) -> bool:
        """Whether a first request comes within the time; it has had its turn then."""
        try:
            with trio.move_on_after(seconds):
                self._first = await self._next(LONGEST_HEAD_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False  # hung up on us, or closed for another
        if self._first:
            await self._wait_in_line()
        return bool(self._first)

    def drop(self) -> None:
        """End it by force: the work is cancelled, and a closed socket wakes what hypercorn shields from that."""
        self.socket.close()
        self._work.cancel()

    def answered(self) -> None:
        """One of the requests under way is done with."""
        self._answers += 1
        self._answered.set()

    async def receive_some(self, max_bytes: int) -> bytes:
        """The next piece of a request that may pass; once there will be none, the connection ends."""
        if self._first:
            piece, self._first = self._first, b""
            return piece
        passed = self._gate.requests_passed
        piece = await self._next(max_bytes)
        if piece == REFUSED or self._gate.requests_passed > passed:
            await self._wait_in_line()
        return piece

    async def _next(self, max_bytes: int) -> bytes:
        while not (piece := self._gate.take()):
            if self._gate.has_begun:
                await self._pieces.turn(self.client)
            self._gate.add(await self._receive(max_bytes))
        return piece

    def _is_gone(self) -> bool:
        """Whether the connection is over. Who has only said all (a half-closed one) still wants the answer."""
        poll = select.poll()
        try:
            poll.register(self.socket.fileno(), 0)  # errors and hang-ups are told without being asked for
        except ValueError:
            return True  # closed by us
        return bool(poll.poll(0))

    async def _wait_in_line(self) -> None:
        self._in_line_since = trio.current_time()
        await self._requests.turn(self.client, self._is_gone)
        self._in_line_since = None
        if self._is_gone():
            self._work.cancel()
        self._last_active = trio.current_time()
        self._body_deadline = trio.current_time() + self._limits.body_seconds

    async def _receive(self, max_bytes: int) -> bytes:
        with trio.move_on_at(self._body_deadline if self._gate.awaits_body else inf):
            data = await self._stream.receive_some(max_bytes)
            if data:
                self._last_active = trio.current_time()
                return bytes(data)
        if not self._gate.awaits_body:
            await self._pay_what_is_owed()
        # Were hypercorn told of the end, it would wait until the connection has been idle for long enough.
        self._work.cancel()
        await trio.sleep_forever()

    async def _pay_what_is_owed(self) -> None:
        with trio.move_on_after(HALF_CLOSED_SECONDS):
            while self._owed:
                self._answered = trio.Event()
                await self._answered.wait()

    async def send_all(self, data: bytes) -> None:
        """Raises BrokenResourceError where the client doesn't read; a time limit works within hypercorn's shield."""
        for start in range(0, len(data), SEND_BYTES):
            with trio.move_on_after(SEND_SECONDS) as limit:
                await self._stream.send_all(data[start : start + SEND_BYTES])
            if limit.cancelled_caught:
                self.socket.close()
                raise trio.BrokenResourceError("the client doesn't read")
            self._last_active = trio.current_time()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


def _address(stream: trio.SocketStream) -> str:
    """Who it is, as far as can be told: all connections of one address are one client."""
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return ""  # gone already


async def _until_cancelled(server: TCPServer) -> None:
    try:
        await server.run()
    except* Exception:
        # Cancelled within a send, hypercorn sends what can't follow it, and raises at that.
        if trio.current_effective_deadline() > -inf:
            raise


class _Counted:
    """An app that tells its connection of each request that it is done with."""

    def __init__(self, app: ASGIFramework, connection: Connection) -> None:
        self._app = app
        self._connection = connection

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        sends_last = False

        async def receive_in_time() -> ASGIReceiveEvent:
            message = await receive()
            if sends_last and message["type"] == "http.disconnect":
                # Hypercorn says so within the last send, and quart-trio would cancel what is left of that: the close
                # after `Connection: close`, or the start of the idle time.
                await trio.sleep_forever()
            return message

        async def send_and_note(message: ASGISendEvent) -> None:
            nonlocal sends_last
            sends_last = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive_in_time, send_and_note)
        finally:
            self._connection.answered()
