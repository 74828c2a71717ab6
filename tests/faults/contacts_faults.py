"""Mail and contacts on two servers, of which one is down: the sandbox and Radicale."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.courses import Valve, answering, reset_in_answer
from tests.faults.fault import Fault, Told
from tests.faults.strikes import away, contacts_server, mail_server, on_the_way
from tests.faults.world import Setup, World
from tests.proxy import straight

TWO_SERVERS = Setup(radicale=True)
MOST_PER_MINUTE = 24
"""A pass asks both servers."""

DOWN = "passes with somebody to treat fail, and nobody is blamed; push stays; filed after the end"

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
LOGIN_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"


@asynccontextmanager
async def contacts_in_a_black_hole(world: World) -> AsyncIterator[None]:
    valve = Valve()
    valve.shut()
    proxy = contacts_server(world)
    proxy.course = valve.course
    proxy.hang_up()
    yield
    proxy.course = straight
    valve.open()


@asynccontextmanager
async def contacts_login_is_refused(world: World) -> AsyncIterator[None]:
    async with on_the_way(answering(REFUSED), contacts_server)(world):
        yield


FAULTS = tuple(
    replace(fault, setup=TWO_SERVERS, lasts=300.0, most_per_minute=MOST_PER_MINUTE)
    for fault in (
        Fault("contacts: connection refused", DOWN, away(contacts_server), (Told("poll_failed", "ConnectError"),)),
        Fault(
            "contacts: HTTP 503",
            DOWN,
            on_the_way(answering(UNAVAILABLE), contacts_server),
            (Told("poll_failed", "HTTP 503"),),
        ),
        Fault(
            "contacts: a login page, 200",
            DOWN,
            on_the_way(answering(LOGIN_PAGE), contacts_server),
            (Told("poll_failed", "text/html"),),
        ),
        Fault(
            "contacts: black hole, no FIN",
            DOWN,
            contacts_in_a_black_hole,
            (Told("poll_failed", "no whole answer in 30 s"),),
            slow=True,
        ),
        Fault(
            "contacts: reset in the answer to a write",
            "the pass fails and is repeated; card and note are there once",
            on_the_way(reset_in_answer(b" 201 "), contacts_server),
            (Told("poll_failed", "ReadError"),),
            filed=True,
            healthy=True,
        ),
        Fault(
            "contacts: 401 for some minutes",
            "passes fail, ever less often; health is red; filed after the end",
            contacts_login_is_refused,
            (Told("poll_failed", "HTTP 401"),),
        ),
        Fault(
            "mail down, contacts work",
            "passes fail, ever less often; health is red; filed after the end",
            away(mail_server),
            (Told("poll_failed", "ConnectError"), Told("eventsource_disconnected", "ConnectError")),
            push="disconnected",
            push_error="ConnectError",
        ),
    )
)
