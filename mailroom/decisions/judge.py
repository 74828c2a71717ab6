"""New mail: what becomes of it, and why. Pure: no I/O, no clock, no log.

Whatever fits first counts. Doubt keeps mail where the user sees it: what was not asked or not answered leaves it alone.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from mailroom.addresses import canonical_list_id
from mailroom.decisions.arrival import Arrival, Known
from mailroom.decisions.domains import above, covering
from mailroom.decisions.routes import Route, deciding
from mailroom.decisions.sender_auth import Forgery, SenderAuth, sender_auth
from mailroom.decisions.splits import Content, diverted
from mailroom.decisions.standing import NOBODY, Standing, Standings
from mailroom.decisions.structured_field import clauses
from mailroom.nfc import nfc


class Outcome(Enum):
    """What becomes of a mail."""

    STAYS = "stays"
    SCREENED = "to the Screener"
    ROUTED = "to its category"
    UNDECIDED = "left alone for now"


class Reason(Enum):
    """Why, in the order in which it is asked: the outcome, and a text to show."""

    FORGED = Outcome.SCREENED, "the sender is forged: the mail fails DMARC, and the domain asks to refuse such mail"
    OWN_ADDRESS = Outcome.STAYS, "from one of your own addresses"
    NO_SENDER = Outcome.SCREENED, "From names no usable address, or several"
    DECIDED = Outcome.ROUTED, "you decided about the sender"
    UNRELATED_GROUPS = Outcome.STAYS, "the contact is in groups of several categories: take it out of all but one"
    TAKEN_BACK = Outcome.SCREENED, "you sent the sender back to the Screener"
    LET_THROUGH = Outcome.STAYS, "let_through in the configuration names it"
    UNREADABLE_CARD = Outcome.STAYS, "a contact card that can't be read names the sender: mend or delete it"
    KNOWN_CONTACT = Outcome.STAYS, "the sender is in your address book"
    DECIDED_LIST = Outcome.ROUTED, "you decided about the mailing list"
    DECIDED_DOMAIN = Outcome.ROUTED, "you decided about the sender's domain"
    ANSWERS_USER = Outcome.STAYS, "it answers a mail of yours"
    CORRESPONDENT = Outcome.STAYS, "you have written to the sender"
    DELIVERY_REPORT = Outcome.STAYS, "it tells what became of a mail of yours"
    SUBJECT_CODE = Outcome.STAYS, "the subject holds your code"
    SCREENING_OPEN = Outcome.STAYS, "screening is open for a while"
    STRANGER = Outcome.SCREENED, "nothing is known of the sender"
    NOT_ANSWERED = Outcome.UNDECIDED, "the mail server has not told yet whether you wrote to the sender"

    def __init__(self, outcome: Outcome, text: str) -> None:
        self.outcome = outcome
        self.text = text


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a mail. `route` is there where it goes to a category; `is_warned`: it gets the warning label."""

    reason: Reason
    route: Route | None = None
    is_warned: bool = False

    @property
    def outcome(self) -> Outcome:
        return self.reason.outcome


@dataclass(frozen=True, slots=True)
class Questions:
    """What the mail server has to tell of undecided mail: ids of threads, and senders' addresses."""

    threads: frozenset[str] = frozenset()
    senders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Case:
    """A mail, and what its header fields say once they are read."""

    mail: Arrival
    known: Known
    sender: str
    list_id: str
    auth: SenderAuth

    @property
    def local_part(self) -> str:
        return self.sender.rpartition("@")[0]

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]

    @property
    def forgery(self) -> Forgery:
        return self.auth.forgery(self.list_id)

    @property
    def is_of_the_list(self) -> bool:
        return self.auth.allows_list(self.list_id)

    @property
    def content(self) -> Content:
        """What splits look at."""
        return Content(self.sender, self.list_id, self.mail.subject, self.is_of_the_list)


def judge(mail: Arrival, known: Known) -> Verdict:
    """What becomes of a new mail: the first line that fits."""
    case = _Case(mail, known, mail.sender, canonical_list_id(mail.list_id), sender_auth(mail.authentication_results))
    is_warned = case.forgery is not Forgery.NOT_KNOWN and known.screening.forged != "ignore"
    return replace(_diverted(next(_lines(case)), case), is_warned=is_warned)


def _diverted(verdict: Verdict, case: _Case) -> Verdict:
    """The user's own line about subjects beats where a decided sender's mail goes otherwise."""
    if verdict.route is None:
        return verdict
    found = diverted(case.content, case.known.diversions)
    return verdict if found is None else replace(verdict, route=found.route)


