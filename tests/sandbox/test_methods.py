"""Whatever a client sends, each method answers or refuses; nothing makes the sandbox itself fail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mailroom.sandbox import CYRUS, Sandbox, fill_sample
from mailroom.sandbox.dispatch import METHODS

from .support import NOON, Json, call, calls, error_of

# What makes a created object acceptable, so that its other properties are looked at too.
TYPICAL: dict[str, Json] = {
    "Mailbox/set": {"name": "X"},
    "AddressBook/set": {"name": "X"},
    "Email/set": {"mailboxIds": {"P1": True}},
    "Email/import": {"mailboxIds": {"P1": True}, "blobId": "B1"},
    "ContactCard/set": {"addressBookIds": {"A1": True}},
    "SieveScript/set": {"blobId": "B1"},
}
NAMES = (
    "id",
    "kind",
    "uid",
    "name",
    "parentId",
    "role",
    "sortOrder",
    "isSubscribed",
    "mailboxIds",
    "keywords",
    "subject",
    "from",
    "textBody",
    "bodyValues",
    "receivedAt",
    "sentAt",
    "blobId",
    "addressBookIds",
    "members",
    "emails",
    "notes",
    "name/full",
    "members/x",
    "mailboxIds/P1",
    "header:From",
    "inMailbox",
    "inMailboxOtherThan",
    "header",
    "text",
    "before",
    "hasKeyword",
    "minSize",
    "hasAttachment",
    "operator",
    "conditions",
    "property",
    "isAscending",
    "email",
    "createdAfter",
    "inAddressBook",
    "hasMember",
    "full",
    "components",
    "address",
    "value",
    "partId",
    "description",
)
IDS = ("P1", "M1", "C1", "A1", "S1", "B1", "#new")
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=5)
    | st.sampled_from([*IDS, "OR", "group", "inbox", "2026-01-01T00:00:00", *NAMES])
)


def objects(values: SearchStrategy[Any]) -> SearchStrategy[Json]:
    return st.dictionaries(st.sampled_from(NAMES), values, max_size=4)


values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=8)
arguments = st.fixed_dictionaries(
    {},
    optional={
        "ids": values,
        "properties": values,
        "filter": objects(values) | values,
        "sort": st.lists(objects(values), max_size=2),
        "position": st.integers(-3, 3),
        "limit": st.integers(-1, 3),
        "anchor": scalars,
        "create": st.dictionaries(st.just("new"), objects(values), max_size=1) | values,
        "update": st.dictionaries(st.sampled_from(IDS), objects(values)) | values,
        "destroy": values,
        "emails": st.dictionaries(st.just("new"), objects(values), max_size=1),
        "sinceState": scalars,
        "blobId": st.sampled_from(IDS) | scalars,
        "onSuccessActivateScript": st.sampled_from(IDS) | scalars,
    },
)


def sample() -> Sandbox:
    sandbox = Sandbox(CYRUS, clock=lambda: NOON)
    fill_sample(sandbox)
    sandbox.add_script("mine", "keep;")
    return sandbox


@given(st.sampled_from(sorted(METHODS)), arguments)
def test_any_arguments_are_answered_or_refused(method: str, given: Json) -> None:
    taken = {field.alias for field in METHODS[method].arguments.model_fields.values()}
    fitting = {name: value for name, value in given.items() if name in taken}
    for created in (fitting.get("create"), fitting.get("emails")):
        if isinstance(created, dict) and isinstance(created.get("new"), dict):
            created["new"] = TYPICAL[method] | created["new"]
    sandbox = sample()
    [(name, answer)] = calls(sandbox, (method, fitting))
    assert name == method or answer["type"] not in ("serverFail", "unknownMethod")
    assert all(mail.mailbox_ids for mail in sandbox.store.mails.objects.values())


STATES = {
    "Mailbox/set": lambda sandbox: sandbox.store.mailboxes,
    "Email/set": lambda sandbox: sandbox.store.mails,
    "Email/import": lambda sandbox: sandbox.store.mails,
    "AddressBook/set": lambda sandbox: sandbox.store.books,
    "ContactCard/set": lambda sandbox: sandbox.store.cards,
    "SieveScript/set": lambda sandbox: sandbox.store.scripts,
}


@pytest.mark.parametrize(
    "method", [name for name, method in METHODS.items() if "if_in_state" in method.arguments.model_fields]
)
def test_rfc_8620_section_5_3_if_in_state_is_exact_on_every_set(method: str) -> None:
    sandbox = sample()
    changes = {"SieveScript/set": {"blobId": sandbox.store.scripts.objects["S1"].blob_id}}
    creations = {"new": TYPICAL[method] | changes.get(method, {})}
    arguments = {"emails" if method == "Email/import" else "create": creations}
    objects = STATES[method](sandbox)
    before = objects.state
    answer = call(sandbox, method, ifInState=before, **arguments)
    assert (answer["oldState"], answer["newState"]) == (before, objects.state)
    assert answer["created"] is not None, answer
    assert before != objects.state
    count = len(objects.objects)
    for state in (before, "", "nonsense"):
        assert error_of(sandbox, method, ifInState=state, **arguments) == "stateMismatch"
    assert len(objects.objects) == count


def test_rfc_8620_section_5_3_a_set_that_changes_nothing_leaves_the_state() -> None:
    sandbox = sample()
    before = {**sandbox.store.states(), "SieveScript": sandbox.store.scripts.state}
    call(sandbox, "Mailbox/set", update={"P1": {"name": "Inbox"}})
    call(sandbox, "Email/set", update={"M1": {"keywords/x": None}})
    call(sandbox, "AddressBook/set", update={"A1": {"name": "Personal"}})
    call(sandbox, "SieveScript/set", update={"S1": {"name": "mine"}})
    assert {**sandbox.store.states(), "SieveScript": sandbox.store.scripts.state} == before
