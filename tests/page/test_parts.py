"""The page's small parts, each by itself."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.resources import files

import pytest
from trio.testing import MockClock

from mailroom.config.page_buttons import PageButtons
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.decisions.sender_auth import sender_auth
from mailroom.page.access import neighbourhood
from mailroom.page.buttons import buttons_of
from mailroom.page.pages import assets
from mailroom.page.tries import OF_A_BROWSER, OF_ALL, OF_AN_ADDRESS, Tries
from mailroom.page.words import ago, initial, key_of, moment, unsubscribe_link, verdict, visible

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=-30), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(hours=30), "yesterday"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=20), "7 Nov"),
        (timedelta(days=400), "23 Oct 2025"),
    ],
)
def test_times_are_told_as_people_do(before: timedelta, words: str) -> None:
    assert ago(NOW - before, NOW) == words


def test_what_is_no_time_is_none() -> None:
    assert moment("2026-11-27T12:00:00Z") == NOW
    assert moment("yesterday") is None


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Zoë 👩\u200d🚀", "Zoë 👩\u200d🚀"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\x00b\x1b[31m", "a⟨U+0000⟩b⟨U+001B⟩[31m"),
        ("a\nb", "a b"),
        ("a\u2066b\u200b", "a⟨U+2066⟩b⟨U+200B⟩"),
    ],
)
def test_what_steers_the_eye_is_visible(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_a_letter_stands_for_a_name() -> None:
    assert [initial(name) for name in ("“ann” lee", "Émile", "...", "")] == ["A", "É", "?", "?"]


@pytest.mark.parametrize(
    ("field", "link"),
    [
        (None, None),
        ("<https://a.example/u?x=1>", "https://a.example/u?x=1"),
        ("<mailto:a@b.example>,\r\n <HTTPS://a.example/u>", "HTTPS://a.example/u"),
        ("<http://a.example/u>", None),
        ("<javascript:alert(1)>", None),
        ("https://a.example", None),
        (f"<https://a.example/{'x' * 5_000}>", None),
    ],
)
def test_one_unsubscribes_by_https_alone(field: str | None, link: str | None) -> None:
    assert unsubscribe_link(field) == link


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ((), ""),
        (("mx.example; dmarc=pass",), "confirmed"),
        (("mx.example; dmarc=none; spf=pass smtp.mailfrom=a.example",), "unconfirmed"),
        (("mx.example; dmarc=fail (p=reject)",), "failed"),
    ],
)
def test_what_the_server_thinks_is_one_word(fields: tuple[str, ...], word: str) -> None:
    assert verdict(sender_auth(fields), "") == word


def test_a_key_tells_nothing_of_the_sender() -> None:
    assert key_of("ann@example.org") == key_of("ann@example.org") != key_of("bob@example.org")
    assert "ann" not in key_of("ann@example.org")


def test_two_categories_are_large_and_what_leaves_the_inbox_blocks() -> None:
    buttons = buttons_of(DEFAULT_SCHEME)
    assert [each.category.name for each in buttons.large] == ["Imbox", "Feed"]
    assert buttons.block is not None
    assert buttons.block.category.name == "Jail"
    assert [each.category.name for each in buttons.more] == ["Paper Trail", "Person", "Billboard", "Truck"]
    assert [each.key for each in buttons.all] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("chosen", "large", "block"),
    [
        (PageButtons(("Truck", "Feed")), ["Truck", "Feed"], "Jail"),
        (PageButtons(("Person",), "Billboard"), ["Person"], "Billboard"),
        (PageButtons((), "Imbox"), ["Feed", "Paper Trail"], "Imbox"),
        (PageButtons(("Jail", "Feed")), ["Jail", "Feed"], None),
    ],
)
def test_the_owner_chooses_what_is_large_and_what_blocks(
    chosen: PageButtons, large: list[str], block: str | None
) -> None:
    buttons = buttons_of(replace(DEFAULT_SCHEME, buttons=chosen))
    assert [each.category.name for each in buttons.large] == large
    assert (buttons.block and buttons.block.category.name) == block
    # Each category is there once, and keys stay those of the owner's order.
    assert [each.category for each in buttons.all] == list(DEFAULT_SCHEME.categories)


def test_without_a_category_that_blocks_nothing_does() -> None:
    buttons = buttons_of(Scheme(categories=(category("One"),)))
    assert (buttons.block, len(buttons.large), len(buttons.more)) == (None, 1, 0)


async def test_tries_come_back_after_a_minute(mock_clock: MockClock) -> None:
    tries = Tries()
    assert [tries.wait("a", "", None) for _ in range(OF_AN_ADDRESS)] == [0] * OF_AN_ADDRESS
    mock_clock.jump(20)
    assert tries.wait("a", "", None) == 40
    mock_clock.jump(40)
    assert tries.wait("a", "", None) == 0


async def test_all_together_have_a_limit_and_a_known_browser_its_own(mock_clock: MockClock) -> None:
    tries = Tries()
    waits = [tries.wait(f"a{number}", f"account {number}", None) for number in range(OF_ALL + 1)]
    assert waits == [0] * OF_ALL + [60]
    assert [tries.wait("a", "account", "browser") for _ in range(OF_A_BROWSER + 1)] == [0] * OF_A_BROWSER + [60]
    assert tries.wait("a", "account", "another browser") == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8::1", "2001:db8::ffff:2"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::2")],
)
def test_a_household_is_one(one: str, other: str) -> None:
    assert neighbourhood(one) == neighbourhood(other)


def test_what_is_vendored_is_as_it_was_published() -> None:
    vendored = tomllib.loads(files("mailroom.page").joinpath("vendored.toml").read_text())
    for each in vendored.values():
        assert sha256(assets()[each["file"]].body).hexdigest() == each["sha256"]
        assert each["version"].encode() in assets()[each["file"]].body


def test_no_file_of_the_page_asks_another_origin_or_runs_text() -> None:
    for name, asset in assets().items():
        if name.endswith((".js", ".css")) and "htmx" not in name:
            assert b"http" not in asset.body
            assert b"eval(" not in asset.body
