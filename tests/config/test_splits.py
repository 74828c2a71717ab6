"""`[[split]]` of `mailroom.toml`: whose mail, which subjects, where to."""

import tomllib

import pytest

from mailroom.config.scheme_file import build_scheme
from mailroom.config.splits import HOW, Split
from mailroom.errors import ConfigError


def splits(toml: str) -> tuple[Split, ...]:
    return build_scheme(tomllib.loads(toml)).splits


def table(origin: str, subject: str = '["order"]', category: str = "Feed") -> str:
    return f"[[split]]\nfrom = '{origin}'\nsubject = {subject}\ncategory = '{category}'\n"


def problems(toml: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        build_scheme(tomllib.loads(toml))
    return raised.value.problems


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (" Orders@Shop.example ", Split(("order",), "Feed", address="orders@shop.example")),
        ('"a@b"@x.org', Split(("order",), "Feed", address='"a@b"@x.org')),
        ("@Shop.example", Split(("order",), "Feed", domain="shop.example")),
        ("*@bücher.example", Split(("order",), "Feed", domain="xn--bcher-kva.example")),
        ("LIST:Python-Dev.python.org", Split(("order",), "Feed", list_id="python-dev.python.org")),
        ("list: Dev <python-dev.python.org>", Split(("order",), "Feed", list_id="python-dev.python.org")),
    ],
)
def test_is_about_an_address_a_domain_or_a_list(origin: str, expected: Split) -> None:
    assert splits(table(origin)) == (expected,)


def test_says_its_origin_as_one_writes_it() -> None:
    made = splits(table("a@x.org") + table("@x.org") + table("list:x.org"))
    assert [each.origin for each in made] == ["a@x.org", "@x.org", "list:x.org"]


def test_subjects_are_compared_without_regard_to_case_and_white_space() -> None:
    (made,) = splits(table("a@x.org", subject='["Your  ORDER ", "Straße"]', category=" Paper Trail "))
    assert (made.subjects, made.category) == (("your order", "strasse"), "Paper Trail")


def test_without_any_there_is_none() -> None:
    assert splits("") == ()


SUBJECT = 'subject must be a list of texts, none of them empty, such as ["order", "receipt"]'


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        (table("shop"), f"split number 1: from must be {HOW}"),
        (table("@"), f"split number 1: from must be {HOW}"),
        (table("x*@"), f"split number 1: from must be {HOW}"),
        (table("list:"), f"split number 1: from must be {HOW}"),
        (table("list:*"), f"split number 1: from must be {HOW}"),
        ("[[split]]\nfrom = 5\nsubject = ['a']\ncategory = 'Feed'", f"split number 1: from must be {HOW}"),
        (table("a@x.org", subject="[]"), f"split number 1: {SUBJECT}"),
        (table("a@x.org", subject='["a", " "]'), f"split number 1: {SUBJECT}"),
        (table("a@x.org", subject='"order"'), f"split number 1: {SUBJECT}"),
        (table("a@x.org", category="Fed"), "split number 1 (a@x.org): Fed is not a category; did you mean Feed?"),
        (table("a@x.org") + "subjects = []", "split number 1: subjects is not a key here; did you mean subject?"),
        ("split = 5", "split must be [[split]] tables: a line [[split]] for each, and its keys below"),
        ("[split]", "split must be [[split]] tables: a line [[split]] for each, and its keys below"),
        ("split = [5]", "split must be [[split]] tables: a line [[split]] for each, and its keys below"),
    ],
)
def test_a_problem_is_named(toml: str, problem: str) -> None:
    assert problems(toml) == (problem,)


def test_every_problem_is_told_at_once() -> None:
    toml = (
        "[[split]]\n" + table("a@x.org") + table("nobody", subject="[]", category="Nowhere") + "[[split]]\nfrom = 'b@x'"
    )
    assert problems(toml) == (
        "split number 1: from is missing",
        "split number 1: subject is missing",
        "split number 1: category is missing",
        f"split number 3: {SUBJECT}",
        f"split number 3: from must be {HOW}",
        "split number 4: subject is missing",
        "split number 4: category is missing",
    )
