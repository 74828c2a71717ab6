"""What the daemon knows about itself: other tasks write it, the health app reads it.

Ages are measured with trio's clock, so that a wall clock that jumps makes nothing unhealthy. The wall clock gives
only the times that people read.
"""

import time
from dataclasses import dataclass
from typing import Literal

import trio

from mailroom import __version__

Trigger = Literal["startup", "push", "fallback"]
PushState = Literal["not_started", "connected", "disconnected"]

UNHEALTHY_AFTER_INTERVALS = 2


@dataclass(frozen=True, slots=True)
class EventSourceHealth:
    """The push connection. Times are Unix seconds, or None for never; `reconnect_count` counts disconnects."""

    status: PushState
    connected_since: float | None
    last_event_at: float | None
    reconnect_count: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of `/healthz`, in the order of its keys. The age is seconds since the last pass that succeeded, or
    since the start before the first one."""

    status: Literal["ok", "unhealthy"]
    last_poll_age_seconds: float
    last_poll_trigger: Trigger | None
    eventsource: EventSourceHealth
    senders_failing: int
    mailboxes_missing: int
    version: str


class Status:
    """One account's condition. Make it inside trio: it counts from then on."""

    def __init__(self, poll_interval: float) -> None:
        self._poll_interval = poll_interval
        self._last_success = trio.current_time()
        self._last_trigger: Trigger | None = None
        self._senders_failing = 0
        self._mailboxes_missing = 0
        self._push: PushState = "not_started"
        self._connected_since: float | None = None
        self._last_event_at: float | None = None
        self._reconnect_count = 0
        self._last_error: str | None = None
        self.events_received = 0
        self.events_dropped = 0

    def pass_succeeded(self, trigger: Trigger, *, senders_failing: int, mailboxes_missing: int) -> None:
        """Both counts are of what that pass left behind."""
        self._last_success = trio.current_time()
        self._last_trigger = trigger
        self._senders_failing = senders_failing
        self._mailboxes_missing = mailboxes_missing

    def push_connected(self) -> None:
        self._push = "connected"
        self._connected_since = time.time()

    def push_disconnected(self, error: str) -> None:
        """The connection ended, or none came about."""
        self._leave_connection(error)
        self._push = "disconnected"

    def push_unavailable(self, reason: str) -> None:
        """The server offers no push, or not to us; polling alone does the work."""
        self._leave_connection(reason)
        self._push = "not_started"

    def _leave_connection(self, error: str) -> None:
        if self._push == "connected":
            self._reconnect_count += 1
        self._connected_since = None
        self._last_error = error

    def event_received(self) -> None:
        self.events_received += 1
        self._last_event_at = time.time()

    def event_dropped(self) -> None:
        """The channel to the triage loop was full: a pass is due anyway."""
        self.events_dropped += 1

    @property
    def ready(self) -> bool:
        """Whether a pass has succeeded since the start."""
        return self._last_trigger is not None

    @property
    def seconds_since_success(self) -> float:
        """Since the last pass that succeeded, or since the start before the first one."""
        return trio.current_time() - self._last_success

    def health(self) -> Health:
        age = self.seconds_since_success
        return Health(
            status="unhealthy" if age > UNHEALTHY_AFTER_INTERVALS * self._poll_interval else "ok",
            last_poll_age_seconds=round(age, 1),
            last_poll_trigger=self._last_trigger,
            eventsource=EventSourceHealth(
                status=self._push,
                connected_since=_readable(self._connected_since),
                last_event_at=_readable(self._last_event_at),
                reconnect_count=self._reconnect_count,
                last_error=self._last_error,
            ),
            senders_failing=self._senders_failing,
            mailboxes_missing=self._mailboxes_missing,
            version=__version__,
        )


def _readable(unix_seconds: float | None) -> float | None:
    return None if unix_seconds is None else round(unix_seconds, 3)
