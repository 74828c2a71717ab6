"""One sender in two spellings is one sender; a search asks for every spelling that a mail may use."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom import addresses
from mailroom.addresses import addresses_in, canonical, is_within, search_texts, spellings

_LOCAL_PARTS = st.text(st.sampled_from([*'aZ."\\ ,;:()<>@', *"ßİΣςé", "\u0301", "\u0345", "\t", "日"]), max_size=8)
_DOMAINS = st.text(
    st.sampled_from([*"aZ.-", *"ßİΣςü", "\u0301", "。", "\uff0e", "\uff11", "\u00ad", "日", "א"]), max_size=8
)
_ADDRESSES = st.builds("{}@{}".format, _LOCAL_PARTS, _DOMAINS)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What another test asked for is no answer here."""
    addresses._canonical.cache_clear()


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
            ('".ann"@example.org', ".ann@example.org"),
            ('"ann."@example.org', "ann.@example.org"),
            ('"a..b"@example.org', "a..b@example.org"),
            ('"a..b c"@example.org', '"a..b c"@example.org'),
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
            ("ann@[IPv6:2001:DB8::1]", "ann@[ipv6:2001:db8::1]"),
            ("ann@[IPv6:::ffff:192.0.2.1]", "ann@[ipv6:::ffff:192.0.2.1]"),
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
            "ann@[2001:db8::1]",
            "ann@[IPv6:2001:db8::1",
            "ann@[IPv6:2001:db8::g]",
            "ann@[IPv6:fe80::1%eth0]",
            "ann@2001:db8::1",
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
            ("a..b@example.org", ("a..b",)),
            ("...@example.org", ("...@example.org", '"..."@example.org')),
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

    def test_a_local_part_that_may_be_quoted_or_not_is_looked_up_both_ways(self) -> None:
        spelled = spellings("a..b@xn--bcher-kva.example")
        domains = ("xn--bcher-kva.example", "bücher.example")
        assert spelled == tuple(f"{local}@{domain}" for local in ("a..b", '"a..b"') for domain in domains)

    @given(_ADDRESSES)
    def test_spellings_all_mean_the_same_address(self, spelling: str) -> None:
        if (address := canonical(spelling)) is not None:
            assert {canonical(each) for each in spellings(address)} == {address}

    @pytest.mark.parametrize(
        ("address", "expected"),
        [
            (".a@xn--x-fga.example", (".a", '".a"')),
            ("a.@xn--x-fga.example", ("a.", '"a."')),
            ("a.b@xn--x-fga.example", ("a.b",)),
            ('"a..@b"@xn--x-fga.example', ('"a..@b"',)),
        ],
    )
    def test_only_odd_dots_are_spelled_in_two_ways(self, address: str, expected: tuple[str, ...]) -> None:
        assert canonical(address) == address
        domains = ("xn--x-fga.example", "xë.example")
        assert spellings(address) == tuple(f"{local}@{domain}" for local in expected for domain in domains)

    def test_an_at_sign_in_quotes_is_of_the_local_part(self) -> None:
        assert search_texts('"a@b"@example.org') == ("a@b",)


class TestAddressesIn:
    @pytest.mark.parametrize(
        "value",
        [
            "ann@x.org",
            "Ann@X.org ",
            "<ann@x.org>",
            "Ann <ann@x.org>",
            "Lee, Ann <ann@x.org>",
            '"Lee; A@B" <ann@x.org>',
            "Ann < ann@x.org >",
            "mailto:ann@x.org",
            "MAILTO:ann%40x.org?subject=Hello",
            "Ann <mailto:ann@x.org>",
            "\u200bann@x.org\u200b",
            "\ufeff \u00adann@x.org\u202c\u00a0\r\n",
            "<\u200eann@x.org\u200e>",
            "ann@x.org;",
            "; ,ann@x.org",
        ],
    )
    def test_are_read_through_what_stands_around_one(self, value: str) -> None:
        assert addresses_in(value) == {"ann@x.org"}

    @pytest.mark.parametrize(
        "value",
        [
            "ann@x.org;bob@x.org",
            "ann@x.org, bob@x.org,",
            "Ann <ann@x.org>; Bob <bob@x.org>",
            '"Lee, Ann" <ann@x.org>,mailto:bob@x.org',
        ],
    )
    def test_may_be_several(self, value: str) -> None:
        assert addresses_in(value) == {"ann@x.org", "bob@x.org"}

    @pytest.mark.parametrize(
        "value", ["", " ", "Ann", "<>", ";", "Ann <ann>", "a@x.org <ann", "mailto:", "mailto:%00@x.org"]
    )
    def test_are_none_where_there_is_none(self, value: str) -> None:
        assert addresses_in(value) == frozenset()

    def test_keep_what_is_within_quotes_and_words(self) -> None:
        assert addresses_in('"a;b@c"@x.org') == {'"a;b@c"@x.org'}
        assert addresses_in("an\u200bn@x.org") == {"an\u200bn@x.org"}
        assert addresses_in("*@shop.example") == {"*@shop.example"}

    @given(_ADDRESSES)
    def test_of_a_canonical_address_are_that_address(self, spelling: str) -> None:
        if (address := canonical(spelling)) is not None and not address.startswith("mailto:"):
            assert addresses_in(address) == {address}

    @pytest.mark.parametrize(
        "value", ['"' * 100_001, '"\\' * 100_000, ";a@" * 100_000, "<" * 100_000, "\u200b" * 100_000]
    )
    def test_are_looked_for_once(self, value: str) -> None:
        """With work for each pair of characters it would take hours."""
        addresses_in(value)


@pytest.mark.parametrize(
    ("domain", "whole", "is_so"),
    [
        ("shop.example", "shop.example", True),
        ("news.shop.example", "shop.example", True),
        ("myshop.example", "shop.example", False),
        ("shop.example", "news.shop.example", False),
        ("shop.example.org", "shop.example", False),
    ],
)
def test_one_domain_is_within_another_by_whole_labels(domain: str, whole: str, is_so: bool) -> None:
    assert is_within(domain, whole) is is_so
