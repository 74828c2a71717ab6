"""Threads and Thread/get (RFC 8621 section 3)."""

from datetime import timedelta

import pytest

from mailroom.sandbox import Sandbox
from mailroom.sandbox.subjects import base_subject

from .support import NOON, call, make_sandbox


def arrive(sandbox: Sandbox, subject: str, *head: str, minute: int = 0) -> str:
    lines = ["From: a@example.org", f"Subject: {subject}", *head, "", "Hello"]
    return sandbox.deliver(raw="\r\n".join(lines).encode(), received_at=NOON + timedelta(minutes=minute))


def thread_of(sandbox: Sandbox, mail_id: str) -> str:
    return sandbox.store.mails.objects[mail_id].thread_id


@pytest.mark.parametrize("field", ["In-Reply-To", "References", "Message-ID"])
def test_section_3_a_common_message_id_and_subject_make_a_thread(field: str) -> None:
    sandbox = make_sandbox()
    first = arrive(sandbox, "Dinner", "Message-ID: <one@x>")
    reply = arrive(sandbox, "Re: [friends] dinner ", f"{field}: <one@x>")
    assert thread_of(sandbox, first) == thread_of(sandbox, reply)


def test_section_3_replies_to_a_mail_that_never_came_are_a_thread() -> None:
    sandbox = make_sandbox()
    one = arrive(sandbox, "Re: Dinner", "Message-ID: <two@x>", "In-Reply-To: <one@x>")
    other = arrive(sandbox, "Re: Dinner", "Message-ID: <three@x>", "References: <one@x>")
    assert thread_of(sandbox, one) == thread_of(sandbox, other)


def test_section_3_a_new_subject_starts_a_thread() -> None:
    sandbox = make_sandbox()
    first = arrive(sandbox, "Dinner", "Message-ID: <one@x>")
    renamed = arrive(sandbox, "Something else", "In-Reply-To: <one@x>")
    assert thread_of(sandbox, first) != thread_of(sandbox, renamed)


def test_a_thread_whose_mails_are_gone_gives_its_place_to_the_next() -> None:
    sandbox = make_sandbox()
    sandbox.delete(arrive(sandbox, "Dinner", "Message-ID: <one@x>"))
    first, reply = (arrive(sandbox, "Re: Dinner", "In-Reply-To: <one@x>") for _ in range(2))
    assert thread_of(sandbox, first) == thread_of(sandbox, reply)


@pytest.mark.parametrize(
    "subject", ["Dinner", "RE: dinner", "Re[2]: Fwd: Dinner", "[list] Re: [other]  Dinner (fwd)", "AW: WG: dinner"]
)
def test_section_3_prefixes_and_white_space_do_not_count(subject: str) -> None:
    assert base_subject(subject) == "dinner"


@pytest.mark.parametrize(("subject", "bare"), [("", ""), ("Re:", "re:"), ("[tag]", "[tag]"), ("Post:  a", "post: a")])
def test_a_subject_that_is_all_prefix_stays(subject: str, bare: str) -> None:
    assert base_subject(subject) == bare


def test_section_3_thread_get_sorts_by_received_at() -> None:
    sandbox = make_sandbox()
    late = arrive(sandbox, "Dinner", "Message-ID: <one@x>", minute=9)
    early = arrive(sandbox, "Re: Dinner", "In-Reply-To: <one@x>", minute=1)
    [thread] = call(sandbox, "Thread/get", ids=[thread_of(sandbox, late)])["list"]
    assert thread["emailIds"] == [early, late]
