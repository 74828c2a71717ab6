"""What all sets have in common (RFC 8620 section 5.3)."""

import pytest

from mailroom.sandbox import Sandbox

from .support import Json, call, make_sandbox


def names_below(sandbox: Sandbox, parent: str) -> list[str]:
    return [mailbox.name for mailbox in sandbox.store.child_mailboxes(sandbox.mailbox_id(parent))]


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "b", "a"), ("b", "c", "a")])
def test_creates_refer_to_each_other_in_any_order(order: tuple[str, ...]) -> None:
    sandbox = make_sandbox()
    new: Json = {"a": {"name": "A"}, "b": {"name": "B", "parentId": "#a"}, "c": {"name": "C", "parentId": "#b"}}
    answer = call(sandbox, "Mailbox/set", create={name: new[name] for name in order})
    assert answer["created"].keys() == {"a", "b", "c"}
    assert (names_below(sandbox, "A"), names_below(sandbox, "A/B")) == (["B"], ["C"])


def test_a_long_chain_of_creates_is_no_trouble() -> None:
    new: Json = {f"n{n}": {"name": "Below", "parentId": f"#n{n + 1}"} for n in range(1_200)}
    answer = call(make_sandbox(), "Mailbox/set", create={**new, "n1200": {"name": "Top"}})
    assert answer["notCreated"] is None


def test_creates_that_refer_to_each_other_in_a_circle_are_refused() -> None:
    new = {"a": {"name": "A", "parentId": "#b"}, "b": {"name": "B", "parentId": "#a"}, "c": {"name": "C"}}
    answer = call(make_sandbox(), "Mailbox/set", create=new)
    assert answer["created"].keys() == {"c"}
    assert {name: error["properties"] for name, error in answer["notCreated"].items()} == {
        "a": ["parentId"],
        "b": ["parentId"],
    }


@pytest.mark.parametrize("method", ["Mailbox", "Email"])
def test_a_property_that_the_server_sets_may_come_back_as_it_is(method: str) -> None:
    sandbox = make_sandbox()
    sandbox.deliver()
    [shown] = call(sandbox, f"{method}/get", ids=["P3" if method == "Mailbox" else "M1"])["list"]
    before = sandbox.store.states()
    assert call(sandbox, f"{method}/set", update={shown["id"]: shown})["updated"] == {shown["id"]: None}
    assert sandbox.store.states() == before


@pytest.mark.parametrize(
    ("method", "patch", "bad"),
    [
        (
            "Mailbox",
            {"totalEmails": 9, "id": "P9", "name": "", "sortOrder": -1},
            ["id", "name", "sortOrder", "totalEmails"],
        ),
        ("Email", {"subject": "New", "id": "M1", "size": 1, "colour": None}, ["colour", "size", "subject"]),
    ],
)
def test_all_that_is_wrong_is_named(method: str, patch: Json, bad: list[str]) -> None:
    sandbox = make_sandbox()
    sandbox.deliver()
    object_id = "P3" if method == "Mailbox" else "M1"
    error = call(sandbox, f"{method}/set", update={object_id: patch})["notUpdated"][object_id]
    assert (error["type"], error["properties"]) == ("invalidProperties", bad)


def test_all_that_is_wrong_with_a_new_mail_is_named() -> None:
    new = {"mailboxIds": {"P9": True}, "keywords": {"a b": True}, "receivedAt": 1, "from": "Ann", "colour": "red"}
    error = call(make_sandbox(), "Email/set", create={"new": new})["notCreated"]["new"]
    assert error["properties"] == ["colour", "from", "keywords", "mailboxIds", "receivedAt"]


def test_null_resets_to_the_default() -> None:
    sandbox = make_sandbox()
    call(sandbox, "Mailbox/set", update={"P3": {"sortOrder": 5, "role": "archive", "parentId": "P4"}})
    call(sandbox, "Mailbox/set", update={"P3": {"sortOrder": None, "role": None, "parentId": None}})
    mailbox = sandbox.store.mailboxes.objects["P3"]
    assert (mailbox.sort_order, mailbox.role, mailbox.parent_id) == (0, None, None)


@pytest.mark.parametrize(
    ("properties", "fits"),
    [
        ({"name": "ü" * 245}, True),
        ({"name": "ü" * 245 + "n"}, False),
        ({"sortOrder": 2**31 - 1}, True),
        ({"sortOrder": 2**31}, False),
        ({"sortOrder": True}, False),
        ({"name": None}, False),
    ],
)
def test_rfc_8621_section_2_names_and_sort_orders_have_limits(properties: Json, fits: bool) -> None:
    answer = call(make_sandbox(), "Mailbox/set", update={"P3": properties})
    assert (answer["updated"] is not None) is fits
    assert fits or answer["notUpdated"]["P3"]["properties"] == list(properties)
