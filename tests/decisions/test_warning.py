"""Whom a warning is for: names that cards don't have, and names that other contacts have."""

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.base import AddressBook, Card, Fields
from mailroom.decisions import note
from mailroom.decisions.select import Sender
from mailroom.decisions.warning import KnownNames, known_names, names_shown, to_warn_of
from tests.decisions.test_plan import ANN, NOW, mail

BOB = "bob@x.org"
CREATED = note.recorded("", "Feed", NOW, note.CREATED)
ADOPTED = note.recorded("", "Feed", NOW, note.ADOPTED)


def card(uid: str, fields: Fields, *addresses: str, text: str = "") -> Card:
    return Card(f"ref-{uid}", uid, fields, frozenset(addresses), text)


def known(*cards: Card, name: str = "Ann Lee", also: str = "") -> KnownNames:
    sender = Sender(ANN, name, DEFAULT_SCHEME.by_name["Feed"], (), frozenset({also} if also else ()))
    return known_names(sender, name, AddressBook(cards, ()))


class TestADifferentName:
    @pytest.mark.parametrize(
        "shown", ["Ann Lee", "ann  lee", "'Ann Lee'", "Ann\xa0Lee", "", "ann@example.org", "\u200b"]
    )
    def test_is_not_one_that_people_read_as_the_same_and_not_none(self, shown: str) -> None:
        assert not known(name="“Ann  Lee”").differ_from(shown)

    def test_is_any_other(self) -> None:
        assert known().differ_from("Your Bank")

    def test_is_none_that_another_card_with_the_address_has(self) -> None:
        names = known(card("a", Fields("Ann Lee"), ANN), card("b", Fields("Bob Lee"), ANN, BOB))
        assert not names.differ_from("Bob Lee")

    def test_is_none_that_a_card_with_another_of_the_senders_addresses_has(self) -> None:
        assert not known(card("b", Fields("Ann at Work"), BOB), also=BOB).differ_from("Ann at Work")


class TestTheNameOfAnother:
    BOSS = Fields("Bea Boss")

    def test_is_warned_of_on_a_new_sender(self) -> None:
        names = known(card("b", self.BOSS, BOB), name="Bea Boss")
        assert names.differ_from("bea  boss")

    def test_and_on_one_whose_card_mailroom_made(self) -> None:
        made = card("a", Fields("Bea Boss", organization="Bea Boss"), ANN, text=CREATED)
        assert known(made, card("b", self.BOSS, BOB), name="Bea Boss").differ_from("Bea Boss")

    def test_is_none_where_the_user_has_a_card_of_that_name_for_the_address(self) -> None:
        assert not known(card("a", self.BOSS, ANN), card("b", self.BOSS, BOB), name="Bea Boss").differ_from("Bea Boss")

    @pytest.mark.parametrize(
        "other",
        [
            card("b", Fields("Bea"), BOB),
            card("b", BOSS),
            card("b", BOSS, BOB, ANN),
            card("b", Fields("Bea Boss", organization="Bea Boss"), BOB, text=CREATED),
            card("b", Fields("Bea Boss", given="Bea", family="Boss"), BOB, text=CREATED),
        ],
        ids=["one word", "no address", "has this address too", "a company as Mailroom made it", "a person likewise"],
    )
    def test_is_none(self, other: Card) -> None:
        assert not known(other, name=other.fields.full_name).differ_from(other.fields.full_name)

    def test_counts_where_the_user_edited_a_card_that_mailroom_made(self) -> None:
        other = card("b", Fields("Bea Boss", organization="Boss & Co"), BOB, text=CREATED)
        assert known(other, name="Bea Boss").differ_from("Bea Boss")


def test_the_names_to_look_up_are_the_full_ones_on_labelled_mail() -> None:
    mails = (mail("1", "@ToFeed", name="Ann Lee"), mail("2", "@ToFeed", name="Ann"), mail("3", "@ToFeed", name=None))
    more = (mail("4", "@ToFeed", name="Bob via Some List"), mail("5", "@ToFeed", name="Ann Lee"))
    feed = DEFAULT_SCHEME.by_name["Feed"]
    assert names_shown([Sender(ANN, "", feed, mails), Sender(BOB, "", feed, more)]) == ("Ann Lee", "Some List")


class TestANameThatMailroomFilledIn:
    """It says as much after it was written as before: a pass that was cut off ends like one that wasn't."""

    NAMED = note.named(ADOPTED, "Bea Boss")

    def test_is_no_other_contacts(self) -> None:
        other = card("b", Fields("Bea Boss"), BOB, text=self.NAMED)
        assert not known(other, name="Bea Boss").differ_from("Bea Boss")

    def test_tells_nobody_apart(self) -> None:
        own = card("a", Fields("Bea Boss"), ANN, text=self.NAMED)
        assert known(own, card("b", Fields("Bea Boss"), BOB), name="Bea Boss").differ_from("Bea Boss")

    def test_is_the_users_once_the_user_has_changed_it(self) -> None:
        other = card("b", Fields("Bea Chief"), BOB, text=self.NAMED)
        assert known(other, name="Bea Chief").differ_from("Bea Chief")


def test_the_newest_mail_of_each_name_that_differs_is_warned_of() -> None:
    mails = [
        mail("2", "@ToFeed", name="Bob Lee", at="2026-02-01"),
        mail("1", "@ToFeed", name="bob lee", at="2026-03-01"),
        mail("3", "@ToFeed", name="Ann Lee", at="2026-04-01"),
        mail("4", "@ToFeed", name="Cy Lee", at="2026-01-01"),
    ]
    assert to_warn_of(mails, KnownNames(frozenset({"ann lee"}))) == {"1", "4"}
