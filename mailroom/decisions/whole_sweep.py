"""Which mail a decision about a whole domain or list moves: what nothing nearer speaks for (pure).

The verdict on new mail says it, so that mail which is there and mail yet to come go the same way: exact decisions, the
user's own contacts and addresses, `let_through`, lists before domains, nearer domains before wider ones.
"""

from collections.abc import Iterable

from mailroom.addresses import domain_of
from mailroom.config.scheme import Back, Scheme
from mailroom.contacts.base import AddressBook
from mailroom.decisions.arrival import Arrival, Known
from mailroom.decisions.judge import Reason, judge, nearest_decided
from mailroom.decisions.select import Sender, belongs
from mailroom.decisions.standing import Standing, Standings, standings
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.jmap.mail import Email


def decided_together(senders: Iterable[Sender], book: AddressBook, scheme: Scheme) -> Standings:
    """How senders, domains and lists stand once all these are settled, in any order.

    What is taken back stands as before: what goes back is the mail that it held.
    """
    before = standings(book, scheme)
    exact, domains, lists = dict(before.senders), dict(before.domains), dict(before.lists)
    for sender in senders:
        is_back = isinstance(sender.category, Back)
        groups = frozenset(each.contact_group for each in scheme.chain(sender.category))
        said = Standing(groups, is_taken_back=is_back)
        match sender.whole:
            case WholeDomain(domain) if not is_back:
                domains[domain] = said
            case WholeList(id) if not is_back:
                lists[id] = said
            case None:
                exact |= dict.fromkeys(sender.addresses, said)
    return Standings(exact, domains, lists)


def why_not(email: Email, sender: Sender, known: Known) -> Reason | None:
    """What speaks for a mail rather than the decision about its whole domain or list; None for nothing."""
    reason = judge(arrival_of(email), known).reason
    return None if _is_about(sender.whole, reason, email, known) else reason


def is_moved_by(email: Email, sender: Sender, known: Known) -> bool:
    """Whether a mail is of a whole domain or list, and nothing nearer speaks for it."""
    return belongs(email, sender) and why_not(email, sender, known) is None


def _is_about(whole: Whole | None, reason: Reason, email: Email, known: Known) -> bool:
    match whole:
        case WholeDomain(domain):
            nearest = nearest_decided(domain_of(email.sender or ""), known.standings)
            return reason is Reason.DECIDED_DOMAIN and nearest == domain
        case WholeList():
            return reason is Reason.DECIDED_LIST
        case None:
            return False


def arrival_of(email: Email) -> Arrival:
    """A mail that was read in full, as the verdict takes it."""
    return Arrival(
        id=email.id,
        mailbox_ids=email.mailbox_ids,
        keywords=email.keywords,
        senders=email.senders or (),
        recipients=(*(email.to or ()), *(email.cc or ())),
        list_id=email.list_id or "",
        authentication_results=email.authentication_results or (),
    )
