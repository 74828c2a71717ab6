"""Faults of single method calls and single objects: whom they concern, and whom they don't."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from mailroom.sandbox import MethodError
from mailroom.sandbox.errors import SetError
from tests.faults.fault import Fault, Told
from tests.faults.request_faults import api_outage
from tests.faults.strikes import calls
from tests.faults.world import World

THE_SENDERS_OWN = "the pass goes on without the sender, who is tried less often; filed after the end"


@asynccontextmanager
async def every_third_mail_is_refused(world: World) -> AsyncIterator[None]:
    """Ten senders wait; the server refuses to move the mail of three."""
    names = [f"Sender{number}" for number in range(1, 10)]
    world.user.gets_mail(*names)
    for name in names[::3]:
        world.sandbox.faults.set_errors[world.user.mail.id_of(f"{name} 1")] = SetError("forbidden", "no")
    world.user.labels(*names)
    yield
    world.sandbox.faults.clear()


@asynccontextmanager
async def mail_is_held_up(world: World) -> AsyncIterator[None]:
    world.sandbox.faults.set_errors[world.user.mail.id_of("Ann 1")] = SetError("rateLimit", "later")
    yield
    world.sandbox.faults.clear()


@asynccontextmanager
async def contacts_change_for_hours(world: World) -> AsyncIterator[None]:
    """At the end the user takes the error label off."""
    async with calls(MethodError("stateMismatch"), "ContactCard/set")(world):
        yield
    world.user.mail.unlabel("Ann 1", "@MailroomError")


FAULTS = (
    api_outage("unknownMethod", calls(MethodError("unknownMethod"), "Email/query"), "unknownMethod"),
    api_outage("serverFail", calls(MethodError("serverFail"), "Email/query"), "serverFail"),
    api_outage("rateLimit of a call", calls(MethodError("rateLimit"), "Email/query"), "rateLimit"),
    # Each pass gets as far as its last request.
    replace(api_outage("rateLimit of a mail", mail_is_held_up, "rateLimit"), most_per_minute=32),
    Fault(
        "stateMismatch of contacts",
        THE_SENDERS_OWN,
        calls(MethodError("stateMismatch"), "ContactCard/set"),
        told=(Told("sender_failed", "stateMismatch"),),
        healthy=True,
        senders_failing=1,
        lasts=100.0,
        recovers=180.0,
    ),
    Fault(
        "stateMismatch of contacts, for hours",
        "after five tries the mail gets the error label, until the user takes it off",
        contacts_change_for_hours,
        told=(Told("sender_failed", "stateMismatch"), Told("mail_paused", "Ann".lower())),
        healthy=True,
        lasts=1200.0,
    ),
    Fault(
        "requestTooLarge",
        THE_SENDERS_OWN,
        calls(MethodError("requestTooLarge"), "Email/set"),
        told=(Told("sender_failed", "requestTooLarge"),),
        healthy=True,
        senders_failing=1,
        lasts=100.0,
        recovers=180.0,
    ),
    Fault(
        "SetError for every third mail",
        "three senders fail, seven are filed meanwhile; the three after the end",
        every_third_mail_is_refused,
        told=(Told("sender_failed", "forbidden"), Told("sender_triaged", "sender2@"), Told("sender_triaged", "ann@")),
        healthy=True,
        senders_failing=3,
        lasts=100.0,
        recovers=180.0,
    ),
)
