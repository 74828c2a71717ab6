"""Rules for whole domains and lists, as Sieve and as Fastmail's JSON: mail ends where the daemon would have put it."""

import re
from dataclasses import replace

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import LetThrough, Screening
from mailroom.contacts.base import AddressBook, Card, Fields
from mailroom.decisions.note import CREATED, HEADER, WHOLE_DOMAIN, whole_list_line
from mailroom.decisions.wide_routes import NOTHING_WIDE, wide_routes, wide_warnings
from mailroom.rules.fastmail import Rule, rules
from mailroom.rules.sieve import script
from tests.decisions.test_plan import groups
from tests.rules.sieve_interpreter import Delivery, deliver
from tests.rules.test_sieve import COMMON, CYRUS, OWN, SCREENING, account

DEV, NEWS = "python-dev.python.org", "news.shop.example"


def card(uid: str, line: str, *addresses: str) -> Card:
    last = "Back to the Screener on 2026-03-05" if uid == "back" else "Triaged to X on 2026-03-05"
    return Card(uid, uid, Fields(uid), frozenset(addresses), f"{HEADER}\n{CREATED}\n{line}\n{last}")


CARDS = (
    card("shop", WHOLE_DOMAIN, "*@shop.example"),
    card("news", WHOLE_DOMAIN, f"*@{NEWS}"),
    card("dev", whole_list_line(DEV)),
    card("inbox", whole_list_line("inbox.python.org")),
    card("gmail", WHOLE_DOMAIN, "*@gmail.com"),
    card("nowhere", WHOLE_DOMAIN, "*@nowhere.example"),
    Card("friend", "friend", Fields("Friend"), frozenset({"friend@shop.example"}), ""),
    card("back", "Triaged to Feed on 2026-03-04", "back@shop.example"),
    card("exact", "", "exact@shop.example"),
)
BOOK = AddressBook(
    CARDS,
    groups(Feed=["news", "gmail"], Jail=["shop", "exact"], Truck=["dev"], Paper_Trail=["dev"], Imbox=["inbox"]),
)
ALIKE = pytest.mark.parametrize("server", [COMMON, CYRUS], ids=["common", "cyrus"])


def test_lists_come_before_domains_and_nearer_domains_before_wider_ones() -> None:
    found = wide_routes(BOOK, DEFAULT_SCHEME)
    assert [(str(each.whole), each.route.category.name) for each in found.routes] == [
        ("list:inbox.python.org", "Imbox"),
        (f"list:{DEV}", "Truck"),
        (f"@{NEWS}", "Feed"),
        ("@shop.example", "Jail"),
    ]
    assert found.apart == {"friend@shop.example", "back@shop.example"}
    assert [each.partition(" is left")[0] for each in wide_warnings(found)] == ["mail of list:inbox.python.org"]


def test_nobody_is_set_apart_where_nothing_wide_is_decided() -> None:
    assert wide_routes(AddressBook(CARDS[-3:], groups(Jail=["exact"])), DEFAULT_SCHEME) == NOTHING_WIDE


def test_the_users_contacts_are_not_apart_where_they_are_not_known() -> None:
    scheme = replace(DEFAULT_SCHEME, screening=Screening(known_contacts=False))
    assert wide_routes(BOOK, scheme).apart == {"back@shop.example"}


def ending(scheme: Scheme, delivery: Delivery, server: object = COMMON) -> frozenset[str]:
    assert isinstance(server, type(COMMON))
    members = {"Jail": frozenset({"exact@shop.example", "*@shop.example"}), "Feed": frozenset({f"*@{NEWS}"})}
    names = replace(account(scheme), members=members, wide=wide_routes(BOOK, scheme))
    ids = {f"id of {name}": name for name in scheme.managed_mailboxes}
    uids = {uid: group for group, uid in names.group_uids.items()}
    return deliver(script(scheme, names, server), replace(delivery, mailbox_names=ids, group_uids=uids))


