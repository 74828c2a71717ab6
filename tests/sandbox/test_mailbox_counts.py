"""A mailbox's counts, and the state that moves with them (RFC 8621 section 2, RFC 8620 section 5.1)."""

import pytest

from mailroom.sandbox import Sandbox

from .support import Json, call, make_sandbox

COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]


def counts(sandbox: Sandbox) -> dict[str, list[int]]:
    shown = call(sandbox, "Mailbox/get", properties=["name", *COUNTS])["list"]
    return {mailbox["name"]: [mailbox[name] for name in COUNTS] for mailbox in shown}


def changed(sandbox: Sandbox, since: str) -> set[str]:
    ids = call(sandbox, "Mailbox/changes", sinceState=since)["updated"]
    return {sandbox.store.mailboxes.objects[mailbox_id].name for mailbox_id in ids}


def conversation(sandbox: Sandbox, *mailboxes: str, keywords: tuple[str, ...] = ()) -> list[str]:
    raw = b"From: a@example.org\r\nSubject: Hi\r\nReferences: <one@x>\r\n\r\nHello"
    return [sandbox.deliver(raw=raw, mailboxes=[mailbox], keywords=keywords) for mailbox in mailboxes]


@pytest.mark.parametrize("keyword", ["$seen", "$draft"])
def test_section_2_seen_and_draft_are_not_unread_and_move_the_state(keyword: str) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    state = sandbox.store.mailboxes.state
    call(sandbox, "Email/set", update={mail_id: {f"keywords/{keyword}": True}})
    assert counts(sandbox)["Screener"] == [1, 0, 1, 0]
    assert changed(sandbox, state) == {"Screener"}
    call(sandbox, "Email/set", update={mail_id: {f"keywords/{keyword}": None}})
    assert counts(sandbox)["Screener"] == [1, 1, 1, 1]


@pytest.mark.parametrize("patch", [{"keywords/$flagged": True}, {"keywords/mailroom-seen": True}])
def test_other_keywords_leave_the_mailbox_state(patch: Json) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    state = sandbox.store.mailboxes.state
    call(sandbox, "Email/set", update={mail_id: patch})
    assert sandbox.store.mailboxes.state == state


def test_a_draft_that_is_read_changes_nothing() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(keywords=("$draft",))
    state = sandbox.store.mailboxes.state
    call(sandbox, "Email/set", update={mail_id: {"keywords/$seen": True}})
    assert sandbox.store.mailboxes.state == state


def test_section_2_a_thread_is_unread_wherever_its_unread_mail_is() -> None:
    sandbox = make_sandbox()
    inbox, feed = conversation(sandbox, "Inbox", "Feed")
    call(sandbox, "Email/set", update={inbox: {"keywords/$seen": True}})
    assert counts(sandbox)["Inbox"] == [1, 0, 1, 1]
    state = sandbox.store.mailboxes.state
    call(sandbox, "Email/set", update={feed: {"keywords/$seen": True}})
    assert counts(sandbox)["Inbox"] == [1, 0, 1, 0]
    assert changed(sandbox, state) == {"Inbox", "Feed"}


def test_section_2_mail_in_the_trash_counts_there_alone() -> None:
    sandbox = make_sandbox()
    inbox, feed = conversation(sandbox, "Inbox", "Feed")
    call(sandbox, "Email/set", update={inbox: {"keywords/$seen": True}})
    state = sandbox.store.mailboxes.state
    sandbox.move(feed, "Trash")
    assert counts(sandbox)["Inbox"] == [1, 0, 1, 0]
    assert counts(sandbox)["Trash"] == [1, 1, 1, 1]
    assert changed(sandbox, state) == {"Inbox", "Feed", "Trash"}


def test_mail_that_goes_leaves_its_siblings_counts_true() -> None:
    sandbox = make_sandbox()
    inbox, feed = conversation(sandbox, "Inbox", "Feed")
    call(sandbox, "Email/set", update={inbox: {"keywords/$seen": True}})
    state = sandbox.store.mailboxes.state
    sandbox.delete(feed)
    assert counts(sandbox)["Inbox"] == [1, 0, 1, 0]
    assert changed(sandbox, state) == {"Inbox", "Feed"}
