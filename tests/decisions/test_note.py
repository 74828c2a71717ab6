"""The block in a card's note: a grammar of lines."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.decisions.note import (
    ADOPTED,
    CREATED,
    HEADER,
    WHOLE_DOMAIN,
    Block,
    Decision,
    Verb,
    has_block,
    named,
    read,
    recorded,
    says_created,
    stripped,
    with_line,
)

MARCH = datetime(2026, 3, 5, 14, 3, 59, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, 8, tzinfo=UTC)
IN_MARCH = "2026-03-05T14:03Z"
IN_APRIL = "2026-04-01T08:00Z"

OLD = f"{HEADER}\nCreated by Mailroom\nTriaged to Feed on 2026-03-05"


def decisions(note: str) -> list[tuple[Verb, str, str]]:
    block = read(note)
    return [] if block is None else [(each.verb, each.category, each.when) for each in block.decisions]


class TestWriting:
    def test_a_new_card_begins_with_a_block(self) -> None:
        assert recorded("", "Feed", MARCH, CREATED) == f"{HEADER}\nCreated by Mailroom\nTriaged to Feed on {IN_MARCH}"

    def test_the_time_is_utc_to_the_minute(self) -> None:
        in_tokyo = MARCH.astimezone(timezone(timedelta(hours=9)))
        assert recorded("", "Feed", in_tokyo, CREATED) == recorded("", "Feed", MARCH, CREATED)

    def test_an_adopted_card_keeps_its_text_before_the_block(self) -> None:
        note = recorded("Met in Porto.\nLikes tea.", "Feed", MARCH, ADOPTED)
        assert note == f"Met in Porto.\nLikes tea.\n\n{HEADER}\nAdopted by Mailroom\nTriaged to Feed on {IN_MARCH}"

    @pytest.mark.parametrize("note", [OLD, recorded("", "Feed", MARCH, CREATED)], ids=["old", "new"])
    def test_a_retry_adds_nothing(self, note: str) -> None:
        assert recorded(note, "Feed", APRIL, CREATED) == note

    def test_there_and_back_again_gives_three_lines(self) -> None:
        note = OLD
        for category in ("Imbox", "Feed"):
            note = recorded(note, category, APRIL, CREATED)
        assert note.splitlines()[2:] == [
            "Triaged to Feed on 2026-03-05",
            f"Re-triaged to Imbox on {IN_APRIL}",
            f"Re-triaged to Feed on {IN_APRIL}",
        ]

    @pytest.mark.parametrize("line", [f"Back to the Screener on {IN_MARCH}", "Undone on 2026-03-06"])
    def test_the_same_category_after_one_that_was_taken_back_is_a_new_decision(self, line: str) -> None:
        note = recorded(f"{OLD}\n{line}", "Feed", APRIL, CREATED)
        assert note == f"{OLD}\n{line}\nTriaged to Feed on {IN_APRIL}"
        assert recorded(note, "Feed", APRIL, CREATED) == note

    def test_a_move_is_a_decision_like_a_label(self) -> None:
        moved = f"{OLD}\nMoved to Jail on {IN_MARCH}"
        assert recorded(moved, "Jail", APRIL, CREATED) == moved
        assert recorded(moved, "Feed", APRIL, CREATED) == f"{moved}\nRe-triaged to Feed on {IN_APRIL}"

    def test_a_block_without_a_decision_gets_its_first_one(self) -> None:
        assert recorded(HEADER, "Feed", MARCH, CREATED) == f"{HEADER}\nTriaged to Feed on {IN_MARCH}"

    def test_text_that_the_user_wrote_after_the_block_stays_there(self) -> None:
        assert recorded(f"{OLD}\nCalls on Mondays.", "Jail", APRIL, ADOPTED) == (
            f"{OLD}\nRe-triaged to Jail on {IN_APRIL}\nCalls on Mondays."
        )

    def test_a_line_of_the_users_in_between_stays_and_ends_nothing(self) -> None:
        note = f"{OLD}\nCalls on Mondays.\n\nRe-triaged to Jail on 2026-04-01\nLikes tea."
        assert recorded(note, "Jail", APRIL, CREATED) == note
        assert recorded(note, "Feed", APRIL, CREATED) == note.replace(
            "\nLikes", f"\nRe-triaged to Feed on {IN_APRIL}\nLikes"
        )

    def test_windows_line_ends_stay_so(self) -> None:
        note = f"{OLD}\nMine.".replace("\n", "\r\n")
        assert recorded(note, "Feed", APRIL, CREATED) == note
        assert recorded(note, "Jail", APRIL, CREATED) == note.replace(
            "\r\nMine", f"\r\nRe-triaged to Jail on {IN_APRIL}\r\nMine"
        )

    def test_a_lone_carriage_return_at_the_end_is_no_line_end(self) -> None:
        assert recorded(f"{OLD}\r", "Jail", APRIL, CREATED) == f"{OLD}\r\nRe-triaged to Jail on {IN_APRIL}"

    def test_any_line_can_be_added_below_the_last_one(self) -> None:
        assert with_line(f"{OLD}\nMine.", str(Decision.at(Verb.BACK, "", APRIL))) == (
            f"{OLD}\nBack to the Screener on {IN_APRIL}\nMine."
        )

    def test_a_name_from_mail_is_written_once_and_read(self) -> None:
        note = named(f"{OLD}\nMine.", "Ann Lee")
        assert note == f"{OLD}\nName from mail: Ann Lee\nMine."
        assert named(note, "Ann Lee") == note
        block = read(named(note, "Ann Roe"))
        assert block is not None
        assert block.names_from_mail == ("Ann Lee", "Ann Roe")
        assert recorded(note, "Feed", APRIL, ADOPTED) == note
        assert stripped(note) == "Mine."

    @pytest.mark.parametrize("line", [f"{HEADER}{HEADER}", f"{HEADER} and more", f" {HEADER}"])
    def test_a_line_that_only_begins_like_a_header_is_the_users(self, line: str) -> None:
        assert not has_block(line)
        note = recorded(line, "Feed", MARCH, CREATED)
        assert note.startswith(line)
        assert recorded(note, "Feed", APRIL, CREATED) == note

    @pytest.mark.parametrize("space", ["\r", "\u2028", "\x0c", "\xa0"])
    def test_any_white_space_may_follow_a_header(self, space: str) -> None:
        note = recorded(f"{HEADER}{space}", "Feed", MARCH, CREATED)
        assert note.count(HEADER) == 1
        assert recorded(note, "Feed", APRIL, CREATED) == note


class TestReading:
    def test_every_verb_in_either_form_of_time(self) -> None:
        lines = [
            "Triaged to Feed on 2026-03-05",
            "Re-triaged to Paper Trail on 2026-03-05T14:03Z",
            "Moved to on on on 2026-03-06",
            "Back to the Screener on 2026-03-07T00:00Z",
            "Undone on 2026-03-08",
        ]
        assert decisions("\n".join([HEADER, *lines])) == [
            (Verb.TRIAGED, "Feed", "2026-03-05"),
            (Verb.RETRIAGED, "Paper Trail", "2026-03-05T14:03Z"),
            (Verb.MOVED, "on on", "2026-03-06"),
            (Verb.BACK, "", "2026-03-07T00:00Z"),
            (Verb.UNDONE, "", "2026-03-08"),
        ]

    @pytest.mark.parametrize("verb", Verb)
    def test_what_is_written_is_read(self, verb: Verb) -> None:
        category = "" if verb in (Verb.BACK, Verb.UNDONE) else "Feed"
        decision = Decision.at(verb, category, MARCH)
        block = read(f"{HEADER}\n{decision}")
        assert block == Block(created=False, whole_domain=False, whole_list="", decisions=(decision,))
        assert block is not None
        assert block.last == decision

    @pytest.mark.parametrize(
        "line",
        [
            "Triaged to Feed on 2026-13-05",
            "Triaged to Feed on 2026-03-05T25:00Z",
            "Triaged to Feed on 2026-03-05T14:03",
            "Triaged to Feed on 2026-03-05 14:03Z",
            "Triaged to Feed on \u0662026-03-05",
            "Triaged to Feed on 2026-03-05.",
            "Triaged to Feed",
            "Triaged to  on 2026-03-05x",
            "I Triaged to Feed on 2026-03-05",
            "Back to the Screener Feed on 2026-03-05",
            "Promoted to Feed on 2026-03-05",
            " Created by Mailroom",
            "Whole domains",
            "Whole list python-dev.python.org",
            "Whole list <>",
        ],
    )
    def test_any_other_line_is_the_users_or_a_later_versions(self, line: str) -> None:
        assert read(f"{HEADER}\n{line}") == Block(created=False, whole_domain=False, whole_list="", decisions=())
        assert stripped(f"Mine.\n{OLD}\n{line}") == f"Mine.\n{line}"

    def test_the_last_decision_is_the_state_whatever_stands_in_between(self) -> None:
        block = read(f"{OLD}\nCalls on Mondays.\nPromoted to VIP on 2027-01-01\nMoved to Jail on 2026-04-01 \t\n\nBye.")
        assert block is not None
        assert block.last == Decision(Verb.MOVED, "Jail", "2026-04-01")

    def test_a_block_without_a_decision_has_no_last_one(self) -> None:
        block = read(HEADER)
        assert block is not None
        assert block.last is None

    def test_times_sort_as_text(self) -> None:
        assert sorted(["2026-03-05T14:03Z", "2026-03-06", "2026-03-05"]) == [
            "2026-03-05",
            "2026-03-05T14:03Z",
            "2026-03-06",
        ]

    def test_a_whole_domain_and_a_whole_list(self) -> None:
        domain = read(f"{HEADER}\n{CREATED}\n{WHOLE_DOMAIN}\nTriaged to Feed on 2026-03-05")
        mailing_list = read(f"{HEADER}\r\nWhole list <python-dev.python.org>\r\n")
        assert domain is not None
        assert (domain.whole_domain, domain.whole_list) == (True, "")
        assert mailing_list is not None
        assert (mailing_list.whole_domain, mailing_list.whole_list) == (False, "python-dev.python.org")

    def test_what_stands_above_the_header_is_the_users(self) -> None:
        assert read(f"Created by Mailroom\nTriaged to Feed on 2026-03-05\n{HEADER}") == Block(
            created=False, whole_domain=False, whole_list="", decisions=()
        )
        assert read("Created by Mailroom") is None

    @pytest.mark.parametrize(
        ("note", "created"),
        [
            ("", False),
            ("Created by Mailroom", False),
            (recorded("", "Feed", MARCH, CREATED), True),
            (recorded("Created by Mailroom", "Feed", MARCH, ADOPTED), False),
            # Two cards that an app made one: part of it was the user's before.
            (f"{recorded('', 'Feed', MARCH, CREATED)}\n{recorded('', 'Feed', MARCH, ADOPTED)}", False),
        ],
    )
    def test_only_the_block_says_who_made_the_card(self, note: str, created: bool) -> None:
        assert says_created(note) is created


# Text that happens to hold a header line of its own would be a block of its own.
_texts = st.text().filter(lambda text: HEADER not in text)
_categories = st.lists(st.sampled_from(["Feed", "Imbox", "Paper Trail"]), min_size=1)


def after(note: str, categories: list[str]) -> str:
    for category in categories:
        note = recorded(note, category, MARCH, ADOPTED)
    return note


@given(before=_texts, categories=_categories)
def test_foreign_text_survives_any_history(before: str, categories: list[str]) -> None:
    note = after(before, categories)
    assert recorded(note, categories[-1], APRIL, ADOPTED) == note
    assert note.startswith(before.rstrip())
    assert note.count(HEADER) == 1


@given(before=_texts, categories=_categories)
def test_stripped_of_the_block_the_note_is_as_before_any_history(before: str, categories: list[str]) -> None:
    note = stripped(after(before, categories))
    assert note == before.rstrip()
    assert not has_block(note)


@given(note=_texts)
def test_a_note_without_a_block_is_stripped_of_nothing(note: str) -> None:
    assert not has_block(note)
    assert stripped(note) == note


@pytest.mark.parametrize(
    ("before", "more", "left"),
    [
        ("", "\nCalls on Mondays.", "Calls on Mondays."),
        ("", "\n\nCalls on Mondays.\n", "Calls on Mondays."),
        ("", "\n \n  Calls on Mondays.", "  Calls on Mondays."),
        ("Met in Porto.", "\nCalls on Mondays.", "Met in Porto.\nCalls on Mondays."),
        ("Met in Porto.", "\n\nCalls on Mondays.", "Met in Porto.\n\nCalls on Mondays."),
        ("Met in Porto.\r\n", "\r\nCalls on Mondays.", "Met in Porto.\r\nCalls on Mondays."),
        ("Met in Porto.", "\r\n", "Met in Porto."),
        ("", f"\n\n{HEADER}\nAdopted by Mailroom\nTriaged to Jail on 2026-03-05", ""),
        ("", f"\n {HEADER}", f" {HEADER}"),
        ("A", "\nB\nMoved to Jail on 2026-03-05\nUndone on 2026-03-05\nC\n", "A\nB\nC"),
        ("A", f"\n{WHOLE_DOMAIN}\nWhole list <x.y>\nB\nBack to the Screener on 2026-03-05T10:00Z", "A\nB"),
    ],
)
def test_what_stands_around_and_between_the_lines_stays(before: str, more: str, left: str) -> None:
    assert stripped(recorded(before, "Feed", MARCH, CREATED) + more) == left
