"""Categories, their chains, what is wrong with a scheme, and `mailroom.toml`."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Category, Scheme, category
from mailroom.config.scheme_file import build_scheme, read_scheme
from mailroom.errors import ConfigError
from mailroom.suggest import did_you_mean
from tests.conftest import PROJECT


def problems_of(toml: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        build_scheme(tomllib.loads(toml))
    return raised.value.problems


def problems_with(*categories: Category) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        Scheme(categories)
    return raised.value.problems


# --- the usual scheme


def test_usual_categories() -> None:
    assert [
        (each.name, each.label, each.parent, each.contact_type, each.add_to_inbox, each.takes_from_inbox)
        for each in DEFAULT_SCHEME.categories
    ] == [
        ("Imbox", "@ToImbox", None, "company", True, False),
        ("Feed", "@ToFeed", None, "company", False, False),
        ("Paper Trail", "@ToPaperTrail", None, "company", False, False),
        ("Jail", "@ToJail", None, "company", False, True),
        ("Person", "@ToPerson", "Imbox", "person", True, False),
        ("Billboard", "@ToBillboard", "Paper Trail", "company", False, False),
        ("Truck", "@ToTruck", "Paper Trail", "company", False, False),
    ]
    assert all(each.contact_group == each.destination_mailbox == each.name for each in DEFAULT_SCHEME.categories)


def test_managed_mailboxes_are_the_destinations_and_the_screener() -> None:
    names = {"Imbox", "Feed", "Paper Trail", "Jail", "Person", "Billboard", "Truck"}
    assert DEFAULT_SCHEME.destinations == names
    assert DEFAULT_SCHEME.groups == names
    assert DEFAULT_SCHEME.managed_mailboxes == names | {"Screener"}


def test_lookups_by_name_and_label() -> None:
    feed = DEFAULT_SCHEME.by_name["Feed"]
    assert DEFAULT_SCHEME.by_label["@ToFeed"] is feed
    assert DEFAULT_SCHEME.labels == set(DEFAULT_SCHEME.by_label)


def test_chain_goes_from_a_category_up_to_its_root() -> None:
    scheme = Scheme((category("C", parent="B"), category("A"), category("B", parent="A")))
    assert [[above.name for above in scheme.chain(each)] for each in scheme.categories] == [
        ["C", "B", "A"],
        ["A"],
        ["B", "A"],
    ]


def test_a_label_follows_from_a_name_of_several_words() -> None:
    assert category("Paper Trail").label == "@ToPaperTrail"


def test_every_unknown_parent_is_told() -> None:
    with pytest.raises(ConfigError) as raised:
        Scheme((category("A", parent="Y"), category("B", parent="Z")))
    assert raised.value.problems == (
        "category A: its parent Y is not a category",
        "category B: its parent Z is not a category",
    )


@given(st.data())
def test_chains_are_finite_and_parents_that_go_in_circles_are_refused(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    parents = data.draw(st.lists(st.none() | st.integers(0, count - 1), min_size=count, max_size=count))
    categories = tuple(
        category(f"n{number}", parent=None if parent is None else f"n{parent}") for number, parent in enumerate(parents)
    )

    def climbs_out(start: int) -> bool:
        at: int | None = start
        for _ in range(count):
            if at is not None:
                at = parents[at]
        return at is None

    if all(climbs_out(number) for number in range(count)):
        scheme = Scheme(categories)
        for each in categories:
            chain = scheme.chain(each)
            assert chain[0] == each
            assert chain[-1].parent is None
            assert [below.parent for below in chain[:-1]] == [above.name for above in chain[1:]]
    else:
        found = problems_with(*categories)
        assert all("go in a circle" in problem for problem in found)


# --- what is wrong with a scheme


SCHEME_PROBLEMS = {
    "no category": ([], "no categories given: list at least one, or leave `categories` out for the usual ones"),
    "duplicate label": (
        [category("A", label="@X"), category("B", label="@X")],
        "categories A, B: the same label @X; give each its own",
    ),
    "unknown parent": ([category("A", parent="B")], "category A: its parent B is not a category"),
    "misspelt parent": (
        [category("Paper Trail"), category("Truck", parent="paper-trail")],
        "category Truck: its parent paper-trail is not a category; did you mean Paper Trail?",
    ),
    "unknown parent after a category without one": (
        [category("First"), category("A", parent="B")],
        "category A: its parent B is not a category",
    ),
    "own parent": ([category("A", parent="A")], "category A: its parents go in a circle (A → A)"),
    "circle of two": (
        [category("A", parent="B"), category("B", parent="A")],
        "category A: its parents go in a circle (A → B → A)",
    ),
    "circle above a category that isn't in it": (
        [category("C", parent="A"), category("A", parent="B"), category("B", parent="A")],
        "category A: its parents go in a circle (A → B → A)",
    ),
    "group shared by unrelated categories": (
        [category("A", contact_group="G"), category("B", contact_group="G")],
        "categories A and B: both have the contact_group G; only a category and its parent may share one",
    ),
    "group shared by siblings": (
        [category("P"), category("A", parent="P", contact_group="G"), category("B", parent="P", contact_group="G")],
        "categories A and B: both have the contact_group G; only a category and its parent may share one",
    ),
    "destination shared by unrelated categories": (
        [category("A", destination_mailbox="M"), category("B", destination_mailbox="M")],
        "categories A and B: both have the destination_mailbox M; only a category and its parent may share one",
    ),
    "destination Inbox": (
        [category("A", destination_mailbox="INBOX")],
        "category A: destination_mailbox can't be the Inbox; use add_to_inbox = true",
    ),
    "into the Inbox and out of it": (
        [category("A", add_to_inbox=True, takes_from_inbox=True)],
        "category A: add_to_inbox and takes_from_inbox contradict each other; choose one",
    ),
    "name Inbox": (
        [category("Inbox")],
        "category Inbox: destination_mailbox can't be the Inbox; use add_to_inbox = true",
    ),
    "label Inbox": ([category("A", label="inbox")], "category A: label can't be the Inbox; choose another name"),
    "label equal to its own destination": (
        [category("A", label="A")],
        "category A: its label A is also the destination_mailbox of category A",
    ),
    "label equal to another's destination": (
        [category("A", label="B"), category("B")],
        "category A: its label B is also the destination_mailbox of category B",
    ),
    "label equal to the Screener": (
        [category("A", label="Screener")],
        "category A: its label Screener is also the screener_mailbox",
    ),
    "destination equal to the Screener": (
        [category("Screener", label="@Screen")],
        "category Screener: its destination_mailbox Screener is also the screener_mailbox",
    ),
    "label equal to the error label": (
        [category("A", label="@MailroomError")],
        "category A: its label @MailroomError is also the error_label",
    ),
    "destination equal to the warning label": (
        [category("A", destination_mailbox="@MailroomWarning")],
        "category A: its destination_mailbox @MailroomWarning is also the warning_label",
    ),
    "label equal to that of taking back": (
        [category("A", label="@ToScreener")],
        "category A: its label @ToScreener is also the back_label",
    ),
    "destination equal to the label of whole domains": (
        [category("A", destination_mailbox="@WholeDomain")],
        "category A: its destination_mailbox @WholeDomain is also the domain_label",
    ),
    "label equal to that of whole lists": (
        [category("A", label="@WholeList")],
        "category A: its label @WholeList is also the list_label",
    ),
    "group equal to the provenance group": (
        [category("A", contact_group="Mailroom")],
        "category A: its contact_group Mailroom is also the provenance_group",
    ),
    "destination with an empty part": (
        [category("A", destination_mailbox="Lists//A")],
        "category A: destination_mailbox 'Lists//A' has an empty part; write a nested mailbox as Parent/Child",
    ),
}


@pytest.mark.parametrize(("categories", "problem"), SCHEME_PROBLEMS.values(), ids=SCHEME_PROBLEMS)
def test_scheme_with_one_problem_names_it_and_nothing_else(categories: list[Category], problem: str) -> None:
    assert problems_with(*categories) == (problem,)


def test_duplicate_names() -> None:
    assert problems_with(category("A"), category("A"), category("B"))[0] == (
        "categories A, A: the same name A; give each its own"
    )


def test_every_problem_comes_at_once() -> None:
    found = problems_with(
        category("A", label="B"), category("B", parent="Z"), category("C", destination_mailbox="inbox"), category("B")
    )
    assert len(found) == 5
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("key", "name", "problem"),
    [
        ("screener", "inbox", "screener_mailbox can't be the Inbox; choose another name"),
        ("error_label", "INBOX", "error_label can't be the Inbox; choose another name"),
        ("warning_label", "Inbox", "warning_label can't be the Inbox; choose another name"),
        ("error_label", "Screener", "screener_mailbox and error_label are both Screener; give each its own name"),
        (
            "warning_label",
            "@MailroomError",
            "error_label and warning_label are both @MailroomError; give each its own name",
        ),
        ("back_label", "inbox", "back_label can't be the Inbox; choose another name"),
        ("domain_label", "Screener", "screener_mailbox and domain_label are both Screener; give each its own name"),
        ("list_label", "@ToScreener", "back_label and list_label are both @ToScreener; give each its own name"),
        ("list_label", "a//b", "list_label 'a//b' has an empty part; write a nested mailbox as Parent/Child"),
        ("screener", "/New", "screener_mailbox '/New' has an empty part; write a nested mailbox as Parent/Child"),
    ],
)
def test_names_beside_the_categories(key: str, name: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        replace(DEFAULT_SCHEME, **{key: name})  # type: ignore[arg-type]  # each key is one of a text
    assert raised.value.problems == (problem,)


def test_a_category_called_screener_collides_with_the_label_that_takes_back() -> None:
    assert "category Screener: its label @ToScreener is also the back_label" in problems_with(
        category("Screener", destination_mailbox="Waiting room")
    )


@pytest.mark.parametrize(
    "categories",
    [
        [category("P"), category("A", parent="P", contact_group="P")],
        [category("P"), category("A", parent="P", destination_mailbox="P")],
        [
            category("G"),
            category("P", parent="G"),
            category("A", parent="P", destination_mailbox="G", contact_group="G"),
        ],
        [category("A", destination_mailbox="Lists/A"), category("B", destination_mailbox="Inbox/B")],
        [category("A", contact_group="@ToA")],
    ],
    ids=["group with the parent", "destination with the parent", "with a grandparent", "nested", "group like a label"],
)
def test_sound_schemes(categories: list[Category]) -> None:
    assert Scheme(tuple(categories)).categories == tuple(categories)


# --- mailroom.toml


def test_empty_file_is_the_usual_scheme() -> None:
    assert build_scheme({}) == DEFAULT_SCHEME


def test_example_file_spells_out_the_usual_scheme() -> None:
    assert read_scheme(PROJECT / "mailroom.example.toml") == DEFAULT_SCHEME


def test_names_and_tables_mix_in_one_list() -> None:
    scheme = build_scheme(
        tomllib.loads("""
            categories = ["Paper Trail", {name = "Bills", parent = "Paper Trail", contact_type = "person"}]
        """)
    )
    assert scheme.categories == (
        category("Paper Trail"),
        category("Bills", parent="Paper Trail", contact_type="person"),
    )


def test_a_table_sets_every_field() -> None:
    scheme = build_scheme(
        tomllib.loads("""
            screener_mailbox = "New"
            error_label = "!error"
            warning_label = "!warning"
            back_label = "!back"
            domain_label = "!domain"
            list_label = "!list"
            provenance_group = "By Mailroom"
            warnings_enabled = false
            own_addresses = ["ANN@example.org", "*@bücher.example"]

            [[categories]]
            name = "Friends"
            label = "friend"
            contact_group = "My friends"
            destination_mailbox = "People/Friends"
            contact_type = "person"
            add_to_inbox = true

            [[categories]]
            name = "Away"
            takes_from_inbox = true
        """)
    )
    assert scheme == Scheme(
        categories=(
            Category("Friends", "friend", "My friends", "People/Friends", "person", None, True, False),
            category("Away", takes_from_inbox=True),
        ),
        screener="New",
        error_label="!error",
        warning_label="!warning",
        back_label="!back",
        domain_label="!domain",
        list_label="!list",
        provenance_group="By Mailroom",
        warnings_enabled=False,
        own_addresses=("ann@example.org", "*@xn--bcher-kva.example"),
    )


def test_names_are_trimmed_and_composed() -> None:
    """A file may spell é as two code points, servers store one (NFC)."""
    scheme = build_scheme({"categories": [{"name": " Cafe\u0301 "}, {"name": "Bar", "parent": "Caf\u00e9"}]})
    assert scheme.chain(scheme.by_name["Bar"])[1].destination_mailbox == "Caf\u00e9"


TOML_PROBLEMS = {
    "unknown key": ('screener = "x"', "screener is not a key here; did you mean screener_mailbox?"),
    "key like nothing": ("xyzzy = 1", "xyzzy is not a key here"),
    "misspelt list": ('category = ["A"]', "category is not a key here; did you mean categories?"),
    "text for a switch": ('warnings_enabled = "no"', "warnings_enabled must be true or false"),
    "number for a switch": ("warnings_enabled = 0", "warnings_enabled must be true or false"),
    "number for a name": ("error_label = 5", "error_label must be text, not empty and without line breaks"),
    "empty name": ('provenance_group = " "', "provenance_group must be text, not empty and without line breaks"),
    "no list": ('categories = "Feed"', "categories must be a list of names or [[categories]] tables"),
    "empty list": (
        "categories = []",
        "no categories given: list at least one, or leave `categories` out for the usual ones",
    ),
    "neither name nor table": ('categories = ["A", 5]', "category number 2 must be a name or a table"),
    "nameless": ('categories = ["A", {label = "x"}]', "category number 2: name is missing"),
    "number for a category's name": (
        'categories = ["A", {name = 5}]',
        "category number 2: name must be text, not empty and without line breaks",
    ),
    "line break in a name": (
        'categories = ["A", "B\\nC"]',
        "category number 2: name must be text, not empty and without line breaks",
    ),
    "unknown key of a category": (
        'categories = [{name = "A", lable = "x"}]',
        "category A: lable is not a key here; did you mean label?",
    ),
    "unknown contact type": (
        'categories = [{name = "A", contact_type = "robot"}]',
        'category A: contact_type must be "company" or "person"',
    ),
    "text for a category's switch": (
        'categories = [{name = "A", add_to_inbox = "yes"}]',
        "category A: add_to_inbox must be true or false",
    ),
    "text for the other switch": (
        'categories = [{name = "A", takes_from_inbox = "yes"}]',
        "category A: takes_from_inbox must be true or false",
    ),
    "one address for a list": (
        'own_addresses = "ann@example.org"',
        'own_addresses must be a list of addresses, such as ["ann@example.org", "*@example.org"] (all of a domain)',
    ),
    "two addresses in one": (
        'own_addresses = ["ann@example.org, bob@example.org"]',
        'own_addresses must be a list of addresses, such as ["ann@example.org", "*@example.org"] (all of a domain)',
    ),
    "no address": (
        'own_addresses = ["ann@example.org", "ann"]',
        'own_addresses must be a list of addresses, such as ["ann@example.org", "*@example.org"] (all of a domain)',
    ),
}


@pytest.mark.parametrize(("toml", "problem"), TOML_PROBLEMS.values(), ids=TOML_PROBLEMS)
def test_file_with_one_problem_names_it_and_nothing_else(toml: str, problem: str) -> None:
    assert problems_of(toml) == (problem,)


def test_wrong_types_and_contradictions_come_together() -> None:
    found = problems_of("""
        warnings_enabled = 1
        categories = [{name = "A", label = 5, paren = "B"}, {name = "B", parent = "C"}, "Inbox"]
    """)
    assert found == (
        "warnings_enabled must be true or false",
        "category A: label must be text, not empty and without line breaks",
        "category A: paren is not a key here; did you mean parent?",
        "category B: its parent C is not a category",
        "category Inbox: destination_mailbox can't be the Inbox; use add_to_inbox = true",
    )


def test_file_problems_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mailroom.toml"
    path.write_text("xyzzy = 1\nerror_label = 2\n")
    with pytest.raises(ConfigError) as raised:
        read_scheme(path)
    assert raised.value.problems == (
        f"{path}: xyzzy is not a key here",
        f"{path}: error_label must be text, not empty and without line breaks",
    )


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "mailroom.toml"
    path.write_text('error_label = "x"\ncategories = [\n')
    with pytest.raises(ConfigError, match=r"mailroom\.toml is not TOML: .*(line|end of document)"):
        read_scheme(path)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("categories = " + "[" * 5_000, "nests lists or tables too deep"),
        ("categories = " + "{a=" * 5_000, "nests lists or tables too deep"),
        ("error_label = " + "9" * 5_000, "holds a number that is too long"),
    ],
)
def test_toml_that_python_can_not_hold(tmp_path: Path, toml: str, said: str) -> None:
    path = tmp_path / "mailroom.toml"
    path.write_text(toml)
    with pytest.raises(ConfigError, match=said):
        read_scheme(path)


def test_a_key_with_control_characters_is_shown_on_one_line() -> None:
    assert problems_of('"a\\n\\u001b[1mb" = 1') == ("'a\\n\\x1b[1mb' is not a key here",)


def test_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "mailroom.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_scheme(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"MAILROOM_CONFIG: .*none\.toml can't be read: No such file or directory"):
        read_scheme(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        read_scheme(tmp_path)


# --- suggestions


@pytest.mark.parametrize(
    ("name", "clause"),
    [("feed", "; did you mean Feed?"), ("papertrail", "; did you mean Paper Trail?"), ("zzz", ""), ("", "")],
)
def test_nearest_name(name: str, clause: str) -> None:
    assert did_you_mean(name, {"Feed", "Paper Trail", "Jail"}) == clause
