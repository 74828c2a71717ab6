"""Where mail of whole domains and lists goes, for rules that a mail server runs."""

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.contacts.base import AddressBook, Card, Fields, Unreadable
from mailroom.decisions.note import ADOPTED, CREATED, HEADER, WHOLE_DOMAIN, whole_list_line
from mailroom.decisions.wide_routes import NOTHING_WIDE, wide_routes, wide_warnings
from tests.decisions.test_plan import groups


def card(uid: str, line: str, *addresses: str, origin: str = CREATED) -> Card:
    return Card(uid, uid, Fields(uid), frozenset(addresses), f"{HEADER}\n{origin}\n{line}")


def domain(uid: str, name: str) -> Card:
    return card(uid, WHOLE_DOMAIN, f"*@{name}")


def mailing_list(uid: str, id: str) -> Card:
    return card(uid, whole_list_line(id))


def found(*cards: Card, **members: tuple[str, ...]) -> list[tuple[str, str]]:
    wide = wide_routes(AddressBook(cards, groups(**members)), DEFAULT_SCHEME)
    return [(str(each.whole), each.route.category.name) for each in wide.routes]


def test_lists_come_first_then_nearer_domains_each_sorted_by_name() -> None:
    cards = (
        *(domain("s", "shop.example"), domain("n", "b.shop.example"), domain("o", "a.shop.example")),
        *(domain("e", "a.example"), mailing_list("z", "z.lists.example"), mailing_list("a", "a.b.lists.example")),
    )
    assert found(*cards, Feed=("s", "n", "z"), Jail=("o", "e", "a")) == [
        ("list:a.b.lists.example", "Jail"),
        ("list:z.lists.example", "Feed"),
        ("@a.shop.example", "Jail"),
        ("@b.shop.example", "Feed"),
        ("@a.example", "Jail"),
        ("@shop.example", "Feed"),
    ]


def test_what_is_in_no_group_or_in_unrelated_ones_has_none() -> None:
    cards = (domain("s", "shop.example"), mailing_list("d", "dev.example"), domain("o", "other.example"))
    assert found(*cards, Mailroom=("s",), Feed=("d",), Jail=("d",), Truck=("o",), Paper_Trail=("o",)) == [
        ("@other.example", "Truck")
    ]
    assert found(*cards, Mailroom=("s",)) == []


def test_a_domain_that_nothing_may_be_decided_about_has_none() -> None:
    cards = (domain("g", "gmail.com"), domain("c", "co.uk"), domain("s", "shop.co.uk"))
    assert found(*cards, Feed=("g", "c", "s")) == [("@shop.co.uk", "Feed")]


class TestApart:
    CARDS = (
        domain("s", "shop.example"),
        Card("friend", "friend", Fields("Friend"), frozenset({"friend@shop.example"}), ""),
        card("adopted", "Undone on 2026-03-05", "adopted@shop.example", origin=ADOPTED),
        card("back", "Back to the Screener on 2026-03-05", "back@shop.example"),
        card("undone", "Undone on 2026-03-05", "undone@shop.example"),
        card("exact", "Triaged to Jail on 2026-03-05", "exact@shop.example"),
        Card("any", "any", Fields("Any"), frozenset({"*@other.example"}), ""),
    )
    BROKEN = (Unreadable("x", "no vCard", frozenset({"broken@shop.example"})),)

    def apart(self, *, known_contacts: bool = True) -> frozenset[str]:
        book = AddressBook(self.CARDS, groups(Feed=("s",), Jail=("exact",)), self.BROKEN)
        return wide_routes(book, Scheme(screening=Screening(known_contacts=known_contacts))).apart

    def test_are_the_users_contacts_who_was_taken_back_and_who_cannot_be_read(self) -> None:
        strangers = {"back@shop.example", "broken@shop.example"}
        assert self.apart() == {"friend@shop.example", "adopted@shop.example"} | strangers
        assert self.apart(known_contacts=False) == strangers

    def test_is_nobody_where_nothing_wide_is_decided(self) -> None:
        assert wide_routes(AddressBook(self.CARDS[1:], groups(Jail=("exact",))), DEFAULT_SCHEME) == NOTHING_WIDE


def test_a_list_for_the_inbox_is_left_to_the_daemon_and_a_domain_is_not() -> None:
    cards = (mailing_list("d", "dev.example"), mailing_list("f", "feed.example"), domain("s", "shop.example"))
    wide = wide_routes(AddressBook(cards, groups(Imbox=("d", "s"), Feed=("f",))), DEFAULT_SCHEME)
    assert list(wide_warnings(wide)) == [
        "mail of list:dev.example is left to the daemon: Imbox has it in the Inbox, and rules can't tell who wrote its "
        "List-Id"
    ]
