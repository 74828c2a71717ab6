"""The requests of a pass after its scan: look up, apply, follow up, commit. Each is one for all senders.

Failures are reasons by sender address: what went wrong with one sender alone. A call that fails as a whole raises
`BatchRefused`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog
import trio

from mailroom.addresses import search_texts, spellings
from mailroom.config.scheme import Scheme
from mailroom.contacts.base import AddressBook, LookUp, Wanted
from mailroom.contacts.steps import beside
from mailroom.decisions.note import WIDE
from mailroom.decisions.people import other_addresses
from mailroom.decisions.select import Sender, by_sender
from mailroom.decisions.warning import names_shown
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.decisions.whole_card import uid_of
from mailroom.jmap.batch import Batch, Replies, slices
from mailroom.jmap.mail import EMAIL, EMAIL_IN_FULL, EMAIL_WITH_SUBJECT, Email, Move, moved
from mailroom.jmap.mail_search import MailSearch, mail_found, search_mail
from mailroom.jmap.query import Filter, Kind
from mailroom.jmap.session import Session
from mailroom.triage.correspondence import (
    NOBODY_NEW,
    NOTHING_ASKED,
    Asked,
    Correspondence,
    Strangers,
)
from mailroom.triage.one_pass import Pass
from mailroom.triage.turns import size_of, worked_out

log = structlog.get_logger(component="triage")

_TEXTS_PER_SEARCH = 200
"""Each makes two conditions of a filter; Cyrus takes no more than 499 of them together with a mailbox."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the look-up brought: cards and all groups, mails by address, and what was told of strangers."""

    contacts: LookUp
    mails: Mapping[str, Sequence[Email]]
    told: Correspondence = NOTHING_ASKED

    @property
    def book(self) -> AddressBook:
        return self.contacts.book

    @property
    def size(self) -> int:
        """How many mails and cards a decision about all of it sees."""
        return sum(map(len, self.mails.values())) + size_of(self.book.cards)

    def after(self, moves: Mapping[str, Move]) -> "Found":
        """With the mails as they will be after these moves, by id."""
        mails = {
            address: [moved(email, moves[email.id]) if email.id in moves else email for email in emails]
            for address, emails in self.mails.items()
        }
        return replace(self, mails=mails)


async def look_up(
    run: Pass, senders: Sequence[Sender], strangers: Strangers = NOBODY_NEW, kind: Kind[Email] = EMAIL
) -> Found:
    """The senders' contact cards and those of others by their names, all groups, the senders' mail everywhere, as much
    of it as `kind` says; and what is asked about strangers.

    One request; where a card has further addresses a second one, for their mail, and for the cards that these may have
    of their own. Many strangers cost further requests, side by side.
    """
    if not senders and not strangers:
        return Found(run.contacts.nothing(), {})
    people = [sender for sender in senders if sender.whole is None]
    names = await _names_shown(people) if run.scheme.warnings_enabled else ()
    addresses = [sender.address for sender in people]
    wholes = [sender.whole for sender in senders if sender.whole is not None]
    wanted = _wanted(run, addresses, names, wholes, strangers)
    found = await _ask(run, wanted, kind, addresses, wholes, strangers)
    others = [other_addresses(address, found.book, run.scheme, run.own) for address in addresses]
    further = frozenset[str]().union(*others).difference(addresses)
    if further | (posters := posters_of(wholes, found.mails)):
        known = dict.fromkeys([*wanted.addresses, *sorted(further | posters)])
        more = await _ask(run, replace(wanted, addresses=list(known)), kind, sorted(further), (), NOBODY_NEW)
        return Found(more.contacts, {**found.mails, **more.mails}, found.told)
    return found


async def _names_shown(senders: Sequence[Sender]) -> Sequence[str]:
    """The full names on labelled mail, sorted."""
    shown: set[str] = set()
    for sender in senders:
        await trio.lowlevel.checkpoint()
        shown |= names_shown(sender)
    return sorted(shown)


