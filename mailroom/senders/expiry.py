"""Mail that has waited too long leaves the Screener: found, told of, and a day later moved."""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from mailroom.config.daily import Expiry
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.expiry import is_due, leaving
from mailroom.decisions.marks import MOST
from mailroom.decisions.places import Places
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.mail import EMAIL, Move, move_emails
from mailroom.jmap.query import search
from mailroom.senders.waiting import read_account, screener_of
from mailroom.triage.state import read_card, state_in, write_state

log = structlog.get_logger(component="expiry")


async def expire(client: Client, contacts: Contacts, scheme: Scheme, expiry: Expiry, now: datetime) -> int:
    """Move what has waited too long; returns the number of mails that left.

    The first time it only tells how many would, and writes down when that was. Raises `MailroomError`.
    """
    account_id = (await client.session()).mail_account
    card = await read_card(client, contacts, account_id)
    state = state_in(card.book, account_id)
    moves = await too_old(client, scheme, expiry, now)
    if state.expiry_since is None:
        await write_state(client, card, scheme, account_id, replace(state, expiry_since=now))
        log.warning(
            "expiry_begins",
            mails=len(moves),
            after_days=expiry.after_days,
            to=expiry.to,
            hint="from tomorrow on mail that waited so long leaves the Screener; take [expire] out to stop that",
        )
    if not is_due(state.expiry_since, now):
        return 0
    moved = await _move(client, moves)
    if moved:
        log.info("mail_expired", mails=moved, to=expiry.to)
    return moved


async def too_old(client: Client, scheme: Scheme, expiry: Expiry, now: datetime) -> dict[str, Move]:
    """The moves of all that has waited too long, oldest first, by mail id. Raises `MailroomError`.

    Two requests beside the session, and one a further page.
    """
    account = await read_account(client, scheme)
    session = await client.session()
    before = (now - timedelta(days=expiry.after_days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    batch = Batch()
    wanted = {"inMailbox": screener_of(account.places, scheme), "before": before}
    page = search(batch, EMAIL, session.mail_account, session.limits, wanted)
    found = await client.all_found(page, await client.send(batch))
    return leaving(found, _mailbox(expiry, account.places), account.places)


async def _move(client: Client, moves: dict[str, Move]) -> int:
    """In parts, so that no other mail has to wait for long. What a server refuses stays, and is tried again."""
    session = await client.session()
    moved = 0
    ids = list(moves)
    for start in range(0, len(ids), MOST):
        batch = Batch()
        slots = move_emails(batch, session, {id: moves[id] for id in ids[start : start + MOST]})
        replies = await client.send(batch)
        for slot in slots:
            result = replies[slot]
            moved += len(result.updated)
            for id, error in sorted(result.errors().items()):
                if error.type != "notFound":
                    log.warning("mail_not_expired", mail=id, reason=str(error))
    return moved


def _mailbox(expiry: Expiry, places: Places) -> str:
    id = places.archive if expiry.to == "Archive" else places.trash
    if id is None:
        raise ConfigError([f"expire: the account has no {expiry.to}: the server gives no mailbox that role"])
    return id
