"""Faults of the event stream: the poll does the work meanwhile, and health stays green."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import repeat

from mailroom.sandbox import faults
from mailroom.sandbox.faults import Endpoint, Stream
from mailroom.sandbox.faults import Fault as Switch
from tests.courses import Valve, reset_in_answer, with_request
from tests.faults.fault import USUAL_REQUESTS_PER_MINUTE, Fault, Told
from tests.faults.strikes import answers, on_the_way
from tests.faults.world import World
from tests.proxy import straight

EVENT = Endpoint.EVENT
HALF_AN_EVENT = b'event: state\ndata: {"changed":'
BREAKS_OFF = "push is tried ever less often; filed all the same, health stays green"
DEAF = "push counts as connected until it was silent for 30 min; the poll files, health stays green"
NONE = "push is looked for every hour; the poll files, health stays green"

HOUR = 3600.0
LONGEST_SILENCE = 1800.0


def event(changed: object) -> bytes:
    return f"event: state\ndata: {json.dumps({'@type': 'StateChange', 'changed': changed})}\n\n".encode()


OTHERS = event({"u7": {"Email": "x", "Mailbox": "x"}, "u1": {"CalendarEvent": "x", "ContactCard": "x"}})
OURS = event({"u1": {"Email": "x"}})


def broken(name: str, switch: Switch, said: str, most_per_minute: int = USUAL_REQUESTS_PER_MINUTE) -> Fault:
    """Every connection fails, or breaks off at once."""
    return Fault(
        name,
        BREAKS_OFF,
        answers(switch, EVENT),
        told=(Told("eventsource_disconnected", said),),
        filed=True,
        healthy=True,
        push="disconnected",
        push_error=said,
        most_per_minute=most_per_minute,
    )


def deaf(name: str, switch: Switch) -> Fault:
    """The connection stands, and nothing comes of it."""
    return Fault(
        name,
        DEAF,
        answers(switch, EVENT),
        told=(Told("eventsource_disconnected", "silent for 1800 s"),),
        filed=True,
        healthy=True,
        lasts=LONGEST_SILENCE + 120,
        slow=True,
    )


def unavailable(code: int) -> Fault:
    return Fault(
        f"event stream: HTTP {code}",
        NONE,
        answers(faults.status(code), EVENT),
        told=(Told("eventsource_not_available", f"HTTP {code}"),),
        filed=True,
        healthy=True,
        push="not_started",
        push_error=f"HTTP {code}",
        recovers=HOUR + 60,
        lasts=300.0,
    )


@asynccontextmanager
async def black_hole(world: World) -> AsyncIterator[None]:
    """The stream's connection stays, and nothing passes any more; no side hears of an end."""
    valve = Valve()
    world.mail.course = with_request(b"/jmap/event/", valve.course)
    world.mail.hang_up()
    await world.sandbox.broadcaster.wait_for_next_stream()
    valve.shut()
    yield
    world.mail.course = straight
    world.mail.hang_up()


FAULTS = (
    Fault(
        "event stream: never answers",
        BREAKS_OFF,
        answers(faults.Delay(1e6), EVENT),
        told=(Told("eventsource_disconnected", "no answer in 30 s"),),
        filed=True,
        healthy=True,
        push="disconnected",
        push_error="no answer in 30 s",
        slow=True,
    ),
    deaf("event stream: never sends", Stream(())),
    deaf("event stream: half an event, then silence", Stream((HALF_AN_EVENT,))),
    Fault(
        "event stream: black hole, no FIN",
        DEAF,
        black_hole,
        told=(Told("eventsource_disconnected", "silent for 1800 s"),),
        filed=True,
        healthy=True,
        lasts=LONGEST_SILENCE + 20,
        push="disconnected",
        push_error="silent for 1800 s",
        slow=True,
    ),
    Fault(
        "event stream: only comments",
        "push counts as connected, for the stream lives; the poll files, health stays green",
        answers(Stream(repeat(b": still here\n\n"), pause=20), EVENT),
        filed=True,
        healthy=True,
        most_per_minute=4,
        slow=True,
    ),
    broken("event stream: half an event, then the end", faults.half_event(), "ended the event stream"),
    broken("event stream: a line of 5 MB", faults.huge_event(), "endless event"),
    broken("event stream: a line without end", faults.endless_line(), "endless event"),
    broken("event stream: no JSON in an event", Stream((b"event: state\ndata: <html>\n\n",)), "no JSON"),
    broken("event stream: wrong content type", Stream((OURS,), content_type="text/plain"), "text/plain"),
    broken("event stream: a login page", faults.html(), "text/html"),
    broken("event stream: HTTP 500", faults.status(500), "HTTP 500"),
    broken("event stream: redirects elsewhere", faults.redirect("http://127.0.0.1:9/"), "redirects"),
    broken("event stream: closed unanswered", faults.CutBefore(), "RemoteProtocolError"),
    replace(
        broken(
            "event stream: flaps every second", Stream((b": hi\n\n",), ends=True, pause=1), "ended the event stream"
        ),
        push=None,
    ),
    broken("event stream: `retry` of a millisecond", faults.retry_field("1"), "ended the event stream", 24),
    Fault(
        "event stream: reset in the middle of an event",
        BREAKS_OFF,
        on_the_way(with_request(b"/jmap/event/", reset_in_answer(b'{"changed":'))),
        told=(Told("eventsource_disconnected", "ReadError"),),
        filed=True,
        healthy=True,
        push="disconnected",
        push_error="ReadError",
    ),
    Fault(
        "event stream: ends at once a hundred times",
        f"{BREAKS_OFF}; it is there at the hundred-and-first",
        answers(faults.empty_stream(), EVENT, times=100),
        told=(Told("eventsource_disconnected", "ended the event stream"), Told("eventsource_reconnected")),
        filed=True,
        healthy=True,
        push_error="ended the event stream",
        lasts=8000.0,
    ),
    Fault(
        "event stream: other accounts and types",
        "no event of theirs causes a pass; the poll files",
        answers(Stream(repeat(OTHERS), pause=5), EVENT),
        filed=True,
        healthy=True,
        most_per_minute=4,
        slow=True,
    ),
    Fault(
        "event stream: 10,000 events in a second",
        "they are one reason for a pass; filed by it",
        answers(Stream([OURS * 100] * 100, pause=0.01), EVENT),
        told=(Told("debounce_collapsed"), Told("poll_completed", "push")),
        filed=True,
        healthy=True,
        most_per_minute=8,
        lasts=180.0,
    ),
    *map(unavailable, (204, 404)),
    broken("event stream: HTTP 401", faults.status(401), "HTTP 401", 30),
    broken("event stream: HTTP 403", faults.status(403), "HTTP 403", 30),
)
