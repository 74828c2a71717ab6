"""Clear the Screener: mail that waits leaves it, without a decision about anybody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import partial

from mailroom.config.scheme import Scheme
from mailroom.decisions.leaving import cleared
from mailroom.decisions.places import Places
from mailroom.decisions.select import by_age
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.query import search
from mailroom.senders.parts import Changed, change, nobody_watches
from mailroom.senders.screen import Advance
from mailroom.senders.waiting import Waiting, read_account, screener_of, waiting
from mailroom.triage.turns import in_turns
from mailroom.wire import Json, utc_date


class To(Enum):
    """Where cleared mail goes; the value is the mailbox's role (RFC 8621 §2)."""

    ARCHIVE = "archive"
    INBOX = "inbox"
    TRASH = "trash"


@dataclass(frozen=True, slots=True)
class Clearable:
    """What would leave the Screener: `senders` with their mail, newest first; `ids` are those mails, oldest first."""

    client: Client
    places: Places
    mailbox: str
    senders: tuple[Waiting, ...]
    ids: tuple[str, ...]


async def find_clearable(client: Client, scheme: Scheme, to: To, older_days: int | None, now: datetime) -> Clearable:
    """The mail that waits, all of it or what came before so many days. Raises `MailroomError`.

    Mail with a label stays. Two requests beside the session, and one a further page.
    """
    account = await read_account(client, scheme)
    mailbox = mailbox_for(to, account.places)
    found = await find_in_screener(client, screener_of(account.places, scheme), older_days, now)
    moves = await in_turns(found, lambda part: cleared(part, mailbox, account.places))
    leaving = sorted((email for email in found if email.id in moves), key=by_age)
    senders = await waiting(leaving, account.places, account.own)
    return Clearable(client, account.places, mailbox, senders, tuple(email.id for email in leaving))


async def find_in_screener(client: Client, screener: str, older_days: int | None, now: datetime) -> tuple[Email, ...]:
    """The mail in the Screener, all of it or what came before so many days, oldest first. Raises `MailroomError`."""
    wanted: dict[str, Json] = {"inMailbox": screener}
    if older_days is not None:
        wanted["before"] = utc_date(now - timedelta(days=older_days))
    session = await client.session()
    batch = Batch()
    page = search(batch, EMAIL, session.mail_account, session.limits, wanted)
    return tuple(await client.all_found(page, await client.send(batch)))


async def clear(found: Clearable, advance: Advance = nobody_watches) -> Changed:
    """Move that mail, 500 at a time. Raises `MailroomError`; what is done by then is done."""
    return await change(found.client, found.ids, partial(cleared, to=found.mailbox, places=found.places), advance)


def mailbox_for(to: To, places: Places) -> str:
    """The id of the mailbox with that role. Raises `ConfigError`."""
    id = {To.ARCHIVE: places.archive, To.INBOX: places.inbox, To.TRASH: places.trash}[to]
    if id is None:
        raise ConfigError([f"the account has no mailbox with the role {to.value}: choose another place for such mail"])
    return id
