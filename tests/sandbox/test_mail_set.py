import pytest

from mailroom.sandbox import Limits, SetError

from .support import Json, call, error_of, make_sandbox


def test_one_patch_files_a_mail() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(mailboxes=["Screener"])
    screener, feed = sandbox.mailbox_id("Screener"), sandbox.mailbox_id("Feed")
    patch = {f"mailboxIds/{screener}": None, f"mailboxIds/{feed}": True, "keywords/$Seen": True}
    answer = call(sandbox, "Email/set", update={mail_id: patch})
    assert answer["updated"] == {mail_id: None}
    assert answer["oldState"] != answer["newState"]
    assert sandbox.mailboxes_of(mail_id) == {"Feed"}
    assert sandbox.store.mails.objects[mail_id].keywords == {"$seen"}


def test_nulling_a_mailbox_that_the_mail_is_not_in_is_harmless() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(mailboxes=["Screener"])
    patch = {f"mailboxIds/{sandbox.mailbox_id('Trash')}": None}
    assert call(sandbox, "Email/set", update={mail_id: patch})["updated"] == {mail_id: None}
    assert sandbox.mailboxes_of(mail_id) == {"Screener"}


@pytest.mark.parametrize("patch", [{"mailboxIds": {}}, {"mailboxIds": None}, {"mailboxIds/P3": None}])
def test_the_last_mailbox_can_not_be_taken_away(patch: Json) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(mailboxes=["Screener"])
    answer = call(sandbox, "Email/set", update={mail_id: patch})
    assert answer["updated"] is None
    assert answer["notUpdated"] == {mail_id: {"type": "invalidProperties", "properties": ["mailboxIds"]}}
    assert sandbox.mailboxes_of(mail_id) == {"Screener"}


@pytest.mark.parametrize(
    ("patch", "kind", "properties"),
    [
        ({"mailboxIds/P99": True}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds/P4": False}, "invalidProperties", ["mailboxIds"]),
        ({"mailboxIds/P4": 1}, "invalidProperties", ["mailboxIds"]),
        ({"keywords/$seen": False}, "invalidProperties", ["keywords"]),
        ({"subject": "New"}, "invalidProperties", ["subject"]),
        ({"colour": "red"}, "invalidProperties", ["colour"]),
        ({"mailboxIds": {"P4": True}, "mailboxIds/P3": None}, "invalidPatch", None),
        ({"mailboxIds/P4/x": True}, "invalidPatch", None),
    ],
)
def test_a_bad_patch_changes_nothing_of_its_mail_and_spares_the_others(
    patch: Json, kind: str, properties: list[str] | None
) -> None:
    sandbox = make_sandbox()
    bad, good = sandbox.deliver(), sandbox.deliver()
    answer = call(sandbox, "Email/set", update={bad: {"keywords/x": True, **patch}, good: {"mailboxIds/P4": True}})
    error = answer["notUpdated"][bad]
    assert (error["type"], error.get("properties")) == (kind, properties)
    assert sandbox.store.mails.objects[bad].keywords == frozenset()
    assert sandbox.mailboxes_of(good) == {"Screener", "Feed"}


def test_a_mail_that_is_gone_is_not_found() -> None:
    answer = call(make_sandbox(), "Email/set", update={"M99": {"keywords/x": True}}, destroy=["M98"])
    assert answer["notUpdated"]["M99"]["type"] == "notFound"
    assert answer["notDestroyed"]["M98"]["type"] == "notFound"


def test_another_state_than_expected_is_a_mismatch() -> None:
    sandbox = make_sandbox()
    state = sandbox.store.mails.state
    mail_id = sandbox.deliver()
    patch = {mail_id: {"keywords/x": True}}
    assert error_of(sandbox, "Email/set", ifInState=state, update=patch) == "stateMismatch"
    assert sandbox.store.mails.objects[mail_id].keywords == frozenset()
    assert call(sandbox, "Email/set", ifInState=sandbox.store.mails.state, update=patch)["updated"]


def test_a_mail_is_in_so_many_mailboxes_and_no_more() -> None:
    sandbox = make_sandbox(limits=Limits(max_mailboxes_per_email=1))
    mail_id = sandbox.deliver()
    answer = call(sandbox, "Email/set", update={mail_id: {"mailboxIds/P4": True}})
    assert answer["notUpdated"][mail_id]["type"] == "tooManyMailboxes"


def test_a_mail_can_be_made_refused() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    sandbox.faults.set_errors[mail_id] = SetError("rateLimit", "later")
    answer = call(sandbox, "Email/set", update={mail_id: {"mailboxIds/P4": True}})
    assert answer["notUpdated"] == {mail_id: {"type": "rateLimit", "description": "later"}}
    assert sandbox.mailboxes_of(mail_id) == {"Screener"}


def test_a_mail_is_created_and_destroyed() -> None:
    sandbox = make_sandbox()
    draft: Json = {
        "mailboxIds": {"P1": True},
        "from": [{"name": "Jürgen", "email": "j@example.org"}],
        "to": [{"email": "robin@example.com"}],
        "subject": "Grüße",
        "textBody": [{"partId": "t", "type": "text/plain"}],
        "bodyValues": {"t": {"value": "Hello there"}},
    }
    mail_id = call(sandbox, "Email/set", create={"new": draft})["created"]["new"]["id"]
    [mail] = call(sandbox, "Email/get", ids=[mail_id])["list"]
    assert (mail["subject"], mail["preview"]) == ("Grüße", "Hello there")
    assert mail["from"] == [{"name": "Jürgen", "email": "j@example.org"}]
    assert call(sandbox, "Email/set", destroy=[mail_id])["destroyed"] == [mail_id]


@pytest.mark.parametrize(
    ("properties", "bad"),
    [
        ({}, "mailboxIds"),
        ({"mailboxIds": {"P1": True}, "colour": "red"}, "colour"),
        ({"mailboxIds": {"P1": True}, "from": "ann@example.org"}, "from"),
        ({"mailboxIds": {"P1": True}, "from": [{"email": "ann at example.org"}]}, "from"),
        ({"mailboxIds": {"P1": True}, "subject": "a\nBcc: b@example.org"}, "subject"),
        ({"mailboxIds": {"P1": True}, "subject": "\ud800"}, "subject"),
        ({"mailboxIds": {"P1": True}, "bodyValues": [], "textBody": [{"partId": "t"}]}, "textBody"),
        ({"mailboxIds": {"P1": True}, "textBody": [{"partId": "missing"}]}, "textBody"),
        ({"mailboxIds": {"P1": True}, "receivedAt": "yesterday"}, "receivedAt"),
    ],
)
def test_a_bad_mail_is_not_created(properties: Json, bad: str) -> None:
    answer = call(make_sandbox(), "Email/set", create={"new": properties})
    assert answer["notCreated"]["new"]["properties"] == [bad]


def test_an_uploaded_message_is_imported() -> None:
    sandbox = make_sandbox()
    blob_id = sandbox.store.add_blob(b"From: ann@example.org\r\nSubject: Hi\r\n\r\nHello")
    message = {"blobId": blob_id, "mailboxIds": {"P3": True}, "receivedAt": "2026-01-01T00:00:00Z"}
    answer = call(sandbox, "Email/import", emails={"a": message, "b": {**message, "blobId": "B99"}})
    [mail] = call(sandbox, "Email/get", ids=[answer["created"]["a"]["id"]])["list"]
    assert (mail["subject"], mail["receivedAt"]) == ("Hi", "2026-01-01T00:00:00Z")
    assert answer["notCreated"]["b"]["properties"] == ["blobId"]
