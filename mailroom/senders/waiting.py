"""Who waits in the Screener."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mailroom.config.scheme import Scheme
from mailroom.decisions.places import Places, find_places
from mailroom.decisions.select import name_of, sender_of
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.mailbox import MAILBOX, get_mailboxes
from mailroom.jmap.query import search


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sender whose mail is in the Screener: canonical address (None if there is no usable one), name of the newest
    mail that has one, number of mails, and when the newest came (a UTCDate)."""

    sender: str | None
    name: str
    mails: int
    newest: str


async def who_waits(client: Client, scheme: Scheme) -> tuple[Waiting, ...]:
    """Who has mail in the Screener, newest first. Two requests beside the session, and one a further page."""
    session = await client.session()
    batch = Batch()
    mailboxes = batch.add(get_mailboxes(session.mail_account))
    found = await client.all_of(MAILBOX, session.mail_account, mailboxes, await client.send(batch))
    places = find_places(found, scheme)
    if places.screener is None:
        raise ConfigError([f"missing mailbox: {scheme.screener}. `mailroom setup --apply` creates it"])
    batch = Batch()
    page = search(batch, EMAIL, session.mail_account, session.limits, {"inMailbox": places.screener})
    return waiting(await client.all_found(page, await client.send(batch)), places)


def waiting(emails: Iterable[Email], places: Places) -> tuple[Waiting, ...]:
    """The senders of these mails, newest first. Mail in Trash, Junk, Drafts or Sent doesn't wait."""
    by_sender: dict[str | None, list[Email]] = defaultdict(list)
    for email in sorted(emails, key=lambda each: (each.received_at, each.id)):
        if not email.mailbox_ids & places.untouched:
            by_sender[sender_of(email)].append(email)
    found = [
        Waiting(address, next(filter(None, map(name_of, reversed(mails))), ""), len(mails), mails[-1].received_at)
        for address, mails in sorted(by_sender.items(), key=lambda item: item[0] or "")
    ]
    return tuple(sorted(found, key=lambda each: each.newest, reverse=True))
