"""Contacts whose notes and groups don't agree."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.contacts.base import AddressBook, Card, Fields
from mailroom.decisions import note
from mailroom.decisions.drift import drift, refill
from tests.decisions.test_plan import groups


def card(uid: str, *categories: str) -> Card:
    """A card that was settled in these categories, one after the other."""
    text = "Met in Porto." if categories else ""
    for name in categories:
        text = note.recorded(text, name, datetime(2026, 3, 5, tzinfo=UTC), note.ADOPTED)
    return Card(f"ref-{uid}", uid, Fields(uid), frozenset({f"{uid}@x.org"}), text)


def joins(book: AddressBook, *names: str) -> dict[str, list[str]]:
    return {each.uid: [group.name for group in each.join] for each in refill(book, DEFAULT_SCHEME, names)}


class TestRefilling:
    def test_takes_back_whom_the_last_line_of_the_note_names_and_the_children(self) -> None:
        cards = (card("ann", "Jail", "Feed"), card("bob", "Truck"), card("cy", "Feed", "Jail"), card("dee"))
        book = AddressBook(cards, groups(Truck={"bob"}))
        assert joins(book, "Feed", "Paper Trail") == {"ann": ["Feed"], "bob": ["Paper Trail"]}
        assert joins(book) == {}

    def test_leaves_whoever_is_in_another_categorys_group_now(self) -> None:
        book = AddressBook((card("ann", "Feed"), card("bob", "Person")), groups(Jail={"ann"}, Person={"bob"}))
        assert joins(book, "Feed", "Imbox") == {"bob": ["Imbox"]}

    def test_leaves_whoever_is_in_it_already(self) -> None:
        assert joins(AddressBook((card("ann", "Feed"),), groups(Feed={"ann"})), "Feed") == {}

    @pytest.mark.parametrize("text", ["", "Triaged to Feed on 2026-03-05", note.HEADER])
    def test_asks_only_for_mailrooms_block(self, text: str) -> None:
        book = AddressBook((Card("ref", "ann", Fields(), frozenset(), text),), groups())
        assert joins(book, "Feed") == {}

    def test_concerns_groups_alone(self) -> None:
        book = AddressBook((card("ann", "Feed"),), groups())
        (change,) = refill(book, DEFAULT_SCHEME, ["Feed"])
        assert (change.sender, change.uid, change.card) == ("ref-ann", "ann", None)


class TestDrift:
    def test_is_nothing_where_notes_and_groups_agree(self) -> None:
        book = AddressBook((card("ann", "Feed"), card("bob")), groups(Feed={"ann"}))
        assert drift(book, DEFAULT_SCHEME) == ()

    def test_counts_notes_of_categories_that_are_not_configured(self) -> None:
        cards = (card("ann", "Old"), card("bob", "Feed", "Old"), card("cy", "Lists"), card("dee", "Old", "Feed"))
        (line,) = drift(AddressBook(cards, groups(Feed={"dee"})), DEFAULT_SCHEME)
        assert line.startswith("3 contacts carry a note of a category that isn't configured: Lists (1), Old (2). Conf")

    def test_is_nothing_where_a_decision_was_taken_back(self) -> None:
        ann = card("ann", "Feed")
        for verb in (note.Verb.BACK, note.Verb.UNDONE):
            text = note.taken_back(ann.note, verb, datetime(2026, 3, 6, tzinfo=UTC), note.ADOPTED)
            book = AddressBook((replace(ann, note=text),), groups())
            assert drift(book, DEFAULT_SCHEME) == ()
            assert joins(book, "Feed") == {}

    def test_is_nothing_where_the_renamed_category_has_the_group(self) -> None:
        scheme = Scheme((category("News", contact_group="Feed"),))
        assert drift(AddressBook((card("ann", "Feed"),), groups(Feed={"ann"})), scheme) == ()

    def test_names_an_empty_group_that_notes_speak_of(self) -> None:
        book = AddressBook((card("ann", "Feed"), card("bob", "Jail")), groups(Jail={"eve"}))
        (line,) = drift(book, DEFAULT_SCHEME)
        assert line.startswith("the contact group Feed is empty, and 1 contact carries a note that belongs there.")
