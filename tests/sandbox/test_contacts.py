import pytest

from mailroom.sandbox import CYRUS, Sandbox, SetError

from .support import Json, call, error_of, make_sandbox

ANN: Json = {
    "addressBookIds": {"A1": True},
    "uid": "urn:uuid:ann/1~2",
    "kind": "individual",
    "name": {
        "full": "Ann Lee",
        "components": [{"kind": "given", "value": "Ann"}, {"kind": "surname", "value": "Lee"}],
    },
    "emails": {"e1": {"address": "Ann@Example.org"}},
    "organizations": {"o1": {"name": "Bakery"}},
    "notes": {"n1": {"note": "Bread"}},
}
GROUP: Json = {"addressBookIds": {"A1": True}, "uid": "feed", "kind": "group", "name": {"full": "Feed"}}


def create(sandbox: Sandbox, card: Json) -> str:
    return str(call(sandbox, "ContactCard/set", create={"new": card})["created"]["new"]["id"])


def patch(sandbox: Sandbox, card_id: str, changes: Json) -> Json:
    return call(sandbox, "ContactCard/set", update={card_id: changes})


def test_a_card_is_created_with_what_only_the_server_knows() -> None:
    sandbox = make_sandbox()
    created = call(sandbox, "ContactCard/set", create={"new": ANN})["created"]["new"]
    assert created == {
        "id": created["id"],
        "@type": "Card",
        "version": "1.0",
        "created": "2026-03-05T12:00:00Z",
        "updated": "2026-03-05T12:00:00Z",
    }
    [card] = call(sandbox, "ContactCard/get", ids=[created["id"]])["list"]
    assert card == ANN | created
    [some] = call(sandbox, "ContactCard/get", ids=[created["id"]], properties=["uid", "photos:x"])["list"]
    assert some == {"id": created["id"], "uid": ANN["uid"]}


def test_a_card_without_a_uid_is_given_one() -> None:
    sandbox = make_sandbox()
    created = call(sandbox, "ContactCard/set", create={"new": {"addressBookIds": {"A1": True}}})["created"]["new"]
    assert created["uid"]


def test_a_second_card_with_the_same_uid_is_refused() -> None:
    sandbox = make_sandbox()
    create(sandbox, ANN)
    error = call(sandbox, "ContactCard/set", create={"new": ANN})["notCreated"]["new"]
    assert (error["type"], error["properties"]) == ("invalidProperties", ["uid"])
    assert len(sandbox.cards()) == 1


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({"colour": "red"}, ["colour"]),
        ({"kind": "robot"}, ["kind"]),
        ({"emails": [{"address": "a@x.org"}]}, ["emails"]),
        ({"emails": {"e1": {"value": "a@x.org"}}}, ["emails"]),
        ({"name": "Ann"}, ["name"]),
        ({"name": {}}, ["name"]),
        ({"name": {"components": [{"kind": "given"}]}}, ["name"]),
        ({"notes": {"n1": {"text": "x"}}}, ["notes"]),
        ({"members": {"x": True}}, ["members"]),
        ({"kind": "group", "members": {"x": False}}, ["members"]),
        ({"addressBookIds": {}}, ["addressBookIds"]),
        ({"addressBookIds": {"A99": True}}, ["addressBookIds"]),
        ({"id": "C7"}, ["id"]),
    ],
)
def test_a_card_that_is_not_as_the_standards_want_it_is_refused(change: Json, bad: list[str]) -> None:
    error = call(make_sandbox(), "ContactCard/set", create={"new": ANN | change})["notCreated"]["new"]
    assert (error["type"], error["properties"]) == ("invalidProperties", bad)


def test_members_are_patched_one_by_one_with_escaped_uids() -> None:
    sandbox = make_sandbox()
    create(sandbox, ANN)
    group_id = create(sandbox, GROUP | {"members": {"someone-else": True}})
    answer = patch(sandbox, group_id, {"members/urn:uuid:ann~11~02": True, "members/someone-else": None})
    assert answer["updated"] == {group_id: {"updated": "2026-03-05T12:00:00Z"}}
    [group] = call(sandbox, "ContactCard/get", ids=[group_id])["list"]
    assert group["members"] == {"urn:uuid:ann/1~2": True}
    assert sandbox.groups() == {"Feed": {"Ann@Example.org"}}


