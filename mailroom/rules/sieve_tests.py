"""Tests of a Sieve script (RFC 5228 §5) about whose mail it is (pure)."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from mailroom.addresses import domain_of, is_within, spellings
from mailroom.config.screening import LetThrough
from mailroom.config.splits import Split
from mailroom.decisions.whole import Whole, WholeDomain, WholeList

ADDRESSES_PER_TEST = 50

_ANYBODY = "*@"


def quoted(text: str) -> str:
    """A Sieve string (RFC 5228 §2.4.2). No script here requires `variables`, so `${` needs no escape."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(text: str) -> str:
    """What a Sieve string says: the inverse of `quoted`."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def from_own(own: Collection[str]) -> str | None:
    """Whether the mail is from one of these addresses or domains; None for neither."""
    whole = {each for each in own if each.startswith("*@")}
    domains = sorted({text.rpartition("@")[2] for each in whole for text in spellings(each)})
    by_domain = f'address :is :domain "from" {string_list(domains)}' if domains else None
    tests = [test for test in (from_any(frozenset(own) - whole), by_domain) if test is not None]
    return f"anyof ({', '.join(tests)})" if len(tests) > 1 else next(iter(tests), None)


def from_any(addresses: Collection[str]) -> str | None:
    """Whether the mail is from one of these; None for no addresses, since Sieve has no empty list.

    Nobody has the address of a whole domain's card.
    """
    texts = sorted({text for each in addresses if not each.startswith(_ANYBODY) for text in _texts(each)})
    if not texts:
        return None
    parts = [texts[start : start + ADDRESSES_PER_TEST] for start in range(0, len(texts), ADDRESSES_PER_TEST)]
    tests = [f'address :is :all "from" {string_list(part)}' for part in parts]
    return tests[0] if len(tests) == 1 else f"anyof ({', '.join(tests)})"


def narrowed(group: str, members: Collection[str]) -> str:
    """The test for a group of these members, without those of whole domains: they have their turn after all senders.

    Cyrus takes the address `*@shop.example` of a member for everybody there (seen on 3.6.1).
    """
    domains = {domain_of(each) for each in members if each.startswith(_ANYBODY)}
    if not domains:
        return group
    spelled = sorted({domain_of(text) for domain in domains for text in spellings(f"{_ANYBODY}{domain}")})
    others = f"allof ({group}, not anyof ({', '.join(_within(spelled))}))"
    exact = from_any([each for each in members if any(is_within(domain_of(each), domain) for domain in domains)])
    return others if exact is None else f"anyof ({others}, {exact})"


def _texts(address: str) -> Iterator[str]:
    """How a server may spell an address: Cyrus compares a quoted local part without its quotes."""
    for text in spellings(address):
        yield text
        local, _, domain = text.rpartition("@")
        if local.startswith('"'):
            yield f"{unquoted(local)}@{domain}"


def string_list(texts: Iterable[str]) -> str:
    return "[\n" + ",\n".join(f"  {quoted(text)}" for text in texts) + "\n]"


def of_whole(whole: Whole) -> str:
    """Whether a mail is of a whole domain or list."""
    match whole:
        case WholeDomain():
            domains = [text.rpartition("@")[2] for text in spellings(whole.address)]
            return f"anyof ({', '.join(_within(domains))})"
        case WholeList(id):
            return f'anyof (header :contains "list-id" {quoted(f"<{id}>")}, header :is "list-id" {quoted(id)})'


def falls_under(split: Split) -> str:
    """Whether a mail has the sender or list of a split, and one of its texts in the subject."""
    if split.address:
        is_about = f'address :is :all "from" {string_list(sorted(_texts(split.address)))}'
    else:
        is_about = of_whole(WholeDomain(split.domain) if split.domain else WholeList(split.list_id))
    return f'allof ({is_about}, header :contains "subject" {string_list(split.subjects)})'


def _within(domains: Sequence[str]) -> Iterator[str]:
    """Tests for mail from one of these domains, and for mail from below one."""
    if domains:
        yield f'address :is :domain "from" {string_list(domains)}'
        yield f'address :matches :domain "from" {string_list([f"*.{each}" for each in domains])}'


def from_let_through(let_through: LetThrough, addresses: frozenset[str]) -> str | None:
    """Whether a mail is of those who are let through, or of one of these addresses; None for nobody."""
    tests = [test for test in (from_any(addresses | let_through.addresses),) if test is not None]
    if let_through.domains:
        tests.append(f'address :is :domain "from" {string_list(sorted(let_through.domains))}')
    if let_through.above:
        tests.append(f'address :matches :domain "from" {string_list([f"*.{d}" for d in sorted(let_through.above)])}')
    if let_through.recipients:
        tests.append(f'address :is :all ["to", "cc"] {string_list(sorted(let_through.recipients))}')
    tests += (of_whole(WholeList(id)) for id in sorted(let_through.lists))
    return f"anyof ({', '.join(tests)})" if len(tests) > 1 else next(iter(tests), None)
