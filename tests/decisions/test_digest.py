"""What a digest says of strangers, and what of their words it lets through."""

from datetime import UTC, date
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailroom.decisions.digest import BREAK, Letter, Stranger, Waits, harmless, letter, message_id

ANN = Stranger("ann@shop.example", "Ann", 2, "Your order", "2026-11-26T18:03:00Z")


def written(*strangers: Stranger, senders: int | None = None, page: str = "") -> Letter:
    waits = Waits(strangers, senders or len(strangers), sum(each.mails for each in strangers))
    return letter(waits, account_id="u1", day=date(2026, 11, 27), zone=UTC, screener="Screener", page=page)


class Tags(HTMLParser):
    """The elements of a document, and what they link to or load."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "background")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_it_tells_who_waits_with_what_and_what_to_do() -> None:
    said = written(ANN, Stranger("", "", 1, "", "yesterday"), senders=4)
    assert said.subject == "4 senders wait in Screener"
    assert said.text == (
        "4 senders wait in Screener, with 3 mails.\n"
        "Put a label such as @ToFeed on one mail of each, and the sender is settled for good.\n\n"
        "Ann <ann@shop.example>\n  Your order\n  2 mails, the newest 2026-11-26 18:03\n\n"
        "no usable address\n  1 mail, the newest yesterday\n\n"
        "And 2 more senders.\n\n"
        "-- \nMailroom sends this once a day while somebody waits. [digest] in its configuration turns it off.\n"
    )
    assert "1 sender waits in Screener" in written(ANN).text


def test_it_links_to_the_page_and_to_nothing_else() -> None:
    assert Tags(written(ANN).html).links == []
    said = written(ANN, page="https://mail.example/")
    assert Tags(said.html).links == ["https://mail.example/"]
    assert "Or tap: https://mail.example/\n" in said.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("a\r\nb\tc", "a b c"),
        ("\u202egpj.exe", f"\\u202egpj.{BREAK}exe"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("see https://evil.example/x", f"see https:{BREAK}/{BREAK}/{BREAK}evil.{BREAK}example/{BREAK}x"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 60, "x" * 60),
        ("\u202e" * 60, ("\\u202e" * 10)[:59] + "…"),
    ],
)
def test_a_strangers_text_is_one_short_line_that_steers_nothing(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text())
@example("a.b:c/d@e")
def test_no_text_of_a_stranger_can_be_taken_for_a_link_or_steers_anything(text: str) -> None:
    shown = harmless(text)
    assert len(shown.replace(BREAK, "")) <= 60
    assert all(each.isprintable() or each in "\u200b\u200c\u200d" for each in shown)
    for mark in (".", ":", "/", "@"):
        assert all(not rest[:1].strip(BREAK) or rest[0] == " " for rest in shown.split(mark)[1:])


@given(st.text(min_size=1), st.text(), st.text())
@example("</li><script>alert(1)</script>", "<b>", '"><a href="https://evil.example">')
def test_whatever_strangers_write_is_text(name: str, subject: str, address: str) -> None:
    plain = Tags(written(Stranger("", "x", 1, "y", "2026-11-26T18:03:00Z")).html)
    said = Tags(written(Stranger(address, name, 1, subject, "2026-11-26T18:03:00Z")).html)
    assert said.links == []
    assert sorted(set(said.names)) == sorted({*plain.names, *(("span",) if "span" in said.names else ())})


def test_an_address_is_shown_as_it_is_to_be_copied_unless_it_is_an_odd_one() -> None:
    odd = Stranger('"https://evil.example/x"@shop.example', "Eve", 1, "", "2026-11-26T18:03:00Z")
    assert "<ann@shop.example>" in written(ANN).text
    assert "https://" not in written(odd).text


def test_the_digests_of_a_day_have_one_message_id() -> None:
    assert written(ANN).message_id == message_id("u1", date(2026, 11, 27))
    assert (
        message_id("u1", date(2026, 11, 28))
        != message_id("u1", date(2026, 11, 27))
        != message_id("u2", date(2026, 11, 27))
    )
