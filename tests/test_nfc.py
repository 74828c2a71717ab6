"""Normalization in linear time."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.nfc import nfc


@given(st.text(max_size=30))
def test_is_the_standards(text: str) -> None:
    assert nfc(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("mark", ["\u0301", "\u3099", "\u05b0", "\U0001e8d0"])
def test_of_text_with_endless_marks_is_that_text(mark: str) -> None:
    endless = "e\u0301" + mark * 400_000
    assert nfc(endless) == endless
    assert nfc("e\u0301" + mark * 20) == unicodedata.normalize("NFC", "e\u0301" + mark * 20)
