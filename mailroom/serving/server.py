"""Accepting connections: how many there may be, and what happens when something fails."""

import errno
import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NoReturn

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework
from hypercorn.utils import wrap_app

from mailroom.backoff import backoff
from mailroom.errors import MailroomError, leaves
from mailroom.serving.connection import Connection, Limits
from mailroom.serving.pace import Pace

log = structlog.get_logger(component="serving")

LONGEST_WAIT_SECONDS = 60.0
"""Before a server that failed starts again."""

AT_ONCE = 20
"""Requests that may come faster after a rest: those of a page, with all that it loads."""

NOTHING_LEFT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What accept(2) says when the machine can't have one more connection."""

ACCEPT_AGAIN_SECONDS = 0.1
SILENCE_SECONDS = 60.0
"""After a line about connections that can't be accepted."""


class PortTaken(MailroomError):
    """Nothing can listen where it should."""


async def listen(name: str, host: str, port: int, called: Callable[[str], str]) -> list[trio.SocketListener]:
    """Listen on an address; `port` 0 is any free one. `name` is that of the port, as in `health_port`, of which
    `called` says what a user knows it as.

    Raises `PortTaken`.
    """
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        host_key, port_key = called(f"{name}_host"), called(f"{name}_port")
        if error.errno == errno.EADDRINUSE:
            problem = f"{name} port {port} on {host} is in use: set {port_key} to a free one"
        else:
            reason = error.strerror or type(error).__name__
            problem = f"can't listen on {host} port {port} ({reason}): set {host_key} or {port_key}"
        raise PortTaken(problem) from None


async def serve(name: str, app: ASGIFramework, listeners: Sequence[trio.SocketListener], limits: Limits) -> NoReturn:
    """Serve an app over HTTP/1 until cancelled, which closes listeners and connections at once. `name` is for the log.

    Whatever fails is logged: a connection fails alone, and after anything else all starts again, with back-off.
    """
    failures = 0
    try:
        while True:
            started = trio.current_time()
            try:
                await _Server(name, app, limits).run(listeners)
            except* Exception as errors:
                failures = 1 if trio.current_time() - started > LONGEST_WAIT_SECONDS else failures + 1
                wait = backoff(failures, longest=LONGEST_WAIT_SECONDS)
                log.error("serving_failed", server=name, retry_in=wait, exc_info=errors)
            await trio.sleep(wait)
    finally:
        for listener in listeners:
            listener.socket.close()


class _Server:
    """From one start to what ends it."""

    def __init__(self, name: str, app: ASGIFramework, limits: Limits) -> None:
        self._name = name
        self._app = app
        self._limits = limits
        self._requests = Pace(limits.requests_a_second, AT_ONCE)
        self._pieces = Pace(limits.pieces_a_second, AT_ONCE)
        self._config = Config()
        self._config.errorlog = logging.getLogger(f"mailroom.{name}")
        self._config.include_server_header = False
        self._context = WorkerContext(None)
        self._connections: set[Connection] = set()
        self._silent_until = 0.0

    async def run(self, listeners: Sequence[trio.SocketListener]) -> NoReturn:
        lifespan = Lifespan(wrap_app(self._app, self._config.wsgi_max_body_size, "asgi"), self._config, {})
        async with trio.open_nursery() as nursery:
            await nursery.start(lifespan.handle_lifespan)
            await lifespan.wait_for_startup()
            for listener in listeners:
                nursery.start_soon(self._accept, listener, nursery)
            try:
                await trio.sleep_forever()
            finally:
                for connection in self._connections:
                    connection.drop()

    async def _accept(self, listener: trio.SocketListener, nursery: trio.Nursery) -> NoReturn:
        while True:
            try:
                stream = await listener.accept()
            except OSError as error:
                if error.errno not in NOTHING_LEFT:
                    raise
                self._tell(error)
                self._drop_the_idlest()
                await trio.sleep(ACCEPT_AGAIN_SECONDS)
            else:
                if len(self._connections) >= self._limits.connections:
                    self._drop_the_idlest()
                connection = Connection(stream, self._limits, self._requests, self._pieces)
                self._connections.add(connection)
                nursery.start_soon(self._serve, connection)

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.run(self._app, self._config, self._context)
        except* Exception as errors:
            names = {type(error).__name__ for error in leaves(errors)}
            log.warning("connection_failed", server=self._name, error=", ".join(sorted(names)))
        finally:
            self._connections.discard(connection)

    def _drop_the_idlest(self) -> None:
        if self._connections:
            clients = Counter(connection.client for connection in self._connections)
            most = max(clients.values())
            crowd = (connection for connection in self._connections if clients[connection.client] == most)
            idlest = min(crowd, key=lambda connection: connection.busyness)
            self._connections.discard(idlest)
            idlest.drop()

    def _tell(self, error: OSError) -> None:
        now = trio.current_time()
        if now >= self._silent_until:
            self._silent_until = now + SILENCE_SECONDS
            log.error("accepting_failed", server=self._name, error=os.strerror(error.errno or 0))
