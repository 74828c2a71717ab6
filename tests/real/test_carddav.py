"""The CardDAV contacts against two different servers; the other client in these tests is plain HTTP."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import trio
from pydantic import SecretStr

from mailroom.contacts.base import (
    AddressBook,
    CardEdit,
    Change,
    Departure,
    Failures,
    Fields,
    Group,
    LookUp,
    NewCard,
    Wanted,
)
from mailroom.contacts.carddav import CardDav, discover
from mailroom.contacts.steps import before
from mailroom.errors import ConfigError, Refused
from mailroom.http import Credentials, basic
from mailroom.http_clients import http_client
from mailroom.jmap.batch import Batch
from tests.guard import GUARD_SECONDS
from tests.real.cyrus import Cyrus
from tests.real.radicale import Radicale

ANNA = "anna@example.com"
BOB = "bob@example.com"
PEOPLE = Fields(full_name="Anna Smith", given="Anna", family="Smith")
SHOP = Fields(full_name="Shop, Ltd; Söhne", organization="Shop, Ltd; Söhne")
NOTE = "— Mailroom —\nCreated by Mailroom\nTriaged to Feed on 2026-03-05"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Book:
    """One user's address book, as seen by a client of plain HTTP."""

    server: Cyrus | Radicale
    user: str
    password: str
    url: str

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=(self.user, self.password), timeout=30)

    def put(self, name: str, *lines: str) -> str:
        """Store a vCard 3.0 with these lines; returns its url."""
        return self.put_text(name, "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", *lines, "END:VCARD", ""]))

    def put_text(self, name: str, text: str) -> str:
        with self.http as http:
            reply = http.put(name, content=text.encode(), headers={"Content-Type": "text/vcard; charset=utf-8"})
            reply.raise_for_status()
        return self.url + name

    def put_card(self, uid: str, address: str, *lines: str) -> str:
        return self.put(f"{uid}.vcf", f"UID:{uid}", "FN:Anna", "N:;;;;", f"EMAIL;TYPE=INTERNET:{address}", *lines)

    def put_group(self, name: str, *members: str) -> str:
        lines = [f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{uid}" for uid in members]
        return self.put(
            f"{name}.vcf", f"UID:{name}-uid", f"FN:{name}", f"N:{name};;;;", "X-ADDRESSBOOKSERVER-KIND:group", *lines
        )

    def get(self, url: str) -> str:
        with self.http as http:
            reply = http.get(url)
            reply.raise_for_status()
            return reply.text

    def lines(self, url: str) -> list[str]:
        """The unfolded lines of a card, in order of the alphabet: servers change the order."""
        return sorted(self.get(url).replace("\r\n ", "").splitlines())

    def delete(self, url: str) -> None:
        with self.http as http:
            http.delete(url).raise_for_status()


@dataclass
class Session:
    """Our own client, what it sends, and its last look-up, which writes start from."""

    contacts: CardDav
    book: Book
    sent: list[str] = field(default_factory=list)
    before_put: Callable[[], None] | None = None
    found: LookUp = field(init=False)

    def __post_init__(self) -> None:
        self.found = self.contacts.nothing()

    async def look_up(self, *addresses: str) -> AddressBook:
        self.found = await self.contacts.look_up(Wanted(addresses)).run()
        return self.found.book

    async def add(self, *changes: Change) -> Failures:
        return (await before(Batch(), self.found.add(changes))).failed

    async def remove(self, *departures: Departure) -> Failures:
        return (await before(Batch(), self.found.remove(departures))).failed

    async def on_request(self, request: httpx.Request) -> None:
        self.sent.append(request.method)
        if request.method == "PUT" and self.before_put is not None:
            self.before_put()


@pytest.fixture
def radicale_book(radicale: Radicale) -> Book:
    user = f"dav{next(_numbers)}"
    return Book(radicale, user, "any", radicale.create_book(user))


@pytest.fixture
def cyrus_book(cyrus: Cyrus) -> Book:
    user = f"dav{next(_numbers)}"
    cyrus.create_user(user)
    with httpx.Client(auth=(user, cyrus.password), timeout=30) as http:
        # Cyrus makes the book when its user is first asked for.
        http.request("PROPFIND", f"{cyrus.base_url}/dav/principals/user/{user}/").raise_for_status()
    return Book(cyrus, user, cyrus.password, f"{cyrus.base_url}/dav/addressbooks/user/{user}/Default/")


@pytest.fixture(params=[pytest.param(each, marks=pytest.mark.real) for each in ("radicale_book", "cyrus_book")])
def book(request: pytest.FixtureRequest) -> Book:
    found: Book = request.getfixturevalue(request.param)
    return found


@asynccontextmanager
async def open_session(book: Book, start: str | None = None, password: str | None = None) -> AsyncIterator[Session]:
    url = httpx.URL(start or book.server.carddav_url)
    authorization = basic(book.user, SecretStr(password or book.password))
    async with http_client() as http:
        with trio.fail_after(GUARD_SECONDS):
            session = Session(await discover(http, url, Credentials(authorization, url)), book)
            http.event_hooks = {"request": [session.on_request]}
            yield session


def group_named(found: AddressBook, name: str) -> Group:
    return next(group for group in found.groups if group.name == name)


def members(book: Book, url: str) -> set[str]:
    form = "X-ADDRESSBOOKSERVER-MEMBER:URN:UUID:"
    return {line[len(form) :] for line in book.lines(url) if line.upper().startswith(form)}


def new_anna(*groups: Group, uid: str = "anna-uid", fields: Fields = PEOPLE) -> Change:
    return Change(ANNA, uid, NewCard(uid, ANNA, fields, NOTE), groups)


async def test_the_book_is_found_from_the_server_alone(book: Book) -> None:
    book.put_card("anna", ANNA)
    async with open_session(book) as session:
        assert [card.ref for card in (await session.look_up(ANNA)).cards] == [f"{book.url}anna.vcf"]


async def test_the_whole_book_is_every_card_and_group(book: Book) -> None:
    book.put_card("anna", ANNA)
    book.put_card("bob", BOB)
    book.put_group("Feed", "anna")
    async with open_session(book) as session:
        whole = (await session.contacts.read_all()).book
        assert {address for card in whole.cards for address in card.addresses} == {ANNA, BOB}
        assert {group.name: group.members for group in whole.groups} == {"Feed": frozenset({"anna"})}
        assert session.sent == ["REPORT", "REPORT"]


async def test_a_book_given_by_url_is_taken_as_it_is(book: Book) -> None:
    book.put_card("anna", ANNA)
    async with open_session(book, start=book.url.rstrip("/")) as session:
        assert len((await session.look_up(ANNA)).cards) == 1


async def test_the_home_of_the_books_leads_to_the_book(book: Book) -> None:
    home = str(httpx.URL(book.url).join(".."))
    book.put_card("anna", ANNA)
    async with open_session(book, start=home) as session:
        assert len((await session.look_up(ANNA)).cards) == 1


async def test_an_account_without_a_book_says_what_to_do(radicale: Radicale) -> None:
    book = Book(radicale, f"dav{next(_numbers)}", "any", radicale.carddav_url)
    with pytest.raises(ConfigError, match="create one there, or set MAILROOM_CARDDAV_URL"):
        async with open_session(book):
            pass


async def test_a_page_beside_the_books_leads_to_them_through_the_well_known_url(radicale_book: Book) -> None:
    radicale_book.put_card("anna", ANNA)
    async with open_session(radicale_book, start=f"{radicale_book.server.base_url}/.web/") as session:
        assert len((await session.look_up(ANNA)).cards) == 1


async def test_a_wrong_password_is_refused(cyrus: Cyrus) -> None:
    user = f"dav{next(_numbers)}"
    cyrus.create_user(user)
    with pytest.raises(Refused, match="wrong user name or password"):
        async with open_session(Book(cyrus, user, f"{user}-forged", cyrus.carddav_url)):
            pass


async def test_a_card_is_found_by_its_exact_address_in_any_spelling(book: Book) -> None:
    book.put_card("upper", "Anna@Example.COM")
    book.put_card("near", f"not{ANNA}")
    book.put_card("idn", "info@bücher.example")
    async with open_session(book) as session:
        found = await session.look_up(ANNA, "info@xn--bcher-kva.example")
    assert [(card.uid, set(card.addresses)) for card in found.cards] == [
        ("idn", {"info@xn--bcher-kva.example"}),
        ("upper", {ANNA}),
    ]


async def test_all_groups_come_along_and_alone_if_no_address_is_asked_for(book: Book) -> None:
    book.put_card("anna", ANNA)
    book.put_group("Feed", "anna")
    book.put_text(
        "v4.vcf",
        "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:v4-uid\r\nFN:Jail\r\nN:Jail;;;;\r\n"
        "KIND:group\r\nMEMBER:urn:uuid:anna\r\nEND:VCARD\r\n",
    )
    async with open_session(book) as session:
        found = await session.look_up(ANNA)
        assert [(group.name, group.uid, set(group.members)) for group in found.groups] == [
            ("Feed", "Feed-uid", {"anna"}),
            ("Jail", "v4-uid", {"anna"}),
        ]
        assert (await session.look_up()).groups == found.groups
        assert not (await session.look_up()).cards


async def test_more_addresses_than_fit_one_report_are_all_found(book: Book) -> None:
    addresses = [f"sender{number}@example.com" for number in range(1, 251)]
    for number in (1, 100, 101, 250):
        book.put_card(f"card{number}", f"sender{number}@example.com")
    async with open_session(book) as session:
        found = await session.look_up(*addresses)
        assert [card.uid for card in found.cards] == ["card1", "card100", "card101", "card250"]
        assert session.sent == ["REPORT"] * 3


@pytest.mark.parametrize("fields", [PEOPLE, SHOP], ids=["person", "company"])
async def test_a_new_card_reads_back_as_it_was_meant(book: Book, fields: Fields) -> None:
    book.put_group("Feed")
    async with open_session(book) as session:
        feed = group_named(await session.look_up(ANNA), "Feed")
        assert await session.add(new_anna(feed, fields=fields)) == {}
        found = await session.look_up(ANNA)
    assert [(card.uid, card.fields, card.note) for card in found.cards] == [("anna-uid", fields, NOTE)]
    assert group_named(found, "Feed").members == {"anna-uid"}


async def test_adding_again_after_a_crash_writes_nothing_new(book: Book) -> None:
    book.put_group("Feed")
    async with open_session(book) as session:
        feed = group_named(await session.look_up(ANNA), "Feed")
        await session.add(new_anna(feed))
        before = book.lines(f"{book.url}anna-uid.vcf"), book.lines(f"{book.url}Feed.vcf")
        # As if the first answer had been lost: the same change from the same look-up, by a daemon started anew.
        async with open_session(book) as again:
            again_feed = group_named(await again.look_up(), "Feed")
            assert await again.add(new_anna(again_feed)) == {}
            assert again.sent == ["REPORT", "PUT", "REPORT"]  # the PUT is the one that finds the card there
            found = await again.look_up(ANNA)
    assert len(found.cards) == 1
    assert (book.lines(f"{book.url}anna-uid.vcf"), book.lines(f"{book.url}Feed.vcf")) == before


async def test_a_card_with_the_uid_under_another_name_is_completed(radicale_book: Book) -> None:
    # Cyrus 3.6 lets two cards have one uid.
    book = radicale_book
    url = book.put("other.vcf", "UID:anna-uid", "FN:Anna", "N:;;;;", "EMAIL:old@example.com")
    async with open_session(book) as session:
        assert await session.add(new_anna()) == {}
        (card,) = (await session.look_up(ANNA)).cards
    assert (card.ref, card.fields.full_name, card.fields.family) == (url, "Anna", "Smith")
    assert card.addresses == {ANNA, "old@example.com"}


async def test_a_card_with_the_uid_and_another_note_fails_its_sender_until_the_next_pass(radicale_book: Book) -> None:
    book = radicale_book
    url = book.put("other.vcf", "UID:anna-uid", "FN:Anna", "N:;;;;", "EMAIL:old@example.com", "NOTE:theirs")
    async with open_session(book) as session:
        assert "note says otherwise" in (await session.add(new_anna()))[ANNA]
        (card,) = (await session.look_up(ANNA)).cards
        assert (card.ref, card.note) == (url, "theirs")
        assert await session.add(Change(ANNA, "anna-uid", CardEdit(card, Fields(), f"theirs\n{NOTE}"))) == {}


async def test_cards_and_groups_are_read_again_as_they_are_now(book: Book) -> None:
    url, gone = book.put_card("anna", ANNA, "NOTE:old"), book.put_card("bob", BOB)
    book.put_group("Feed", "anna")
    async with open_session(book) as session:
        found = await session.look_up(ANNA, BOB)
        book.put_card("anna", ANNA, "NOTE:theirs")
        book.delete(gone)
        now = await session.found.again([*found.cards, *found.groups])
        assert [(card.ref, card.note) for card in now.book.cards] == [(url, "theirs")]
        assert now.book.groups == found.groups
        assert await now.delete_cards(now.book.cards) == {}
        assert (await session.look_up(ANNA)).cards == ()


async def test_an_edit_fills_what_is_empty_and_keeps_every_other_line(book: Book) -> None:
    photo = "PHOTO;ENCODING=b;TYPE=JPEG:" + "QUJDREVGRw" * 40
    kept = [photo, "item1.TEL;TYPE=CELL:+1 555 1", "item1.X-ABLabel:_$!<Mobile>!$_", "X-FOO;X-BAR=1:tab\ttext é"]
    url = book.put_card("anna", ANNA, *kept, "NOTE:met in Rome\\, 2019\\; nice")
    before = book.lines(url)
    async with open_session(book) as session:
        (card,) = (await session.look_up(ANNA)).cards
        edit = CardEdit(card, PEOPLE, f"{card.note}\n{NOTE}")
        assert await session.add(Change(ANNA, card.uid, edit)) == {}
        (after,) = (await session.look_up(ANNA)).cards
    assert after.note == f"met in Rome, 2019; nice\n{NOTE}"
    assert after.fields == Fields("Anna", "", "Anna", "Smith")
    untouched = [line for line in before if not line.startswith(("NOTE", "N:"))]
    assert [line for line in book.lines(url) if not line.startswith(("NOTE", "N:"))] == untouched


async def test_an_edit_that_changes_nothing_is_not_sent(book: Book) -> None:
    book.put_card("anna", ANNA, "NOTE:hello")
    book.put_group("Feed", "anna")
    async with open_session(book) as session:
        found = await session.look_up(ANNA)
        edit = CardEdit(found.cards[0], Fields(full_name="Other"), "hello")
        assert await session.add(Change(ANNA, "anna", edit, found.groups)) == {}
        assert session.sent == ["REPORT"]


async def test_all_joins_of_a_group_are_one_put_and_so_are_all_leaves(book: Book) -> None:
    senders = [f"sender{number}@example.com" for number in range(20)]
    book.put_group("Feed", "stays")
    async with open_session(book) as session:
        found = await session.look_up()
        await session.add(*(Change(sender, sender[:-12], None, found.groups) for sender in senders))
        assert session.sent == ["REPORT", "PUT"]
        assert members(book, f"{book.url}Feed.vcf") == {"stays", *(sender[:-12] for sender in senders)}
        # The ETag of our own write is known: no second look-up before the removal.
        leaves = [Departure(sender, sender[:-12], found.groups) for sender in senders]
        assert await session.remove(*leaves) == {}
        assert session.sent == ["REPORT", "PUT", "PUT"]
    assert members(book, f"{book.url}Feed.vcf") == {"stays"}


async def test_a_group_with_2000_members_keeps_them(book: Book) -> None:
    uids = {f"{number:08d}-0000-4000-8000-000000000000" for number in range(2_000)}
    url = book.put_group("Feed", *sorted(uids))
    async with open_session(book) as session:
        (group,) = (await session.look_up()).groups
        assert group.members == uids
        assert await session.add(Change(ANNA, "anna", None, (group,))) == {}
        assert members(book, url) == {*uids, "anna"}
        assert await session.remove(Departure(ANNA, "anna", (group,))) == {}
    assert members(book, url) == uids


async def test_a_group_that_another_client_edits_in_between_keeps_both_edits(book: Book) -> None:
    book.put_group("Feed", "old")
    async with open_session(book) as session:
        found = await session.look_up()
        book.put_group("Feed", "theirs")
        assert await session.add(Change(ANNA, "anna", None, found.groups)) == {}
        assert session.sent == ["REPORT", "PUT", "REPORT", "PUT"]
    assert members(book, f"{book.url}Feed.vcf") == {"theirs", "anna"}


async def test_a_group_that_never_holds_still_fails_its_senders_after_three_tries(book: Book) -> None:
    book.put_group("Feed")
    book.put_group("Imbox")
    theirs = itertools.count()
    async with open_session(book) as session:
        found = await session.look_up()
        feed, imbox = group_named(found, "Feed"), group_named(found, "Imbox")
        session.before_put = lambda: (book.put_group("Feed", f"theirs{next(theirs)}"), None)[1]
        failures = await session.add(Change(ANNA, "anna", None, (feed, imbox)), Change(BOB, "bob", None, (imbox,)))
        assert session.sent.count("PUT") == 3 + 1
    assert list(failures) == [ANNA]
    assert "group Feed" in failures[ANNA]
    assert "3 times" in failures[ANNA]
    assert members(book, f"{book.url}Imbox.vcf") == {"bob"}


async def test_a_note_that_someone_writes_meanwhile_is_not_overwritten(book: Book) -> None:
    url = book.put_card("anna", ANNA, "NOTE:old")
    async with open_session(book) as session:
        (card,) = (await session.look_up(ANNA)).cards
        book.put_card("anna", ANNA, "NOTE:theirs")
        failures = await session.add(Change(ANNA, "anna", CardEdit(card, Fields(), f"old\n{NOTE}")))
    assert "note meanwhile" in failures[ANNA]
    assert "NOTE:theirs" in book.lines(url)


async def test_any_other_edit_meanwhile_is_kept_beside_ours(book: Book) -> None:
    url = book.put_card("anna", ANNA, "NOTE:old")
    async with open_session(book) as session:
        (card,) = (await session.look_up(ANNA)).cards
        book.put_card("anna", ANNA, "NOTE:old", "TEL:+1 555 2")
        assert await session.add(Change(ANNA, "anna", CardEdit(card, Fields(), "old\nnew"))) == {}
    assert {"NOTE:old\\nnew", "TEL:+1 555 2"} <= set(book.lines(url))


async def test_a_card_deleted_meanwhile_fails_its_sender_alone(book: Book) -> None:
    url = book.put_card("anna", ANNA)
    book.put_group("Feed")
    async with open_session(book) as session:
        found = await session.look_up(ANNA)
        book.delete(url)
        gone = Change(ANNA, "anna", CardEdit(found.cards[0], Fields(), NOTE), found.groups)
        fine = Change(BOB, "bob-uid", NewCard("bob-uid", BOB, SHOP, NOTE), found.groups)
        failures = await session.add(gone, fine)
    assert list(failures) == [ANNA]
    assert "gone" in failures[ANNA]
    assert members(book, f"{book.url}Feed.vcf") == {"bob-uid"}


async def test_members_in_the_quoted_form_are_understood_and_can_leave(book: Book) -> None:
    quoted = 'X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:"urn:uuid:0d1203f8-6748-\r\n 461d-ad16-2ca5978c77dc"'
    url = book.put("Feed.vcf", "UID:feed", "FN:Feed", "N:;;;;", "X-ADDRESSBOOKSERVER-KIND:group", quoted)
    async with open_session(book) as session:
        (group,) = (await session.look_up()).groups
        assert group.members == {"0d1203f8-6748-461d-ad16-2ca5978c77dc"}
        await session.remove(Departure(ANNA, "0d1203f8-6748-461d-ad16-2ca5978c77dc", (group,)))
    assert not any("MEMBER" in line.upper() for line in book.lines(url))


async def test_a_card_that_does_not_parse_is_named_and_stops_nothing(cyrus_book: Book) -> None:
    # Radicale takes no card that vobject can't read.
    book = cyrus_book
    book.put("broken.vcf", "UID:broken", "FN;ENCODING=QUOTED-PRINTABLE:=4D", "N:;;;;", f"EMAIL:{ANNA}")
    book.put_card("fine", ANNA)
    async with open_session(book) as session:
        found = await session.look_up(ANNA)
    assert [card.uid for card in found.cards] == ["fine"]
    assert [(card.ref, set(card.addresses)) for card in found.unreadable] == [(f"{book.url}broken.vcf", {ANNA})]


@pytest.mark.parametrize(
    "value",
    [
        "Anna <anna@example.com>",
        "mailto:anna@example.com",
        "bob@example.com;anna@example.com",
        "\u200banna@example.com",
    ],
)
async def test_a_card_whose_address_is_not_bare_is_the_senders(book: Book, value: str) -> None:
    book.put_card("anna", value)
    async with open_session(book) as session:
        assert [card.uid for card in (await session.look_up(ANNA)).cards] == ["anna"]


async def test_a_local_part_in_quotes_or_not_is_one_address(book: Book) -> None:
    for uid, address in (("plain", "a..b@example.com"), ("quoted", '"a..b"@example.com')):
        book.put_card(uid, address)
    async with open_session(book) as session:
        found = await session.look_up("a..b@example.com")
    assert {card.uid for card in found.cards} == {"plain", "quoted"}


async def test_a_card_with_quoted_printable_in_a_line_that_is_not_used_is_the_senders(book: Book) -> None:
    # Cyrus keeps it in a vCard 3.0, which knows no such thing; Radicale decodes it.
    url = book.put_card("anna", ANNA, "ADR;ENCODING=QUOTED-PRINTABLE:;;=65=66;;;;")
    async with open_session(book) as session:
        (card,) = (await session.look_up(ANNA)).cards
        assert await session.add(Change(ANNA, "anna", CardEdit(card, Fields(), NOTE), ())) == {}
    assert "NOTE:— Mailroom —" in book.get(url)


async def test_a_card_of_vcard_4_without_n_is_completed(book: Book) -> None:
    # Cyrus hands it out as a vCard 3.0, and refuses to take one without N.
    lines = ["BEGIN:VCARD", "VERSION:4.0", "UID:anna", "FN:Anna", f"EMAIL:{ANNA}", "END:VCARD", ""]
    url = book.put_text("anna.vcf", "\r\n".join(lines))
    async with open_session(book) as session:
        (card,) = (await session.look_up(ANNA)).cards
        assert await session.add(Change(ANNA, "anna", CardEdit(card, Fields(), NOTE), ())) == {}
    assert "NOTE:— Mailroom —" in book.get(url)


async def test_a_group_of_vcard_4_is_one_in_any_case_and_keeps_its_other_members(book: Book) -> None:
    members = ["MEMBER:mailto:bob@example.com", "MEMBER:urn:uuid:bob"]
    lines = ["BEGIN:VCARD", "VERSION:4.0", "UID:urn:uuid:feed", "KIND:GROUP", "FN:Feed", *members, "END:VCARD", ""]
    url = book.put_text("feed.vcf", "\r\n".join(lines))
    async with open_session(book) as session:
        feed = group_named(await session.look_up(), "Feed")
        assert await session.add(Change(ANNA, "anna", None, (feed,))) == {}
    values = {line.partition(":")[2] for line in book.lines(url) if "MEMBER" in line.upper()}
    assert values == {"mailto:bob@example.com", "urn:uuid:bob", "urn:uuid:anna"}


async def test_a_member_that_is_named_twice_is_written_once(book: Book) -> None:
    url = book.put_group("Feed", "bob", "bob")
    async with open_session(book) as session:
        feed = group_named(await session.look_up(), "Feed")
        assert await session.add(Change(ANNA, "anna", None, (feed,))) == {}
    lines = [line for line in book.lines(url) if "MEMBER" in line]
    assert sorted(line.rpartition(":")[2] for line in lines) == ["anna", "bob"]


async def test_a_card_with_a_character_that_no_xml_can_hold_hides_no_other(book: Book) -> None:
    # Both servers take U+FFFE, and hand it out in XML that is ill-formed by it.
    book.put_card("odd", ANNA, "NOTE:a\ufffeb")
    book.put_card("fine", ANNA)
    async with open_session(book) as session:
        found = await session.look_up(ANNA)
        whole = (await session.contacts.read_all()).book
    assert [card.uid for card in found.cards] == [card.uid for card in whole.cards] == ["fine"]
    assert [(card.ref, set(card.addresses)) for card in found.unreadable] == [(f"{book.url}odd.vcf", {ANNA})]


async def test_a_broken_file_in_the_book_hides_no_other_card(radicale_book: Book) -> None:
    # Radicale takes no such card over HTTP, but may find one on its disk; it leaves it out.
    book = radicale_book
    book.put_card("fine", ANNA)
    (folder,) = book.server.folder.glob(f"storage/collection-root/{book.user}/contacts")
    (folder / "broken.vcf").write_text(f"BEGIN:VCARD\r\nVERSION:3.0\r\nnonsense\r\nEMAIL:{ANNA}\r\nEND:VCARD\r\n")
    async with open_session(book) as session:
        assert [card.uid for card in (await session.look_up(ANNA)).cards] == ["fine"]


async def test_new_groups_are_those_that_the_look_up_finds(book: Book) -> None:
    async with open_session(book) as session:
        assert await session.found.create_groups(["Feed", "Paper; Trail"]) == {}
        groups = (await session.look_up()).groups
    assert sorted((group.name, group.members) for group in groups) == [
        ("Feed", frozenset()),
        ("Paper; Trail", frozenset()),
    ]


async def test_deleted_cards_are_gone_and_others_stay(book: Book) -> None:
    book.put_card("one", ANNA)
    book.put_card("two", BOB)
    async with open_session(book) as session:
        [card] = (await session.look_up(ANNA)).cards
        assert await session.found.delete_cards([card]) == {}
        assert [card.uid for card in (await session.look_up(ANNA, BOB)).cards] == ["two"]


async def test_a_card_that_is_gone_already_counts_as_deleted(book: Book) -> None:
    url = book.put_card("one", ANNA)
    async with open_session(book) as session:
        [card] = (await session.look_up(ANNA)).cards
        book.delete(url)
        assert await session.found.delete_cards([card]) == {}


async def test_a_card_that_someone_edits_before_its_deletion_stays(book: Book) -> None:
    url = book.put_card("one", ANNA)
    async with open_session(book) as session:
        [card] = (await session.look_up(ANNA)).cards
        book.put_card("one", ANNA, "NOTE:important")
        failures = await session.found.delete_cards([card])
    assert failures == {url: "someone else changed the card meanwhile, so it was not deleted"}
    assert "NOTE:important" in book.lines(url)
