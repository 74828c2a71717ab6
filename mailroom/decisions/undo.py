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
from mailroom.decisions.arrival import Known
from mailroom.decisions.domains import covering
from mailroom.decisions.places import Places
from mailroom.decisions.plan import Plan, plan
from mailroom.decisions.routes import deciding
from mailroom.decisions.select import Sender
from mailroom.decisions.standing import NOBODY
from mailroom.decisions.whole import Whole, WholeDomain, WholeList


@dataclass(frozen=True, slots=True)
class NoDecision:
    """None of the sender's own any more: wider ones hold, if there are any.

    `domain` is the category of the whole domain, which all mail goes with that nothing else speaks for; `parts` are
    those of some of the mail, sorted by name: by its list, or of a list's mail by its senders' domains.
    """

    domain: Category | None = None
    parts: tuple[Category, ...] = ()

    @property
    def is_covered(self) -> bool:
        """Whether anything wider holds."""
        return self.domain is not None or bool(self.parts)


Subject = str | Whole
"""What a decision is about: a sender, by canonical address, or a whole domain or list."""


After = Category | Back | NoDecision
"""Where a sender goes when the last decision is undone."""


def after_undo(text: str, scheme: Scheme, without: NoDecision) -> After:
    """What held before the last decision of a note that has one.

    A category that is no more can't hold again. `without` is what holds where there is no decision.
    """
    decisions = (note.read(text) or note.NOTHING_WRITTEN).decisions
    before = next((each for each in reversed(decisions) if not _is_same(each, decisions[-1])), None)
    if before is not None and before.category in scheme.by_name:
        return scheme.by_name[before.category]
    was_back = before is not None and before.verb is note.Verb.BACK
    is_back, is_undone = (decisions[-1].verb is each for each in (note.Verb.BACK, note.Verb.UNDONE))
    if was_back or is_undone:
        return scheme.back
    return without if without.is_covered or is_back else scheme.back


def _is_same(one: note.Decision, other: note.Decision) -> bool:
    """Whether they lead to the same: into one category, whatever the verb, or into none in the same way."""
    return one.category == other.category and (bool(one.category) or one.verb is other.verb)


def holding(subject: Subject, card: Card, known: Known, of_mail: Iterable[Category | None]) -> NoDecision:
    """What holds for somebody without a decision of their own, which `known` goes without.

    `of_mail` are the categories of lists and domains of all their mail.
    """
    domain = _domain_category(subject, card, known)
    if isinstance(subject, WholeDomain):
        # Lists, and nearer domains, hold whatever is decided about it.
        return NoDecision(domain)
    parts = {each.name: each for each in of_mail if each is not None and each != domain}
    return NoDecision(domain, tuple(parts[name] for name in sorted(parts)))


def _domain_category(subject: Subject, card: Card, known: Known) -> Category | None:
    """The category of the nearest whole domain that is decided and covers all of the subject; None where none does.

    Mail of the user's own contacts stays, whatever is decided about their domain.
    """
    is_users = isinstance(subject, str) and not note.says_created(card.note)
    if is_users and known.screening.known_contacts:
        return None
    decided = (known.standings.domains.get(each, NOBODY).groups for each in _wider_domains(subject))
    nearest = next(filter(None, decided), None)
    route = deciding(nearest, known.routes) if nearest else None
    return None if route is None else route.category


def _wider_domains(subject: Subject) -> tuple[str, ...]:
    """The whole domains that may cover an address or a domain, the nearest first."""
    match subject:
        case WholeList():
            return ()
        case WholeDomain(domain):
            return tuple(each for each in covering(domain) if each != domain)
        case address:
            return covering(domain_of(address))


def target_of(after: After, scheme: Scheme) -> Target:
    """Where that leads a sender by itself: without a decision nowhere but into the Screener."""
    return scheme.back if isinstance(after, NoDecision) else after


def plan_undo(
    sender: Sender,
    after: After,
    card: Card,
    book: AddressBook,
    places: Places,
    scheme: Scheme,
    account_id: str,
    now: datetime,
) -> Plan:
    """What happens to a sender, whose category is `target_of` that, but for mail. Raises `SenderFailed`."""
    made = plan(sender, book, (), places, scheme, account_id, now)
    if not isinstance(after, NoDecision):
        return made
    text = note.taken_back(card.note, note.Verb.UNDONE, now, note.ADOPTED)
    return replace(made, change=replace(made.change, card=CardEdit(card, Fields(), text)))


def leaves_mail_to_others(sender: Sender, after: After) -> bool:
    """Whether mail goes where other decisions send it: a sender alone is kept in the Screener whatever these say."""
    return isinstance(after, NoDecision) or (sender.whole is not None and isinstance(after, Back))
