"""The digest of a day: who waits, as a mail to the owner from the owner. It is put into the Inbox, and sent nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from mailroom.config.daily import is_sent
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import Contacts, LookUp
from mailroom.decisions.digest import KEYWORD, MOST_SHOWN, Letter, Stranger, Waits, letter
from mailroom.decisions.keywords import SEEN
from mailroom.decisions.places import Places, inbox_of
from mailroom.decisions.state_card import State
from mailroom.errors import ConfigError, MailroomError, Unavailable
from mailroom.jmap import letter as jmap_letter
from mailroom.jmap.batch import Batch
from mailroom.jmap.client import Client
from mailroom.jmap.letter import CREATION_ID, KNOWN, Known, put_letter
from mailroom.jmap.mail import EMAIL, Move
from mailroom.jmap.query import search
from mailroom.jmap.shown_mail import ShownMail
from mailroom.senders.screener import WaitingSender, read_shown, waiting_senders
from mailroom.senders.waiting import Opened, mails_in, read_account, screener_of
from mailroom.triage.start_check import NO_ADDRESS_FOR_DIGESTS
from mailroom.triage.state import change_state, read_card, state_in

NAME = "Mailroom"
TRIES = 3
"""How often a digest is written anew when somebody else changes mail just then."""


class DigestRefused(MailroomError):
    """The mail server doesn't take the digest; the message says why."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The digest of a day and whom it tells of, and what is needed to put it into the Inbox."""

    day: date
    waits: Waits
    letter: Letter
    account: Opened


async def compose(client: Client, scheme: Scheme, zone: tzinfo, day: date, page: str = "") -> Composed | None:
    """The digest of this day; None where nobody waits. Three requests beside the session. Raises `MailroomError`."""
    account = await read_account(client, scheme)
    emails = await mails_in(client, screener_of(account.places, scheme))
    people = await waiting_senders(emails, account.places, account.own)
    if not people:
        return None
    told = people[:MOST_SHOWN]
    mails = await read_shown(client, [each.newest.id for each in told])
    shown = tuple(
        Stranger(each.sender or "", each.name, len(each.mails), _subject(each, mails), each.newest.received_at)
        for each in told
    )
    waits = Waits(shown, len(people), sum(len(each.mails) for each in people))
    account_id = (await client.session()).mail_account
    written = letter(waits, account_id=account_id, day=day, zone=zone, screener=scheme.screener, page=page)
    return Composed(day, waits, written, account)


async def unclaimed(client: Client, contacts: Contacts, day: date) -> LookUp | None:
    """The state card as it was looked up, to claim the day on; None where it says that the day has its digest.

    One request. Raises `MailroomError`.
    """
    account_id = (await client.session()).mail_account
    found = await read_card(client, contacts, account_id)
    return None if is_sent(day, state_in(found.book, account_id).digest_of) else found


async def claim(client: Client, contacts: Contacts, scheme: Scheme, day: date, found: LookUp | None = None) -> bool:
    """Write the day on the state card, which may have been `found` already; False if it has its digest already.

    That comes first: whatever crashes there is no second one, nor where somebody deleted it. Raises `MailroomError`,
    which is `SenderFailed` where the card can't be written.
    """
    account_id = (await client.session()).mail_account

    def claimed(state: State) -> State:
        return state if is_sent(day, state.digest_of) else replace(state, digest_of=day)

    before, _ = await change_state(client, contacts, scheme, account_id, claimed, found)
    return not is_sent(day, before.digest_of)


async def put(client: Client, composed: Composed, now: datetime) -> bool:
    """Put the digest into the Inbox, unless there is one of that day; older ones that nobody read go to the Trash.

    Two daemons at once put one: it is written only if no mail has changed since the Inbox was read. Raises
    `MailroomError`.
    """
    for _ in range(TRIES):
        if (done := await _try_to_put(client, composed, now)) is not None:
            return done
    raise Unavailable("somebody changes mail again and again while the digest is written")


async def _try_to_put(client: Client, composed: Composed, now: datetime) -> bool | None:
    """One try, of two requests; None if mail has changed between them."""
    session = await client.session()
    places = composed.account.places
    inbox = inbox_of(places)
    batch = Batch()
    state = batch.add(EMAIL.get_state(session.mail_account))
    wanted = {"inMailbox": inbox, "hasKeyword": KEYWORD}
    page = search(batch, KNOWN, session.mail_account, session.limits, wanted)
    replies = await client.send(batch)
    digests = await client.all_found(page, replies)
    if any(composed.letter.message_id in (each.message_id or ()) for each in digests):
        return False
    batch = Batch()
    slot = put_letter(batch, session, replies[state], _as_mail(composed, inbox, now), _cleared(digests, places, inbox))
    answer = await client.send(batch)
    error = answer.error(slot)
    if error is not None and error.type == "stateMismatch":
        return None
    refused = answer[slot].errors().get(CREATION_ID)
    if refused is not None:
        raise DigestRefused(f"the mail server doesn't take the digest: {refused}")
    return True


def _as_mail(composed: Composed, inbox: str, now: datetime) -> jmap_letter.Letter:
    address = composed.account.own.first
    if not address:
        raise ConfigError([f"digest: {NO_ADDRESS_FOR_DIGESTS}"])
    written = composed.letter
    return jmap_letter.Letter(
        mailbox_id=inbox,
        keywords=frozenset({KEYWORD, SEEN}),
        address=address,
        name=NAME,
        subject=written.subject,
        text=written.text,
        html=written.html,
        message_id=written.message_id,
        sent_at=now,
    )


def _cleared(digests: tuple[Known, ...], places: Places, inbox: str) -> dict[str, Move]:
    if places.trash is None:
        return {}
    to_trash = Move(add=frozenset({places.trash}), remove=frozenset({inbox}))
    return {each.id: to_trash for each in digests if not each.keywords & {"$seen", "$flagged"}}


def _subject(sender: WaitingSender, mails: Mapping[str, ShownMail]) -> str:
    """Of the newest mail; empty where it is gone by now."""
    return mails[sender.newest.id].subject if sender.newest.id in mails else ""