def _lines(case: _Case) -> Iterator[Verdict]:
    """The lines that fit, in their order."""
    known, screening = case.known, case.known.screening
    standing = known.standings.senders.get(case.sender, NOBODY)
    if case.forgery is Forgery.CERTAIN and screening.forged == "screen":
        yield Verdict(Reason.FORGED)
    if case.sender and _is_own(case):
        yield Verdict(Reason.OWN_ADDRESS)
    if not case.sender:
        yield Verdict(Reason.NO_SENDER)
    if standing.groups:
        yield _routed(Reason.DECIDED, standing, known)
    if standing.is_taken_back:
        yield Verdict(Reason.TAKEN_BACK)
    if _is_let_through(case):
        yield Verdict(Reason.LET_THROUGH)
    if standing.is_unreadable:
        yield Verdict(Reason.UNREADABLE_CARD)
    if standing.is_users and screening.known_contacts:
        yield Verdict(Reason.KNOWN_CONTACT)
    yield from _list_decided(case)
    yield from _domain_decided(case)
    if case.mail.is_answer and case.mail.thread_id is not None:
        yield from _told(known.holds_sent.get(case.mail.thread_id), Reason.ANSWERS_USER)
    if screening.correspondents:
        yield from _told(known.written_to.get(case.sender), Reason.CORRESPONDENT)
    if _is_delivery_report(case):
        yield Verdict(Reason.DELIVERY_REPORT)
    if _holds_code(case):
        yield Verdict(Reason.SUBJECT_CODE)
    if known.open_until is not None and known.now < known.open_until:
        yield Verdict(Reason.SCREENING_OPEN)
    yield Verdict(Reason.STRANGER)


def undecided(mails: Iterable[Arrival], known: Known) -> Questions:
    """What has to be asked before these mails can be judged; nothing that is known already."""
    waiting = [mail for mail in mails if judge(mail, known).reason is Reason.NOT_ANSWERED]
    threads = {mail.thread_id for mail in waiting if mail.is_answer and mail.thread_id is not None}
    senders = {mail.sender for mail in waiting} if known.screening.correspondents else set[str]()
    return Questions(frozenset(threads - known.holds_sent.keys()), frozenset(senders - known.written_to.keys()))


def _is_own(case: _Case) -> bool:
    return not case.known.own.isdisjoint((case.sender, f"*@{case.domain}"))


def _routed(reason: Reason, standing: Standing, known: Known) -> Verdict:
    """Where contact groups send mail, as the rules for mail servers do."""
    route = deciding(standing.groups, known.routes)
    return Verdict(Reason.UNRELATED_GROUPS) if route is None else Verdict(reason, route)


def _is_let_through(case: _Case) -> bool:
    named = case.known.screening.let_through
    return (
        case.sender in named.addresses
        or case.domain in named.domains
        or not named.above.isdisjoint(above(case.domain))
        or (case.list_id in named.lists and case.is_of_the_list)
        or any(each.canonical in named.recipients for each in case.mail.recipients)
    )


def _list_decided(case: _Case) -> Iterator[Verdict]:
    """The Inbox is for a list alone that is what it says."""
    standing = case.known.standings.lists.get(case.list_id, NOBODY)
    if standing.groups:
        verdict = _routed(Reason.DECIDED_LIST, standing, case.known)
        if verdict.route is None or not verdict.route.inbox or case.is_of_the_list:
            yield verdict


def _domain_decided(case: _Case) -> Iterator[Verdict]:
    domain = nearest_decided(case.domain, case.known.standings)
    if domain is not None:
        yield _routed(Reason.DECIDED_DOMAIN, case.known.standings.domains[domain], case.known)


def nearest_decided(domain: str, standings: Standings) -> str | None:
    """The nearest of the decided domains that a domain is or lies in."""
    return next((each for each in covering(domain) if standings.domains.get(each, NOBODY).groups), None)


def _told(answer: bool | None, reason: Reason) -> Iterator[Verdict]:
    """This reason if the mail server says so; no verdict yet if it has not answered."""
    if answer is None:
        yield Verdict(Reason.NOT_ANSWERED)
    elif answer:
        yield Verdict(reason)


def _is_delivery_report(case: _Case) -> bool:
    """RFC 3464 §2: what a mail system says of a mail that it could not deliver, or did."""
    first, *parameters = clauses(case.mail.content_type)
    pairs = [pair for each in parameters for pair in each.pairs]
    return (
        case.local_part in ("mailer-daemon", "postmaster")
        and [word.lower() for word in first.words] == ["multipart/report"]
        and any(name == "report-type" and value.lower() == "delivery-status" for name, value in pairs)
    )


def _holds_code(case: _Case) -> bool:
    if case.known.subject_code is None:
        return False
    code = re.escape(_folded(case.known.subject_code.get_secret_value()))
    return re.search(rf"(?<!\w){code}(?!\w)", _folded(case.mail.subject)) is not None


def _folded(text: str) -> str:
    return " ".join(nfc(text).casefold().split())
