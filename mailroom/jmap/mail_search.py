"""Searches for mail by where it is and what it says, on servers that take the two together and on those that don't.

Apache James answers `unsupportedFilter` to an `inMailbox` inside any operator (RFC 8621 §4.4.1 allows it). Which kind
a server is, is seen when it refuses; the client's session remembers it. A mailbox that is gone is refused as well, and
says nothing about the server.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mailroom.errors import BatchRefused
from mailroom.jmap.batch import Batch, MethodFailed, Replies
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Email
from mailroom.jmap.mailbox import MAILBOX
from mailroom.jmap.query import Filter, Kind, Search, all_of, any_of, search
from mailroom.jmap.session import Session

NESTING_REFUSED = frozenset({"unsupportedFilter", "invalidArguments"})
"""What a server answers that doesn't take `inMailbox` inside an operator."""


@dataclass(frozen=True)
class MailSearch:
    """For mail in any of these mailboxes that meets one of the conditions.

    `nests` is whether it asks for mailboxes inside an operator.
    """

    mailboxes: tuple[str, ...]
    conditions: tuple[Filter, ...]
    nests: bool
    pages: tuple[Search[Email], ...]
    kind: Kind[Email] = EMAIL


def search_mail(
    batch: Batch,
    session: Session,
    *,
    within: Iterable[str] = (),
    any_condition: Sequence[Filter] = (),
    kind: Kind[Email] = EMAIL,
) -> MailSearch:
    """Find mail in any of these mailboxes (none: anywhere) that meets one of the conditions (none: all of it).

    `mail_found` reads it.
    """
    mailboxes, conditions = tuple(sorted(within)), tuple(any_condition)
    places: list[Filter] = [{"inMailbox": id} for id in mailboxes]
    nests = bool(places) and len(places) + len(conditions) > 1
    if not nests or session.nests_mailboxes:
        filters = [all_of([any_of(each) for each in (places, conditions) if each])]
    elif conditions:
        # Wherever it is, which is compared afterwards: a search for each mailbox can't have the conditions, either.
        filters = [any_of(conditions)]
    else:
        filters = places
    pages = (search(batch, kind, session.mail_account, session.limits, each) for each in filters)
    return MailSearch(mailboxes, conditions, nests and session.nests_mailboxes, tuple(pages), kind)


async def mail_found(client: Client, asked: MailSearch, replies: Replies) -> tuple[Email, ...]:
    """Everything that a search finds, whose first pages are in `replies`; sorted by id, each once.

    A server that refuses the search for its mailboxes is asked again in another way; from then on, if they are there.
    """
    try:
        return await _read(client, asked, replies)
    except MethodFailed as refused:
        if not asked.nests or refused.error.type not in NESTING_REFUSED:
            raise
        batch = Batch()
        plain = replace(await client.session(), nests_mailboxes=False)
        again = search_mail(batch, plain, within=asked.mailboxes, any_condition=asked.conditions, kind=asked.kind)
        there = batch.add(MAILBOX.get(plain.mail_account, "ids", asked.mailboxes))
        replies = await client.send(batch)
        try:
            found = await _read(client, again, replies)
        except BatchRefused:
            # It wasn't that.
            raise refused from None
        if replies.error(there) is None and {each.id for each in replies[there]}.issuperset(asked.mailboxes):
            client.nest_no_mailboxes()
        return found


async def _read(client: Client, asked: MailSearch, replies: Replies) -> tuple[Email, ...]:
    found = {email.id: email for page in asked.pages for email in await client.all_found(page, replies)}
    mailboxes = frozenset(asked.mailboxes)
    return tuple(found[id] for id in sorted(found) if not mailboxes or mailboxes & found[id].mailbox_ids)
