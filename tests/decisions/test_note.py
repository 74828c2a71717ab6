"""The block in a card's note."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.decisions.note import ADOPTED, CREATED, HEADER, has_block, recorded, says_created, stripped

MARCH = date(2026, 3, 5)
APRIL = date(2026, 4, 1)


def test_a_new_card_begins_with_a_block() -> None:
    assert recorded("", "Feed", MARCH, CREATED) == f"{HEADER}\nCreated by Mailroom\nTriaged to Feed on 2026-03-05"


def test_an_adopted_card_keeps_its_text_before_the_block() -> None:
    note = recorded("Met in Porto.\nLikes tea.", "Feed", MARCH, ADOPTED)
    assert note == f"Met in Porto.\nLikes tea.\n\n{HEADER}\nAdopted by Mailroom\nTriaged to Feed on 2026-03-05"


def test_a_retry_adds_nothing() -> None:
    note = recorded("", "Feed", MARCH, CREATED)
    assert recorded(note, "Feed", APRIL, CREATED) == note


def test_there_and_back_again_gives_three_lines() -> None:
    note = ""
    for category in ("Feed", "Imbox", "Feed"):
        note = recorded(note, category, MARCH, CREATED)
    assert note.splitlines()[2:] == [
        "Triaged to Feed on 2026-03-05",
        "Re-triaged to Imbox on 2026-03-05",
        "Re-triaged to Feed on 2026-03-05",
    ]


def test_text_that_the_user_wrote_after_the_block_stays_there() -> None:
    note = recorded("", "Feed", MARCH, CREATED) + "\nCalls on Mondays."
    assert recorded(note, "Jail", APRIL, ADOPTED) == (
        f"{HEADER}\nCreated by Mailroom\nTriaged to Feed on 2026-03-05\nRe-triaged to Jail on 2026-04-01\n"
        "Calls on Mondays."
    )


def test_a_block_with_windows_line_ends_is_one_block() -> None:
    note = f"{HEADER}\r\nCreated by Mailroom\r\nTriaged to Feed on 2026-03-05\r\nMine."
    assert recorded(note, "Feed", APRIL, CREATED) == note
    assert recorded(note, "Jail", APRIL, CREATED).count("Re-triaged to Jail") == 1


@pytest.mark.parametrize("line", [f"{HEADER}{HEADER}", f"{HEADER} and more", f" {HEADER}"])
def test_a_line_that_only_begins_like_a_header_is_the_users(line: str) -> None:
    assert not has_block(line)
    note = recorded(line, "Feed", MARCH, CREATED)
    assert note.startswith(line)
    assert recorded(note, "Feed", APRIL, CREATED) == note


@pytest.mark.parametrize("space", ["\r", "\u2028", "\x0c", "\xa0"])
def test_any_white_space_may_follow_a_header(space: str) -> None:
    note = recorded(f"{HEADER}{space}", "Feed", MARCH, CREATED)
    assert note.count(HEADER) == 1
    assert recorded(note, "Feed", APRIL, CREATED) == note


@pytest.mark.parametrize(
    ("note", "created"),
    [
        ("", False),
        ("Created by Mailroom", False),
        (recorded("", "Feed", MARCH, CREATED), True),
        (recorded("Created by Mailroom", "Feed", MARCH, ADOPTED), False),
    ],
)
def test_only_the_block_says_who_made_the_card(note: str, created: bool) -> None:
    assert says_created(note) is created


# Text that happens to hold a header line of its own would be a block of its own.
_texts = st.text().filter(lambda text: HEADER not in text)


@given(before=_texts, categories=st.lists(st.sampled_from(["Feed", "Imbox", "Paper Trail"]), min_size=1))
def test_foreign_text_survives_any_history(before: str, categories: list[str]) -> None:
    note = before
    for category in categories:
        note = recorded(note, category, MARCH, ADOPTED)
        assert recorded(note, category, APRIL, ADOPTED) == note
    assert note.startswith(before.rstrip())
    assert note.count(HEADER) == 1


@given(before=_texts, categories=st.lists(st.sampled_from(["Feed", "Imbox", "Paper Trail"]), min_size=1))
def test_stripped_of_the_block_the_note_is_as_before_any_history(before: str, categories: list[str]) -> None:
    note = before
    for category in categories:
        note = recorded(note, category, MARCH, ADOPTED)
    assert stripped(note) == before.rstrip()
    assert not has_block(stripped(note))


@given(note=_texts)
def test_a_note_without_a_block_is_stripped_of_nothing(note: str) -> None:
    assert not has_block(note)
    assert stripped(note) == note


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        ("", "\nCalls on Mondays.", "Calls on Mondays."),
        ("", "\n\nCalls on Mondays.\n", "Calls on Mondays."),
        ("Met in Porto.", "\nCalls on Mondays.", "Met in Porto.\nCalls on Mondays."),
        ("Met in Porto.", "\n\nCalls on Mondays.", "Met in Porto.\n\nCalls on Mondays."),
        ("Met in Porto.\r\n", "\r\nCalls on Mondays.", "Met in Porto.\r\nCalls on Mondays."),
        ("", f"\n\n{HEADER}\nAdopted by Mailroom\nTriaged to Jail on 2026-03-05", ""),
    ],
)
def test_what_stands_around_the_block_stays(before: str, after: str, left: str) -> None:
    assert stripped(recorded(before, "Feed", MARCH, CREATED) + after) == left
