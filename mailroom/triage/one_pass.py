"""What stays the same while one pass runs."""

from dataclasses import dataclass
from datetime import date

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.places import Places
from mailroom.jmap.client import Client


@dataclass(frozen=True, slots=True)
class Pass:
    """What stays the same while one pass runs. `own` holds the user's canonical addresses, `account` is an id."""

    client: Client
    contacts: Contacts
    scheme: Scheme
    places: Places
    own: frozenset[str]
    account_id: str
    today: date
