"""How senders, domains and lists stand in the address book."""

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.base import AddressBook, Card, CardEdit, Change, Departure, Fields, Group, NewCard, Unreadable
from mailroom.decisions.standing import Standing, after, standings

ANN = "ann@example.org"
CREATED = "— Mailroom —\nCreated by Mailroom\nTriaged to Feed on 2026-03-05"
BACK = "Back to the Screener on 2026-03-06T14:03Z"
DOMAIN = "— Mailroom —\nCreated by Mailroom\nWhole domain\nTriaged to Feed on 2026-03-05"


def card(text: str = "", *addresses: str, uid: str = "ann") -> Card:
    return Card(f"ref-{uid}", uid, Fields("Ann"), frozenset(addresses), text)


def group(name: str, *members: str) -> Group:
    return Group(f"ref-{name}", f"uid-{name}", name, frozenset(members))


def standing(*cards: Card, groups: tuple[Group, ...] = ()) -> Standing:
    return standings(AddressBook(cards, groups), DEFAULT_SCHEME).senders[ANN]


class TestSender:
    def test_is_in_the_managed_groups_of_all_its_cards(self) -> None:
        cards = (card("", ANN, uid="1"), card("", ANN, "b@example.org", uid="2"))
        groups = (group("Feed", "1"), group("Jail", "2"), group("Imbox", "3"), group("Friends", "1"))
        assert standing(*cards, groups=groups).groups == {"Feed", "Jail"}

    def test_is_known_by_every_address_of_a_card(self) -> None:
        found = standings(AddressBook((card("", ANN, "b@example.org"),), ()), DEFAULT_SCHEME)
        assert found.senders == {ANN: Standing(is_users=True), "b@example.org": Standing(is_users=True)}
        assert (found.domains, found.lists) == ({}, {})

    @pytest.mark.parametrize(
        ("text", "is_users"),
        [("", True), ("hello", True), (CREATED, False), (CREATED.replace("Created", "Adopted"), True)],
    )
    def test_is_the_users_own_unless_mailroom_made_the_card(self, text: str, is_users: bool) -> None:
        assert standing(card(text, ANN)).is_users is is_users

    def test_has_one_card_of_the_user_among_several(self) -> None:
        both = (card("", ANN, uid="1"), card(f"{CREATED}\n{BACK}", ANN, uid="2"))
        assert standing(*both) == standing(*reversed(both)) == Standing(is_users=True, is_taken_back=True)

    def test_may_be_named_by_a_card_that_nobody_can_read(self) -> None:
        book = AddressBook((card("", ANN),), (), (Unreadable("x", "no vCard", frozenset({ANN, "b@example.org"})),))
        assert standings(book, DEFAULT_SCHEME).senders == {
            ANN: Standing(is_users=True, is_unreadable=True),
            "b@example.org": Standing(is_unreadable=True),
        }

    @pytest.mark.parametrize(
        ("lines", "is_taken_back"),
        [
            (BACK, True),
            ("Back to the Screener on 2026-03-06", True),
            (f"{BACK}\r", True),
            (f"{BACK}\nmine", True),
            (f"mine\n{BACK}", True),
            (f"{BACK}\nTriaged to Feed on 2026-03-07", False),
            (f"{BACK}\nRe-triaged to Feed on 2026-03-07", False),
            (f"{BACK}\nMoved to Feed on 2026-03-07", False),
            (f"{BACK}\nUndone on 2026-03-07", False),
            (f"Undone on 2026-03-07\n{BACK}", True),
            ("Undone on 2026-03-07", False),
            (f"{BACK} or so", False),
            (f"not {BACK}", False),
            ("", False),
        ],
    )
    def test_is_taken_back_where_the_last_decision_says_so(self, lines: str, is_taken_back: bool) -> None:
        assert standing(card(f"{CREATED}\n{lines}", ANN)).is_taken_back is is_taken_back

    @pytest.mark.parametrize("text", [BACK, f"{BACK}\n— Mailroom —\nAdopted by Mailroom"])
    def test_is_not_taken_back_by_what_the_user_wrote(self, text: str) -> None:
        assert not standing(card(text, ANN)).is_taken_back


