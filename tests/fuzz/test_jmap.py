"""Answers of a JMAP server, through the client: HTTP, JSON, session, method responses, and what is made of them."""

import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import trio
from hypothesis import strategies as st
from pydantic import SecretStr

from mailroom.addresses import canonical
from mailroom.contacts import jscontact
from mailroom.contacts.base import Card, CardEdit, Fields
from mailroom.contacts.jmap import JmapContacts
from mailroom.http import Credentials, bearer
from mailroom.jmap.batch import Batch
from mailroom.jmap.cards import CARD, ContactCard, create_cards, get_address_books
from mailroom.jmap.client import Client
from mailroom.jmap.event_stream import event_source_url
from mailroom.jmap.mail import EMAIL, Move, get_identities, move_emails
from mailroom.jmap.mailbox import get_mailboxes, get_rights
from mailroom.jmap.query import search
from mailroom.jmap.session import CONTACTS, CORE, MAIL, SIEVE, SUBMISSION, Limits, Session
from mailroom.jmap.set import merged_errors
from mailroom.jmap.sieve import get_scripts, validate_script
from mailroom.names import display_name
from mailroom.wire import Json
from tests.fuzz.mutations import Tape, made, spoilt_json
from tests.fuzz.promises import MARK, a_value_or_a_clear_error, assert_sane
from tests.fuzz.running import fuzzed

URL = httpx.URL("https://jmap.example/.well-known/jmap")
URNS = (CORE, MAIL, SUBMISSION, CONTACTS, SIEVE)
ADDRESS = f"{MARK}@example.org"

SESSION: dict[str, Any] = {
    "capabilities": {urn: {} for urn in URNS} | {CORE: {"maxCallsInRequest": 50, "maxObjectsInGet": 500}},
    "accounts": {
        "u1": {
            "name": "jane",
            "isReadOnly": False,
            "accountCapabilities": {urn: {} for urn in URNS}
            | {SIEVE: {"sieveExtensions": ["fileinto"], "maxSizeScript": 9}},
        },
        "u2": {"accountCapabilities": {MAIL: {}}},
    },
    "primaryAccounts": dict.fromkeys(URNS, "u1"),
    "username": "jane",
    "apiUrl": "/jmap/api",
    "eventSourceUrl": "https://jmap.example/event?types={types}&closeafter={closeafter}&ping={ping}",
    "uploadUrl": "/upload/{accountId}/",
    "downloadUrl": "/download/{accountId}/{blobId}/{name}?type={type}",
    "state": "s1",
}
PROBLEMS: list[dict[str, Any]] = [
    {"type": "urn:ietf:params:jmap:error:limit", "limit": "maxConcurrentRequests", "status": 429, "detail": MARK},
    {"type": "urn:ietf:params:jmap:error:unknownCapability", "detail": f"{CONTACTS} {MARK}"},
    {"type": "about:blank", "title": MARK},
]
CARDS: list[Json] = [
    {
        "id": "c1",
        "uid": "u-1",
        "kind": "individual",
        "name": {"full": MARK, "components": [{"kind": "given", "value": MARK}, {"kind": "surname", "value": MARK}]},
        "organizations": {"o1": {"name": MARK, "units": [{"name": MARK}]}},
        "emails": {"e1": {"address": ADDRESS}, "e/2": {"address": "b@bücher.example", "contexts": {"work": True}}},
        "notes": {"n1": {"note": MARK}, "n~2": {"note": f"{MARK}\nmore", "author": {"name": MARK}}},
        "created": "2026-03-05T12:00:00Z",
        "phones": {"p": {"number": MARK}},
    },
    {"id": "g1", "uid": "u-2", "kind": "group", "name": {"full": "Feed"}, "members": {"u-1": True, "u-3": False}},
]
MAIL_OBJECT: Json = {
    "id": "m1",
    "mailboxIds": {"a": True, "b": False},
    "from": [{"name": MARK, "email": ADDRESS}, {"name": None, "email": None}],
    "receivedAt": "2026-03-05T12:00:00Z",
}
MAILBOX: Json = {"id": "a", "name": "Feed", "parentId": None, "role": None, "myRights": {"mayReadItems": True}}
SET: Json = {
    "created": {"k1": {"id": "c9"}, "k2": None},
    "notCreated": {"k3": {"type": "invalidProperties", "properties": ["uid"], "description": "no", "existingId": "c1"}},
    "notUpdated": {"m1": {"type": "forbidden"}},
    "notDestroyed": None,
}


