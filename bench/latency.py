"""From a label on the phone to the mail filed, with the real daemon in a process of its own."""

import time
from dataclasses import dataclass
from statistics import median

import trio

from bench.load import Load, label_for
from bench.mail_app import MailApp, mail_app
from bench.servers import Server, variables
from tests.daemon_process import daemon_process

DEBOUNCE_SECONDS = 0.2
MAILS_EACH = 10
DEADLINE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the moment at which the user's mail app sends the label until it is told and sees that the label is
    off again, without the debounce: it includes the user's own requests."""

    server: str
    taps: int
    median_seconds: float
    slowest_seconds: float


async def measure_latency(server: Server, taps: int) -> Latency:
    """Label one sender after the other. `server` must have an event source."""
    async with server.account(Load(taps, MAILS_EACH)) as settings, mail_app(settings) as app:
        changed = {"debounce_seconds": str(DEBOUNCE_SECONDS), "log_level": "info"}
        async with daemon_process(settings.jmap_session_url, **changed, **variables(settings)) as daemon:
            await daemon.logs("poll_completed")
            seconds = [await _tap(app, number) for number in range(taps)]
    return Latency(server.name, taps, median(seconds), max(seconds))


async def _tap(app: MailApp, number: int) -> float:
    mail, label = app.screened[number].id, label_for(number)
    await _rest()
    with trio.fail_after(DEADLINE_SECONDS):
        async with app.changes() as changes:
            started = time.perf_counter()
            await app.label({mail: label})
            while await app.has_label(mail, label):
                await changes.receive()
            return time.perf_counter() - started - DEBOUNCE_SECONDS


async def _rest() -> None:
    """Let the daemon come to rest: its own last write comes back as an event, waits for the debounce, and costs a pass
    that finds nothing. A label in that time would be filed sooner than one that comes out of the blue."""
    await trio.sleep(4 * DEBOUNCE_SECONDS)
