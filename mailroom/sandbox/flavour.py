"""What differs between the servers that the sandbox can play."""

from __future__ import annotations

from dataclasses import dataclass

from mailroom.sandbox.errors import SandboxError


@dataclass(frozen=True)
class Limits:
    """The server's limits (RFC 8620 section 2): counts of objects or calls, sizes in octets.

    `max_query_page` isn't announced: the server silently answers a query with at most that many ids. Neither is
    `max_keywords_per_mailbox`: mail whose keyword would be one name more in its mailbox is refused with `serverFail`,
    as Cyrus does at 100.
    """

    max_size_upload: int = 50_000_000
    max_concurrent_upload: int = 4
    max_size_request: int = 10_000_000
    max_concurrent_requests: int = 10
    max_calls_in_request: int = 50
    max_objects_in_get: int = 4096
    max_objects_in_set: int = 4096
    max_query_page: int | None = None
    max_mailboxes_per_email: int | None = None
    max_keywords_per_mailbox: int | None = None
    max_size_script: int | None = None


@dataclass(frozen=True)
class Flavour:
    """One server's manners. `{base}` in a url stands for the origin that the client asked.

    `connect_type` is the `type` of an event sent on every connection, None for no such event;
    `change_marker` is the member that tells a state change from other payloads. `numbers_events`: events
    carry an `id:`, and Last-Event-ID brings what was missed. `sends_pings`: the `ping` argument counts.
    `sieve_extensions` are those of its Sieve, None where scripts can't be managed over JMAP.
    """

    name: str
    api_url: str
    upload_url: str
    download_url: str
    event_source_url: str
    connect_type: str | None
    change_marker: tuple[str, str]
    numbers_events: bool
    sends_pings: bool
    may_create_address_book: bool
    sieve_extensions: tuple[str, ...] | None


FASTMAIL = Flavour(
    name="fastmail",
    api_url="{base}/jmap/api/",
    upload_url="{base}/jmap/upload/{accountId}/",
    download_url="{base}/jmap/download/{accountId}/{blobId}/{name}?type={type}",
    event_source_url="{base}/jmap/event/",
    connect_type="connect",
    change_marker=("type", "change"),
    numbers_events=False,
    sends_pings=False,
    may_create_address_book=False,
    sieve_extensions=None,
)
CYRUS = Flavour(
    name="cyrus",
    api_url="/jmap/api/",
    upload_url="/jmap/upload/{accountId}/",
    download_url="/jmap/download/{accountId}/{blobId}/{name}?type={type}",
    event_source_url="/jmap/event/?types={types}&closeafter={closeafter}&ping={ping}",
    connect_type=None,
    change_marker=("@type", "StateChange"),
    numbers_events=True,
    sends_pings=True,
    may_create_address_book=True,
    sieve_extensions=("copy", "fileinto", "include", "mailbox", "mailboxid"),
)
FLAVOURS = {flavour.name: flavour for flavour in (FASTMAIL, CYRUS)}


def flavour_named(name: str) -> Flavour:
    """The flavour called `name`. Raises SandboxError that lists the known names."""
    if name not in FLAVOURS:
        raise SandboxError(f"There is no sandbox flavour {name!r}: use one of {', '.join(FLAVOURS)}.")
    return FLAVOURS[name]
