"""One sender's mail in two categories: which of the user's splits a mail falls under, and where it goes (pure).

A split is about decided senders alone, and beats what was decided about them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailroom.addresses import domain_of, is_within
from mailroom.config.scheme import Scheme
from mailroom.config.splits import Split, folded_subject
from mailroom.decisions.routes import Route
from mailroom.decisions.sender_auth import sender_auth
from mailroom.decisions.standing import Standings
from mailroom.jmap.mail import Email

_LONGEST_SUBJECT = 1_000


@dataclass(frozen=True, slots=True)
class Content:
    """What of a mail a split looks at: the canonical sender, the List-Id in lower case, the subject.

    `is_of_the_list` is whether the mail is of the list that it names, as far as anybody can tell: anybody can write a
    List-Id.
    """

    sender: str
    list_id: str
    subject: str
    is_of_the_list: bool


def content_of(email: Email) -> Content:
    """Of a mail that was read with `EMAIL_WITH_SUBJECT`."""
    is_of_the_list = sender_auth(email.authentication_results or ()).allows_list(email.mailing_list)
    return Content(email.sender or "", email.mailing_list, email.subject or "", is_of_the_list)


@dataclass(frozen=True, slots=True)
class Diversion:
    """A split, and the route of its category."""

    split: Split
    route: Route

    @property
    def is_in_doubt(self) -> bool:
        """Whether mail would reach the Inbox by its List-Id alone, which anybody can write: rules can't ask who did."""
        return self.split.list_id != "" and self.route.inbox


def diversions(scheme: Scheme) -> tuple[Diversion, ...]:
    """The splits of a scheme, in the order of the file."""
    return tuple(Diversion(each, Route(scheme.chain(scheme.by_name[each.category]))) for each in scheme.splits)


def for_rules(scheme: Scheme) -> tuple[Diversion, ...]:
    """Those of them that rules for a mail server can hold."""
    return tuple(each for each in diversions(scheme) if not each.is_in_doubt)


def split_warnings(scheme: Scheme) -> Iterator[str]:
    """What rules can't do for splits, one line each."""
    for each in diversions(scheme):
        if each.is_in_doubt:
            yield (
                f"the split for {each.split.origin} is left to the daemon: {each.route.category.name} has its mail in "
                "the Inbox, and rules can't tell who wrote a List-Id"
            )


def diverted(content: Content, all_diversions: Iterable[Diversion]) -> Diversion | None:
    """The first split that a mail falls under."""
    subject = folded_subject(content.subject[:_LONGEST_SUBJECT])
    fitting = (each for each in all_diversions if any(text in subject for text in each.split.subjects))
    return next((each for each in fitting if _is_about(each, content)), None)


def _is_about(diversion: Diversion, content: Content) -> bool:
    """As with whole lists, the Inbox is for a list alone that is what it says."""
    split = diversion.split
    if split.list_id:
        return split.list_id == content.list_id and (content.is_of_the_list or not diversion.is_in_doubt)
    return may_write(split, content.sender)


def may_write(split: Split, address: str) -> bool:
    """Whether mail from a canonical address may fall under a split; to a list anybody may write."""
    if split.domain:
        return is_within(domain_of(address), split.domain)
    return bool(split.list_id) or address == split.address


def without_sender(scheme: Scheme, standings: Standings) -> Iterator[Split]:
    """The splits that no decided sender has, in the order of the file: they do nothing.

    That of a list has any: whoever was decided about may write to it.
    """
    senders = [address for address, said in standings.senders.items() if said.groups]
    domains = [domain for domain, said in standings.domains.items() if said.groups]
    lists = {id for id, said in standings.lists.items() if said.groups}
    for split in scheme.splits:
        by_sender = any(may_write(split, address) for address in senders)
        by_domain = any(_meet(split, domain) for domain in domains)
        if not (by_sender or by_domain or split.list_id in lists):
            yield split


def _meet(split: Split, domain: str) -> bool:
    """Whether a sender of a whole domain may fall under a split."""
    if split.list_id:
        return True
    name = split.domain or domain_of(split.address)
    return is_within(name, domain) or (split.domain != "" and is_within(domain, split.domain))
