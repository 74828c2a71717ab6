"""Who is told that the usual categories have changed, and what keeps the old ones."""

import tomllib

import pytest

from mailroom.config.scheme import DEFAULT_CATEGORIES, DEFAULT_SCHEME, Scheme
from mailroom.config.scheme_file import build_scheme
from mailroom.decisions.changed_defaults import how_to_keep, may_concern, settled_before
from tests.decisions.test_plan import card, groups

OLD = "— Mailroom —\nCreated by Mailroom\nTriaged to Jail on 2026-03-05"


def test_it_may_concern_an_account_with_the_usual_categories_and_somebody_in_a_changed_one() -> None:
    assert may_concern(groups(Jail=["a"]), DEFAULT_SCHEME)
    assert may_concern(groups(Person=["a"]), build_scheme({"screener_mailbox": "New"}))
    assert not may_concern(groups(Feed=["a"]), DEFAULT_SCHEME)


def test_it_concerns_nobody_who_has_written_categories_even_the_same() -> None:
    assert not may_concern(groups(Jail=["a"]), Scheme((*DEFAULT_CATEGORIES,)))


@pytest.mark.parametrize(
    ("text", "before"),
    [("", False), (OLD, True), (f"{OLD}T14:03Z", False), (f"{OLD}\nMoved to Feed on 2026-04-01T14:03Z", True)],
)
def test_notes_that_tell_a_day_alone_are_from_before(text: str, before: bool) -> None:
    assert settled_before([card(text="Mine."), card(text=text)]) is before


def test_the_lines_that_keep_the_old_way_do_so() -> None:
    told = how_to_keep("mailroom.toml")
    toml = told[told.index("categories = [") : told.index("]. For") + 1]
    kept = build_scheme(tomllib.loads(toml))
    changed = {"Jail": "takes_from_inbox", "Person": "add_to_inbox"}
    for old, new in zip(kept.categories, DEFAULT_CATEGORIES, strict=True):
        for name in ("name", "label", "contact_type", "parent", "add_to_inbox", "takes_from_inbox"):
            assert (getattr(old, name) == getattr(new, name)) is (changed.get(new.name) != name)
