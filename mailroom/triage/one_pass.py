"""What one pass has at hand, and what it has done."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.own import OwnAddresses
from mailroom.decisions.places import Places
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
