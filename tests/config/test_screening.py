"""`[screening]` of `mailroom.toml`, and who is let through."""

import tomllib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mailroom.config.account_settings import AccountSettings
from mailroom.config.environment import read_environment
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.scheme_file import build_scheme, read_scheme
from mailroom.config.screening import LetThrough, Screening, read_let_through
from mailroom.errors import ConfigError
from tests.conftest import PROJECT


def screening(toml: str) -> Screening:
    return build_scheme(tomllib.loads(f"[screening]\n{toml}")).screening


def problems(toml: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        build_scheme(tomllib.loads(toml))
    return raised.value.problems


def read(*entries: str) -> LetThrough:
    found: list[str] = []
    entry = read_let_through(entries, found)
    assert found == []
    return entry


class TestTable:
    def test_is_off_without_one(self) -> None:
        assert build_scheme({}).screening == screening("") == Screening()
        assert Screening() == Screening("off", 7, LetThrough(), True, True, "screen", None)

    def test_of_the_example_says_what_holds_without_it(self) -> None:
        assert read_scheme(PROJECT / "mailroom.example.toml").screening == Screening()

    def test_sets_every_field(self) -> None:
        toml = """
            mode = "watch"
            days = 30
            let_through = ["example.com"]
            known_contacts = false
            correspondents = false
            forged = "ignore"
            moves = true
        """
        assert screening(toml) == Screening("watch", 30, read("example.com"), False, False, "ignore", True)

    @pytest.mark.parametrize(
        ("toml", "problem"),
        [
            ('mode = "yes"', 'mode must be "off", "watch" or "on"'),
            ("mode = true", 'mode must be "off", "watch" or "on"'),
            ("days = 0", "days must be a whole number of days from 1 to 365"),
            ("days = 366", "days must be a whole number of days from 1 to 365"),
            ("days = 1.5", "days must be a whole number of days from 1 to 365"),
            ("days = true", "days must be a whole number of days from 1 to 365"),
            ('let_through = "example.com"', "let_through must be a list of texts"),
            ("let_through = [5]", "let_through must be a list of texts"),
            ('known_contacts = "no"', "known_contacts must be true or false"),
            ("correspondents = 1", "correspondents must be true or false"),
            ('forged = "delete"', 'forged must be "screen", "warn" or "ignore"'),
            ('moves = ""', "moves must be true or false"),
            ('modes = "on"', "modes is not a key here; did you mean mode?"),
            (
                "own_addresses = []",
                "own_addresses is not a key here; it belongs at the top of the file, above every line in brackets",
            ),
            ("add_to_inbox = true", "add_to_inbox is not a key here; it belongs into a category"),
        ],
    )
    def test_with_one_problem_names_it_and_nothing_else(self, toml: str, problem: str) -> None:
        assert problems(f"[screening]\n{toml}") == (f"screening: {problem}",)

    @pytest.mark.parametrize("days", [1, 365])
    def test_takes_the_first_and_last_number_of_days(self, days: int) -> None:
        assert screening(f"days = {days}").days == days

    def test_that_is_no_table(self) -> None:
        assert problems('screening = "on"') == ("screening must be a table: a line [screening], and its keys below",)

    def test_of_which_the_first_line_is_missing(self) -> None:
        assert problems('mode = "on"\nlet_through = []') == (
            "mode is not a key here; it belongs below a line [screening]",
            "let_through is not a key here; it belongs below a line [screening]",
        )

    def test_tells_its_problems_with_those_of_the_rest(self) -> None:
        assert problems("""
            warnings_enabled = 1
            [screening]
            mode = 1
            let_through = ["ann"]
            [[categories]]
            name = "A"
            parent = "B"
        """) == (
            "warnings_enabled must be true or false",
            'screening: mode must be "off", "watch" or "on"',
            "screening: let_through: 'ann' can't be compared with mail; write an address, a domain (example.org or "
            "*.example.org for all below it), list: and a List-Id, or to: and one of your own addresses",
            "category A: its parent B is not a category",
        )


class TestMoves:
    @pytest.mark.parametrize(("mode", "follows"), [("off", False), ("watch", False), ("on", True)])
    def test_decide_where_new_mail_is_screened(self, mode: str, follows: bool) -> None:
        assert screening(f'mode = "{mode}"').follows_moves is follows

    @pytest.mark.parametrize("moves", ["true", "false"])
    def test_decide_as_the_table_says_and_never_elsewhere(self, moves: str) -> None:
        assert screening(f'mode = "on"\nmoves = {moves}').follows_moves is (moves == "true")
        for mode in ("off", "watch"):
            assert not screening(f'mode = "{mode}"\nmoves = {moves}').follows_moves


class TestLetThrough:
    @pytest.mark.parametrize(
        ("entry", "read_as"),
        [
            ("Ann@Example.org", LetThrough(addresses=frozenset({"ann@example.org"}))),
            (' "ann"@example.org ', LetThrough(addresses=frozenset({"ann@example.org"}))),
            ("example.org", LetThrough(domains=frozenset({"example.org"}))),
            ("@example.org", LetThrough(domains=frozenset({"example.org"}))),
            ("*@Example.org.", LetThrough(domains=frozenset({"example.org"}))),
            ("@localhost", LetThrough(domains=frozenset({"localhost"}))),
            ("bücher.example", LetThrough(domains=frozenset({"xn--bcher-kva.example"}))),
            ("*.example.org", LetThrough(above=frozenset({"example.org"}))),
            ("*.com", LetThrough(above=frozenset({"com"}))),
            ("list:Python-Dev.python.org", LetThrough(lists=frozenset({"python-dev.python.org"}))),
            ("List: <python-dev.python.org> ", LetThrough(lists=frozenset({"python-dev.python.org"}))),
            ("to:Me+shop@example.org", LetThrough(recipients=frozenset({"me+shop@example.org"}))),
            ('to:"a:b"@example.org', LetThrough(recipients=frozenset({'"a:b"@example.org'}))),
            ("TO: me@example.org", LetThrough(recipients=frozenset({"me@example.org"}))),
        ],
    )
    def test_is_read_as_mail_is_compared(self, entry: str, read_as: LetThrough) -> None:
        assert read(entry) == read_as

    @pytest.mark.parametrize(
        "entry",
        ["", " ", "ann", "@", "*", "*@", "*.", "*.*.org", "a b.org", "ann@", "list:", "list:<>", "list:a b", "list:a>b",
         'list:a"b', "list:a\tb", "list:*", "to:*@x.org", "a@x.org, b@x.org", "a b@x.org", "https://x.org", "x.org/y",
         "x..org", "Ann <a@x.org>", "to:a@x.org b@x.org",
         "to:", "to:ann", "to:@example.org", "a.b@@", "*.example.org@"],
    )  # fmt: skip
    def test_that_means_nothing_is_told(self, entry: str) -> None:
        found: list[str] = []
        assert read_let_through([entry, "example.org"], found) == read("example.org")
        assert len(found) == 1
        assert repr(entry) in found[0]

    def test_holds_entries_of_all_kinds(self) -> None:
        both = read(
            "a@x.org", "b@x.org", "x.org", "y.org", "*.x.org", "*.y.org", "list:x", "list:y", "to:a@x", "to:b@x"
        )
        assert [len(getattr(both, each.name)) for each in fields(both)] == [2] * 5


def scheme_read() -> Scheme:
    account = read_environment().account
    assert account is not None
    return account.scheme


class TestMode:
    def test_of_the_variable_wins(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "fmu1-token")
        assert scheme_read() is DEFAULT_SCHEME
        monkeypatch.setenv("MAILROOM_CONFIG", str(PROJECT / "mailroom.example.toml"))
        assert scheme_read().screening.mode == "off"
        monkeypatch.setenv("MAILROOM_SCREENING", "ON")
        assert scheme_read().screening == Screening("on")

    @pytest.mark.parametrize(
        ("name", "value", "problem"),
        [
            ("MAILROOM_SCREENING", "yes", "must be off, watch or on"),
            ("MAILROOM_SUBJECT_CODE", "short", "must be 6 characters or more, on one line"),
            ("MAILROOM_SUBJECT_CODE", "abc\ndef", "must be 6 characters or more, on one line"),
        ],
    )
    def test_and_code_are_checked(self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str) -> None:
        monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "fmu1-token")
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError) as raised:
            read_environment()
        assert raised.value.problems == (f"{name} {problem}",)

    def test_a_code_is_a_secret_without_white_space_around_it(self) -> None:
        settings = AccountSettings.model_validate({"jmap_token": "fmu1-token", "subject_code": " abcdef\n"})
        assert settings.subject_code == SecretStr("abcdef")
        assert "abcdef" not in repr(settings)


@given(st.lists(st.text()))
def test_anything_is_an_entry_or_told(entries: list[str]) -> None:
    found: list[str] = []
    read_let_through(entries, found)
    assert len(found) <= len(entries)
