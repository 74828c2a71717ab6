"""`[page]` of `mailroom.toml`."""

import tomllib

import pytest

from mailroom.config.page_buttons import PageButtons
from mailroom.config.scheme_file import build_scheme
from mailroom.errors import ConfigError

LARGE = 'page: large must be a list of one category or two, such as ["Feed", "Paper Trail"]'


def test_without_the_table_nothing_is_chosen() -> None:
    assert build_scheme({}).buttons == PageButtons((), None)


def test_categories_are_chosen_by_name_in_the_owners_order() -> None:
    toml = 'categories = ["One", "Two", "Three"]\n[page]\nlarge = ["Three", "One"]\nblock = " Two "'
    assert build_scheme(tomllib.loads(toml)).buttons == PageButtons(("Three", "One"), "Two")


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('large = ["Fead", "Imbox"]', ["page: large: Fead is not a category; did you mean Feed?"]),
        ('block = "Dungeon"', ["page: block: Dungeon is not a category"]),
        (
            'large = ["Nobody"]\nblock = "Fed"',
            ["page: large: Nobody is not a category", "page: block: Fed is not a category; did you mean Feed?"],
        ),
        ('large = ["Feed", "Feed"]', ["page: large names a category twice"]),
        ('large = ["Feed", "Jail"]\nblock = "Jail"', ["page: Jail is both large and block; choose one"]),
        ("large = []", [LARGE]),
        ('large = "Feed"', [LARGE]),
        ('large = ["Feed", 2]', [LARGE]),
        ('large = ["Feed", "Imbox", "Jail"]', [LARGE]),
        ("block = true", ["page: block must be text, not empty and without line breaks"]),
        ('blocks = "Jail"', ["page: blocks is not a key here; did you mean block?"]),
        ('mode = "on"', ["page: mode is not a key here; it belongs below a line [screening]"]),
    ],
)
def test_what_is_wrong_is_told_by_its_key(toml: str, expected: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        build_scheme(tomllib.loads(f"[page]\n{toml}"))
    assert list(raised.value.problems) == expected


def test_what_is_no_table_is_told() -> None:
    with pytest.raises(ConfigError, match=r"page must be a table: a line \[page\], and its keys below"):
        build_scheme({"page": "large"})
