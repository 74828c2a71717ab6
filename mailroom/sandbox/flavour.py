"""What differs between the servers that the sandbox can play."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailroom.sandbox.errors import SandboxError
from mailroom.sandbox.matching import Finds, part_of, words_of
from mailroom.sandbox.threads import ByReferences, EachAlone, NewThreading


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
    """One server's manners; what has a default here is as the standards say. `{base}` in a url is the client's origin.

    Events: `connect_type` is the `type` of an event sent on every connection, None for no such event;
    `change_marker` is the member that tells a state change from other payloads. `numbers_events`: events
    carry an `id:`, and Last-Event-ID brings what was missed. `sends_pings`: the `ping` argument counts, from
    `least_ping` seconds; a second is `ping_unit` in what the ping says. `close_after_argument`: how `closeafter` is
    called. `demands_event_arguments`: none may be missing. `refuses_unknown_types`: in `types`.

    Sets: `checks_state`: `ifInState` counts, and there is an `oldState`. `race_error` is the SetError for an object
    that somebody else writes at the same moment, None where such writes wait for each other.

    Mail: `finds_text` is how the text of a condition is found. `nests_mailboxes`: `inMailbox` may be in an operator.
    `gives_total`: `calculateTotal` counts. `threading` is how threads are formed.

    `sieve_extensions` are those of its Sieve, None where scripts can't be managed over JMAP.
    """

    name: str
    api_url: str
    upload_url: str
    download_url: str
    event_source_url: str
    limits: Limits = field(default_factory=Limits)
    may_create_address_book: bool = True
    sieve_extensions: tuple[str, ...] | None = None
    connect_type: str | None = None
    change_marker: tuple[str, str] = ("@type", "StateChange")
    numbers_events: bool = False
    sends_pings: bool = True
    least_ping: int = 1
    ping_unit: int = 1
    close_after_argument: str = "closeafter"
    demands_event_arguments: bool = False
    refuses_unknown_types: bool = False
    checks_state: bool = True
    race_error: str | None = None
    finds_text: Finds = part_of
    nests_mailboxes: bool = True
    gives_total: bool = True
    threading: NewThreading = ByReferences


FASTMAIL = Flavour(
    name="fastmail",
    api_url="{base}/jmap/api/",
    upload_url="{base}/jmap/upload/{accountId}/",
    download_url="{base}/jmap/download/{accountId}/{blobId}/{name}?type={type}",
    event_source_url="{base}/jmap/event/",
    may_create_address_book=False,
    connect_type="connect",
    change_marker=("type", "change"),
    sends_pings=False,
)
CYRUS = Flavour(
    name="cyrus",
    api_url="/jmap/api/",
    upload_url="/jmap/upload/{accountId}/",
    download_url="/jmap/download/{accountId}/{blobId}/{name}?type={type}",
    event_source_url="/jmap/event/?types={types}&closeafter={closeafter}&ping={ping}",
    limits=Limits(max_mailboxes_per_email=20, max_keywords_per_mailbox=100),
    sieve_extensions=("copy", "fileinto", "include", "mailbox", "mailboxid"),
    numbers_events=True,
)
JAMES = Flavour(
    name="james",
    api_url="{base}/jmap/api/",
    upload_url="{base}/jmap/upload/{accountId}/",
    download_url="{base}/jmap/download/{accountId}/{blobId}/{name}?type={type}",
    event_source_url="{base}/jmap/event/?types={types}&closeAfter={closeafter}&ping={ping}",
    limits=Limits(
        max_size_upload=30_000_000,
        max_concurrent_requests=4,
        max_calls_in_request=16,
        max_objects_in_get=500,
        max_objects_in_set=500,
        max_query_page=256,
    ),
    close_after_argument="closeAfter",
    demands_event_arguments=True,
    checks_state=False,
    nests_mailboxes=False,
    gives_total=False,
    threading=EachAlone,
)
STALWART = Flavour(
    name="stalwart",
    api_url="{base}/jmap/api/",
    upload_url="{base}/jmap/upload/{accountId}/",
    download_url="{base}/jmap/download/{accountId}/{blobId}/{name}?type={type}",
    event_source_url="{base}/jmap/event/?types={types}&closeafter={closeafter}&ping={ping}",
    limits=Limits(
        max_concurrent_requests=4,
        max_calls_in_request=16,
        max_objects_in_get=500,
        max_objects_in_set=500,
        max_query_page=5000,
    ),
    sieve_extensions=("copy", "fileinto", "include", "mailbox", "mailboxid"),
    least_ping=30,
    ping_unit=1000,
    refuses_unknown_types=True,
    race_error="forbidden",
    finds_text=words_of,
)
FLAVOURS = {flavour.name: flavour for flavour in (FASTMAIL, CYRUS, JAMES, STALWART)}


def flavour_named(name: str) -> Flavour:
    """The flavour called `name`. Raises SandboxError that lists the known names."""
    if name not in FLAVOURS:
        raise SandboxError(f"There is no sandbox flavour {name!r}: use one of {', '.join(FLAVOURS)}.")
    return FLAVOURS[name]