def _wanted(
    run: Pass, addresses: Sequence[str], names: Sequence[str], wholes: Sequence[Whole], strangers: Strangers
) -> Wanted:
    """The cards of all of them. For whole domains and lists those of everybody who may have a decision of their own."""
    domains = [each.domain for each in wholes if isinstance(each, WholeDomain)]
    return Wanted(
        addresses=list(dict.fromkeys([*addresses, *strangers.addresses, *strangers.domains])),
        uids=(*strangers.uids, *(uid_of(each, run.account_id) for each in wholes)),
        names=names,
        domains=domains,
        notes=(*(WIDE if wholes else ()), *strangers.notes),
    )


def posters_of(wholes: Iterable[Whole], mails: Mapping[str, Sequence[Email]]) -> frozenset[str]:
    """Who writes to whole lists: their cards can't be asked for before their mail is there."""
    lists = [str(each) for each in wholes if isinstance(each, WholeList)]
    return frozenset(address for each in lists for email in mails.get(each, ()) if (address := email.sender))


async def _ask(
    run: Pass,
    wanted: Wanted,
    kind: Kind[Email],
    for_mail: Sequence[str],
    wholes: Iterable[Whole],
    strangers: Strangers,
) -> Found:
    batch = Batch()
    session = await run.client.session()
    searches = searches_from(batch, session, for_mail, with_splits(kind, run.scheme))
    wide = searches_of(batch, session, wholes, run.scheme)
    asked = Asked(run.client, session, strangers.questions)
    replies, looked_up = await beside(run.client, batch, run.contacts.look_up(wanted), fill=asked.stage)
    told = await asked.settle(replies, await strangers.undecided(looked_up.book))
    mails = await mails_found(run, searches, replies)
    return Found(looked_up, {**mails, **await mails_of_wholes(run, wide, replies)}, told)


def with_splits(kind: Kind[Email], scheme: Scheme) -> Kind[Email]:
    """What is read of mail that is filed: where there are splits, all that they look at, the subject, too."""
    return EMAIL_WITH_SUBJECT if scheme.splits else kind


def searches_from(
    batch: Batch, session: Session, addresses: Iterable[str], kind: Kind[Email], *within: str
) -> list[MailSearch]:
    """For mail that may be from one of the addresses, and is in any of these mailboxes (none: anywhere)."""
    texts = [text for address in addresses for text in search_texts(address)]
    return [
        search_mail(batch, session, within=within, any_condition=from_any(part), kind=kind)
        for part in slices(texts, _TEXTS_PER_SEARCH)
    ]


def searches_of(
    batch: Batch, session: Session, wholes: Iterable[Whole], scheme: Scheme, *within: str
) -> dict[str, MailSearch]:
    """For mail that may be of whole domains or lists, by what people type for these."""
    kind = with_splits(EMAIL_IN_FULL, scheme)
    return {
        str(each): search_mail(batch, session, within=within, any_condition=_conditions(each), kind=kind)
        for each in wholes
    }


def _conditions(whole: Whole) -> list[Filter]:
    match whole:
        case WholeDomain():
            texts = [text.removeprefix("*") for text in spellings(whole.address)]
            return from_any([part for text in texts for part in (text, f".{text.removeprefix('@')}")])
        case WholeList(id):
            return [{"header": ["List-Id", id]}]


async def mails_of_wholes(run: Pass, searches: Mapping[str, MailSearch], replies: Replies) -> dict[str, list[Email]]:
    """By what people type for the whole domain or list."""
    return {key: list(await mail_found(run.client, search, replies)) for key, search in searches.items()}


def from_any(texts: Iterable[str]) -> list[Filter]:
    """Candidates: `from` is a text search that may lag behind, the header condition needs no index. Ask for either."""
    return [condition for text in texts for condition in ({"from": text}, {"header": ["From", text]})]


async def mails_found(run: Pass, searches: Iterable[MailSearch], replies: Replies) -> dict[str, list[Email]]:
    """By address; a mail that several searches found counts once."""
    emails = {email.id: email for each in searches for email in await mail_found(run.client, each, replies)}
    return await worked_out(len(emails), lambda: by_sender(emails.values()))


def mails_of(sender: Sender, by_address: Mapping[str, Sequence[Email]]) -> list[Email]:
    """The mails of all addresses of a sender."""
    return [email for address in sorted(sender.addresses) for email in by_address.get(address, ())]
