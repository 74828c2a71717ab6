import pytest

from .support import Json, call, error_of, make_sandbox


def test_mailboxes_show_their_names_roles_parents_and_counts() -> None:
    sandbox = make_sandbox()
    sandbox.create_mailbox("Below", parent="Feed")
    sandbox.deliver(mailboxes=["Screener"])
    sandbox.deliver(mailboxes=["Screener"], keywords=("$seen",))
    properties = ["name", "role", "parentId", "totalEmails", "unreadEmails", "totalThreads"]
    shown = {m["name"]: m for m in call(sandbox, "Mailbox/get", properties=properties)["list"]}
    assert list(shown) == ["Inbox", "Trash", "Screener", "Feed", "Below"]
    assert shown["Inbox"]["role"] == "inbox"
    assert shown["Below"]["parentId"] == shown["Feed"]["id"]
    screener = shown["Screener"]
    assert (screener["totalEmails"], screener["unreadEmails"], screener["totalThreads"]) == (2, 1, 2)


def test_unknown_ids_are_not_found_and_unknown_properties_invalid() -> None:
    sandbox = make_sandbox()
    assert call(sandbox, "Mailbox/get", ids=["P99"])["notFound"] == ["P99"]
    assert error_of(sandbox, "Mailbox/get", properties=["colour"]) == "invalidArguments"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"role": "inbox"}, ["Inbox"]),
        ({"name": "EE"}, ["Screener", "Feed"]),
        ({"hasAnyRole": True}, ["Inbox", "Trash"]),
        ({"parentId": "P4"}, ["Below"]),
        ({"operator": "NOT", "conditions": [{"hasAnyRole": True}, {"parentId": "P4"}]}, ["Screener", "Feed"]),
        ({"isSubscribed": False}, []),
    ],
)
def test_queries_filter(given: Json, names: list[str]) -> None:
    sandbox = make_sandbox()
    sandbox.create_mailbox("Below", parent="Feed")
    ids = call(sandbox, "Mailbox/query", filter=given)["ids"]
    assert [sandbox.store.mailboxes.objects[i].name for i in ids] == names


def test_queries_sort() -> None:
    sandbox = make_sandbox()
    ids = call(sandbox, "Mailbox/query", sort=[{"property": "name", "isAscending": False}])["ids"]
    assert [sandbox.store.mailboxes.objects[i].name for i in ids] == ["Trash", "Screener", "Inbox", "Feed"]
    assert error_of(sandbox, "Mailbox/query", sort=[{"property": "colour"}]) == "unsupportedSort"


@pytest.mark.parametrize(
    ("properties", "bad"),
    [
        ({"name": ""}, "name"),
        ({"name": "Feed"}, "name"),
        ({"name": "New", "parentId": "P99"}, "parentId"),
        ({"name": "New", "role": "inbox"}, "role"),
        ({"name": "New", "role": "dustbin"}, "role"),
        ({"name": 5}, "name"),
        ({"name": "New", "parentId": []}, "parentId"),
        ({"name": "New", "role": []}, "role"),
        ({"name": "New", "sortOrder": "first"}, "sortOrder"),
        ({"name": "New", "isSubscribed": None}, "isSubscribed"),
        ({"name": "New", "colour": "red"}, "colour"),
        ({"name": "New", "totalEmails": 4}, "totalEmails"),
    ],
)
def test_a_bad_mailbox_is_not_created(properties: Json, bad: str) -> None:
    answer = call(make_sandbox(), "Mailbox/set", create={"new": properties})
    assert answer["created"] is None
    assert answer["notCreated"]["new"]["type"] == "invalidProperties"
    assert bad in answer["notCreated"]["new"]["properties"]


def test_a_mailbox_is_created_renamed_and_destroyed() -> None:
    sandbox = make_sandbox()
    created = call(sandbox, "Mailbox/set", create={"new": {"name": "News"}})["created"]["new"]
    assert created["totalEmails"] == 0
    assert call(sandbox, "Mailbox/set", update={created["id"]: {"name": "Old news"}})["updated"] == {
        created["id"]: None
    }
    assert sandbox.mailbox_id("Old news") == created["id"]
    assert call(sandbox, "Mailbox/set", destroy=[created["id"]])["destroyed"] == [created["id"]]


def test_a_mailbox_can_not_move_below_itself() -> None:
    sandbox = make_sandbox()
    below = sandbox.create_mailbox("Below", parent="Feed")
    feed = sandbox.mailbox_id("Feed")
    answer = call(sandbox, "Mailbox/set", update={feed: {"parentId": below}})
    assert answer["notUpdated"][feed]["properties"] == ["parentId"]


def test_a_mailbox_with_mail_or_children_stays() -> None:
    sandbox = make_sandbox()
    sandbox.create_mailbox("Below", parent="Feed")
    sandbox.deliver(mailboxes=["Screener"])
    feed, screener = sandbox.mailbox_id("Feed"), sandbox.mailbox_id("Screener")
    answer = call(sandbox, "Mailbox/set", destroy=[feed, screener, "P99"])["notDestroyed"]
    assert {i: error["type"] for i, error in answer.items()} == {
        feed: "mailboxHasChild",
        screener: "mailboxHasEmail",
        "P99": "notFound",
    }


def test_destroying_a_mailbox_with_its_mail_spares_what_is_elsewhere_too() -> None:
    sandbox = make_sandbox()
    only, both = sandbox.deliver(mailboxes=["Screener"]), sandbox.deliver(mailboxes=["Screener", "Feed"])
    call(sandbox, "Mailbox/set", destroy=[sandbox.mailbox_id("Screener")], onDestroyRemoveEmails=True)
    assert only not in sandbox.store.mails.objects
    assert sandbox.mailboxes_of(both) == {"Feed"}
