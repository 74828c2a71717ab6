"""From a label on the phone to the mail filed, with the real daemon in a process of its own."""

import time
from dataclasses import dataclass
from statistics import median

import trio

from bench.hostile import hostile_clients
from bench.load import Load, label_for
from bench.mail_app import MailApp, mail_app
from bench.network import Network, far_away
from bench.servers import Server, variables
from tests.daemon_process import daemon_process

DEBOUNCE_SECONDS = 0.2
MAILS_EACH = 10
DEADLINE_SECONDS = 30

SETTLE_SECONDS = 4 * DEBOUNCE_SECONDS
"""The daemon's own last write comes back as an event, waits for the debounce, and costs a pass that finds nothing. A
label in that time would be filed sooner than one that comes out of the blue."""

FORGET_SECONDS = 6.0
"""After this long without a request the daemon's connection is closed (httpx keeps it for 5 s)."""


@dataclass(frozen=True, slots=True)
class Taps:
    """So many labels, one after the other, each after a rest, beside so many hostile clients of the health port."""

    count: int
    rest_seconds: float
    hostile_clients: int = 0


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the moment at which the user's mail app sends the label until it is told and sees that the label is
    off again, without the debounce: it includes the user's own requests. The network lies between daemon and server;
    the mail app is near the server."""

    server: str
    network: Network
    taps: Taps
    seconds: tuple[float, ...]

    @property
    def median_seconds(self) -> float:
        return median(self.seconds)


async def measure_latency(server: Server, network: Network, taps: Taps) -> Latency:
    """Label one sender after the other. `server` must have an event source."""
    async with (
        server.account(Load(taps.count, MAILS_EACH)) as settings,
        mail_app(settings) as app,
        far_away(settings, network) as delayed,
    ):
        changed = {"debounce_seconds": str(DEBOUNCE_SECONDS), "log_level": "debug"}
        async with daemon_process(delayed.jmap_session_url, **changed, **variables(delayed)) as daemon:
            await daemon.logs("poll_completed")
            async with hostile_clients(daemon.health_port, taps.hostile_clients):
                seconds = tuple([await _tap(app, number, taps.rest_seconds) for number in range(taps.count)])
    return Latency(server.name, network, taps, seconds)


async def _tap(app: MailApp, number: int, rest_seconds: float) -> float:
    mail, label = app.screened[number].id, label_for(number)
    await trio.sleep(rest_seconds)
    with trio.fail_after(DEADLINE_SECONDS):
        async with app.changes() as changes:
            started = time.perf_counter()
            await app.label({mail: label})
            while await app.has_label(mail, label):
                await changes.receive()
            return time.perf_counter() - started - DEBOUNCE_SECONDS
