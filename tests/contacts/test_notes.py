"""Several notes of one card, read and written as one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.contacts.joined_notes import joined, revised


@pytest.mark.parametrize(
    ("texts", "wanted", "expected"),
    [
        (["a", "b"], "a\nb", ("a", "b")),
        (["a", "b"], "a", ("a", None)),
        (["a", "b"], "b", (None, "b")),
        (["a", "b", "c"], "a\nc", ("a", None, "c")),
        (["a", "b"], "", (None, None)),
        (["a", "b"], "a\nb\nc", ("a", "b\nc")),
        (["a", "b"], "x\nb", ("x", "b")),
        (["a", "b"], "x\ny", (None, "x\ny")),
        (["a\n\nlog", "b"], "a\nb", ("a", "b")),
        ([], "", ()),
    ],
)
def test_as_few_notes_as_possible_change(texts: list[str], wanted: str, expected: tuple[str | None, ...]) -> None:
    assert revised(texts, wanted) == expected


@given(texts=st.lists(st.text("ab\n", max_size=4), min_size=1), wanted=st.text("ab\n", max_size=8))
def test_joined_they_read_what_was_wanted(texts: list[str], wanted: str) -> None:
    assert joined([text for text in revised(texts, wanted) if text is not None]) == wanted
