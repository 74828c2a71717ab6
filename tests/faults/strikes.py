"""Ways to put a fault on and to take it off again."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from mailroom.sandbox import MethodError, faults
from mailroom.sandbox.errors import Json
from mailroom.sandbox.faults import Endpoint
from mailroom.sandbox.faults import Fault as Switch
from tests.faults.fault import Strike
from tests.faults.world import World
from tests.proxy import Course, Proxy, straight


def answers(switch: Switch, *endpoints: Endpoint | None, times: int | None = None) -> Strike:
    """The mail server does so at these endpoints (None: at all). Connections that were open break off."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        for endpoint in endpoints:
            world.sandbox.faults.next_request(switch, endpoint=endpoint, times=times)
        world.mail.hang_up()
        yield
        world.sandbox.faults.clear()
        world.mail.hang_up()

    return strike


def asks_for_patience(seconds: int) -> Strike:
    """429 with a Retry-After that is a date, so many seconds from now."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        async with answers(faults.status(429, retry_after=http_date(seconds)), None)(world):
            yield

    return strike


def http_date(seconds: float = 0.0) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def calls(error: MethodError, *methods: str) -> Strike:
    """The mail server answers these method calls so; the others run."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        for method in methods:
            world.sandbox.faults.method_error(method, error, times=None)
        yield
        world.sandbox.faults.clear()

    return strike


def session_names(edit: Callable[[Json], Json]) -> Strike:
    """The session is another one, and says so; the event stream that the former one named is gone."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        world.sandbox.faults.next_request(faults.EditSession(edit), endpoint=Endpoint.SESSION, times=None)
        world.sandbox.faults.next_request(faults.CutBefore(), endpoint=Endpoint.EVENT, times=None)
        world.sandbox.renew_session()
        world.mail.hang_up()
        yield
        world.sandbox.faults.clear()
        world.sandbox.renew_session()

    return strike


def mail_server(world: World) -> Proxy:
    return world.mail


def contacts_server(world: World) -> Proxy:
    assert world.contacts is not None
    return world.contacts


def on_the_way(course: Course, to: Callable[[World], Proxy] = mail_server) -> Strike:
    """The network does so on every connection; those that there were break off."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        proxy = to(world)
        proxy.course = course
        proxy.hang_up()
        yield
        proxy.course = straight
        proxy.hang_up()

    return strike


def away(to: Callable[[World], Proxy]) -> Strike:
    """Nobody listens where the server was."""

    @asynccontextmanager
    async def strike(world: World) -> AsyncIterator[None]:
        async with to(world).away():
            yield

    return strike
