"""Faults of the session and the login: other places, other ids, other limits, no access."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailroom.jmap.session import MAIL
from mailroom.sandbox import Limits, faults
from mailroom.sandbox.faults import Endpoint
from tests.faults.fault import Fault, Told
from tests.faults.request_faults import outage
from tests.faults.strikes import answers, session_names
from tests.faults.world import World


@asynccontextmanager
async def token_expires(world: World) -> AsyncIterator[None]:
    world.sandbox.token = world.sandbox.token + "-renewed"
    yield
    world.settings["jmap_token"] = world.sandbox.token


@asynccontextmanager
async def server_moves(world: World) -> AsyncIterator[None]:
    world.sandbox.place = "moved"
    world.mail.hang_up()
    yield


@asynccontextmanager
async def account_changes(world: World) -> AsyncIterator[None]:
    world.sandbox.change_account("u9")
    world.sandbox.renew_session()
    world.mail.hang_up()
    yield


@asynccontextmanager
async def account_changes_silently(world: World) -> AsyncIterator[None]:
    world.sandbox.change_account("u9")
    yield


@asynccontextmanager
async def limits_shrink(world: World) -> AsyncIterator[None]:
    """The address book has more groups than fit into one call from now on."""
    for number in range(30):
        world.sandbox.add_group(f"Club {number}")
    before = world.sandbox.limits
    world.sandbox.limits = Limits(max_objects_in_get=25, max_objects_in_set=8, max_calls_in_request=16)
    world.sandbox.renew_session()
    yield
    world.sandbox.limits = before
    world.sandbox.renew_session()


ENDS = "it ends with status 2 and says what to renew; the next start files"
RENEW = "renew MAILROOM_JMAP_TOKEN and start again"

FAULTS = (
    Fault("401 at the start", ENDS, token_expires, quiet=None, ends=RENEW),
    Fault(
        "401 for some minutes, after an hour",
        "passes fail, ever less often; health is red; filed after the end",
        answers(faults.status(401), Endpoint.API),
        (Told("poll_failed", "HTTP 401"),),
        quiet=3600.0,
    ),
    Fault(
        "session and API move",
        "the session is read at its new place, and all works",
        server_moves,
        told=(Told("eventsource_reconnected"),),
        filed=True,
        healthy=True,
    ),
    Fault(
        "account id changes",
        "one pass fails; mail, contacts and push go on with the new id",
        account_changes,
        told=(Told("poll_failed", "accountNotFound"),),
        filed=True,
        healthy=True,
    ),
    Fault(
        "account id changes, session state doesn't",
        "one pass fails; mail, contacts and push go on with the new id",
        account_changes_silently,
        told=(Told("poll_failed", "accountNotFound"),),
        filed=True,
        healthy=True,
    ),
    Fault(
        "the server takes less than before",
        "the new limits are kept: filed in more requests",
        limits_shrink,
        told=(Told("session_changed"), Told("sender_triaged", "ann@")),
        filed=True,
        healthy=True,
    ),
    outage("the session has no mail account", session_names(faults.without_capability(MAIL).edit), "no mail account"),
    outage(
        "the session is malformed",
        answers(faults.json_reply({"capabilities": []}), Endpoint.SESSION, Endpoint.EVENT, Endpoint.API),
        "malformed",
    ),
)
