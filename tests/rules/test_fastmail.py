"""The JSON for Fastmail, read by a small interpreter of rules: mail ends where triage would have put it."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.config.screening import Screening
from mailroom.config.splits import Split
from mailroom.decisions.routes import routes
from mailroom.decisions.splits import split_warnings
from mailroom.decisions.whole import WholeDomain
from mailroom.decisions.wide_routes import WideRoute
from mailroom.rules.fastmail import as_json, rules
from tests.rules.endings import INBOX, Ending, all_triaged, schemes, triaged

TERM = re.compile(r'(?P<no>NOT )?fromin:"(?P<group>(?:[^"\\]|\\.)*)"(?: |$)')


def imported(scheme: Scheme) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(as_json(rules(scheme)))
    return made


def matches(search: str, groups: frozenset[str]) -> bool:
    """Whether a search finds the mail of a sender who is in these groups; all of its terms must be true."""
    terms = list(TERM.finditer(search))
    assert "".join(term.group() for term in terms) == search, f"not understood: {search}"
    return all((_name(term) in groups) is not bool(term["no"]) for term in terms)


def _name(term: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", term["group"])


def matching(scheme: Scheme, groups: frozenset[str]) -> list[dict[str, Any]]:
    """The rules that treat a mail, in their order; one with `stop` would be the last."""
    found: list[dict[str, Any]] = []
    for rule in imported(scheme):
        if matches(rule["search"], groups):
            found.append(rule)
            if rule["stop"]:
                break
    return found


def ending(scheme: Scheme, groups: frozenset[str]) -> Ending:
    """Where the rules put a new mail of a sender in these groups."""
    matched = matching(scheme, groups)
    labels = frozenset(rule["fileIn"] for rule in matched)
    return labels if any(rule["skipInbox"] for rule in matched) else labels | {INBOX}


@pytest.mark.parametrize("name", [each.name for each in DEFAULT_SCHEME.categories])
def test_mail_ends_where_triage_would_have_put_it(name: str) -> None:
    by_triage = triaged(DEFAULT_SCHEME, DEFAULT_SCHEME.by_name[name])
    assert ending(DEFAULT_SCHEME, by_triage.groups) == by_triage.ending


def test_mail_of_a_person_has_both_labels_and_is_in_the_inbox_too() -> None:
    assert ending(DEFAULT_SCHEME, frozenset({"Person", "Imbox"})) == {"Person", "Imbox", INBOX}


def test_mail_of_a_truck_has_both_labels_and_is_not_in_the_inbox() -> None:
    assert ending(DEFAULT_SCHEME, frozenset({"Truck", "Paper Trail"})) == {"Truck", "Paper Trail"}


def test_mail_of_the_imbox_is_in_the_inbox_too() -> None:
    assert ending(DEFAULT_SCHEME, frozenset({"Imbox"})) == {"Imbox", INBOX}


def test_mail_of_strangers_waits_in_the_screener() -> None:
    assert ending(DEFAULT_SCHEME, frozenset()) == {"Screener"}


def test_a_contact_in_another_group_is_a_stranger() -> None:
    assert ending(DEFAULT_SCHEME, frozenset({"Choir"})) == {"Screener"}


def test_a_child_that_goes_to_the_inbox_under_a_parent_that_does_not() -> None:
    scheme = Scheme((category("Bills"), category("Urgent", parent="Bills", add_to_inbox=True)))
    assert ending(scheme, frozenset({"Bills"})) == {"Bills"}
    assert ending(scheme, frozenset({"Bills", "Urgent"})) == {"Bills", "Urgent", INBOX}


def test_every_category_has_a_rule_and_the_screener_has_the_last() -> None:
    made = imported(DEFAULT_SCHEME)
    assert {rule["fileIn"] for rule in made[:-1]} == DEFAULT_SCHEME.destinations
    assert made[-1]["fileIn"] == "Screener"
    assert len({rule["name"] for rule in made}) == len(made)
    assert not any(rule["stop"] for rule in made)


def test_the_fields_are_those_that_fastmail_imports() -> None:
    (feed,) = [rule for rule in imported(DEFAULT_SCHEME) if rule["fileIn"] == "Feed"]
    assert feed == {
        "name": "Mailroom: Feed",
        "combinator": "all",
        "conditions": None,
        "search": 'fromin:"Feed"',
        "fileIn": "Feed",
        "skipInbox": True,
        "stop": False,
        "markRead": False,
        "markFlagged": False,
        "showNotification": False,
        "redirectTo": None,
        "discard": False,
        "markSpam": False,
        "snoozeUntil": None,
    }


def test_quotes_in_the_name_of_a_group_are_escaped() -> None:
    scheme = Scheme((category("Shops", contact_group='The "good" ones \\o/'),))
    assert imported(scheme)[0]["search"] == r'fromin:"The \"good\" ones \\o/"'


def test_a_child_in_its_parents_group_is_treated_as_the_parent() -> None:
    """By the group alone nobody can tell its senders from the parent's."""
    scheme = Scheme((category("Bills"), category("Water", parent="Bills", contact_group="Bills")))
    assert ending(scheme, frozenset({"Bills"})) == {"Bills"}


