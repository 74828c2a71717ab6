"""Fault switches: what the sandbox does wrong on purpose, and when.

A fault is put into `Faults` for one endpoint, or for any; it lets `skip` requests pass, then strikes `times`
times (None: until `clear`). A request meets one fault at most: the first that is put and due.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import repeat
from typing import Generic, TypeVar

from mailroom.sandbox.errors import Json, MethodError, SetError


class Endpoint(StrEnum):
    WELL_KNOWN = "well_known"
    SESSION = "session"
    API = "api"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    EVENT = "event"


@dataclass(frozen=True)
class Reply:
    """Answer this instead of doing anything; the request has no effect."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Delay:
    """Wait so many seconds, then act as usual."""

    seconds: float


@dataclass(frozen=True)
class CutBefore:
    """Close the connection without acting and without an answer."""


@dataclass(frozen=True)
class CutAfter:
    """Act, then close the connection before the answer."""


@dataclass(frozen=True)
class EditSession:
    """Answer the session as `edit` changes it."""

    edit: Callable[[Json], Json]


@dataclass(frozen=True)
class Stream:
    """An event stream of these octets, which may be endless; then it stays open, or ends if `ends`.

    `pause` are the seconds after each chunk.
    """

    chunks: Iterable[bytes]
    ends: bool = False
    pause: float = 0.0
    content_type: str = "text/event-stream"


Fault = Reply | Delay | CutBefore | CutAfter | EditSession | Stream


T = TypeVar("T")


@dataclass
class _Waiting(Generic[T]):
    """Something that strikes requests or calls of this name (None: of any name)."""

    name: str | None
    what: T
    skip: int
    times: int | None


@dataclass
class Faults:
    """`set_errors` maps ids (of mails, cards, mailboxes, or creation ids) to what a /set answers for them.

    `refused_texts` maps a text to what a call answers whose arguments contain it, as a server does that chokes
    on one address. `races` are the ids of objects that somebody else writes at the moment of the next /set: it
    waits, or is refused, as the flavour's `race_error` says. `struck` counts the faults that have struck, but for
    `set_errors` and `races`.
    """

    set_errors: dict[str, SetError] = field(default_factory=dict)
    refused_texts: dict[str, MethodError] = field(default_factory=dict)
    races: set[str] = field(default_factory=set)
    struck: int = 0
    _requests: list[_Waiting[Fault]] = field(default_factory=list)
    _calls: list[_Waiting[MethodError]] = field(default_factory=list)

    def next_request(
        self, fault: Fault, *, endpoint: Endpoint | None = Endpoint.API, skip: int = 0, times: int | None = 1
    ) -> None:
        """`endpoint` None: a request to any endpoint."""
        self._requests.append(_Waiting(endpoint, fault, skip, times))

    def method_error(self, method: str, error: MethodError, *, skip: int = 0, times: int | None = 1) -> None:
        """Answer calls of `method`, for example `Email/set`, with the error; the other calls run."""
        self._calls.append(_Waiting(method, error, skip, times))

    def clear(self) -> None:
        """Behave again."""
        self._requests.clear()
        self._calls.clear()
        self.set_errors.clear()
        self.races.clear()
        self.refused_texts.clear()

    def take(self, endpoint: Endpoint) -> Fault | None:
        """The fault for a request that arrives now. For the server."""
        fault = _take(self._requests, endpoint)
        self.struck += fault is not None
        return fault

    def take_method_error(self, method: str, arguments: Json) -> MethodError | None:
        """The error for a call that runs now. For the dispatcher."""
        spelled = json.dumps(arguments, ensure_ascii=False) if self.refused_texts else ""
        refused = next((error for text, error in self.refused_texts.items() if text in spelled), None)
        error = refused or _take(self._calls, method)
        self.struck += error is not None
        return error


def _take(queue: list[_Waiting[T]], name: str) -> T | None:
    for waiting in queue:
        if waiting.name not in (None, name):
            continue
        if waiting.skip > 0:
            waiting.skip -= 1
            continue
        if waiting.times is not None:
            waiting.times -= 1
            if waiting.times <= 0:
                queue.remove(waiting)
        return waiting.what
    return None


def html(status: int = 200) -> Reply:
    """A web page where JSON is wanted, as captive portals and proxies answer."""
    return Reply(status, b"<!DOCTYPE html><title>Sign in</title><p>Please sign in.", "text/html; charset=utf-8")


def half_json() -> Reply:
    """A JSON document that stops in the middle."""
    return Reply(body=b'{"sessionState":"1","methodResponses":[["Mailbox/get",{"accountId":"u1","li')


def json_reply(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


def status(code: int, *, retry_after: str | None = None, body: bytes = b"") -> Reply:
    """An HTTP error. `retry_after` is the header's text: seconds or an HTTP date."""
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Reply(code, body, "text/plain", headers)


def problem(kind: str, code: int = 400, *, limit: str | None = None) -> Reply:
    """A problem document, for example problem("limit", 429, limit="maxConcurrentRequests")."""
    document: Json = {"type": f"urn:ietf:params:jmap:error:{kind}", "status": code, "detail": "set by a test"}
    if limit is not None:
        document["limit"] = limit
    return Reply(code, json.dumps(document).encode(), "application/problem+json")


def redirect(location: str, code: int = 302) -> Reply:
    return Reply(code, b"", "text/plain", (("Location", location),))


def without_capability(urn: str) -> EditSession:
    """A session that offers no such capability, neither for the server nor for any account."""

    def edit(session: Json) -> Json:
        def pruned(value: Json) -> Json:
            return {name: inner for name, inner in value.items() if name != urn}

        accounts = {
            account_id: {**account, "accountCapabilities": pruned(account["accountCapabilities"])}
            for account_id, account in session["accounts"].items()
        }
        return {
            **session,
            "capabilities": pruned(session["capabilities"]),
            "primaryAccounts": pruned(session["primaryAccounts"]),
            "accounts": accounts,
        }

    return EditSession(edit)


def endless_line(chunk: int = 65_536) -> Stream:
    """A stream whose first line never ends; each write has `chunk` octets."""
    return Stream(repeat(b"x" * chunk))


def huge_event(octets: int = 5_000_000) -> Stream:
    """One event of that size, complete."""
    return Stream((b"event: state\ndata: ", b"x" * octets, b"\n\n"))


def only_comments(count: int = 1000, *, pause: float = 0.0) -> Stream:
    return Stream((b": still here\n\n",) * count, pause=pause)


def half_event() -> Stream:
    """The beginning of an event, then the end of the stream."""
    return Stream((b'event: state\ndata: {"changed":',), ends=True)


def retry_field(milliseconds: str) -> Stream:
    """A `retry:` field, then the end of the stream."""
    return Stream((f"retry: {milliseconds}\n\n".encode(),), ends=True)


def empty_stream() -> Stream:
    """A stream that ends at once."""
    return Stream((), ends=True)