def test_a_member_can_not_be_patched_into_a_group_that_has_no_members_property() -> None:
    sandbox = make_sandbox()
    group_id = create(sandbox, GROUP)
    assert patch(sandbox, group_id, {"members/x": True})["notUpdated"][group_id]["type"] == "invalidPatch"
    assert patch(sandbox, group_id, {"members": {"x": True}})["updated"]


def test_parts_of_a_card_are_patched_and_the_rest_stays() -> None:
    sandbox = make_sandbox()
    card_id = create(sandbox, ANN)
    patch(sandbox, card_id, {"notes/n1/note": "Rye", "emails/e2": {"address": "lee@example.org"}})
    [card] = call(sandbox, "ContactCard/get", ids=[card_id])["list"]
    assert card["notes"] == {"n1": {"note": "Rye"}}
    assert list(card["emails"]) == ["e1", "e2"]
    assert card["organizations"] == ANN["organizations"]


@pytest.mark.parametrize("change", [{"uid": "other"}, {"uid": None}, {"id": "C9"}])
def test_ids_can_not_change(change: Json) -> None:
    sandbox = make_sandbox()
    card_id = create(sandbox, ANN)
    assert patch(sandbox, card_id, change)["notUpdated"][card_id]["properties"] == list(change)


def test_a_card_is_destroyed_and_its_uid_is_free_again() -> None:
    sandbox = make_sandbox()
    card_id = create(sandbox, ANN)
    assert call(sandbox, "ContactCard/set", destroy=[card_id])["destroyed"] == [card_id]
    assert create(sandbox, ANN) != card_id


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": "group"}, ["feed"]),
        ({"kind": "individual"}, ["urn:uuid:ann/1~2"]),
        ({"uid": "feed"}, ["feed"]),
        ({"hasMember": "urn:uuid:ann/1~2"}, ["feed"]),
        ({"email": "ann@example"}, ["urn:uuid:ann/1~2"]),
        ({"email": "nobody"}, []),
        ({"name": "LEE"}, ["urn:uuid:ann/1~2"]),
        ({"name/given": "ann"}, ["urn:uuid:ann/1~2"]),
        ({"name/surname": "ann"}, []),
        ({"organization": "bake"}, ["urn:uuid:ann/1~2"]),
        ({"note": "bread"}, ["urn:uuid:ann/1~2"]),
        ({"text": "feed"}, ["feed"]),
        ({"inAddressBook": "A1"}, ["urn:uuid:ann/1~2", "feed"]),
        ({"createdAfter": "2026-03-05T12:00:00Z"}, ["urn:uuid:ann/1~2", "feed"]),
        ({"updatedBefore": "2026-03-05T12:00:00Z"}, []),
        (
            {"operator": "OR", "conditions": [{"email": "ann@example.org"}, {"kind": "group"}]},
            ["urn:uuid:ann/1~2", "feed"],
        ),
        ({"operator": "NOT", "conditions": [{"kind": "group"}]}, ["urn:uuid:ann/1~2"]),
    ],
)
def test_queries_filter(given: Json, expected: list[str]) -> None:
    sandbox = make_sandbox()
    create(sandbox, ANN)
    create(sandbox, GROUP | {"members": {ANN["uid"]: True}})
    ids = call(sandbox, "ContactCard/query", filter=given, sort=[{"property": "created"}])["ids"]
    assert [sandbox.store.cards.objects[i].uid for i in ids] == expected


