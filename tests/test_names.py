"""Display names, and names that are the same to people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.names import comparable, contact_name, display_name, is_full_name

_PIECES = st.sampled_from(
    [*"aZ.@\"' ", "é", "\u0301", "\u2028", "\x00", "日", "\u202e", "\u3164", " via ", "\u2019", "ﬁ"]
)
_NAMES = st.lists(_PIECES, max_size=300).map("".join)


class TestDisplayName:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (None, ""),
            ("", ""),
            ("  \t ", ""),
            ("Ann Lee", "Ann Lee"),
            ("  Ann   Lee ", "Ann Lee"),
            ("Ann\xa0\u2003Lee", "Ann Lee"),
            ('"Ann Lee"', "Ann Lee"),
            ("'Ann Lee'", "Ann Lee"),
            ("\"' Ann Lee '\"", "Ann Lee"),
            ("''Ann''", "Ann"),
            ("'Liam O'Neil'", "Liam O'Neil"),
            ("'Ann Lee' via Team", "'Ann Lee' via Team"),
            ("'Ann' and 'Bob'", "'Ann' and 'Bob'"),
            ("'tis Ann", "'tis Ann"),
            ('Ann "Annie"', 'Ann "Annie"'),
            ('Ann Lee"', 'Ann Lee"'),
            ("'Ann Lee\"", "'Ann Lee\""),
            ("'", ""),
            ("''", ""),
            ("' '", ""),
            ("Ann\r\n Lee", "Ann Lee"),
            ("Ann\x00Lee", "Ann Lee"),
            ("Ann\u2028Lee", "Ann Lee"),
            ("Ann\ud83dLee", "Ann Lee"),
            ("Jose\u0301", "José"),
            ("\u200b", ""),
            ("\u3164 \u2060\ufe0f", ""),
            ("\u2800\u115f\u1160\uffa0", ""),
            ("\u0301", ""),
            ("\u200bAnn", "\u200bAnn"),
            ("\U0001f4e6", "\U0001f4e6"),
            ("ann@example.org", ""),
            ('"ann@example.org"', ""),
            ("ANN@BÜCHER.example", ""),
            ("Ann (ann@example.org)", "Ann (ann@example.org)"),
            ("Ann @ Work", "Ann @ Work"),
            ("O'Brien", "O'Brien"),
            ("x" * 200, "x" * 200),
            ("x" * 201, "x" * 200),
            ("x" * 199 + " yz", "x" * 199),
            ("'" + "x" * 198 + "' yz", "x" * 198),
            ("ann@" + "x" * 2_000, ""),
            ("x" * 500 + "@example.org", ""),
            # Normalized whole, it would take hours.
            ("a" + "\u0315\u0300" * 1_000_000, "à" + "\u0300" * 199),
        ],
    )
    def test_is_clean(self, name: str | None, expected: str) -> None:
        assert display_name(name) == expected

    @given(_NAMES)
    def test_is_one_short_line_that_is_clean_already(self, name: str) -> None:
        clean = display_name(name)
        assert len(clean) <= 200
        assert clean == clean.strip()
        assert len(clean.splitlines()) <= 1
        assert display_name(clean) == clean


class TestContactName:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("", ""),
            ("Ann Lee", "Ann Lee"),
            ("Ann via Some List", "Some List"),
            ("'Ann Lee' via 'Team'", "Team"),
            ("Ann via List via Group", "Group"),
            ("Via Rail", "Via Rail"),
            ("Mail via", "Mail via"),
            ("via Roma", "via Roma"),
            ("Bolivia Tours", "Bolivia Tours"),
            ("Ann Via Appia", "Ann Via Appia"),
        ],
    )
    def test_is_that_of_the_list_where_one_sends_for_somebody(self, name: str, expected: str) -> None:
        assert contact_name(name) == expected


class TestComparable:
    @pytest.mark.parametrize(
        "name",
        [
            "Ann Lee",
            "Ann  Lee",
            " ann LEE\t",
            "Ann\xa0Lee",
            "Ann\u3000Lee",
            "'Ann Lee'",
            '"Ann" Lee',
            "“Ann Lee”",
            "\u200bAnn\u2060 Lee\u200f",
            "\uff21nn \uff2cee",
            "Ann Lee\ufe0f",
        ],
    )
    def test_is_the_same_for_names_that_people_read_as_the_same(self, name: str) -> None:
        assert comparable(name) == "ann lee"

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("José", "Jose\u0301"),
            ("STRASSE", "straße"),
            ("O'Neil", "O\u2019Neil"),
            ("ﬁsh", "FISH"),
            ("Bob via Some List", "Some List"),
            ("x" * 300, "x" * 200),
            ("'" + "x" * 300 + "'", "x" * 200),
        ],
    )
    def test_of_these_is_the_same(self, one: str, other: str) -> None:
        assert comparable(one) == comparable(other)

    @pytest.mark.parametrize(("one", "other"), [("Ann Lee", "AnnLee"), ("Jose", "José"), ("कि", "क"), ("Ann", "Anne")])
    def test_of_different_names_differs(self, one: str, other: str) -> None:
        assert comparable(one) != comparable(other)

    @pytest.mark.parametrize("name", ["", "ann@example.org", "\u200b", "''"])
    def test_of_none_is_empty(self, name: str) -> None:
        assert comparable(name) == ""

    @given(_NAMES)
    def test_of_a_clean_name_is_that_of_the_name(self, name: str) -> None:
        assert comparable(display_name(name)) == comparable(name)


@pytest.mark.parametrize(("name", "is_full"), [("Ann Lee", True), ("Ann", False), ("", False), ("Ann \u200b", False)])
def test_a_full_name_has_two_words_or_more(name: str, is_full: bool) -> None:
    assert is_full_name(name) is is_full
