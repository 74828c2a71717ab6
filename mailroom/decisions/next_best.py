"""Mail that a decision held which is no more: where the next-best one sends it, that about its list or domain (pure).

The verdict on new mail says which one that is, so that mail which is there and mail yet to come go the same way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mailroom.addresses import domain_of
from mailroom.config.scheme import Back, Category, Scheme
from mailroom.decisions.arrival import Known
from mailroom.decisions.filing import Filing, marks_of
from mailroom.decisions.going_back import WayBack, way_back
from mailroom.decisions.judge import Reason, judge, nearest_decided
from mailroom.decisions.places import Places
from mailroom.decisions.plan import filing_to
from mailroom.decisions.routes import deciding
from mailroom.decisions.select import Sender
from mailroom.decisions.standing import NOBODY, Standings
from mailroom.decisions.whole import WholeDomain, WholeList
from mailroom.decisions.whole_sweep import arrival_of
from mailroom.jmap.mail import Email

_WIDER = (Reason.DECIDED_LIST, Reason.DECIDED_DOMAIN)


@dataclass(frozen=True, slots=True)
class NextBest:
    """Each mail, read with `EMAIL_IN_FULL`, into the category of its list or domain; back into the Screener where
    nothing is decided about these.

    `filings` are by the name of the category, `told` is what was found out before, by mail id.
    """

    known: Known
    told: Mapping[str, Category | None]
    filings: Mapping[str, Filing]
    back: WayBack

    @property
    def marks(self) -> frozenset[str]:
        return self.back.marks

    def of(self, email: Email) -> Filing | WayBack:
        category = self.told[email.id] if email.id in self.told else wider_category(email, self.known)
        return self.back if category is None else self.filings[category.name].of(email)


def wider_category(email: Email, known: Known) -> Category | None:
    """The category of the list or domain of a mail; None where something else speaks for it, or nothing does."""
    if not _is_covered(email, known.standings):
        return None
    verdict = judge(arrival_of(email), known)
    return verdict.route.category if verdict.reason in _WIDER and verdict.route is not None else None


def _is_covered(email: Email, standings: Standings) -> bool:
    """Whether anything is decided about its list or domain: a verdict takes 0.2 ms."""
    by_domain = nearest_decided(domain_of(email.sender or ""), standings)
    return by_domain is not None or bool(standings.lists.get(email.mailing_list, NOBODY).groups)


def next_best(
    known: Known, told: Mapping[str, Category | None], places: Places, scheme: Scheme, now: datetime
) -> NextBest:
    """The ways of mail by all lists and domains that are `known`. Raises `SenderFailed` where a mailbox is missing."""
    wide = (*known.standings.lists.values(), *known.standings.domains.values())
    decided = (deciding(each.groups, known.routes) for each in wide if each.groups)
    categories = {route.category for route in decided if route is not None}
    filings = {each.name: filing_to(each, places, scheme) for each in categories}
    return NextBest(known, told, filings, way_back(scheme, now, marks_of(scheme)))


def without_decision(sender: Sender, standings: Standings) -> Standings:
    """How all stand once nothing is decided any more about a sender, or a whole domain or list."""
    match sender.whole:
        case WholeDomain(domain):
            return replace(standings, domains={**standings.domains, domain: NOBODY})
        case WholeList(id):
            return replace(standings, lists={**standings.lists, id: NOBODY})
        case None:
            had = {address: standings.senders.get(address, NOBODY) for address in sender.addresses}
            has = {each: replace(said, groups=frozenset(), is_taken_back=False) for each, said in had.items()}
            return replace(standings, senders={**standings.senders, **has})


def once_taken_back(senders: Iterable[Sender], known: Known) -> Known:
    """What is known without the decisions about those whole domains and lists that are taken back."""
    standings = known.standings
    for sender in senders:
        if sender.whole is not None and isinstance(sender.category, Back):
            standings = without_decision(sender, standings)
    return replace(known, standings=standings)