FULL: Json = {
    "name": {"full": "Zed"},
    "nicknames": {"n": {"name": "nick"}},
    "organizations": {"o": {"name": "orga"}},
    "emails": {"e": {"address": "mail@x.org", "label": "office"}},
    "phones": {"p": {"number": "555", "label": "mobile"}},
    "onlineServices": {"s": {"service": "Mastodon", "uri": "https://s.example", "user": "zz", "label": "social"}},
    "addresses": {"a": {"full": "Mill Road", "components": [{"kind": "locality", "value": "Leeds"}]}},
    "notes": {"n": {"note": "Screening since 2026"}},
}
LOOKED_INTO = {
    "name": ["zed"],
    "nickname": ["nick"],
    "organization": ["orga"],
    "email": ["mail@x.org", "office"],
    "phone": ["555", "mobile"],
    "onlineService": ["mastodon", "https://s.example", "zz", "social"],
    "address": ["mill", "leeds"],
    "note": ["screening since"],
}


@pytest.mark.parametrize(("name", "wanted"), [(name, text) for name, texts in LOOKED_INTO.items() for text in texts])
def test_rfc_9610_section_3_3_1_each_condition_looks_into_its_members_and_text_into_all(name: str, wanted: str) -> None:
    sandbox = make_sandbox()
    card_id = create(sandbox, {**ANN, **FULL})
    others = [other for other in LOOKED_INTO if other != name]
    assert call(sandbox, "ContactCard/query", filter={name: wanted})["ids"] == [card_id]
    assert call(sandbox, "ContactCard/query", filter={"text": wanted})["ids"] == [card_id]
    for other in others:
        assert call(sandbox, "ContactCard/query", filter={other: wanted})["ids"] == []


@pytest.mark.parametrize(
    "given", [{"colour": "red"}, {"inAddressBook": "A99"}, {"email": 1}, {"createdAfter": "today"}]
)
def test_a_bad_condition_fails_the_query(given: Json) -> None:
    assert error_of(make_sandbox(), "ContactCard/query", filter=given) == "invalidArguments"


def test_there_is_a_default_address_book() -> None:
    [book] = call(make_sandbox(), "AddressBook/get")["list"]
    assert (book["name"], book["isDefault"], book["myRights"]["mayWrite"]) == ("Personal", True, True)


def test_address_books_can_be_created_where_the_server_allows_it() -> None:
    new: Json = {"new": {"name": "Work"}}
    assert call(make_sandbox(), "AddressBook/set", create=new)["notCreated"]["new"]["type"] == "forbidden"
    sandbox = make_sandbox(CYRUS)
    book_id = call(sandbox, "AddressBook/set", create=new)["created"]["new"]["id"]
    create(sandbox, ANN | {"addressBookIds": {book_id: True}})
    refused = call(sandbox, "AddressBook/set", destroy=[book_id])["notDestroyed"]
    assert refused[book_id]["type"] == "addressBookHasContents"
    call(sandbox, "AddressBook/set", destroy=[book_id], onDestroyRemoveContents=True)
    assert sandbox.cards() == []


def test_a_card_can_be_made_refused() -> None:
    sandbox = make_sandbox()
    card_id = create(sandbox, ANN)
    sandbox.faults.set_errors |= {card_id: SetError("forbidden"), "new": SetError("overQuota")}
    assert patch(sandbox, card_id, {"kind": "org"})["notUpdated"] == {card_id: {"type": "forbidden"}}
    refused = call(sandbox, "ContactCard/set", create={"new": GROUP})["notCreated"]
    assert refused == {"new": {"type": "overQuota"}}


def test_rfc_9610_section_2_an_address_book_takes_back_what_it_shows_and_tells_all_that_is_wrong() -> None:
    sandbox = make_sandbox()
    [shown] = call(sandbox, "AddressBook/get")["list"]
    state = sandbox.store.books.state
    assert call(sandbox, "AddressBook/set", update={"A1": {**shown, "sortOrder": None}})["updated"] == {"A1": None}
    assert sandbox.store.books.state == state
    bad = {"name": "n" * 256, "sortOrder": -1, "isDefault": False, "colour": "red"}
    refused = call(sandbox, "AddressBook/set", update={"A1": bad})["notUpdated"]["A1"]
    assert refused["properties"] == ["colour", "isDefault", "name", "sortOrder"]
