import pytest

from mailroom.sandbox.addresses import addresses
from mailroom.sandbox.headers import decoded, header_fields
from mailroom.sandbox.message import Message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@example.org", ((None, "ann@example.org"),)),
        ("Ann <ann@example.org>", (("Ann", "ann@example.org"),)),
        ('"Smith, Ann" <ann@example.org>', (("Smith, Ann", "ann@example.org"),)),
        ("=?utf-8?q?Smith=2C_Ann?= <ann@example.org>", (("Smith, Ann", "ann@example.org"),)),
        ("=?iso-8859-2?q?=A3ucja?=\r\n <l@example.org>", (("Łucja", "l@example.org"),)),
        ("=?koi8-r?b?6dfBzg==?= <i@example.org>", (("Иван", "i@example.org"),)),
        ("=?nonsense?q?a?= <x@example.org>", (("=?nonsense?q?a?=", "x@example.org"),)),
        ('"a b"@example.org', ((None, '"a b"@example.org'),)),
        ("Ann <ANN@Bücher.example>", (("Ann", "ANN@Bücher.example"),)),
        ("a@x.org, B <b@x.org>", ((None, "a@x.org"), ("B", "b@x.org"))),
        ("Jane (Work) <j@x.org>", (("Jane", "j@x.org"),)),
        (r'"Ann \"Annie\"" <a@x.org>', (('Ann "Annie"', "a@x.org"),)),
        ("(only comment) a@x.org", ((None, "a@x.org"),)),
        ("a@x.org (Jane (at work))", (("Jane (at work)", "a@x.org"),)),
        ("a(not me)@x.org, (Bob) <b@x.org>", ((None, "a@x.org"), (None, "b@x.org"))),
        ("Friends: a@x.org, B <b@x.org>; c@x.org", ((None, "a@x.org"), ("B", "b@x.org"), (None, "c@x.org"))),
        ("undisclosed-recipients:;", ()),
        (r'"Ann \"the\" One" <a@x.org>', (('Ann "the" One', "a@x.org"),)),
        ("=?utf-8?b?4oSr?= <a@x.org>", (("\u00c5", "a@x.org"),)),
        ("=?utf-8?q?A=00B=07C?= <a@x.org>", (("ABC", "a@x.org"),)),
        ("=?utf-8?q?J=C3?= =?utf-8?q?=BCrgen?= <a@x.org>", (("Jürgen", "a@x.org"),)),
        ("<@relay.example:a@x.org>", ((None, "a@x.org"),)),
        ("a @ x.org", ((None, "a@x.org"),)),
        ("Ann <a@x.org", (("Ann", "a@x.org"),)),
        ("", ()),
        ("<>", ()),
    ],
)
def test_section_4_1_2_3_addresses_are_read_as_the_world_writes_them(
    value: str, expected: tuple[tuple[str | None, str], ...]
) -> None:
    assert addresses(value) == expected


def test_raw_octets_in_a_header_are_utf_8() -> None:
    message = Message("From: Jürgen <j@bücher.example>\r\n\r\n".encode())
    assert addresses(message.values("from")[0]) == (("Jürgen", "j@bücher.example"),)
    assert message.from_text == "jürgen <j@bücher.example>"


def test_a_broken_encoded_word_stays_as_it_is() -> None:
    assert decoded("=?utf-8?b?a?= x") == "=?utf-8?b?a?= x"


def test_a_message_without_headers_or_body_is_a_message() -> None:
    message = Message(b"")
    assert (message.from_text, message.subject, message.sent_at, message.preview) == ("", None, None, "")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"A: 1\r\nB:2\r\n\r\nC: 3", (("A", " 1"), ("B", "2"))),
        (b"A: 1\n folded\n\nbody", (("A", " 1\n folded"),)),
        (b"A: 1\r\nno field\r\n", (("A", " 1"),)),
        (b"\r\nA: 1", ()),
        (b"A:\r\n", (("A", ""),)),
    ],
)
def test_section_4_1_2_1_raw_values_keep_their_white_space(raw: bytes, expected: tuple[tuple[str, str], ...]) -> None:
    assert header_fields(raw) == expected
