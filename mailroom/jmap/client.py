"""One login at a JMAP server: finds the session, sends batches, turns what goes wrong into typed errors."""

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

import httpx
import structlog
import trio
import uritemplate

from mailroom.errors import BadReply, ServerFailed, TooLarge, TooMany, Unavailable
from mailroom.http import Credentials, Reply, check_status, fetch, retry_after
from mailroom.http_clients import Http
from mailroom.jmap.batch import Batch, MethodError, Replies, Request, Slot, raise_if_transient
from mailroom.jmap.query import Kind, Search, T, search
from mailroom.jmap.session import CORE, Session, read_session
from mailroom.urls import joined, origin, place, trusted_url
from mailroom.wire import FIRST_FAULT, Json, Wire, decoded, reader

log = structlog.get_logger(component="jmap")

MAX_PAGES = 500
_MAX_REDIRECTS = 5
_WELL_KNOWN = "/.well-known/jmap"
_LIMIT = re.compile(r'"limit"\s*:\s*"(\w{1,40})"')


class _Response(Wire):
    method_responses: Annotated[tuple[tuple[str, Any, str], ...], FIRST_FAULT]
    session_state: str = ""


class _Upload(Wire):
    blob_id: str


_read_response = reader(_Response)
_read_upload = reader(_Upload)


