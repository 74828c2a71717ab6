"""The contact card of a whole domain or list: which one it is, and what is written on it."""

from datetime import timedelta

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Target
from mailroom.contacts.base import AddressBook, Card, CardEdit, Fields, NewCard
from mailroom.decisions import note
from mailroom.decisions.contact import new_uid
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.decisions.whole_card import card_change, matching_card, uid_of, whole_of
from mailroom.errors import SenderFailed
from tests.decisions.test_plan import NOW, groups

SHOP, DEV = WholeDomain("shop.example"), WholeList("dev.python.org")
FEED, JAIL, BACK = DEFAULT_SCHEME.by_name["Feed"], DEFAULT_SCHEME.by_name["Jail"], DEFAULT_SCHEME.back
LATER = NOW + timedelta(days=1)
TAPPED = "Triaged to Feed on 2026-03-05T14:03Z"
LINES = {SHOP: "Whole domain", DEV: "Whole list <dev.python.org>"}
WHOLES = pytest.mark.parametrize("whole", [SHOP, DEV], ids=str)


def text_of(*lines: str) -> str:
    return "\n".join([note.HEADER, note.CREATED, *lines])


def card(whole: Whole, uid: str = "made", text: str = "", *addresses: str, age: str = "", name: str = "Shop") -> Card:
    own = (whole.address,) if whole.address else ()
    text = text or text_of(LINES[whole], TAPPED)
    return Card(f"ref-{uid}", uid, Fields(name), frozenset(addresses or own), text, age)


class TestWhoseItIs:
    @pytest.mark.parametrize(
        ("addresses", "lines", "whole"),
        [
            (("*@shop.example",), ("Whole domain",), SHOP),
            (("*@shop.example", "*@x.example"), ("Whole domain",), None),
            (("a@shop.example",), ("Whole domain",), None),
            ((), ("Whole domain",), None),
            (("*@shop.example",), (), None),
            ((), ("Whole list <Dev.python.org>",), DEV),
            (("a@x.example",), ("Whole list <dev.python.org>",), None),
            ((), ("Whole list < >",), None),
            ((), (), None),
        ],
    )
    def test_is_told_by_note_and_address(
        self, addresses: tuple[str, ...], lines: tuple[str, ...], whole: Whole | None
    ) -> None:
        found = Card("r", "u", Fields("X"), frozenset(addresses), text_of(*lines))
        assert whole_of(found, note.read(found.note) or note.NOTHING_WRITTEN) == whole

    def test_has_the_same_uid_ever_again(self) -> None:
        assert uid_of(SHOP, "u1") == new_uid("u1", "*@shop.example")
        assert uid_of(DEV, "u1") == new_uid("u1", "list:dev.python.org")
        assert len({uid_of(whole, account) for whole in (SHOP, DEV) for account in ("u1", "u2")}) == 4


class TestWhichItIs:
    def found(self, whole: Whole, *cards: Card, **members: tuple[str, ...]) -> str | None:
        match = matching_card(whole, "u1", AddressBook(cards, groups(**members)), DEFAULT_SCHEME)
        return None if match is None else match.uid

    @WHOLES
    def test_of_several_is_the_one_in_a_group_else_the_oldest_else_the_first(self, whole: Whole) -> None:
        old, new, same = card(whole, "z", age="1"), card(whole, "b", age="2"), card(whole, "a", age="2")
        other = card(DEV if whole == SHOP else SHOP, "other")
        assert self.found(whole, other, new, old) == "z"
        assert self.found(whole, other, new, old, Feed=("b",), Mailroom=("z",)) == "b"
        assert self.found(whole, new, same) == "a"
        assert self.found(whole, other) is None

    @WHOLES
    def test_is_the_one_that_was_made_for_it_even_without_its_line(self, whole: Whole) -> None:
        uid = uid_of(whole, "u1")
        assert self.found(whole, card(whole, "x", "Mine."), card(whole, uid, "Mine.")) == uid
        assert self.found(whole, card(whole, uid, "Mine."), card(whole, "x")) == "x"

    @WHOLES
    @pytest.mark.parametrize("name", ["Bob", ""])
    def test_is_none_once_it_was_made_somebody_elses(self, whole: Whole, name: str) -> None:
        uid = uid_of(whole, "u1")
        with pytest.raises(SenderFailed) as failed:
            self.found(whole, card(whole, uid, "Mine.", "bob@x.example", name=name))
        assert str(failed.value) == (
            f"the contact {name or uid} was made for the whole of {whole}, and has other addresses now: give it back "
            "what it had, or delete it"
        )


class TestWhatIsWritten:
    def change(self, whole: Whole, target: Target, has: Card | None, name: str = "") -> NewCard | CardEdit | None:
        return card_change(whole, name, target, "uid", has, NOW)

    @WHOLES
    def test_on_a_new_one_is_what_it_is_about_and_the_decision(self, whole: Whole) -> None:
        text = text_of(LINES[whole], TAPPED)
        named = Fields("Core developers", organization=whole.named)
        assert self.change(whole, FEED, None, "Core developers") == NewCard("uid", whole.address, named, text)
        bare = Fields(whole.named, organization=whole.named)
        assert self.change(whole, FEED, None) == NewCard("uid", whole.address, bare, text)

    @WHOLES
    def test_is_nothing_where_there_is_no_decision_to_take_back(self, whole: Whole) -> None:
        assert self.change(whole, BACK, None) is None

    @WHOLES
    def test_on_one_that_is_there_is_another_line_and_nothing_else(self, whole: Whole) -> None:
        has = card(whole)
        edit = CardEdit(has, Fields(), f"{has.note}\nRe-triaged to Jail on 2026-03-05T14:03Z")
        assert self.change(whole, JAIL, has, "Another name") == edit
        assert self.change(whole, FEED, has, "Another name") is None
        back = CardEdit(has, Fields(), f"{has.note}\nBack to the Screener on 2026-03-05T14:03Z")
        assert self.change(whole, BACK, has) == back

    @WHOLES
    def test_on_one_that_lost_its_line_is_that_line_again(self, whole: Whole) -> None:
        bare = card(whole, text="Mine.")
        begun = f"Mine.\n\n{note.HEADER}\n{note.CREATED}\n{LINES[whole]}\n{TAPPED}"
        assert self.change(whole, FEED, bare) == CardEdit(bare, Fields(), begun)
        without = card(whole, text=text_of(TAPPED))
        assert self.change(whole, FEED, without) == CardEdit(without, Fields(), text_of(TAPPED, LINES[whole]))
