"""What it means to undo a decision: where a sender goes, by the note on the contact card (pure).

The note's last line is written last of all, so whatever cuts an undo off, the next one finds the same to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mailroom.addresses import domain_of
from mailroom.config.scheme import Back, Category, Scheme, Target
from mailroom.contacts.base import AddressBook, Card, CardEdit, Fields
from mailroom.decisions import note
from mailroom.decisions.domains import covering
from mailroom.decisions.filing import sweep
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan, plan, way_to
from mailroom.decisions.routes import deciding, routes
from mailroom.decisions.select import Sender
from mailroom.decisions.standing import NOBODY, standings
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.jmap.mail import Email


@dataclass(frozen=True, slots=True)
class NoDecision:
    """None of the sender's own any more: that about the whole domain holds, whose category it is; None if there is
    none."""

    wider: Category | None


Subject = str | Whole
"""What a decision is about: a sender, by canonical address, or a whole domain or list."""


After = Category | Back | NoDecision
"""Where a sender goes when the last decision is undone."""


def after_undo(text: str, scheme: Scheme, wider: Category | None) -> After:
    """What held before the last decision of a note that has one.

    A category that is no more can't hold again. `wider` is that of a decision which covers the sender.
    """
    decisions = (note.read(text) or note.NOTHING_WRITTEN).decisions
    before = next((each for each in reversed(decisions) if not _is_same(each, decisions[-1])), None)
    if before is not None and before.category in scheme.by_name:
        return scheme.by_name[before.category]
    was_back = before is not None and before.verb is note.Verb.BACK
    is_back, is_undone = (decisions[-1].verb is each for each in (note.Verb.BACK, note.Verb.UNDONE))
    if was_back or is_undone:
        return scheme.back
    return NoDecision(wider) if wider is not None or is_back else scheme.back


def _is_same(one: note.Decision, other: note.Decision) -> bool:
    """Whether they lead to the same: into one category, whatever the verb, or into none in the same way."""
    return one.category == other.category and (bool(one.category) or one.verb is other.verb)


def wider_domains(subject: Subject) -> tuple[str, ...]:
    """The whole domains that may cover an address or a domain, the nearest first."""
    match subject:
        case WholeList():
            return ()
        case WholeDomain(domain):
            return tuple(each for each in covering(domain) if each != domain)
        case address:
            return covering(domain_of(address))


def wider_category(subject: Subject, card: Card, book: AddressBook, scheme: Scheme) -> Category | None:
    """The category of the nearest whole domain that is decided and covers the subject; None where none does.

    Mail of the user's own contacts stays, whatever is decided about their domain.
    """
    is_users = isinstance(subject, str) and not note.says_created(card.note)
    if is_users and scheme.screening.known_contacts:
        return None
    domains = standings(book, scheme).domains
    for domain in wider_domains(subject):
        if groups := domains.get(domain, NOBODY).groups:
            route = deciding(groups, routes(scheme))
            return None if route is None else route.category
    return None


def target_of(after: After, scheme: Scheme) -> Target:
    """Where that leads a sender by itself: without a decision nowhere but into the Screener."""
    return scheme.back if isinstance(after, NoDecision) else after


def plan_undo(
    sender: Sender,
    after: After,
    card: Card,
    book: AddressBook,
    mails: Iterable[Email],
    places: Places,
    scheme: Scheme,
    account_id: str,
    now: datetime,
) -> Plan:
    """What happens to a sender, whose category is `target_of` that. Raises `SenderFailed`."""
    mails = tuple(mails)
    made = plan(sender, book, mails, places, scheme, account_id, now)
    if not isinstance(after, NoDecision):
        return made
    text = note.taken_back(card.note, note.Verb.UNDONE, now, note.ADOPTED)
    undone = replace(made, change=replace(made.change, card=CardEdit(card, Fields(), text)))
    if after.wider is None:
        return undone
    way = way_to(after.wider, places, scheme, now)
    return replace(undone, filing=way, moves=sweep(sender, mails, way, places))