class Client:
    """A JMAP client. Every method raises `Unavailable`, `Refused` or `BadReply`.

    `requests_sent` counts requests to the API (RFC 8620 §3.3), answered or not.
    """

    def __init__(self, http: Http, session_url: httpx.URL, authorization: Credentials) -> None:
        self._http = http
        self._session_url = session_url
        self.credentials = authorization
        self._session: Session | None = None
        self._outdated = False
        self._nests_mailboxes = True
        self._reply_state: str | None = None
        self._one_at_a_time = trio.Lock()
        self.requests_sent = 0

    async def session(self) -> Session:
        """The session as last read; the first call reads it, and so does one after the server announced a change."""
        async with self._one_at_a_time:
            if self._session is None or self._outdated:
                self._session = replace(await self._fetch_session(), nests_mailboxes=self._nests_mailboxes)
                self._outdated = False
            return self._session

    @property
    def mail_account(self) -> str:
        """The id of the mail account in the session as last read; empty before the first."""
        return "" if self._session is None else self._session.mail_account

    async def refresh(self) -> Session:
        """Read the session again."""
        self._outdated = True
        return await self.session()

    def nest_no_mailboxes(self) -> None:
        """From now on, `session` says that the server doesn't take it."""
        self._nests_mailboxes = False
        self._session = None if self._session is None else replace(self._session, nests_mailboxes=False)

    async def send(self, batch: Batch) -> Replies:
        """Send every call of the batch, in as few requests as the limits allow, one after the other.

        A call that fails for a passing reason (`serverFail`, `rateLimit` …) raises `Unavailable`; any other
        method error is in the replies.
        """
        session = await self.session()
        results: dict[str, object] = {}
        try:
            for request in batch.requests(session.limits):
                results |= await self._answer(session, request)
        except ServerFailed:
            # A reply came: had the session changed, it would have said so.
            raise
        except (BadReply, Unavailable):
            # The api's url or the limits may have changed: no reply came that could have said so.
            self._outdated = True
            raise
        if any(isinstance(result, MethodError) and result.is_about_the_account for result in results.values()):
            # It may have got another id, or other rights.
            self._outdated = True
        return Replies(results)

    async def upload(self, account_id: str, data: bytes, content_type: str) -> str:
        """Store data for later calls; returns its blob id (RFC 8620 §6.1)."""
        session = await self.session()
        url = self._trusted(session, session.upload_url, "uploadUrl", accountId=account_id)
        headers = {"Content-Type": content_type}
        reply = await fetch(self._http, "POST", url, auth=self.credentials, headers=headers, content=data)
        check_status(reply, url)
        return _read_upload(await decode_json(reply)).blob_id

    async def download(self, account_id: str, blob_id: str, content_type: str) -> bytes:
        """The data of a blob (RFC 8620 §6.2)."""
        session = await self.session()
        values = {"accountId": account_id, "blobId": blob_id, "type": content_type, "name": "blob"}
        url = self._trusted(session, session.download_url, "downloadUrl", **values)
        reply = await fetch(self._http, "GET", url, auth=self.credentials)
        check_status(reply, url)
        return reply.body

    def _trusted(self, session: Session, template: str, what: str, **values: str) -> httpx.URL:
        """A url that the session names as a template, which may have the credentials from now on."""
        if not template:
            raise BadReply(f"the session has no {what}", expected="a url template")
        try:
            url = uritemplate.expand(template, None, **values)
        except ValueError:  # a prefix that is no number, as in {blobId:x}
            raise BadReply(f"the session's {what} is malformed", expected="a url template") from None
        trusted = trusted_url(url, session.read_from, what)
        self.credentials.trust(trusted)
        return trusted

    async def all_found(self, first: Search[T], replies: Replies) -> tuple[T, ...]:
        """Everything that a search finds, whose first page is in `replies`; sorted by id, each once.

        More pages cost a request each. Raises `TooMany` where there is no end of them, or too late.
        """
        page = first
        pages = 1
        # The query before the objects: where it failed, the /get that refers to it has an error that says nothing.
        seen = set(replies[page.query].ids)
        found = {item.id: item for item in replies[page.objects]}
        if len(seen) >= (await self.session()).limits.max_objects_in_get:
            # Else it is told after minutes. Beside a page that isn't full the total may be wrong.
            _check_count(page.kind, replies[page.query].total or 0)
        while (position := replies[page.query].next_position) is not None:
            _check_count(page.kind, max(len(seen), len(found)))
            if pages >= MAX_PAGES:
                raise TooMany(f"{page.query.name} goes on after {pages} pages", expected=f"at most {MAX_PAGES} pages")
            pages += 1
            batch = Batch()
            limits = (await self.session()).limits
            page = search(batch, page.kind, page.account_id, limits, page.filter, position=position)
            replies = await self.send(batch)
            ids = set(replies[page.query].ids)
            found |= {item.id: item for item in replies[page.objects]}
            if ids and ids <= seen:
                raise BadReply(f"{page.query.name} gives the same page again", expected="the page at another position")
            seen |= ids
        _check_count(page.kind, len(found))
        return tuple(found[id] for id in sorted(found))

    async def all_of(self, kind: Kind[T], account_id: str, got: Slot[tuple[T, ...]], replies: Replies) -> tuple[T, ...]:
        """All objects of a kind, of which `kind.get_all` was asked in `replies`.

        A server may refuse to give more than `maxObjectsInGet` at once (RFC 8620 §5.1), or leave the others out: then
        they are searched for, page by page.
        """
        session = await self.session()
        error = replies.error(got)
        if not (error is not None and error.type == "requestTooLarge"):
            objects = replies[got]
            _check_count(kind, len(objects))
            if len(objects) < session.limits.max_objects_in_get:
                return objects
        batch = Batch()
        first = search(batch, kind, account_id, session.limits, {})
        return await self.all_found(first, await self.send(batch))

    async def _answer(self, session: Session, request: Request) -> dict[str, object]:
        """The results of a request; where the answer is too large, in as many parts as it takes."""
        try:
            return await self._post(session, request)
        except TooLarge:
            halves = request.halves()
            if not halves:
                raise
        return {id: result for half in halves for id, result in (await self._answer(session, half)).items()}

    async def _post(self, session: Session, request: Request) -> dict[str, object]:
        using = sorted({CORE, *request.using})
        body: Json = {"using": using, "methodCalls": request.method_calls}
        self.requests_sent += 1
        reply = await fetch(self._http, "POST", session.api_url, auth=self.credentials, json_body=body)
        if reply.status == HTTPStatus.BAD_REQUEST:
            raise _bad_request(reply, using).saying(reply.beginning)
        check_status(reply, session.api_url)
        response = _read_response(await decode_json(reply))
        self._note_state(response.session_state)
        results = await request.read(response.method_responses)
        _raise_if_transient(results)
        return results

    def _note_state(self, state: str) -> None:
        """A reply's `sessionState` that moved since the last reply makes the next call read the session again.

        Compared with the last reply's too, not only with the session's: a server whose two never agree would
        otherwise cost a session read on every request.
        """
        session = self._session
        if session is not None and not self._outdated and state not in (session.state, self._reply_state):
            log.debug("session_changed")
            self._outdated = True
        self._reply_state = state

    async def _fetch_session(self) -> Session:
        if self._session_url.path not in ("", "/"):
            return await self._session_at(self._session_url)
        try:
            return await self._session_at(self._session_url.join(_WELL_KNOWN))
        except BadReply as nothing:
            # Any web page may lie at the one or the other; the well-known place is that of JMAP (RFC 8620 §2.2).
            try:
                return await self._session_at(self._session_url)
            except BadReply:
                raise nothing from None

    async def _session_at(self, start: httpx.URL) -> Session:
        url = start
        for _ in range(_MAX_REDIRECTS):
            reply = await fetch(self._http, "GET", url, auth=self.credentials)
            if reply.location is None:
                break
            url = self._redirected(url, reply.location)
        else:
            raise BadReply(f"{place(start)} redirects again and again", expected="a JMAP session")
        if reply.status == HTTPStatus.NOT_FOUND:
            missing = BadReply(
                f"{place(start)} answered HTTP 404", expected="a JMAP session; is the session url right?"
            )
            raise missing.saying(reply.beginning)
        check_status(reply, url)
        session = read_session(await decode_json(reply), url)
        self.credentials.trust(session.api_url)
        if session.event_source_url is not None:
            self.credentials.trust(httpx.URL(session.event_source_url.partition("{")[0]))
        return session

    def _redirected(self, url: httpx.URL, location: str) -> httpx.URL:
        """Where a redirect of the session url leads; another origin would need the credentials and doesn't get them."""
        target = joined(url, location)
        if not self.credentials.trusts(target):
            raise BadReply(
                f"{origin(url)} redirects to another server, {origin(target)}",
                expected="a redirect on the same server; if the other one is right, set the session url to it",
            )
        return target


