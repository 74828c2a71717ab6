"""HTTP exchanges with a CardDAV server: what to send, and what each answer means."""

from http import HTTPStatus

import httpx
import trio

from mailroom.contacts import webdav
from mailroom.contacts.webdav import Resource
from mailroom.errors import BadReply, BatchRefused, SenderFailed, Unavailable
from mailroom.http import Credentials, Reply, check_status, fetch, login_refused, retry_after
from mailroom.http_clients import Http
from mailroom.urls import origin

# Cyrus answers 415 to a REPORT without a content type.
_XML = "application/xml; charset=utf-8"
_VCARD = "text/vcard; charset=utf-8"

_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN})
_NO_RIGHTS = "need-privileges"  # RFC 3744 §7.1.1

_ASKS_FOR_PATIENCE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


RESOURCES_AT_A_TIME = 100
"""Read without a checkpoint: 20 ms of work, unless they are large."""


class AnotherServer(BadReply):
    """A redirect or a href leads to a server that we don't know, and that doesn't get our credentials."""

    def __init__(self, url: httpx.URL, url_key: str) -> None:
        super().__init__(
            f"the contacts server sends us to another server, {origin(url)}",
            expected=f"one server; if the other one is right, set {url_key} to it",
        )


class CardRefused(SenderFailed):
    """The server doesn't take this one card; `precondition` names the rule (RFC 6352 §6.3.2.1), if it gave one."""

    def __init__(self, status: int, precondition: str) -> None:
        reason = f"HTTP {status}, {precondition}" if precondition else f"HTTP {status}"
        super().__init__(f"the contacts server refuses the card: {reason}")
        self.precondition = precondition


class ReportRefused(BatchRefused):
    """The server doesn't take this REPORT, perhaps for an address in it (RFC 6352 §8.6); another one it may take."""

    def __init__(self, url: httpx.URL, reason: str) -> None:
        super().__init__(f"{origin(url)} refuses to search the address book: {reason}")


class Dav:
    """A CardDAV server. Every method raises `Unavailable`, `Refused` or `BadReply`.

    The credentials go to trusted origins only; a url anywhere else is not even asked. `url_key` is what the user knows
    the server's url as.
    """

    def __init__(self, http: Http, credentials: Credentials, url_key: str) -> None:
        self.url_key = url_key
        self._http = http
        self._credentials = credentials

    async def propfind(self, url: httpx.URL, body: bytes, *, depth: int) -> Reply:
        """The answer as it came, whatever its status, except for refused credentials and outages."""
        reply = await self._send("PROPFIND", url, {"Content-Type": _XML, "Depth": str(depth)}, body)
        _check_login(reply)
        return reply

    async def report(self, url: httpx.URL, body: bytes) -> list[Resource]:
        """The resources found. Also raises `ReportRefused`."""
        reply = await self._send("REPORT", url, {"Content-Type": _XML, "Depth": "1"}, body)
        _check_login(reply)
        if reply.status in _REFUSALS:
            raise _report_refused(reply, self.url_key)
        check_status(reply, url)
        resources: list[Resource] = []
        for resource in webdav.read_multistatus(reply):
            resources.append(resource)
            if len(resources) % RESOURCES_AT_A_TIME == 0:
                await trio.lowlevel.checkpoint()
        return resources

    async def create(self, url: httpx.URL, card: str) -> Reply | None:
        """PUT a card that isn't there yet; None if it is. Also raises `CardRefused`."""
        return await self._put(url, card, {"If-None-Match": "*"})

    async def replace(self, url: httpx.URL, card: str, *, etag: str) -> Reply | None:
        """PUT a card over the one with this ETag; None if it has another by now. Also raises `CardRefused`."""
        return await self._put(url, card, {"If-Match": etag})

    async def delete(self, url: httpx.URL, *, etag: str) -> bool:
        """DELETE the card with this ETag, False if it has another by now. Also raises `CardRefused`.

        One that is gone already counts as deleted.
        """
        reply = await self._send("DELETE", url, {"If-Match": etag}, None)
        _check_login(reply)
        if reply.status == HTTPStatus.PRECONDITION_FAILED:
            return False
        if reply.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return True
        if 400 <= reply.status < 500:
            raise CardRefused(reply.status, webdav.precondition(reply))
        check_status(reply, url)
        return True

    async def _put(self, url: httpx.URL, card: str, condition: dict[str, str]) -> Reply | None:
        reply = await self._send("PUT", url, {"Content-Type": _VCARD, **condition}, card.encode())
        _check_login(reply)
        if reply.status == HTTPStatus.PRECONDITION_FAILED:
            return None
        if 400 <= reply.status < 500:
            raise CardRefused(reply.status, webdav.precondition(reply))
        check_status(reply, url)
        return reply

    async def _send(self, method: str, url: httpx.URL, headers: dict[str, str], body: bytes | None) -> Reply:
        if not self._credentials.trusts(url):
            raise AnotherServer(url, self.url_key)
        return await fetch(self._http, method, url, auth=self._credentials, headers=headers, content=body)


def _report_refused(reply: Reply, url_key: str) -> ReportRefused | BadReply:
    """A broken rule is about what was asked for; a lack of rights is about the address book, whatever is asked."""
    rule = webdav.precondition(reply)
    reason = f"HTTP {reply.status} {rule}".rstrip()
    if reply.status == HTTPStatus.BAD_REQUEST or rule not in ("", _NO_RIGHTS):
        return ReportRefused(reply.url, reason)
    return BadReply(
        f"{origin(reply.url)} doesn't let us read ({reason})",
        expected=f"access to the address book; is {url_key} right?",
    )


def _check_login(reply: Reply) -> None:
    """Raise what concerns no single card: refused credentials and outages."""
    where = origin(reply.url)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        raise login_refused(reply, where)
    if reply.status == HTTPStatus.INSUFFICIENT_STORAGE:
        raise Unavailable(f"{where} has no room left (HTTP 507): the quota is used up, or the disk is full")
    if reply.status in _ASKS_FOR_PATIENCE or reply.status >= 500:
        raise Unavailable(f"{where} answered HTTP {reply.status}", retry_after=retry_after(reply))
