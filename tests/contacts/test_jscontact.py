"""Contact cards as JSContact: read, made and patched."""

from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.contacts import jscontact
from mailroom.contacts.base import Card, CardEdit, Fields, NewCard, Wanted
from mailroom.contacts.joined_notes import LONGEST, MOST
from mailroom.errors import BadReply
from mailroom.jmap.cards import CARD, AddressBookInfo, ContactCard, Malformed
from mailroom.sandbox.patch import apply_patch
from mailroom.wire import Json

ANN = "ann@example.org"
Properties = dict[str, Any]


def properties(**more: object) -> Properties:
    """A card of Ann as a server shows it."""
    return {"id": "1", "uid": "ann", "emails": {"e": {"address": ANN}}, **more}


def read(*cards: object) -> tuple[ContactCard | Malformed, ...]:
    return trio.run(CARD.read_list, {"list": cards})


def card_of(shown: Properties) -> Card:
    (card,) = jscontact.address_book(read(shown), Wanted([ANN])).cards
    return card


class TestReading:
    def test_takes_what_triage_needs(self) -> None:
        card = card_of(
            properties(
                name={
                    "full": "Ann Lee",
                    "components": [{"kind": "given", "value": "Ann"}, {"kind": "surname", "value": "Lee"}],
                },
                organizations={"o": {"name": "Lee Ltd", "units": [{"name": "Sales"}]}},
                notes={"n1": {"note": "One"}, "n2": {"note": "Two"}},
                created="2026-03-05T12:00:00Z",
            )
        )
        fields = Fields("Ann Lee", "Lee Ltd", "Ann", "Lee")
        assert card == Card("1", "ann", fields, frozenset({ANN}), "One\nTwo", "2026-03-05T12:00:00Z")

    def test_makes_do_with_an_address(self) -> None:
        assert card_of(properties()) == Card("1", "ann", Fields(), frozenset({ANN}), "")

    @pytest.mark.parametrize("nothing", [None, {}])
    @pytest.mark.parametrize("name", ["name", "organizations", "notes", "members"])
    def test_takes_null_and_nothing_for_absent(self, name: str, nothing: object) -> None:
        assert card_of(properties(**{name: nothing})).fields == Fields()

    def test_joins_a_name_that_has_only_parts(self) -> None:
        parts = [
            {"kind": "title", "value": "Dr"},
            {"kind": "given", "value": "Ann"},
            {"kind": "surname", "value": "Lee"},
        ]
        assert card_of(properties(name={"components": parts})).fields.full_name == "Dr Ann Lee"

    @pytest.mark.parametrize(
        ("order", "full"), [({}, "Ann Lee"), ({"isOrdered": False}, "Ann Lee"), ({"isOrdered": True}, "Lee Ann")]
    )
    def test_takes_the_given_name_first_unless_the_parts_are_in_order(self, order: Properties, full: str) -> None:
        parts = [{"kind": "surname", "value": "Lee"}, {"kind": "given", "value": "Ann"}]
        assert card_of(properties(name={"components": parts, **order})).fields.full_name == full

    def test_takes_the_first_organization_that_has_a_name(self) -> None:
        organizations = {"o1": {"units": [{"name": "Sales"}]}, "o2": {"name": "Lee Ltd"}}
        assert card_of(properties(organizations=organizations)).fields.organization == "Lee Ltd"

    def test_compares_addresses_in_canonical_form(self) -> None:
        emails = {
            "a": {"address": '"Ann"@EXAMPLE.org'},
            "b": {"address": "ann@bücher.example"},
            "c": {"address": "none"},
        }
        assert card_of(properties(emails=emails)).addresses == {ANN, "ann@xn--bcher-kva.example"}

    def test_leaves_out_cards_that_only_look_alike(self) -> None:
        found = read(
            properties(emails={"e": {"address": "joann@example.org"}}),
            properties(id="2", emails={"e": {"address": "ann@example.org.example"}}),
            properties(id="3", emails=None),
        )
        assert jscontact.address_book(found, Wanted([ANN])).cards == ()

    def test_keeps_every_group_and_sorts_by_ref(self) -> None:
        found = read(
            {"id": "9", "uid": "g9", "kind": "group", "name": {"full": "Feed"}, "members": {"ann": True, "bob": False}},
            properties(id="5"),
            {"id": "7", "uid": "g7", "kind": "group"},
            properties(id="4"),
        )
        book = jscontact.address_book(found, Wanted([ANN]))
        assert [(group.ref, group.name, group.members) for group in book.groups] == [
            ("7", "", frozenset()),
            ("9", "Feed", frozenset({"ann"})),
        ]
        assert [card.ref for card in book.cards] == ["4", "5"]

    def test_knows_a_member_in_any_spelling(self) -> None:
        found = read(
            properties(uid="urn:uuid:ann"),
            {"id": "2", "uid": "g", "kind": "group", "members": {"ann": True, 'urn:uuid:"urn:uuid:bob"': True}},
            {"id": "3", "uid": "h", "kind": "group", "members": {"urn:uuid:ann": True}},
        )
        book = jscontact.address_book(found, Wanted([ANN]))
        assert [card.uid for card in book.cards] == ["ann"]
        assert [(group.uid, group.members) for group in book.groups] == [
            ("g", frozenset({"ann", "bob"})),
            ("h", frozenset({"ann"})),
        ]

    def test_never_takes_a_group_for_a_card(self) -> None:
        book = jscontact.address_book(read(properties(kind="group")), Wanted([ANN]))
        assert (book.cards, len(book.groups)) == ((), 1)

    @pytest.mark.parametrize(
        "damage",
        [
            {"uid": None},
            {"uid": 5},
            {"kind": None},
            {"name": "Ann"},
            {"name": {"full": ["Ann"]}},
            {"name": {"components": [{"kind": "given"}]}},
            {"organizations": ["Lee Ltd"]},
            {"notes": {"n": "text"}},
            {"notes": {"n": {"note": None}}},
            {"members": "ann"},
            {"created": 5},
            {"emails": {"x": {"address": None}, "e": {"address": ANN}}},
            {"emails": {"x": None, "y": "text", "e": {"address": ANN}}},
        ],
        ids=str,
    )
    def test_tells_a_card_that_it_cant_read_and_hides_no_other(self, damage: Properties) -> None:
        book = jscontact.address_book(read(properties(**damage), properties(id="2", uid="two")), Wanted([ANN]))
        assert [card.ref for card in book.cards] == ["2"]
        (unreadable,) = book.unreadable
        assert (unreadable.ref, unreadable.addresses) == ("1", frozenset({ANN}))
        assert "malformed" in unreadable.reason
        assert ANN not in unreadable.reason

    @pytest.mark.parametrize("emails", [5, "text", [ANN], [{"address": ANN}], {"e": {"address": [ANN]}}], ids=str)
    def test_ignores_a_card_whose_addresses_nobody_can_tell(self, emails: object) -> None:
        book = jscontact.address_book(read(properties(emails=emails), properties(id="2")), Wanted([ANN]))
        assert ([card.ref for card in book.cards], book.unreadable) == (["2"], ())

    @pytest.mark.parametrize("text", ["a" * (LONGEST // MOST), "\n" * LONGEST])
    def test_tells_a_card_of_too_long_notes(self, text: str) -> None:
        notes = {f"n{n}": {"note": text} for n in range(min(MOST, LONGEST // len(text)))}
        fits, too_long = properties(notes=notes), properties(id="2", notes={**notes, "more": {"note": "a"}})
        book = jscontact.address_book(read(fits, too_long), Wanted([ANN]))
        assert [(card.ref, len(card.note) >= LONGEST) for card in book.cards] == [("1", True)]
        (unreadable,) = book.unreadable
        assert (unreadable.ref, unreadable.addresses) == ("2", frozenset({ANN}))
        assert unreadable.reason == "its notes are too long: make them at most 100,000 characters in 5,000 notes"

    def test_does_not_mind_damage_to_cards_of_others(self) -> None:
        found = read(properties(uid=5, emails={"e": {"address": "bob@example.org"}}))
        assert jscontact.address_book(found, Wanted([ANN])).unreadable == ()

    @pytest.mark.parametrize("item", [None, 5, "card", [], {}, {"uid": "ann"}, {"id": 5}])
    def test_can_do_nothing_with_what_has_no_id(self, item: object) -> None:
        with pytest.raises(BadReply, match="malformed"):
            read(item)


class TestTheDefaultBook:
    def test_is_the_one_that_says_so(self) -> None:
        books = AddressBookInfo(id="a"), AddressBookInfo(id="z", is_default=True)
        assert jscontact.default_book(books) == "z"

    def test_is_the_first_one_listed_if_none_says_so(self) -> None:
        """Cyrus 3.12 says of none, and lists `Default` before a book with a UUID."""
        assert jscontact.default_book((AddressBookInfo(id="b"), AddressBookInfo(id="a"))) == "b"

    def test_is_needed(self) -> None:
        with pytest.raises(BadReply, match="no address book; expected at least one"):
            jscontact.default_book(())


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_FILLS = st.builds(Fields, _TEXTS, st.just(""), _TEXTS, _TEXTS) | st.builds(Fields, _TEXTS, _TEXTS)


class TestANewCard:
    def test_of_a_company_has_an_organization_and_no_name_parts(self) -> None:
        card = NewCard("u", ANN, Fields("Lee Ltd", organization="Lee Ltd"), "note")
        assert jscontact.new_card(card, "b1") == {
            "@type": "Card",
            "version": "1.0",
            "uid": "u",
            "kind": "org",
            "addressBookIds": {"b1": True},
            "name": {"full": "Lee Ltd"},
            "organizations": {"o1": {"name": "Lee Ltd"}},
            "emails": {"e1": {"address": ANN}},
            "notes": {"n1": {"note": "note"}},
        }

    def test_of_a_person_has_name_parts_and_no_organization(self) -> None:
        card = NewCard("u", ANN, Fields("Ann Lee", given="Ann", family="Lee"), "note")
        made = jscontact.new_card(card, "b1")
        assert isinstance(made, dict)
        assert made["kind"] == "individual"
        assert "organizations" not in made
        parts: Json = [{"kind": "given", "value": "Ann"}, {"kind": "surname", "value": "Lee"}]
        assert made["name"] == {"full": "Ann Lee", "components": parts, "isOrdered": True}

    @given(_FILLS, _TEXTS)
    def test_reads_back_as_it_was_meant(self, fields: Fields, note: str) -> None:
        made = jscontact.new_card(NewCard("u", ANN, fields, note), "b1")
        assert isinstance(made, dict)
        assert card_of({**made, "id": "1"}) == Card("1", "u", fields, frozenset({ANN}), note)


def patched(shown: Properties, fill: Fields, note: str) -> Properties:
    """The card as a server has it after the patch."""
    (card,) = read(shown)
    assert isinstance(card, ContactCard)
    patch = jscontact.patch(CardEdit(card_of(shown), fill, note), card)
    assert isinstance(patch, dict)
    return apply_patch(shown, patch)


class TestAPatch:
    def test_fills_a_card_that_has_nothing(self) -> None:
        after = patched(properties(), Fields("Ann Lee", given="Ann", family="Lee"), "note")
        assert card_of(after) == Card("1", "ann", Fields("Ann Lee", "", "Ann", "Lee"), frozenset({ANN}), "note")

    def test_changes_nothing_that_it_was_not_asked_to(self) -> None:
        before = properties(
            name={"full": "Ann", "sortAs": {"given": "ann"}},
            organizations={"o": {"name": "Lee Ltd"}},
            phones={"p": {"number": "1"}},
            notes={"n": {"note": "Old", "author": {"name": "Bob"}}},
        )
        after = patched(before, Fields(), "Old\nNew")
        assert after == before | {"notes": {"n": {"note": "Old\nNew", "author": {"name": "Bob"}}}}

    def test_keeps_what_else_a_name_holds(self) -> None:
        after = patched(properties(name={"sortAs": {"given": "ann"}}), Fields("Ann Lee", given="Ann"), "")
        assert after["name"] == {
            "sortAs": {"given": "ann"},
            "full": "Ann Lee",
            "components": [{"kind": "given", "value": "Ann"}],
        }

    def test_does_not_replace_name_parts(self) -> None:
        parts = [{"kind": "title", "value": "Dr", "phonetic": "dok"}]
        after = patched(properties(name={"components": parts}), Fields(given="Ann", family="Lee"), "")
        assert after["name"]["components"] == parts

    def test_names_an_organization_without_losing_its_units(self) -> None:
        before = properties(organizations={"a/b~c": {"units": [{"name": "Sales"}]}, "d": {"units": []}})
        after = patched(before, Fields(organization="Lee Ltd"), "")
        assert after["organizations"] == {
            "a/b~c": {"units": [{"name": "Sales"}], "name": "Lee Ltd"},
            "d": {"units": []},
        }

    @pytest.mark.parametrize("key", ["n1", "a/b", "a~b", "~1/~0", ""])
    def test_finds_a_note_under_any_key(self, key: str) -> None:
        after = patched(properties(notes={key: {"note": "Old"}}), Fields(), "Old\nNew")
        assert after["notes"] == {key: {"note": "Old\nNew"}}

    def test_leaves_other_notes_alone(self) -> None:
        before = properties(notes={"b": {"note": "First", "x": 1}, "a": {"note": "Second", "x": 2}})
        after = patched(before, Fields(), "First\nSecond\nThird")
        assert after["notes"] == {"b": {"note": "First", "x": 1}, "a": {"note": "Second\nThird", "x": 2}}

    @given(
        st.dictionaries(st.text("a/~", max_size=3), st.text("ab\n", max_size=5), max_size=4),
        st.text("abc\n", max_size=9),
    )
    def test_makes_the_notes_read_as_they_should(self, notes: dict[str, str], text: str) -> None:
        before = properties(notes={key: {"note": note} for key, note in notes.items()})
        for wanted in (text, card_of(before).note + text):
            assert card_of(patched(before, Fields(), wanted)).note == wanted


class TestARecast:
    COMPANY = Fields("Ann Lee", organization="Ann Lee")
    PERSON = Fields("Ann Lee", given="Ann", family="Lee")

    def recast(self, shown: Properties, fields: Fields) -> Properties:
        (card,) = read(shown)
        assert isinstance(card, ContactCard)
        changes = jscontact.patch(CardEdit(card_of(shown), Fields(), card_of(shown).note, fields), card)
        assert isinstance(changes, dict)
        return apply_patch(shown, changes)

    def shown(self, fields: Fields) -> Properties:
        made = jscontact.new_card(NewCard("ann", ANN, fields, "note"), "book")
        assert isinstance(made, dict)
        return {**made, "id": "1"}

    def test_makes_a_company_a_person_and_the_reverse(self) -> None:
        company, person = self.shown(self.COMPANY), self.shown(self.PERSON)
        assert self.recast(company, self.PERSON) == person
        assert self.recast(person, self.COMPANY) == company

    def test_leaves_a_name_or_organizations_that_somebody_added_to(self) -> None:
        title = {"components": [{"kind": "title", "value": "Dr."}]}
        titled = {**self.shown(self.COMPANY), "name": {"full": "Ann Lee", **title}}
        two = {**self.shown(self.COMPANY), "organizations": {"a": {"name": "Ann Lee"}, "b": {"name": "Other"}}}
        assert self.recast(titled, self.PERSON) == titled
        assert self.recast(two, self.PERSON) == two


class TestMembers:
    def test_join_with_true_and_leave_with_null(self) -> None:
        assert jscontact.members_patch(["a", "b"], True) == {"members/a": True, "members/b": True}
        assert jscontact.members_patch(["a"], None) == {"members/a": None}

    @given(st.lists(st.text("a/~:1 0", min_size=1, max_size=6), unique=True))
    def test_may_have_any_uid(self, uids: list[str]) -> None:
        joining, leaving = jscontact.members_patch(uids, True), jscontact.members_patch(uids, None)
        assert isinstance(joining, dict)
        assert isinstance(leaving, dict)
        group = apply_patch({"members": {"other": True}}, joining)
        assert group == {"members": {"other": True, **dict.fromkeys(uids, True)}}
        assert apply_patch(group, leaving) == {"members": {"other": True}}


class TestExtras:
    @pytest.mark.parametrize(
        "fields", [Fields("Shop", organization="Shop"), Fields("Ann Lee", given="Ann", family="Lee")]
    )
    def test_a_new_card_has_none_whatever_servers_add(self, fields: Fields) -> None:
        card = jscontact.new_card(NewCard("ann", ANN, fields, "a note"), "book")
        assert isinstance(card, dict)
        by_server = {"id": "1", "created": "2026-03-05T12:00:00Z", "updated": "2026-03-05T12:00:00Z", "prodId": "x"}
        nothing: Properties = {
            "phones": {},
            "keywords": None,
            "cyrusimap.org:href": "/dav/ann.vcf",
            "cyrusimap.org:size": 200,
            "addressBookId": "Default",
            "vCardProps": [["version", {}, "text", "4.0"]],
        }
        assert jscontact.extras({**card, **by_server, **nothing}) == frozenset()

    @pytest.mark.parametrize(
        ("more", "extra"),
        [
            ({"phones": {"p": {"number": "1"}}}, "phones"),
            ({"emails": {"e": {"address": ANN}, "f": {"address": "other@example.org"}}}, "emails"),
            ({"organizations": {"o": {"name": "Lee"}, "p": {"name": "Ltd"}}}, "organizations"),
            ({"organizations": {"o": {"@type": "Organization", "name": "Lee", "units": [{}]}}}, "organizations"),
            ({"name": {"full": "Dr. Ann", "components": [{"kind": "title", "value": "Dr."}]}}, "name"),
            ({"name": {"full": "Ann", "sortAs": {"given": "Ann"}}}, "name"),
            ({"vCardProps": [["version", {}, "text", "4.0"], ["x-shoe-size", {}, "unknown", "9"]]}, "vCardProps"),
            ({"vCardProps": "x"}, "vCardProps"),
        ],
    )
    def test_what_somebody_added_is_named(self, more: Properties, extra: str) -> None:
        assert jscontact.extras(properties(**more)) == {extra}

    @pytest.mark.parametrize("components", [5, "x", {"kind": "given"}, [5], [{"kind": ["given"]}], [{"kind": {}}]])
    def test_a_name_of_an_odd_shape_breaks_nothing(self, components: Json) -> None:
        assert jscontact.extras(properties(name={"components": components})) <= {"name"}


class TestTakingANoteOff:
    @pytest.mark.parametrize(
        ("notes", "note", "left"),
        [
            ({"a": "block"}, "", None),
            ({"a": "mine", "b": "block"}, "mine", {"a": {"note": "mine"}}),
            ({"a": "mine\n\nblock", "b/~": "mine"}, "mine\nmine", {"a": {"note": "mine"}, "b/~": {"note": "mine"}}),
        ],
    )
    def test_leaves_the_others_as_they_are(self, notes: dict[str, str], note: str, left: Properties | None) -> None:
        shown = properties(notes={id: {"note": text} for id, text in notes.items()})
        assert patched(shown, Fields(), note).get("notes") == left
