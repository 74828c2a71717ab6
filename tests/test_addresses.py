"""One sender in two spellings is one sender; a search asks for every spelling that a mail may use."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.addresses import canonical, display_name, search_texts, spellings

_LOCAL_PARTS = st.text(st.sampled_from([*'aZ."\\ ,;:()<>@', *"ßİΣςé", "\u0301", "\u0345", "\t", "日"]), max_size=8)
_DOMAINS = st.text(
    st.sampled_from([*"aZ.-", *"ßİΣςü", "\u0301", "。", "\uff0e", "\uff11", "\u00ad", "日", "א"]), max_size=8
)
_NAMES = st.text(st.sampled_from([*"aZ.@\"' ", "é", "\u0301", "\u2028", "\x00", "日", "\u202e"]), max_size=300)
_ADDRESSES = st.builds("{}@{}".format, _LOCAL_PARTS, _DOMAINS)


class TestCanonical:
    @pytest.mark.parametrize(
        ("spelling", "expected"),
        [
            ("ann@example.org", "ann@example.org"),
            ("Ann.Lee@Example.ORG", "ann.lee@example.org"),
            ("  ann@example.org\r\n", "ann@example.org"),
            ('"ann"@example.org', "ann@example.org"),
            ('"ann.lee"@example.org', "ann.lee@example.org"),
            ('"a\\nn"@example.org', "ann@example.org"),
            ('"Ann Lee"@example.org', '"ann lee"@example.org'),
            ("Ann Lee@example.org", '"ann lee"@example.org'),
            ('"ann\\ \\l\\"ee"@example.org', '"ann l\\"ee"@example.org'),
            ('ann"lee@example.org', '"ann\\"lee"@example.org'),
            ("a..b@example.org", "a..b@example.org"),
            ('".ann"@example.org', '".ann"@example.org'),
            ('"ann."@example.org', '"ann."@example.org'),
            ('"a..b"@example.org', '"a..b"@example.org'),
            ('"a@b"@example.org', '"a@b"@example.org'),
            ('""@example.org', '""@example.org'),
            ("ann+news@example.org", "ann+news@example.org"),
            ("bounce=ann=example.net@example.org", "bounce=ann=example.net@example.org"),
            ("ann@example.org.", "ann@example.org"),
            ("ann@bücher.example", "ann@xn--bcher-kva.example"),
            ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
            ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
            ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
            ("ann@bücher。example", "ann@xn--bcher-kva.example"),
            ("ann@bücher.example。", "ann@xn--bcher-kva.example"),
            ("JÜRGEN@example.org", "jürgen@example.org"),
            ("ju\u0308rgen@example.org", "jürgen@example.org"),
            ("用户@例子.example", "用户@xn--fsqu00a.example"),
            ("STRASSE@example.org", "strasse@example.org"),
            ("STRAßE@example.org", "straße@example.org"),
            ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
            ("ann@localhost", "ann@localhost"),
        ],
    )
    def test_is_the_same_for_every_spelling(self, spelling: str, expected: str) -> None:
        assert canonical(spelling) == expected

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "@",
            "ann",
            "ann@",
            "@example.org",
            "ann@.",
            "ann@。",
            "ann@exam ple.org",
            "ann@example.org>",
            "an\x00n@example.org",
            "an\r\nBcc: bob@example.org",
            "an\x7fn@example.org",
            "an\x85n@example.org",
            "ann@exam\x00ple.org",
            "ann@ü" + "x" * 80,
            "ann@\u00ad",
            "an\ud800n@example.org",
            "a" * 990 + "@example.org",
            "İ" * 600 + "@example.org",
            "ann@\ud800.example",
        ],
    )
    def test_is_none_for_what_is_no_address(self, text: str) -> None:
        assert canonical(text) is None

    @given(_ADDRESSES)
    def test_is_canonical_itself(self, spelling: str) -> None:
        address = canonical(spelling)
        assert address is None or canonical(address) == address

    @given(st.text())
    def test_of_any_text_is_an_address_or_none(self, text: str) -> None:
        address = canonical(text)
        assert address is None or "@" in address.strip("@")

    @given(_ADDRESSES)
    def test_holds_no_control_characters(self, spelling: str) -> None:
        assert not any(unicodedata.category(each) == "Cc" for each in canonical(spelling) or "")


class TestSearchTexts:
    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            ("ann@example.org", ("ann@example.org",)),
            ("ann@xn--bcher-kva.example", ("ann@xn--bcher-kva.example", "ann@bücher.example")),
            ("ann@xn--.example", ("ann@xn--.example",)),
            (f"ann@xn--bcher-kv{'a' * 60}", (f"ann@xn--bcher-kv{'a' * 60}",)),
            ("ann@[192.0.2.1]", ("ann@[192.0.2.1]",)),
            ('"ann lee"@example.org', ("ann lee",)),
            ('"a\\"b"@example.org', ('a"b',)),
        ],
    )
    def test_cover_the_spellings_of_an_address(self, address: str, expected: tuple[str, ...]) -> None:
        assert search_texts(address) == expected

    @pytest.mark.parametrize("address", ['""@example.org', '"@example.org'])
    def test_are_never_empty_as_that_would_find_every_mail(self, address: str) -> None:
        assert search_texts(address) == (address,)

    @given(_ADDRESSES)
    def test_are_never_empty(self, spelling: str) -> None:
        address = canonical(spelling)
        assert address is None or all(search_texts(address))

    @given(_ADDRESSES)
    def test_spellings_all_mean_the_same_address(self, spelling: str) -> None:
        if (address := canonical(spelling)) is not None:
            assert {canonical(each) for each in spellings(address)} == {address}


class TestDisplayName:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            (None, ""),
            ("", ""),
            ("  \t ", ""),
            ("Ann Lee", "Ann Lee"),
            ("  Ann   Lee ", "Ann Lee"),
            ('"Ann Lee"', "Ann Lee"),
            ("'Ann Lee'", "Ann Lee"),
            ("Ann\r\n Lee", "Ann Lee"),
            ("Ann\x00Lee", "Ann Lee"),
            ("Ann\u2028Lee", "Ann Lee"),
            ("Ann\ud83dLee", "Ann Lee"),
            ("Jose\u0301", "José"),
            ("ann@example.org", ""),
            ('"ann@example.org"', ""),
            ("ANN@BÜCHER.example", ""),
            ("Ann (ann@example.org)", "Ann (ann@example.org)"),
            ("Ann @ Work", "Ann @ Work"),
            ("O'Brien", "O'Brien"),
            ("x" * 200, "x" * 200),
            ("x" * 201, "x" * 200),
            ("x" * 199 + " yz", "x" * 199),
            ("x" * 199 + "'yz", "x" * 199),
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