class TestSieve:
    @ALIKE
    @pytest.mark.parametrize(
        ("sender", "list_id", "expected"),
        [
            ("a@shop.example", "", {"Jail"}),
            ("a@other.shop.example", "", {"Jail"}),
            ("a@news.shop.example", "", {"Feed"}),
            ("a@x.news.shop.example", "", {"Feed"}),
            ("a@myshop.example", "", {"Screener"}),
            ("a@shop.example.org", "", {"Screener"}),
            ("a@shop.example", f"Devs <{DEV.upper()}>", {"Truck", "Paper Trail"}),
            ("a@x.example", DEV, {"Truck", "Paper Trail"}),
            ("a@x.example", f"<not-{DEV}>", {"Screener"}),
            ("a@shop.example", "<inbox.python.org>", {"Screener"}),
            ("friend@shop.example", f"<{DEV}>", {"Screener"}),
            ("back@shop.example", "", {"Screener"}),
            (OWN, f"<{DEV}>", {"Inbox"}),
            ("a@gmail.com", "", {"Screener"}),
            ("a@nowhere.example", "", {"Screener"}),
        ],
    )
    def test_files_mail_of(self, sender: str, list_id: str, expected: set[str], server: object) -> None:
        assert ending(DEFAULT_SCHEME, Delivery(sender, list_id=list_id), server) == expected

    def test_asks_no_group_for_a_whole_domain_where_the_server_takes_its_card_for_everybody(self) -> None:
        taken = frozenset({"Jail"})
        assert ending(DEFAULT_SCHEME, Delivery("friend@shop.example", taken), CYRUS) == {"Screener"}
        assert ending(DEFAULT_SCHEME, Delivery("a@news.shop.example", taken), CYRUS) == {"Feed"}
        assert ending(DEFAULT_SCHEME, Delivery("b@elsewhere.example", frozenset({"Jail"})), CYRUS) == {"Jail"}

    @ALIKE
    def test_asks_for_single_senders_first(self, server: object) -> None:
        mail = Delivery("exact@shop.example", frozenset({"Jail"}), list_id=f"<{DEV}>")
        assert ending(DEFAULT_SCHEME, mail, server) == {"Jail"}

    @pytest.mark.parametrize(
        ("sender", "list_id", "expected"),
        [
            ("a@shop.example", "", {"Jail"}),
            ("a@shop.example", "<inbox.python.org>", {"Inbox"}),
            ("friend@shop.example", "", {"Inbox"}),
            ("back@shop.example", "", {"Inbox"}),
        ],
    )
    def test_leaves_to_a_daemon_that_screens_what_it_cant_tell(
        self, sender: str, list_id: str, expected: set[str]
    ) -> None:
        assert ending(SCREENING, Delivery(sender, list_id=list_id)) == expected

    @pytest.mark.parametrize(
        ("let_through", "mail"),
        [
            (LetThrough(addresses=frozenset({"vip@shop.example"})), Delivery("vip@shop.example")),
            (LetThrough(domains=frozenset({"vip.shop.example"})), Delivery("a@vip.shop.example")),
            (LetThrough(above=frozenset({"vip.shop.example"})), Delivery("a@x.vip.shop.example")),
            (LetThrough(lists=frozenset({"vip.list"})), Delivery("a@shop.example", list_id="<vip.list>")),
            (LetThrough(recipients=frozenset({"me+x@y.org"})), Delivery("a@shop.example", to="me+x@y.org")),
        ],
    )
    def test_leaves_whom_the_configuration_lets_through(self, let_through: LetThrough, mail: Delivery) -> None:
        scheme = replace(DEFAULT_SCHEME, screening=Screening("on", let_through=let_through))
        assert ending(scheme, mail) == {"Inbox"}
        assert ending(SCREENING, mail) == {"Jail"}

    def test_says_nothing_of_it_where_nothing_wide_is_decided(self) -> None:
        assert "whole" not in script(DEFAULT_SCHEME, account(DEFAULT_SCHEME), COMMON)


class TestFastmail:
    """Its words find a little more than the domain, so the first rule that fits stops."""

    def wide(self, scheme: Scheme) -> list[Rule]:
        found = rules(scheme, wide_routes(BOOK, scheme).routes)
        return [each for each in found if re.match("(from|list):", each.search)]

    def test_has_rules_for_each_label_and_stops_at_the_last(self) -> None:
        found = [(each.search.split(" NOT ")[0], each.label, each.stop) for each in self.wide(DEFAULT_SCHEME)]
        assert found == [
            ('list:"inbox.python.org"', "Screener", True),
            (f'list:"{DEV}"', "Truck", False),
            (f'list:"{DEV}"', "Paper Trail", True),
            (f'from:"{NEWS}"', "Feed", True),
            ('from:"shop.example"', "Jail", True),
        ]
        assert all(each.skip_inbox for each in self.wide(DEFAULT_SCHEME))

    def test_leaves_single_senders_and_contacts_to_their_own_rules(self) -> None:
        terms = self.wide(DEFAULT_SCHEME)[0].search
        assert all(f'NOT fromin:"{group}"' in terms for group in DEFAULT_SCHEME.groups)
        assert terms.endswith(" NOT fromin:contacts")
        unknown = replace(DEFAULT_SCHEME, screening=Screening(known_contacts=False))
        assert "contacts" not in self.wide(unknown)[0].search

    def test_leaves_to_a_daemon_that_screens_what_may_not_reach_the_inbox_unseen(self) -> None:
        first = self.wide(SCREENING)[0]
        assert (first.label, first.skip_inbox, first.stop) == (None, False, True)

    def test_comes_before_the_rule_for_strangers(self) -> None:
        found = rules(DEFAULT_SCHEME, wide_routes(BOOK, DEFAULT_SCHEME).routes)
        assert found[-1].label == "Screener"
        assert not re.match("(from|list):", found[-1].search)