def _check_count(kind: Kind[T], found: int) -> None:
    """A server without end, or one whose answers hold what wasn't asked for, must not fill the memory."""
    if found > kind.most:
        raise TooMany(f"the server has {found:,} of {kind.name}, or more", expected=f"at most {kind.most:,}")


async def decode_json(reply: Reply) -> object:
    """The decoded JSON body. Raises `TooLarge`, or `BadReply` that names what came, never its text."""
    try:
        return await decoded(reply.body)
    except ValueError:
        what = f"{reply.content_type}, {len(reply.body)} bytes"
        raise BadReply(f"{origin(reply.url)} sent {what}", expected="a JSON document").saying(reply.beginning) from None


def _bad_request(reply: Reply, using: list[str]) -> Unavailable | BadReply:
    """What HTTP 400 from the API means: a problem document (RFC 8620 §3.6.1), or plain text from Fastmail."""
    text = reply.body.decode(errors="replace")
    if "urn:ietf:params:jmap:error:limit" in text:
        limit = _LIMIT.search(text)
        return Unavailable(
            f"the server's limit {limit[1]} is reached" if limit else "the server's request limit is reached",
            retry_after=retry_after(reply),
        )
    refused = [capability for capability in using if capability != CORE and capability in text]
    return BadReply(
        f"the server refused a request that uses {', '.join(refused or using)} (HTTP 400)",
        expected="access to these; does the token allow it?",
    )


def _raise_if_transient(results: Mapping[str, object]) -> None:
    for result in results.values():
        if isinstance(result, MethodError):
            raise_if_transient(result)
