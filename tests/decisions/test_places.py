"""Which mailbox plays which part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.decisions.places import (
    Places,
    find_places,
    how_to_mend,
    needed_mailboxes,
    role_problems,
    with_case_hints,
    with_renamed,
)
from mailroom.jmap.mailbox import Mailbox

FEED = Scheme(categories=(category("Feed"),))
NESTED = Scheme(categories=(category("Feed", destination_mailbox="Lists/Feed"),))


def box(id: str, name: str, parent: str | None = None, role: str | None = None) -> Mailbox:
    return Mailbox(id=id, name=name, parent_id=parent, role=role)


def whole(scheme: Scheme = FEED) -> list[Mailbox]:
    """Every mailbox that a scheme needs, at the top level; the id of each is its name."""
    return [box(name, name) for name in sorted(needed_mailboxes(scheme))]


class TestNames:
    def test_are_found_exactly(self) -> None:
        places = find_places(whole(), FEED)
        assert places.screener == "Screener"
        assert places.destinations == {"Feed": "Feed"}
        assert {id: each.name for id, each in places.labels.items()} == {"@ToFeed": "Feed"}
        assert (places.error_label, places.warning_label) == ("@MailroomError", "@MailroomWarning")
        assert places.missing == ()

    def test_in_another_case_are_another_mailbox(self) -> None:
        places = find_places([box("1", "feed"), box("2", "FEED"), box("3", "@toFeed"), box("4", "Other")], FEED)
        assert places.destinations == {}
        assert places.in_other_case == {"Feed": "feed", "@ToFeed": "@toFeed"}
        assert with_case_hints(["Feed", "Screener"], places) == "Feed (there is feed: the case counts), Screener"

    def test_that_are_there_get_no_hint(self) -> None:
        assert find_places([box("1", "feed"), box("2", "Feed")], FEED).in_other_case == {}

    def test_in_another_unicode_form_are_the_same_mailbox(self) -> None:
        scheme = Scheme(categories=(category("Café"),))
        assert find_places([box("1", "Cafe\u0301")], scheme).destinations == {"Café": "1"}

    def test_of_endless_marks_cost_no_more_than_others(self) -> None:
        # Normalized, this one would take longer than a test may.
        boxes = [box("1", "e" + "\u0316\u0301" * 200_000), box("2", "Feed")]
        assert find_places(boxes, FEED).destinations == {"Feed": "2"}

    def test_at_the_top_level_come_before_nested_ones(self) -> None:
        boxes = [box("nested", "Feed", parent="a"), box("a", "A"), box("top", "Feed")]
        assert find_places(boxes, FEED).destinations == {"Feed": "top"}
        assert find_places(boxes[::-1], FEED).destinations == {"Feed": "top"}

    def test_nested_once_are_found_by_the_name_alone(self) -> None:
        assert find_places([box("a", "A"), box("1", "Feed", parent="a")], FEED).destinations == {"Feed": "1"}

    def test_nested_twice_mean_the_same_mailbox_every_time(self) -> None:
        boxes = [box("a", "A"), box("b", "B"), box("1", "Feed", parent="a"), box("2", "Feed", parent="b")]
        assert find_places(boxes, FEED).destinations == find_places(boxes[::-1], FEED).destinations == {"Feed": "1"}

    def test_may_be_paths(self) -> None:
        boxes = [box("1", "Feed"), box("2", "Lists"), box("3", "Feed", parent="2")]
        assert find_places(boxes, NESTED).destinations == {"Lists/Feed": "3"}

    def test_may_hold_a_slash_themselves(self) -> None:
        boxes = [box("1", "Lists/Feed"), box("2", "Lists"), box("3", "Feed", parent="2")]
        assert find_places(boxes, NESTED).destinations == {"Lists/Feed": "1"}

    def test_that_no_mailbox_has_are_all_listed(self) -> None:
        places = find_places([], DEFAULT_SCHEME)
        assert places.missing == tuple(sorted(needed_mailboxes(DEFAULT_SCHEME)))
        assert (places.screener, places.inbox, places.error_label, places.warning_label) == (None, None, None, None)
        assert (places.labels, places.destinations) == ({}, {})
        assert places.managed == places.all_labels == places.untouched == frozenset()

    def test_of_the_warning_label_do_not_matter_with_warnings_off(self) -> None:
        scheme = Scheme(categories=FEED.categories, warnings_enabled=False)
        boxes = [each for each in whole() if each.name != "@MailroomWarning"]
        assert find_places(boxes, scheme).missing == ()
        assert find_places(whole(), scheme).warning_label is None
        assert "@MailroomWarning" not in needed_mailboxes(scheme)


class TestOptionalLabels:
    def test_are_never_missing(self) -> None:
        places = find_places(whole(), FEED)
        assert (places.missing, places.domain_label, places.list_label) == ((), None, None)
        assert FEED.optional_labels.isdisjoint(places.ids(FEED))

    @pytest.mark.parametrize(("name", "part"), [("@WholeDomain", "domain_label"), ("@WholeList", "list_label")])
    def test_are_labels_where_they_are_there(self, name: str, part: str) -> None:
        places = find_places([*whole(), box("id", name)], FEED)
        assert getattr(places, part) == "id"
        assert places.ids(FEED)[name] == "id"
        assert "id" in places.asking_labels & places.all_labels
        assert "id" not in places.labels

    def test_of_the_way_back_is_a_triage_label(self) -> None:
        places = find_places([*whole(), box("id", "@ToScreener")], FEED)
        assert places.labels["id"] == FEED.back
        assert places.ids(FEED)["@ToScreener"] == "id"
        assert "id" in places.asking_labels & places.all_labels

    def test_are_no_mailbox_with_a_role(self) -> None:
        """All that is in the archive would be taken back."""
        assert role_problems([*whole(), box("1", "@ToScreener", role="archive")], FEED) == [
            "mailbox @ToScreener is the account's archive mailbox: choose another name for it in the configuration"
        ]


class TestParents:
    def test_that_do_not_exist_end_the_path(self) -> None:
        assert find_places([box("1", "Feed", parent="gone")], FEED).destinations == {"Feed": "1"}

    def test_that_go_in_a_circle_have_the_first_at_the_top(self) -> None:
        boxes = [box("1", "Lists", parent="2"), box("2", "Feed", parent="1"), box("3", "Screener", parent="3")]
        for each in (boxes, boxes[::-1]):
            assert find_places(each, NESTED).destinations == {"Lists/Feed": "2"}
            assert find_places(each, NESTED).screener == "3"

    def test_without_end_leave_those_far_below_without_a_name(self) -> None:
        boxes = [box("0", "Screener", role="trash")]
        boxes += [box(str(n), "Feed" if n == 50 else "x", parent=str(n - 1)) for n in range(1, 5_000)]
        boxes += [box("f", "Feed", parent="4999")]
        places = find_places(boxes, FEED)
        assert places.destinations == {}
        assert len(places.untouched) == 5_001

    def test_of_endless_names_leave_those_below_without_one(self) -> None:
        boxes = [box("1", "x" * 2_000), box("2", "Feed", parent="1"), box("3", "Screener")]
        places = find_places(boxes, FEED)
        assert (places.destinations, places.screener) == ({}, "3")

    @given(st.lists(st.integers(-1, 9), min_size=10, max_size=10), st.permutations(range(10)))
    def test_of_any_shape_give_one_answer_in_any_order(self, parents: list[int], order: list[int]) -> None:
        boxes = [
            box(str(number), "Feed" if number < 5 else "Lists", parent=None if above < 0 else str(above))
            for number, above in enumerate(parents)
        ]
        shuffled = [boxes[number] for number in order]
        for scheme in (FEED, NESTED):
            assert find_places(boxes, scheme) == find_places(shuffled, scheme)


class TestRoles:
    def test_find_the_inbox_and_what_stays_untouched_whatever_their_names(self) -> None:
        boxes = [box(role, f"Mein {role}", role=role) for role in ("inbox", "trash", "junk", "drafts", "sent")]
        places = find_places([*boxes, box("1", "Inbox"), box("2", "Trash")], FEED)
        assert places.inbox == "inbox"
        assert places.untouched == {"trash", "junk", "drafts", "sent"}

    @pytest.mark.parametrize("role", ["trash", "junk", "drafts", "sent"])
    def test_hold_for_all_that_lies_below(self, role: str) -> None:
        boxes = [box("t", "Mein Kram", role=role), box("1", "2023", parent="t"), box("2", "March", parent="1")]
        assert find_places(boxes, FEED).untouched == {"t", "1", "2"}

    def test_of_the_trash_are_for_a_deleted_mailbox_too(self) -> None:
        boxes = [box("t", "Trash", role="trash"), *(box(name, name, parent="t") for name in ("Feed", "@ToFeed"))]
        places = find_places(boxes, FEED)
        assert (places.destinations, places.labels) == ({}, {})
        assert {"Feed", "@ToFeed"} <= set(places.missing)
        assert find_places([*boxes, box("1", "Lists"), box("2", "Feed", parent="1")], FEED).destinations == {
            "Feed": "2"
        }

    def test_are_not_for_mailboxes_of_the_scheme(self) -> None:
        boxes = [each for each in whole() if each.name not in ("Feed", "Screener")]
        boxes += [box("1", "Feed", role="archive"), box("2", "Screener", role="junk")]
        assert role_problems(boxes, FEED) == [
            "mailbox Feed is the account's archive mailbox: choose another name for it in the configuration",
            "mailbox Screener is the account's junk mailbox: choose another name for it in the configuration",
        ]

    def test_count_for_nested_mailboxes_too(self) -> None:
        boxes = [*whole(Scheme(categories=FEED.categories, screener="Junk")), box("i", "Inbox", role="inbox")]
        boxes = [each for each in boxes if each.name != "Junk"]
        boxes += [box("1", "Junk", parent="i", role="junk")]
        assert len(role_problems(boxes, Scheme(categories=FEED.categories, screener="Junk"))) == 1

    def test_of_other_mailboxes_are_no_problem(self) -> None:
        assert role_problems([*whole(), box("1", "Archive", role="archive")], FEED) == []


def test_managed_mailboxes_and_labels_are_told_apart() -> None:
    places = find_places(whole(), FEED)
    assert places.managed == {"Feed", "Screener"}
    assert places.asking_labels == {"@ToFeed", "@MailroomError"}
    assert places.all_labels == {"@ToFeed", "@MailroomError", "@MailroomWarning"}


class TestRenamed:
    SCHEME = Scheme(categories=(category("Feed"),))

    def after(self, *mailboxes: Mailbox) -> Places:
        known = {name: f"id of {name}" for name in needed_mailboxes(self.SCHEME)}
        return with_renamed(find_places(mailboxes, self.SCHEME), known, mailboxes)

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("Feed", "destination_mailbox"),
            ("@ToFeed", "label"),
            ("Screener", "screener_mailbox"),
            ("@MailroomError", "error_label"),
            ("@MailroomWarning", "warning_label"),
        ],
    )
    def test_mailboxes_are_told_by_their_id_with_the_key_to_set(self, name: str, key: str) -> None:
        places = self.after(box("top", "Old things"), box(f"id of {name}", "Other", parent="top"))
        said = f"{name} is now called Old things/Other: rename it back, or set {key}"
        assert how_to_mend(name, places, self.SCHEME) == said
        assert places.known(self.SCHEME) == {name: f"id of {name}"}

    def test_mailboxes_that_are_gone_or_in_the_trash_are_to_be_made(self) -> None:
        for places in (
            self.after(),
            self.after(box("t", "Trash", role="trash"), box("id of Feed", "Feed", parent="t")),
        ):
            assert places.renamed == {}
            assert how_to_mend("Feed", places, self.SCHEME) == "create it, or run `mailroom setup --apply`"

    def test_mailboxes_that_are_made_anew_are_not_renamed(self) -> None:
        places = self.after(box("id of Feed", "News"), box("new", "Feed"))
        assert (places.renamed, places.known(self.SCHEME)) == ({}, {"Feed": "new"})
