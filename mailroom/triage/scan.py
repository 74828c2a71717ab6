"""What waits in the account: mailboxes by name, and every labelled mail, in one request (step 1 of the design)."""

from dataclasses import dataclass

from mailroom.config.scheme import Scheme
from mailroom.decisions.places import Places, find_places
from mailroom.jmap.batch import Batch, Replies
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.mailbox import MAILBOX, get_mailboxes
from mailroom.jmap.query import Search, any_of, search
from mailroom.jmap.session import Session


@dataclass(frozen=True, slots=True)
class Scan:
    """The mailboxes as they are now, and the mails with a triage label, sorted by id."""

    places: Places
    labelled: tuple[Email, ...]


async def scan(client: Client, scheme: Scheme, places: Places) -> Scan:
    """Mailboxes and labelled mails. One request, as long as the labels are those of `places`: ids follow names."""
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    labelled = _search_labelled(batch, session, places)
    replies = await client.send(batch)
    now = find_places(await client.all_of(MAILBOX, session.mail_account, mailboxes, replies), scheme)
    if now.labels.keys() != places.labels.keys():
        # The query asked for ids that are gone (and failed), or not for all that there are.
        batch = Batch()
        labelled = _search_labelled(batch, session, now)
        replies = await client.send(batch)
    return Scan(now, await _found(client, labelled, replies))


def _search_labelled(batch: Batch, session: Session, places: Places) -> Search[Email] | None:
    """Mail in any label mailbox; None where there is no label mailbox at all."""
    if not places.labels:
        return None
    labelled = any_of([{"inMailbox": id} for id in sorted(places.labels)])
    return search(batch, EMAIL, session.mail_account, session.limits, labelled)


async def _found(client: Client, labelled: Search[Email] | None, replies: Replies) -> tuple[Email, ...]:
    return () if labelled is None else await client.all_found(labelled, replies)