async def mails(client: Client, limits: Limits) -> object:
    batch = Batch()
    page = search(batch, EMAIL, "u1", limits, {"inMailbox": "a"})
    found = await client.all_found(page, await client.send(batch))
    senders = [sender for mail in found for sender in mail.senders or ()]
    return found, [(canonical(sender.email), display_name(sender.name)) for sender in senders]


async def cards(client: Client, limits: Limits) -> object:
    batch = Batch()
    page = search(batch, CARD, "u1", limits, {})
    found = await client.all_found(page, await client.send(batch))
    book = jscontact.whole_book(found)
    by_id = {card.id: card for card in found if isinstance(card, ContactCard)}
    edits = [CardEdit(card, Fields("A", "B", "C", "D"), f"{card.note}\nnew") for card in book.cards]
    patches = [jscontact.patch(edit, by_id[edit.card.ref]) for edit in edits]
    json.dumps(patches, allow_nan=False)
    return book, patches, [jscontact.address_patch(ADDRESS, card) for card in by_id.values()]


async def whole_cards(client: Client, limits: Limits) -> object:
    contacts = JmapContacts(client, "u1", limits)
    return await contacts.nothing().extras([Card("c1", "u-1", Fields(), frozenset(), "")])


async def objects(client: Client, limits: Limits) -> object:
    batch = Batch()
    mailboxes = batch.add(get_mailboxes("u1"))
    slots = [batch.add(call) for call in (get_identities("u1"), get_rights("u1"), CARD.get_state("u1"))]
    books = batch.add(get_address_books("u1"))
    replies = await client.send(batch)
    return replies[mailboxes], [replies[slot] for slot in slots], jscontact.default_book(replies[books])


async def sets(client: Client, limits: Limits) -> object:
    batch = Batch()
    session = await client.session()
    assert session.sieve is not None
    scripts, valid = batch.add(get_scripts("u1")), batch.add(validate_script(session.sieve, "b1"))
    slots = (*create_cards(batch, "u1", limits, {"k1": {}}), *move_emails(batch, session, {"m1": Move(frozenset("a"))}))
    replies = await client.send(batch)
    errors = merged_errors(replies[slot] for slot in slots)
    return replies[scripts], str(replies[valid]), {id: str(error) for id, error in errors.items()}


STOCK = Limits(
    max_concurrent_requests=4,
    max_calls_in_request=50,
    max_objects_in_get=500,
    max_objects_in_set=500,
    max_size_request=10_000_000,
)

Question = Callable[[Client, Limits], Awaitable[object]]


def answers(*responses: tuple[str, Json]) -> dict[str, Json]:
    numbered = [[name, arguments, f"c{index}"] for index, (name, arguments) in enumerate(responses)]
    return {"methodResponses": numbered, "sessionState": "s1"}


QUESTIONS: list[tuple[Question, dict[str, Json]]] = [
    (
        mails,
        answers(("Email/query", {"ids": ["m1"], "position": 0, "total": 1}), ("Email/get", {"list": [MAIL_OBJECT]})),
    ),
    (cards, answers(("ContactCard/query", {"ids": ["c1", "g1"], "position": 0}), ("ContactCard/get", {"list": CARDS}))),
    (whole_cards, answers(("ContactCard/get", {"list": CARDS[:1]}))),
    (
        objects,
        answers(
            ("Mailbox/get", {"list": [MAILBOX]}),
            ("Identity/get", {"list": [{"id": "i", "email": ADDRESS}]}),
            ("Mailbox/get", {"list": [MAILBOX]}),
            ("ContactCard/get", {"list": [], "state": "s1"}),
            ("AddressBook/get", {"list": [{"id": "b1", "isDefault": True}]}),
        ),
    ),
    (
        sets,
        answers(
            ("SieveScript/get", {"list": [{"id": "x", "name": "mine", "isActive": True, "blobId": "b1"}]}),
            ("SieveScript/validate", {"error": {"type": "invalidSieve", "description": "line 1"}}),
            ("ContactCard/set", SET),
            ("Email/set", SET),
        ),
    ),
]

