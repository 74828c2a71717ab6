"""Mail that has waited too long leaves the Screener: found, told of, and a day later moved."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from mailroom.config.daily import Expiry
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts
from mailroom.decisions.expiry import is_due, leaving
from mailroom.decisions.state_card import Expired, State
from mailroom.jmap.client import Client
from mailroom.senders.clear import To, find_in_screener, mailbox_for
from mailroom.senders.parts import Decide, change
from mailroom.senders.waiting import read_account, screener_of
from mailroom.triage.state import change_state, read_card, state_in

log = structlog.get_logger(component="expiry")

HOW_TO_STOP = "from tomorrow on mail that waited so long leaves the Screener; take [expire] out to stop that"


@dataclass(frozen=True, slots=True)
class TooOld:
    """The ids of mails that have waited too long, oldest first, and what becomes of such mail."""

    ids: tuple[str, ...]
    decide: Decide


async def expire(client: Client, contacts: Contacts, scheme: Scheme, expiry: Expiry, now: datetime) -> int:
    """Move what has waited too long, 500 at a time; returns the number of mails that left.

    The first time it only tells how many would, and writes down when that was. Raises `MailroomError`.
    """
    account_id = (await client.session()).mail_account
    card = await read_card(client, contacts, account_id)
    state = state_in(card.book, account_id)
    found = await too_old(client, scheme, expiry, now)
    keep = partial(change_state, client, contacts, scheme, account_id)
    if state.expiry_since is None:
        await keep(lambda state: replace(state, expiry_since=state.expiry_since or now), card)
        log.warning("expiry_begins", mails=len(found.ids), after_days=expiry.after_days, to=expiry.to, hint=HOW_TO_STOP)
    if not is_due(state.expiry_since, now):
        return 0
    changed = await change(client, found.ids, found.decide)
    for reason, mails in sorted(changed.failed.items()):
        log.warning("mail_not_expired", mails=mails, reason=reason)
    if changed.mails:
        log.info("mail_expired", mails=changed.mails, to=expiry.to)
        # The card is read again: a digest may have been written in the minutes that this takes, or screening opened.
        await keep(partial(_with_expired, Expired(changed.mails, now)))
    return changed.mails


def _with_expired(expired: Expired, state: State) -> State:
    return state if expired in state.expired else replace(state, expired=(*state.expired, expired))


async def too_old(client: Client, scheme: Scheme, expiry: Expiry, now: datetime) -> TooOld:
    """All that has waited too long. Two requests beside the session, and one a further page. Raises `MailroomError`."""
    account = await read_account(client, scheme)
    mailbox = mailbox_for(To(expiry.to.lower()), account.places)
    decide = partial(leaving, to=mailbox, places=account.places)
    found = await find_in_screener(client, screener_of(account.places, scheme), expiry.after_days, now)
    return TooOld(tuple(decide(found)), decide)
