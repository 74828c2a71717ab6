"""A new mail, and what is known when it is judged: frozen data, from the mail server and the address book (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from mailroom.config.screening import Screening
from mailroom.decisions.routes import Route
from mailroom.decisions.splits import Diversion
from mailroom.decisions.standing import Standings
from mailroom.jmap.mail import Address


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail as the server has it now; header fields are raw, as its sender wrote them.

    `senders` is From, `recipients` To and Cc; `is_answer` is whether it has In-Reply-To or References. `subject` is
    empty unless a code or a split asks for it. `authentication_results` are all of them, in their order in the mail.
    """

    id: str
    mailbox_ids: frozenset[str]
    keywords: frozenset[str] = frozenset()
    senders: tuple[Address, ...] = ()
    recipients: tuple[Address, ...] = ()
    thread_id: str | None = None
    is_answer: bool = False
    list_id: str = ""
    content_type: str = ""
    authentication_results: tuple[str, ...] = ()
    subject: str = field(default="", repr=False)
    received_at: str = ""

    @property
    def sender(self) -> str:
        """The canonical address of the only sender; empty for none, for several, and for `*@…`, which is a domain."""
        addresses = {address for each in self.senders if (address := each.canonical)}
        return addresses.pop() if len(addresses) == 1 and not any(each.startswith("*@") for each in addresses) else ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when new mail is judged.

    `own` are the user's canonical addresses, `*@example.org` for a whole domain. `holds_sent` says of threads whether
    they hold a mail in Sent, `written_to` of addresses whether the user has written to them: what is in neither has not
    been asked, or not been answered. `open_until` is until when everybody is let in.
    """

    own: frozenset[str]
    standings: Standings
    routes: tuple[Route, ...]
    screening: Screening
    now: datetime
    open_until: datetime | None = None
    subject_code: SecretStr | None = None
    holds_sent: Mapping[str, bool] = field(default_factory=dict)
    written_to: Mapping[str, bool] = field(default_factory=dict)
    diversions: tuple[Diversion, ...] = ()
