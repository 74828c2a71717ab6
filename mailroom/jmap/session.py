"""The JMAP Session object (RFC 8620 §2): where things are, what the server can do and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, Field

from mailroom.errors import BadReply
from mailroom.urls import trusted_url
from mailroom.wire import FIRST_FAULT, Wire, plain_name, reader

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
CONTACTS = "urn:ietf:params:jmap:contacts"
SIEVE = "urn:ietf:params:jmap:sieve"
CYRUS_SIEVE = "https://cyrusimap.org/ns/jmap/sieve"
"""What Cyrus 3.6 calls a draft of RFC 9661 that differs in nothing that is used here."""


MOST_OBJECTS = 5_000
"""Asked for, or changed, at once. A mail has some 15 values, and an answer at most 200,000 (`wire`)."""

_LARGEST_REQUEST = 10_000_000
"""Bytes. To make one takes 0.1 s."""


def _at_most(most: int) -> AfterValidator:
    return AfterValidator(lambda value: min(value, most))


class Limits(Wire):
    """What one request may hold: what the server takes, and no more than we do at once. The defaults are the minima
    that RFC 8620 §2 suggests.

    Sizes are bytes, the others are counts.
    """

    max_concurrent_requests: int = Field(4, ge=1)
    max_calls_in_request: int = Field(16, ge=2)
    max_objects_in_get: Annotated[int, Field(ge=1), _at_most(MOST_OBJECTS)] = 500
    max_objects_in_set: Annotated[int, Field(ge=1), _at_most(MOST_OBJECTS)] = 500
    max_size_request: Annotated[int, Field(ge=1_000), _at_most(_LARGEST_REQUEST)] = _LARGEST_REQUEST


@dataclass(frozen=True, slots=True)
class SieveAccess:
    """Where Sieve scripts are kept, under which capability, and what they may be (RFC 9661 §1.2.1).

    `max_size` is in bytes, None for no limit.
    """

    account_id: str
    capability: str
    extensions: frozenset[str]
    external_lists: frozenset[str]
    max_size: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """One login's session. Every `httpx.URL` is absolute; accounts are ids; `contacts_account` is None where the server
    has no JMAP contacts (RFC 9610). `identities` says whether `Identity/get` may be asked, `read_only` which accounts
    can't be written to. `sieve` is None without scripts over JMAP, be it by the RFC or by Cyrus's draft. `upload_url`
    and `download_url` are templates as the server gave them, for few have a use for them: empty where it gave none, or
    relative to `read_from`. `nests_mailboxes` is whether a filter may have `inMailbox` inside an operator, which no
    session says: see `mail_search`."""

    state: str
    username: str
    api_url: httpx.URL
    event_source_url: str | None
    read_from: httpx.URL
    upload_url: str
    download_url: str
    mail_account: str
    mail_account_name: str
    contacts_account: str | None
    sieve: SieveAccess | None
    read_only: frozenset[str]
    identities: bool
    limits: Limits
    nests_mailboxes: bool = True


class _Account(Wire):
    name: str = ""
    is_read_only: bool = False
    account_capabilities: Mapping[str, Any] = {}


class _Wire(Wire):
    capabilities: Mapping[str, Any]
    accounts: Annotated[Mapping[str, _Account], FIRST_FAULT]
    primary_accounts: Annotated[Mapping[str, str], FIRST_FAULT] = {}
    username: str = ""
    api_url: str
    event_source_url: str | None = None
    upload_url: str | None = None
    download_url: str | None = None
    state: str = ""


class _Sieve(Wire):
    max_size_script: int | None = None
    sieve_extensions: Annotated[tuple[str, ...], FIRST_FAULT] = ()
    external_lists: Annotated[tuple[str, ...] | None, FIRST_FAULT] = None


_read_sieve = reader(_Sieve)
_read_wire = reader(_Wire)
_read_limits = reader(Limits)


def read_session(value: object, read_from: httpx.URL) -> Session:
    """Make a Session of the decoded JSON `value`; relative urls resolve against `read_from` (the url after redirects).

    Raises `BadReply` where a part is missing or a url may not be trusted with the credentials.
    """
    wire = _read_wire(value)
    mail_account = _account(wire, MAIL)
    if mail_account is None:
        offers = ", ".join(map(plain_name, sorted(wire.capabilities))) or "no capabilities"
        raise BadReply(
            f"the session offers no mail account ({offers})",
            expected=f"{MAIL}; does the token allow access to mail?",
        )
    return Session(
        state=wire.state,
        username=wire.username,
        api_url=trusted_url(wire.api_url, read_from, "apiUrl"),
        event_source_url=_event_source_url(wire.event_source_url, read_from),
        read_from=read_from,
        upload_url=wire.upload_url or "",
        download_url=wire.download_url or "",
        mail_account=mail_account,
        mail_account_name=wire.accounts[mail_account].name,
        contacts_account=_account(wire, CONTACTS),
        sieve=_sieve(wire),
        read_only=frozenset(id for id, account in wire.accounts.items() if account.is_read_only),
        identities=_account(wire, SUBMISSION) == mail_account,
        limits=_read_limits(wire.capabilities.get(CORE) or {}),
    )


def _account(wire: _Wire, capability: str) -> str | None:
    """The account to use for a capability: the primary one, else the first by id that has it."""
    if capability not in wire.capabilities:
        return None
    primary = wire.primary_accounts.get(capability)
    if primary in wire.accounts:
        return primary
    having = (id for id, account in wire.accounts.items() if capability in account.account_capabilities)
    return min(having, default=None)


def _sieve(wire: _Wire) -> SieveAccess | None:
    for capability in (SIEVE, CYRUS_SIEVE):
        account = _account(wire, capability)
        if account is not None:
            details = _read_sieve(wire.accounts[account].account_capabilities.get(capability) or {})
            return SieveAccess(
                account_id=account,
                capability=capability,
                extensions=frozenset(details.sieve_extensions),
                external_lists=frozenset(details.external_lists or ()),
                max_size=details.max_size_script,
            )
    return None


def _event_source_url(url: str | None, read_from: httpx.URL) -> str | None:
    if not url:
        return None
    # Joined as text up to the template part: httpx.URL would percent-encode the braces of a URI template.
    plain, brace, template = url.partition("{")
    start, mark, query = plain.partition("?")
    absolute = str(trusted_url(start, read_from, "eventSourceUrl")) + mark + query
    trusted_url(absolute, read_from, "eventSourceUrl")  # the query may be what no url can hold
    return absolute + brace + template
