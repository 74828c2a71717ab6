import pytest

from mailroom.sandbox.message import Message, addresses, decoded


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
        ("", ()),
        ("<>", ()),
    ],
)
def test_addresses_are_read_as_the_world_writes_them(value: str, expected: tuple[tuple[str | None, str], ...]) -> None:
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
