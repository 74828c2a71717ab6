"""What one pass has at hand, and what it has done."""

import math
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.own import OwnAddresses
from mailroom.decisions.places import Places
from mailroom.errors import MailroomError
from mailroom.jmap.client import Client


class Moved:
    """The mails that one pass moved, by sender: counted when it is done, so that a step that fails later, or is tried
    again in halves, takes nothing away."""

    def __init__(self) -> None:
        self._ids: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, sender: str, mail_id: str) -> None:
        self._ids[sender].add(mail_id)

    def count(self, sender: str) -> int:
        return len(self._ids[sender])

    @property
    def total(self) -> int:
        return sum(map(len, self._ids.values()))


class StoodStill(MailroomError):
    """What was read is old: a twin may have acted on it since, and its owner have decided anew."""


class Pulse:
    """Notices that a pass stood still between two of its steps, as a process does that is stopped, or its machine.

    `longest` is in seconds; a server that takes as long for an answer can't be told from that. They are the wall
    clock's: the monotonic one stands still itself while a machine is suspended.
    """

    def __init__(self, longest: float = math.inf) -> None:
        self._longest = longest
        self._last = time.time()

    def beat(self) -> None:
        """Before each step that writes. Raises `StoodStill`."""
        before, self._last = self._last, time.time()
        if self._last - before > self._longest:
            raise StoodStill(f"{self._last - before:.0f} s went by between two steps of a pass")


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass has at hand, the same from its scan to its end.

    `own` are the user's addresses, `now` goes into notes; new mail stays that has `subject_code` in its subject.
    """

    client: Client
    contacts: Contacts
    scheme: Scheme
    places: Places
    own: OwnAddresses
    account_id: str
    now: datetime
    moved: Moved
    subject_code: SecretStr | None = None
    pulse: Pulse = field(default_factory=Pulse)
