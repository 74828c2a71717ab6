"""Writing the state card: since when new mail is screened."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import structlog

from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, Card, Contacts, Group, LookUp, Wanted
from mailroom.contacts.steps import alone
from mailroom.decisions.state_card import State, change_of, read_state, uid_of
from mailroom.errors import SenderFailed
from mailroom.jmap.client import Client

TRIES = 3
"""How often the state card is written where somebody else writes it at the same moment."""

log = structlog.get_logger(component="triage")


def state_card(book: AddressBook, account_id: str) -> Card | None:
    """The state card of an account, if this part of the address book holds it."""
    uid = uid_of(account_id)
    return next((card for card in book.cards if card.uid == uid), None)


def state_in(book: AddressBook, account_id: str) -> State:
    """What the state card keeps; nothing where there is none."""
    card = state_card(book, account_id)
    return read_state(card.note) if card else State()


async def read_card(client: Client, contacts: Contacts, account_id: str) -> LookUp:
    """Look up the state card alone, and all groups."""
    return await alone(client, contacts.look_up(Wanted(uids=(uid_of(account_id),))))


async def settle_screening(
    client: Client, contacts: Contacts, found: LookUp, scheme: Scheme, account_id: str, now: datetime
) -> datetime | None:
    """Since when new mail is screened, written on the state card where screening is `on` and taken off elsewhere.

    So is when expiry was first told of, where there is none.

    None where screening is `off`. In `watch` nothing is written but that: new mail is what comes from now on.
    Raises `SenderFailed` where the card can't be written: screening has to know where it began.
    """

    def settled(state: State) -> State:
        since = state.screening_since or now if scheme.screening.is_on else None
        # Who turns expiry on again is told again how much mail would leave, and has a day to think about it.
        return replace(state, screening_since=since, expiry_since=state.expiry_since if scheme.expire else None)

    before, state = await change_state(client, contacts, scheme, account_id, settled, found)
    since = state.screening_since
    if since != before.screening_since:
        if since is None:
            log.info(
                "screening_ends", hint="mail that waits stays in the Screener: label it, or move it where you want it"
            )
        else:
            log.info("screening_begins", since=since.isoformat())
    return now if scheme.screening.mode == "watch" else since


async def change_state(
    client: Client,
    contacts: Contacts,
    scheme: Scheme,
    account_id: str,
    change: Callable[[State], State],
    found: LookUp | None = None,
) -> tuple[State, State]:
    """Let the state card keep a changed state; gives the one that it had when first read, and the one that it has now.

    It may have been `found` already. Where somebody else writes it at the same moment it is read again, so that what
    they wrote stays. Raises `SenderFailed` where it can't be written.
    """
    found = found or await read_card(client, contacts, account_id)
    first = state_in(found.book, account_id)
    for _ in range(TRIES - 1):
        with suppress(SenderFailed):
            return first, await _write_changed(client, found, scheme, account_id, change)
        found = await read_card(client, contacts, account_id)
    return first, await _write_changed(client, found, scheme, account_id, change)


async def _write_changed(
    client: Client, found: LookUp, scheme: Scheme, account_id: str, change: Callable[[State], State]
) -> State:
    state = state_in(found.book, account_id)
    wanted = change(state)
    if wanted != state:
        await write_state(client, found, scheme, account_id, wanted)
    return wanted


async def write_state(client: Client, found: LookUp, scheme: Scheme, account_id: str, state: State) -> None:
    """Let the state card keep this, in requests of its own. Raises `SenderFailed`."""
    change = change_of(account_id, state_card(found.book, account_id), state, _provenance(found.book, scheme))
    if change is None:
        return
    failures = await alone(client, found.add([change]))
    if failures:
        raise SenderFailed(f"the contact card Mailroom can't be written: {'; '.join(failures.values())}")


def _provenance(book: AddressBook, scheme: Scheme) -> Group:
    for group in book.groups:
        if group.name == scheme.provenance_group:
            return group
    raise SenderFailed(f"no contact group {scheme.provenance_group}: create it, or run `mailroom setup --apply`")
