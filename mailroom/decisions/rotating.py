"""Senders who write from a new address each time, told by addresses that differ in a tag or number alone (pure)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailroom.addresses import domain_of
from mailroom.decisions.domains import is_shared, refusal, registrable
from mailroom.decisions.select import by_age, newest_name
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.jmap.mail import Email
from mailroom.names import comparable

FEWEST = 3
"""Addresses that make one sender; two may be two people."""

_TAG = re.compile(r"\+.*", re.DOTALL)
_VERP = re.compile(r"[^-_+]+=.*", re.DOTALL)
"""Variable envelope return paths: the reader's address, its `@` as `=`."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN = re.compile(r"[a-z0-9]*[0-9][a-z0-9]*")
_NUMBER = re.compile(r"[0-9]+")
_LONG_TOKEN = 8

_ANYTHING = "*"
_ANY_NUMBER = "#"


@dataclass(frozen=True, slots=True)
class Rotation:
    """So many addresses that seem to be one sender's, and what a decision about all of them would be about."""

    whole: Whole
    addresses: int


def rotations(mails: Iterable[Email], own: Iterable[str]) -> tuple[Rotation, ...]:
    """Of the senders of these mails those with changing addresses, the one with most first; `own` are the user's."""
    by_sender: dict[str, list[Email]] = defaultdict(list)
    for email in sorted(mails, key=by_age):
        if email.sender is not None:
            by_sender[email.sender].append(email)
    alike: dict[str, list[str]] = defaultdict(list)
    for address in by_sender:
        alike[shape(address)].append(address)
    found: dict[Whole, int] = defaultdict(int)
    for form, addresses in alike.items():
        whole = _one_sender(form, [by_sender[each] for each in addresses], tuple(own))
        if whole is not None:
            found[whole] += len(addresses)
    return tuple(Rotation(whole, found[whole]) for whole in sorted(found, key=lambda each: (-found[each], str(each))))


def shape(address: str) -> str:
    """What stays of a canonical address where others of the same sender differ: `bounce-#@shop.example`.

    A tag, the reader's address, and a token as only machines write it may be anything.
    """
    local, _, domain = address.rpartition("@")
    for form in (_TAG, _VERP, _UUID):
        local = form.sub(lambda found: "+" * found[0].startswith("+") + _ANYTHING, local)
    return f"{_TOKEN.sub(_any_token, local)}@{_NUMBER.sub(_ANY_NUMBER, domain)}"


def _any_token(found: re.Match[str]) -> str:
    is_machines = len(found[0]) >= _LONG_TOKEN and not found[0].isdigit()
    return _ANYTHING if is_machines else _NUMBER.sub(_ANY_NUMBER, found[0])


def _one_sender(form: str, senders: Sequence[Sequence[Email]], own: Sequence[str]) -> Whole | None:
    """What the senders whose addresses have this shape are together; None where they may be several, or nobody can
    decide about them at once. `senders` are their mails, by sender."""
    if len(senders) < FEWEST:
        return None
    lists = {email.mailing_list for mails in senders for email in mails}
    if len(lists) == 1 and (list_id := lists.pop()):
        return WholeList(list_id)
    names = {comparable(newest_name(mails)) for mails in senders}
    # People without a name may be numbered; a token of a machine is nobody's name.
    if len(names) > 1 or (names == {""} and _ANYTHING not in form):
        return None
    domain = domain_of(senders[0][0].sender or "")
    top = registrable(domain)
    return None if top is None or is_shared(domain) or refusal(top, own) else WholeDomain(top)