_HEADERS = (
    *({"Content-Type": it} for it in ("application/json", "text/html; charset=x", "é" * 50)),
    *(
        {"Retry-After": it}
        for it in ("5", "-1", "1e5", "²", "9" * 400, "Wed, 21 Oct 2026 07:28:00 GMT", "Mon, 31 Feb 0000")
    ),
    *({"Location": it} for it in ("/x", "https://elsewhere.example/", "//[", "http://:99999999999999999999/", "")),
    *({"Content-Encoding": it} for it in ("gzip", "br", "identity", "x" * 3_000)),
)
_statuses = st.sampled_from([200] * 12 + [201, 204, 302, 400, 400, 401, 403, 404, 429, 500, 503])
_headers = st.sampled_from([{}] * 30 + list(_HEADERS))


def asked(tape: Tape) -> tuple[Question, bytes]:
    """A question, and the body that comes instead of its answer."""
    question, answer = tape.pick(_QUESTIONS)
    return question, spoilt_json(tape, answer if tape.below(16) < 15 else tape.pick(_PROBLEMS))


_QUESTIONS = [(question, json.dumps(answer)) for question, answer in QUESTIONS]
_PROBLEMS = [json.dumps(problem) for problem in PROBLEMS]


@dataclass(frozen=True)
class Answer:
    """What a server sends: `body` may be packed."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __call__(self, _: httpx.Request) -> httpx.Response:
        packed = gzip.compress(self.body, 1) if self._is_gzip and len(self.body) % 4 else self.body
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        # As a stream, as it comes from a socket: httpx unpacks a body that it is given whole.
        return httpx.Response(self.status, headers=headers, stream=httpx.ByteStream(packed))

    @property
    def _is_gzip(self) -> bool:
        return self.headers.get("Content-Encoding") == "gzip"


def client(http: httpx.AsyncClient) -> Client:
    return Client(http, URL, Credentials(bearer(SecretStr(MARK)), URL))


async def session_of(answer: Answer) -> Session:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return await client(http).session()


async def answered(question: Question, answer: Answer) -> object:
    def route(request: httpx.Request) -> httpx.Response:
        return answer(request) if request.method == "POST" else httpx.Response(200, stream=httpx.ByteStream(_SESSION))

    async with httpx.AsyncClient(transport=httpx.MockTransport(route)) as http:
        return await question(client(http), STOCK)


_SESSION = json.dumps(SESSION).encode()
_SESSIONS = [json.dumps(document) for document in ([SESSION] * 8 + PROBLEMS)]


@fuzzed(percent=6, body=made(lambda tape: spoilt_json(tape, tape.pick(_SESSIONS))), status=_statuses, headers=_headers)
def test_any_session_is_read_or_is_a_clear_error(body: bytes, status: int, headers: dict[str, str]) -> None:
    with a_value_or_a_clear_error():
        session = trio.run(session_of, Answer(status, headers, body))
        assert_sane(session)
        if session.event_source_url is not None:
            event_source_url(session.event_source_url)


@fuzzed(percent=13, answer=made(asked), status=_statuses, headers=_headers)
def test_any_answer_to_a_call_is_read_or_is_a_clear_error(
    answer: tuple[Question, bytes], status: int, headers: dict[str, str]
) -> None:
    question, body = answer
    with a_value_or_a_clear_error():
        assert_sane(trio.run(answered, question, Answer(status, headers, body)))
