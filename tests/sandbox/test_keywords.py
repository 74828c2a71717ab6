"""Keywords (RFC 8621 section 4.1.1)."""

import pytest

from mailroom.sandbox import Limits, Sandbox

from .support import Json, call, make_sandbox


def mark(sandbox: Sandbox, mail_id: str, *keywords: str) -> Json:
    patch = {f"keywords/{keyword}": True for keyword in keywords}
    return call(sandbox, "Email/set", update={mail_id: patch})


def refusal(answer: Json, mail_id: str) -> str:
    return str(answer["notUpdated"][mail_id]["type"])


@pytest.mark.parametrize("keyword", ["mailroom-seen", "$Junk", "a" * 255, "!#&'+,-.:;<=>?@[^_`|}"])
def test_section_4_1_1_keywords_are_stored_in_lower_case(keyword: str) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    assert mark(sandbox, mail_id, keyword)["updated"] == {mail_id: None}
    assert call(sandbox, "Email/get", ids=[mail_id])["list"][0]["keywords"] == {keyword.lower(): True}


@pytest.mark.parametrize("keyword", ["", "a" * 256, "a b", "é", "\x7f", *'(){]%*"\\'])
def test_section_4_1_1_other_characters_and_lengths_are_refused(keyword: str) -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver()
    answer = call(sandbox, "Email/set", update={mail_id: {"keywords": {keyword: True}}})
    assert answer["notUpdated"][mail_id]["properties"] == ["keywords"]
    assert sandbox.store.mails.objects[mail_id].keywords == frozenset()


def test_a_full_mailbox_refuses_a_new_name_and_takes_the_ones_it_knows() -> None:
    sandbox = make_sandbox(limits=Limits(max_keywords_per_mailbox=2))
    full = sandbox.deliver(mailboxes=["Inbox"], keywords=("one", "two"))
    other = sandbox.deliver(mailboxes=["Inbox"])
    elsewhere = sandbox.deliver(mailboxes=["Screener"])
    assert refusal(mark(sandbox, full, "three"), full) == "serverFail"
    assert mark(sandbox, other, "one", "$seen", "$flagged")["updated"] == {other: None}
    assert mark(sandbox, elsewhere, "three")["updated"] == {elsewhere: None}
    moved = call(sandbox, "Email/set", update={elsewhere: {"mailboxIds": {"P1": True}}})
    assert refusal(moved, elsewhere) == "serverFail"


def test_a_mailbox_never_forgets_a_name() -> None:
    sandbox = make_sandbox(limits=Limits(max_keywords_per_mailbox=1))
    mail_id = sandbox.deliver(mailboxes=["Inbox"], keywords=("one",))
    call(sandbox, "Email/set", update={mail_id: {"keywords": {}}})
    assert refusal(mark(sandbox, mail_id, "two"), mail_id) == "serverFail"


def test_null_is_no_keywords() -> None:
    sandbox = make_sandbox()
    mail_id = sandbox.deliver(keywords=("one",))
    assert call(sandbox, "Email/set", update={mail_id: {"keywords": None}})["updated"] == {mail_id: None}
    assert sandbox.store.mails.objects[mail_id].keywords == frozenset()