@given(scheme=schemes())
def test_for_any_scheme_mail_ends_where_triage_would_have_put_it(scheme: Scheme) -> None:
    by_triage = all_triaged(scheme).values()
    for each in by_triage:
        # Categories that share a group may leave their senders in the same groups.
        assert ending(scheme, each.groups) in {other.ending for other in by_triage if other.groups == each.groups}


@given(scheme=schemes())
def test_for_any_scheme_the_rules_of_a_mail_agree_about_the_inbox(scheme: Scheme) -> None:
    for each in all_triaged(scheme).values():
        assert len({rule["skipInbox"] for rule in matching(scheme, each.groups)}) == 1


@given(scheme=schemes(), data=st.data())
def test_for_any_scheme_only_mail_of_strangers_ends_elsewhere_where_the_daemon_screens(
    scheme: Scheme, data: st.DataObject
) -> None:
    groups = data.draw(st.frozensets(st.sampled_from(sorted(scheme.groups))))
    screening = replace(scheme, screening=Screening("on"))
    assert ending(screening, groups) == (ending(scheme, groups) if groups else {INBOX})


@given(scheme=schemes())
def test_for_any_scheme_strangers_wait_in_the_screener(scheme: Scheme) -> None:
    assert ending(scheme, frozenset()) == {scheme.screener}


def test_splits_come_first_and_nothing_follows_them() -> None:
    some = (category("Feed"), category("Paper"), category("Truck", parent="Paper", add_to_inbox=True))
    splits = (
        Split(("order", 'a "b"'), "Truck", domain="shop.example"),
        Split(("vote",), "Truck", list_id="dev.x.org"),
        Split(("vote",), "Feed", list_id="dev.x.org"),
        Split(("news",), "Feed", address="a@shop.example"),
    )
    scheme = Scheme(some, splits=splits)
    wide = WideRoute(WholeDomain("shop.example"), routes(scheme)[-1])
    made: list[dict[str, Any]] = json.loads(as_json(rules(scheme, (wide,))))
    groups = ("Feed", "Paper", "Truck")
    apart = " ".join(f'NOT fromin:"{group}"' for group in groups)
    decided = (
        f'(fromin:"Truck" OR fromin:"Feed" OR fromin:"Paper" OR (from:"shop.example" {apart} NOT fromin:contacts))'
    )
    orders = f'{decided} from:"shop.example" (subject:"order" OR subject:"a \\"b\\"")'
    assert [(rule["name"], rule["search"], rule["fileIn"], rule["skipInbox"], rule["stop"]) for rule in made[:4]] == [
        ("Mailroom: split 1 (Truck)", orders, "Truck", False, False),
        ("Mailroom: split 1 (Paper)", orders, "Paper", False, True),
        ("Mailroom: split 2 (Feed)", f'{decided} list:"dev.x.org" (subject:"vote")', "Feed", True, True),
        ("Mailroom: split 3 (Feed)", f'{decided} from:"a@shop.example" (subject:"news")', "Feed", True, True),
    ]
    assert not any(rule["name"].startswith("Mailroom: split") for rule in made[4:])
    assert list(split_warnings(scheme)) == [
        "the split for list:dev.x.org is left to the daemon: Truck has its mail in the Inbox, and rules can't tell who "
        "wrote a List-Id"
    ]
