"""What makes a pass due, and the bell that says so."""

from dataclasses import dataclass
from typing import Literal

import trio

from mailroom.observe.status import Status


@dataclass(frozen=True, slots=True)
class Ring:
    """A reason for a pass: something changed, or may have changed while nobody listened."""

    why: Literal["state", "connected", "refused", "tap"]


TAP = Ring("tap")
"""The owner has decided something just now: there is nothing more to come that would be worth waiting for."""


class Bell:
    """Rings for a pass, and never waits: where the channel is full a pass is due anyway. What is dropped is counted."""

    def __init__(self, rings: trio.MemorySendChannel[Ring], status: Status) -> None:
        self._rings = rings
        self._status = status

    def ring(self, ring: Ring) -> None:
        try:
            self._rings.send_nowait(ring)
        except trio.WouldBlock:
            self._status.event_dropped()
