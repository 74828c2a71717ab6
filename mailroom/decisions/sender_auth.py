"""What the user's own mail server thinks of a mail's sender: SPF, DKIM and DMARC (pure).

Read from Authentication-Results (RFC 8601, RFC 7489). Strangers write such fields, too, so a pass buys nothing, and
whatever can't be read is not told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile
from typing import TypeVar

from mailroom.addresses import canonical
from mailroom.decisions.structured_field import LONGEST, Clause, clauses

E = TypeVar("E", bound=Enum)

_OVERHEAD = 100
"""What it takes to read a field, in characters of its text."""


class Result(Enum):
    """What a check says of a mail (RFC 8601 §2.7), as a word to show."""

    PASS = "pass"  # noqa: S105  not a password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    POLICY = "policy"
    NONE = "none"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
    NOT_TOLD = "not told"


class Policy(Enum):
    """What a domain asks for with mail that fails DMARC (RFC 7489 §6.3)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"
    NOT_TOLD = "not told"

    @property
    def is_strict(self) -> bool:
        return self in (Policy.QUARANTINE, Policy.REJECT)


class Forgery(Enum):
    """Whether the sender is who the mail says."""

    NOT_KNOWN = "nothing speaks against the sender"
    SUSPECTED = "the mail fails DMARC"
    CERTAIN = "the mail fails DMARC, and the domain asks to refuse such mail"


@dataclass(frozen=True, slots=True)
class SenderAuth:
    """`policy` is the one that DMARC found published, `passed` the domains with a DKIM or SPF pass, in ASCII.

    `is_written` is whether the mail has such a field at all, readable or not.
    """

    spf: Result = Result.NOT_TOLD
    dkim: Result = Result.NOT_TOLD
    dmarc: Result = Result.NOT_TOLD
    policy: Policy = Policy.NOT_TOLD
    passed: frozenset[str] = frozenset()
    is_written: bool = False

    def vouches_for(self, list_id: str) -> bool:
        """Whether a DKIM or SPF pass is for the domain of a mailing list, by its List-Id in lower case."""
        return any(f".{list_id}".endswith(f".{domain}") for domain in self.passed)

    def allows_list(self, list_id: str) -> bool:
        """Anybody can write a List-Id: a server that checks senders has to vouch for it."""
        return not self.is_written or self.vouches_for(list_id)

    def forgery(self, list_id: str) -> Forgery:
        """Lists break DMARC of those who write to them: a pass for the list's own domain takes the certainty away."""
        if self.dmarc is not Result.FAIL:
            return Forgery.NOT_KNOWN
        return Forgery.CERTAIN if self.policy.is_strict and not self.vouches_for(list_id) else Forgery.SUSPECTED


def sender_auth(fields: Sequence[str]) -> SenderAuth:
    """Of the raw values of all Authentication-Results, in their order in the mail, those of the user's own server.

    Servers put theirs first: the leading fields that name the same server as the first one.
    """
    read = (clauses(field) for field in _beginning(fields))
    first = next(read, clauses(""))
    server = _server(first)
    own = [first, *takewhile(lambda each: _server(each) == server, read)] if server else []
    found = [clause for field in own for clause in field[1:]]
    dmarc = [clause for clause in found if _method(clause) == "dmarc"]
    dkim = [_result(clause) for clause in found if _method(clause) == "dkim"]
    return SenderAuth(
        spf=next((_result(clause) for clause in found if _method(clause) == "spf"), Result.NOT_TOLD),
        # One good signature is enough.
        dkim=Result.PASS if Result.PASS in dkim else next(iter(dkim), Result.NOT_TOLD),
        dmarc=_result(dmarc[0]) if dmarc else Result.NOT_TOLD,
        policy=_published(dmarc[0]) if dmarc else Policy.NOT_TOLD,
        passed=frozenset(domain for clause in found for domain in _passed(clause)),
        is_written=bool(fields),
    )


def _beginning(fields: Sequence[str]) -> Iterator[str]:
    """The fields up to twice what one may have: whoever writes them must not hold up the daemon with their number."""
    size = 0
    for field in fields:
        yield field
        size += len(field) + _OVERHEAD
        if size > 2 * LONGEST:
            return


def _server(field: Sequence[Clause]) -> str:
    """The authserv-id; empty where there is none, and the first clause is a result instead."""
    words = field[0].words
    return words[0].lower() if words and "=" not in words else ""


def _method(clause: Clause) -> str:
    """A clause begins with `method=result` or `method/version=result`."""
    return clause.words[0].lower().partition("/")[0] if clause.words[1:2] == ("=",) else ""


def _result(clause: Clause) -> Result:
    return _member(Result, clause.words[2] if len(clause.words) > 2 else "")


def _published(dmarc: Clause) -> Policy:
    """As Fastmail says it, else as other milters do, else as a comment has it: `p=` or `policy=`."""
    said = dict(reversed(dmarc.pairs))
    is_for_subdomains = said.get("policy.policy-from", "").lower() == "sp"
    name = "policy.published-subdomain-policy" if is_for_subdomains else "policy.published-domain-policy"
    in_comments = (value for comment in dmarc.comments for value in _in_comment(comment))
    return _member(Policy, said.get(name) or said.get("policy.dmarc") or next(in_comments, ""))


def _in_comment(comment: str) -> Iterator[str]:
    for clause in clauses(comment.replace(",", ";")):
        yield from (value for name, value in clause.pairs if name in ("p", "policy"))


def _passed(clause: Clause) -> Iterator[str]:
    """The domains for which this clause is a pass: of the signature, or of the envelope's sender."""
    names = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom",)}.get(_method(clause), ())
    if _result(clause) is Result.PASS:
        for name, value in clause.pairs:
            if name in names and (address := canonical(f"x@{value.strip('<>').rpartition('@')[2]}")):
                yield address.removeprefix("x@")


def _member(members: type[E], word: str) -> E:
    """The member of that value; what is no such word is not told."""
    return next((each for each in members if each.value == word.lower()), members["NOT_TOLD"])