class TestWholeDomain:
    def test_is_decided_by_its_card(self) -> None:
        found = standings(AddressBook((card(DOMAIN, "*@shop.example"),), (group("Feed", "ann"),)), DEFAULT_SCHEME)
        assert found.domains == {"shop.example": Standing(frozenset({"Feed"}))}

    @pytest.mark.parametrize(
        "made",
        [
            card(CREATED, "*@shop.example"),
            card("Whole domain", "*@shop.example"),
            card(DOMAIN, "*@shop.example", ANN),
            card(DOMAIN, "*@shop.example", "*@other.example"),
            card(DOMAIN, ANN),
            card(DOMAIN),
        ],
        ids=["not said", "said by the user", "second address", "second domain", "address", "no address"],
    )
    def test_needs_the_note_and_nothing_but_the_domain(self, made: Card) -> None:
        assert standings(AddressBook((made,), ()), DEFAULT_SCHEME).domains == {}


class TestWholeList:
    def test_is_decided_by_its_card(self) -> None:
        made = card("— Mailroom —\nCreated by Mailroom\nWhole list <Dev.Python.org>")
        found = standings(AddressBook((made,), (group("Feed", "ann"),)), DEFAULT_SCHEME)
        assert found.lists == {"dev.python.org": Standing(frozenset({"Feed"}))}
        assert found.senders == {}

    @pytest.mark.parametrize(
        "made",
        [
            card("Whole list <dev.python.org>"),
            card(f"{CREATED}\nWhole list <dev.python.org>", ANN),
            card(f"{CREATED}\nWhole list <>"),
            card(f"{CREATED}\nWhole list < >"),
            card(f"{CREATED}\nWhole list dev.python.org"),
            card(f"{CREATED}\nThe Whole list <dev.python.org>"),
        ],
        ids=["said by the user", "has an address", "no id", "blank id", "not as Mailroom writes it", "another line"],
    )
    def test_needs_the_note_and_no_address(self, made: Card) -> None:
        assert standings(AddressBook((made,), ()), DEFAULT_SCHEME).lists == {}


class TestAfterThisPass:
    FEED, JAIL = group("Feed", "ann", "bob"), group("Jail", "eve")

    def test_a_card_leaves_and_joins_groups(self) -> None:
        book = AddressBook((card("", ANN),), (self.FEED, self.JAIL))
        changes = (Change(ANN, "ann", None, (self.JAIL,)), Change("b@example.org", "bob", None, (self.JAIL,)))
        then = after(book, changes, [Departure(ANN, "ann", (self.FEED,))])
        assert [each.members for each in then.groups] == [{"bob"}, {"eve", "ann", "bob"}]
        assert then.cards == book.cards
        assert standings(then, DEFAULT_SCHEME).senders[ANN].groups == {"Jail"}

    def test_a_new_card_is_there(self) -> None:
        book = AddressBook((), (self.FEED, self.JAIL), (Unreadable("x", "no vCard", frozenset()),))
        made = NewCard("new", ANN, Fields("Ann"), CREATED)
        then = after(book, [Change(ANN, "new", made, (self.FEED,))], ())
        assert standings(then, DEFAULT_SCHEME).senders == {ANN: Standing(frozenset({"Feed"}))}
        assert then.cards == (Card("", "new", Fields("Ann"), frozenset({ANN}), CREATED),)
        assert then.unreadable == book.unreadable

    def test_a_note_is_as_it_was_edited(self) -> None:
        gone, other = card(f"{CREATED}\n{BACK}", ANN), card("x", "b@example.org", uid="bob")
        edit = CardEdit(gone, Fields(), f"{CREATED}\n{BACK}\nTriaged to Feed on 2026-03-07")
        then = after(AddressBook((gone, other), ()), [Change(ANN, "ann", edit)], ())
        assert not standings(then, DEFAULT_SCHEME).senders[ANN].is_taken_back
        assert then.cards[1] == other
