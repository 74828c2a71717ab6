"""The CardDAV contacts against answers that a good server never gives; tests/real has the good ones."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

import httpx
import pytest
import structlog
import trio
from pydantic import SecretStr

from mailroom import http as http_module
from mailroom.contacts.base import CardEdit, Change, Failures, Fields, LookUp, NewCard, Wanted
from mailroom.contacts.carddav import CardDav, discover
from mailroom.contacts.steps import before
from mailroom.errors import BadReply, MailroomError, Refused, TooLarge, Unavailable
from mailroom.http import Credentials, basic
from mailroom.jmap.batch import Batch
from tests.contacts.dav_server import Answer, DavServer, Request, dav_server
from tests.exhaustive import always
from tests.guard import GUARD_SECONDS

GROUP = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:g\r\nFN:Feed\r\nX-ADDRESSBOOKSERVER-KIND:group\r\nEND:VCARD\r\n"
IS_BOOK = "<d:resourcetype><d:collection/><c:addressbook/></d:resourcetype>"
HTML = {"Content-Type": "text/html"}
SABRE_ERROR = (
    '<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:sabredav-version>4.7</s:sabredav-version>'
    "<s:exception>Sabre</s:exception><s:message>secret of anna@example.com</s:message>{}</d:error>"
)
NEW_CARD = Change("anna@example.com", "uid", NewCard("uid", "anna@example.com", Fields("Anna"), "note"))


def multistatus(**props_by_href: str) -> Answer:
    """One response for each path, named by its last part: `book` is /book/."""
    return hrefs({"/book/" if name == "book" else f"/book/{name}.vcf": props for name, props in props_by_href.items()})


def hrefs(props_by_href: dict[str, str]) -> Answer:
    responses = [
        f"<d:response><d:href>{href}</d:href><d:propstat><d:prop>{props}</d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
        for href, props in props_by_href.items()
    ]
    namespaces = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"'
    return Answer(207, f"<d:multistatus {namespaces}>{''.join(responses)}</d:multistatus>")


def card(text: str, etag: str = '"1"') -> str:
    return f"<d:getetag>{escape(etag)}</d:getetag><c:address-data>{escape(text)}</c:address-data>"


@dataclass
class Script:
    """The answers to each method, in order, the last one again and again; PROPFIND finds a book at /book/."""

    by_method: dict[str, list[Answer]] = field(default_factory=dict)

    def __call__(self, request: Request) -> Answer:
        answers = self.by_method.get(request.method)
        if answers is None:
            return multistatus(book=IS_BOOK)
        return answers.pop(0) if len(answers) > 1 else answers[0]


@asynccontextmanager
async def opened(**by_method: list[Answer]) -> AsyncIterator[tuple[CardDav, DavServer]]:
    async with dav_server(Script(by_method)) as server:
        contacts = await open_contacts(server, "book/")
        server.requests.clear()
        yield contacts, server


async def open_contacts(server: DavServer, path: str = "") -> CardDav:
    url = server.url.join(path)
    credentials = Credentials(basic("user", SecretStr("password")), url)
    with trio.fail_after(GUARD_SECONDS):
        return await discover(server.http, url, credentials)


async def look_up(contacts: CardDav, *addresses: str) -> LookUp:
    with trio.fail_after(GUARD_SECONDS):
        return await contacts.look_up(Wanted(addresses)).run()


async def add(found: LookUp, *changes: Change) -> Failures:
    with trio.fail_after(GUARD_SECONDS):
        begun = await before(Batch(), found.add(changes))
        return begun.failed


async def expect(error: type[MailroomError], call: Callable[[], Awaitable[object]], match: str) -> MailroomError:
    with pytest.raises(error, match=match) as caught:
        await call()
    return caught.value


# --- discovery


async def test_the_way_leads_over_well_known_principal_and_home() -> None:
    def answer(request: Request) -> Answer:
        match request.path:
            case "/.well-known/carddav":
                return Answer(308, headers={"Location": "/dav"})
            case "/dav":
                link = "<d:current-user-principal><d:href>/me/</d:href></d:current-user-principal>"
                return hrefs({"/dav": link})
            case "/me/":
                return hrefs({"/me/": "<c:addressbook-home-set><d:href>/books</d:href></c:addressbook-home-set>"})
            case "/books/" if request.headers["depth"] == "1":
                return hrefs({"/books/": "", "/books/A/": IS_BOOK, "/books/default": IS_BOOK, "/books/x/": ""})
            case _:
                return Answer(404)

    async with dav_server(answer) as server:
        contacts = await open_contacts(server)
        await expect(BadReply, lambda: look_up(contacts), "HTTP 404")
    assert server.requests[-1].path == "/books/default/"
    assert all(request.headers["authorization"].startswith("Basic ") for request in server.requests)


async def test_a_redirect_to_another_server_is_not_followed() -> None:
    async with dav_server(lambda request: Answer(301, headers={"Location": "https://evil.example/dav"})) as server:
        await expect(
            BadReply, lambda: open_contacts(server), "another server, https://evil.example; .* MAILROOM_CARDDAV_URL"
        )


async def test_a_principal_on_another_server_is_not_asked() -> None:
    link = "<d:current-user-principal><d:href>https://evil.example/me/</d:href></d:current-user-principal>"
    async with dav_server(lambda request: hrefs({"/": link})) as server:
        await expect(BadReply, lambda: open_contacts(server), "another server")


async def test_a_server_whose_root_knows_no_webdav_has_a_well_known_url() -> None:
    def answer(request: Request) -> Answer:
        match request.path:
            case "/.well-known/carddav":
                return Answer(301, headers={"Location": "/dav.php/"})
            case "/dav.php/":
                return hrefs({"/dav.php/": "<c:addressbook-home-set><d:href>/books/</d:href></c:addressbook-home-set>"})
            case "/books/":
                return hrefs({"/books/A/": IS_BOOK})
            case _:
                return Answer(405, "<html>", HTML)

    async with dav_server(answer) as server:
        await open_contacts(server)
    assert "/" not in [request.path for request in server.requests]


@pytest.mark.parametrize("challenge", ['Digest realm="Basic, a", qop="auth", nonce="x"', "Negotiate, Digest realm=x"])
async def test_a_server_that_takes_no_login_by_password_says_so(challenge: str) -> None:
    refusal = Answer(401, headers={"WWW-Authenticate": challenge})
    async with dav_server(lambda request: refusal) as server:
        await expect(Refused, lambda: open_contacts(server), r"HTTP 401\); it takes logins by Digest.*, not by Basic")


@pytest.mark.parametrize(
    ("answer", "error", "match"),
    [
        (Answer(200, "<html>", HTML), BadReply, "HTTP 200, text/html; .*MAILROOM_CARDDAV_URL"),
        (Answer(405, "<html>", HTML), BadReply, "HTTP 405, text/html; .*MAILROOM_CARDDAV_URL"),
        (Answer(401, headers={"WWW-Authenticate": 'Basic realm="a", Digest realm="a"'}), Refused, "wrong user name"),
        (Answer(207, "<html></html>", HTML), BadReply, "starts with html"),
        (Answer(404), BadReply, "HTTP 404"),
        (Answer(403), BadReply, "HTTP 403"),
        (Answer(302, headers={"Location": "/again"}), BadReply, "again and again"),
        (hrefs({}), BadReply, "describes nothing"),
        (hrefs({"/": ""}), BadReply, "no home"),
        (Answer(401), Refused, "HTTP 401"),
        (Answer(503), Unavailable, "HTTP 503"),
    ],
)
async def test_a_server_without_carddav_says_so(answer: Answer, error: type[MailroomError], match: str) -> None:
    async with dav_server(lambda request: answer) as server:
        await expect(error, lambda: open_contacts(server), match)


# --- look-up


@pytest.mark.parametrize(
    ("answer", "error", "match"),
    [
        (Answer(200, "<html>", HTML), BadReply, "HTTP 200, text/html"),
        (Answer(207, '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), BadReply, "DTD"),
        (Answer(403, '<d:error xmlns:d="DAV:"><d:need-privileges/></d:error>'), BadReply, "403 need-privileges"),
        (Answer(403, SABRE_ERROR.format("<d:need-privileges/>")), BadReply, "403 need-privileges"),
        (Answer(403, SABRE_ERROR.format("")), BadReply, r"doesn't let us read \(HTTP 403\)"),
        (Answer(301, headers={"Location": "/elsewhere/"}), BadReply, "redirects"),
        (Answer(401), Refused, r"refused the credentials \(HTTP 401\): wrong user name or"),
        (Answer(429, headers={"Retry-After": "7"}), Unavailable, "HTTP 429"),
        (Answer(500), Unavailable, "HTTP 500"),
    ],
)
async def test_a_look_up_that_fails_is_no_empty_book(answer: Answer, error: type[MailroomError], match: str) -> None:
    async with opened(REPORT=[answer]) as (contacts, _):
        caught = await expect(error, lambda: look_up(contacts), match)
    if isinstance(caught, Unavailable) and answer.status == 429:
        assert caught.retry_after == 7


async def test_a_part_of_the_cards_is_no_address_book() -> None:
    truncated = Answer(
        207,
        '<d:multistatus xmlns:d="DAV:"><d:response><d:href>/book/</d:href>'
        "<d:status>HTTP/1.1 507 Insufficient Storage</d:status></d:response></d:multistatus>",
    )
    async with opened(REPORT=[truncated]) as (contacts, _):
        await expect(BadReply, lambda: look_up(contacts), "a part of the matching cards")


@pytest.mark.parametrize("href", ["/a@b/", "/a%40b", "/a@b", "/A%40B/../a%40b/"])
async def test_the_book_itself_is_no_card_however_it_is_spelled(href: str) -> None:
    async with dav_server(Script({"PROPFIND": [hrefs({"/a%40b/": IS_BOOK})]})) as server:
        contacts = await open_contacts(server, "a%40b/")
        server.answer = lambda request: hrefs({href: ETAG, "/a%40b/feed.vcf": card(GROUP)})
        found = (await look_up(contacts)).book
    assert [group.name for group in found.groups] == ["Feed"]
    assert found.unreadable == ()


async def test_a_status_beside_what_was_found_hides_nothing() -> None:
    """Xandikos says 200 of the whole resource, too."""
    report = multistatus(feed=card(GROUP))
    both = Answer(207, report.body.replace("<d:propstat>", "<d:status>HTTP/1.1 200 OK</d:status><d:propstat>"))
    async with opened(REPORT=[both]) as (contacts, _):
        assert [group.name for group in (await look_up(contacts)).book.groups] == ["Feed"]


async def test_broken_cards_are_named_without_their_text() -> None:
    report = multistatus(
        book="",
        broken=card("secret of anna@example.com"),
        no_etag=f"<c:address-data>{GROUP}</c:address-data>",
        no_text="<d:getetag>1</d:getetag>",
        z_feed=card(GROUP),
    )
    async with opened(REPORT=[report]) as (contacts, server):
        with structlog.testing.capture_logs() as logs:
            found = (await look_up(contacts, "anna@example.com")).book
    assert [group.name for group in found.groups] == ["Feed"]
    assert [item.ref for item in found.unreadable] == [
        f"{server.url}book/{name}.vcf" for name in ("broken", "no_etag", "no_text")
    ]
    assert found.unreadable[0].addresses == {"anna@example.com"}
    assert [line["log_level"] for line in logs] == ["warning"] * 3
    assert "secret" not in str(logs) + str(found)


PERSON = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{0}\r\nFN:{0}\r\nEMAIL:{0}@example.com\r\n{1}END:VCARD\r\n"


@dataclass
class Album:
    """An address book of cards by name that answers queries with all of them, and multigets with those asked for."""

    cards: dict[str, str]
    gone: frozenset[str] = frozenset()

    def __call__(self, request: Request) -> Answer:
        if request.method != "REPORT":
            return Answer(201, headers={"ETag": '"2"'})
        if "addressbook-multiget" not in request.body:
            text = "address-data" in request.body
            return multistatus(book="", **{name: card(each) if text else ETAG for name, each in self.cards.items()})
        asked = {name: text for name, text in self.cards.items() if f"/book/{name}.vcf<" in request.body}
        there = multistatus(**{name: card(text) for name, text in asked.items() if name not in self.gone})
        gone = "".join(
            f"<d:response><d:href>/book/{name}.vcf</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>"
            for name in asked.keys() & self.gone
        )
        return Answer(207, there.body.replace("</d:multistatus>", f"{gone}</d:multistatus>"))


ETAG = "<d:getetag>1</d:getetag>"


def people(number: int, photo_bytes: int = 0) -> dict[str, str]:
    photo = f"PHOTO:{'A' * photo_bytes}\r\n" if photo_bytes else ""
    return {f"p{n:03}": PERSON.format(f"p{n:03}", photo) for n in range(number)}


async def test_the_whole_book_is_read_a_hundred_cards_at_a_time() -> None:
    async with opened() as (contacts, server):
        server.answer = Album(people(201), gone=frozenset({"p007"}))
        found = await contacts.read_all()
    assert [each.uid for each in found.book.cards] == sorted(people(201).keys() - {"p007"})
    assert found.book.unreadable == ()
    assert ["address-data" in request.body for request in server.requests] == [False, True, True, True]
    assert [request.body.count(".vcf<") for request in server.requests] == [0, 100, 100, 1]


async def test_cards_that_are_too_much_for_one_reply_are_read_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_REPLY_BYTES", 1024 * 1024)
    async with opened() as (contacts, server):
        server.answer = Album(people(20, photo_bytes=110_000))
        found = await contacts.read_all()
        counts = [request.body.count(".vcf<") for request in server.requests]
        assert counts == [0, 20, 10, 5, 5, 10, 5, 5]
        looked_up = await look_up(contacts, "p003@example.com")
    assert len(found.book.cards) == 20
    assert [each.uid for each in looked_up.book.cards] == ["p003"]


async def test_a_card_that_is_too_much_for_a_reply_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_REPLY_BYTES", 1024 * 1024)
    async with opened() as (contacts, server):
        server.answer = Album(people(1, photo_bytes=2_000_000))
        await expect(TooLarge, contacts.read_all, "too large an answer")


async def test_a_photo_of_the_whole_book_is_read_again_where_it_is_needed() -> None:
    async with opened() as (contacts, server):
        server.answer = Album(people(2, photo_bytes=100_000) | {"feed": GROUP})
        found = await contacts.read_all()
        (ann, bob), server.requests[:] = found.book.cards, []
        assert await found.extras([ann]) == {ann.ref: {"PHOTO"}}
        assert await add(found, Change("bob", bob.uid, CardEdit(bob, Fields(), "note"), found.book.groups)) == {}
    assert server.methods == ["REPORT", "REPORT", "PUT", "PUT"]
    assert "A" * 75 not in server.requests[-1].body
    assert "PHOTO:AAA" in server.requests[-2].body
    assert "NOTE:note" in server.requests[-2].body


@pytest.mark.parametrize("text", ["J\udcfcrgen", "a&#11;b"])
async def test_a_card_that_xml_cannot_hold_fails_alone_and_is_named(text: str) -> None:
    bad = card(PERSON.format("bad", "X-ODD:{}\r\n")).replace("{}", text)
    report = multistatus(bad=bad, good=card(PERSON.format("good", "")), feed=card(GROUP))
    async with opened(REPORT=[report]) as (contacts, server):
        found = (await look_up(contacts, "good@example.com", "bad@example.com")).book
    assert [each.uid for each in found.cards] == ["good"]
    assert len(found.groups) == 1
    (unreadable,) = found.unreadable
    assert unreadable.ref == f"{server.url}book/bad.vcf"
    assert unreadable.addresses == {"bad@example.com"}
    assert "XML can't carry" in unreadable.reason


async def test_a_card_on_a_host_that_there_cannot_be_is_a_bad_reply() -> None:
    async with opened(REPORT=[hrefs({"https://xn--0/a.vcf": card(GROUP)})]) as (contacts, _):
        await expect(BadReply, lambda: look_up(contacts), "names a place that is no url")


# --- writes


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"', "1"])
async def test_an_etag_goes_back_as_it_came(etag: str) -> None:
    async with opened(REPORT=[multistatus(feed=card(GROUP, etag))], PUT=[Answer(204)]) as (contacts, server):
        found = await look_up(contacts)
        assert await add(found, Change("anna@example.com", "uid", None, found.book.groups)) == {}
    assert server.requests[-1].headers["if-match"] == etag


async def test_a_card_is_written_where_its_href_says() -> None:
    report = hrefs({"/book/a%40b%2Fc.vcf": card(GROUP)})
    async with opened(REPORT=[report], PUT=[Answer(204)]) as (contacts, server):
        found = await look_up(contacts)
        await add(found, Change("anna@example.com", "uid", None, found.book.groups))
    assert (server.requests[-1].method, server.requests[-1].path) == ("PUT", "/book/a%40b%2Fc.vcf")


async def test_a_uid_makes_a_safe_name() -> None:
    async with opened(PUT=[Answer(201)]) as (contacts, server):
        card_ = NewCard("../a b:c?ü", "anna@example.com", Fields(), "")
        await add(contacts.nothing(), Change("anna@example.com", card_.uid, card_))
    assert server.requests[-1].path == "/book/..%2Fa%20b%3Ac%3F%C3%BC.vcf"
    assert server.requests[-1].headers["if-none-match"] == "*"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(403, '<d:error xmlns:d="DAV:"><d:valid-address-data/></d:error>'), "HTTP 403, valid-address-data"),
        (Answer(409), "HTTP 409"),
        (Answer(400, "Bad Request", HTML), "HTTP 400"),
        (Answer(413), "HTTP 413"),
        (Answer(415, SABRE_ERROR.format("")), "HTTP 415"),
    ],
)
async def test_a_refused_card_fails_its_sender_and_joins_no_group(answer: Answer, reason: str) -> None:
    async with opened(REPORT=[multistatus(feed=card(GROUP))], PUT=[answer]) as (contacts, server):
        found = await look_up(contacts)
        change = Change("anna@example.com", "uid", NEW_CARD.card, found.book.groups)
        assert await add(found, change) == {"anna@example.com": f"the contacts server refuses the card: {reason}"}
    assert server.methods == ["REPORT", "PUT"]


@pytest.mark.parametrize(
    ("answer", "error"),
    always(
        3,
        [
            (Answer(401), Refused),
            (Answer(507, SABRE_ERROR.format("")), Unavailable),
            (Answer(302, headers={"Location": "/x"}), BadReply),
            (Answer(408), Unavailable),
            (Answer(429), Unavailable),
            (Answer(503), Unavailable),
        ],
    ),
)
async def test_an_outage_while_cards_are_written_is_no_senders_failure(
    answer: Answer, error: type[MailroomError]
) -> None:
    changes = [Change(f"{n}@example.com", str(n), NewCard(str(n), f"{n}@example.com", Fields(), "")) for n in range(9)]
    async with opened(PUT=[answer]) as (contacts, _):
        await expect(error, lambda: add(contacts.nothing(), *changes), f"HTTP {answer.status}")


async def test_at_most_six_cards_are_written_at_a_time() -> None:
    changes = [Change(f"{n}@example.com", str(n), NewCard(str(n), f"{n}@example.com", Fields(), "")) for n in range(9)]
    async with opened(PUT=[Answer(201)]) as (contacts, server):
        at_work, most = 0, 0

        async def count(request: httpx.Request) -> None:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)

        async def count_down(response: httpx.Response) -> None:
            nonlocal at_work
            at_work -= 1

        server.http.event_hooks = {"request": [count], "response": [count_down]}
        assert await add(contacts.nothing(), *changes) == {}
    assert most == 6


async def test_a_card_that_is_there_but_hidden_fails_its_sender() -> None:
    async with opened(PUT=[Answer(412)], REPORT=[hrefs({})]) as (contacts, _):
        failures = await add(contacts.nothing(), NEW_CARD)
    assert "yet shows no card with its uid" in failures["anna@example.com"]


async def test_a_write_without_a_new_etag_is_read_again_before_the_next() -> None:
    async with opened(REPORT=[multistatus(feed=card(GROUP))], PUT=[Answer(204)]) as (contacts, server):
        found = await look_up(contacts)
        await add(found, Change("a@example.com", "a", None, found.book.groups))
        await add(found, Change("b@example.com", "b", None, found.book.groups))
    assert server.methods == ["REPORT", "PUT", "REPORT", "PUT"]
