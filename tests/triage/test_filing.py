"""Marks on mail that a label files, over the wire: what carries them, what has none, and what a server refuses."""

from dataclasses import replace

import pytest
import structlog.testing

from mailroom.decisions.keywords import FORGED, FROM_INBOX, SEEN, WAITING
from mailroom.sandbox import FASTMAIL, JAMES, Flavour, Limits, Sandbox, SetError
from tests.flavours import every_flavour
from tests.screener import Screener, empty_sandbox, screener
from tests.triage.test_screening import ANN, ON, arrives, keywords_of, later

FORGERY = "Authentication-Results: mx.example.com; dmarc=fail (p=reject) header.from=example.org"


async def assert_idle(s: Screener, minute: int) -> None:
    """A pass finds nothing to do: it writes nothing, and looks nobody up."""
    states, before = s.sandbox.store.states(), len(s.sandbox.requests)
    await s.run(later(minute))
    assert s.sandbox.store.states() == states
    asked = {call for request in s.sandbox.requests[before:] for call in request.calls}
    assert asked == {"Mailbox/get", "Email/query", "Email/get"}


@every_flavour
async def test_mail_that_waited_is_filed_with_its_sender_and_waits_no_longer(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    first, second = arrives(sandbox), arrives(sandbox)
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        assert sandbox.mailboxes_of(first) == {"Screener"}
        sandbox.label(first, "@ToImbox")
        await s.run(later(3))
        for mail in (first, second):
            assert sandbox.mailboxes_of(mail) == {"Imbox", "Inbox"}
            assert keywords_of(sandbox, mail) == {SEEN, FROM_INBOX}
        await assert_idle(s, 4)


@every_flavour
async def test_new_mail_with_a_label_is_marked_by_it_and_not_looked_at_again(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mail = arrives(sandbox)
    sandbox.label(mail, "@ToFeed")
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        assert (sandbox.mailboxes_of(mail), keywords_of(sandbox, mail)) == ({"Inbox", "Feed"}, {SEEN})
        await assert_idle(s, 3)


@every_flavour
async def test_without_screening_only_what_leaves_the_inbox_is_marked(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    waited, read = sandbox.deliver(ANN, "1", ["Screener"]), sandbox.deliver(ANN, "2", ["Inbox"])
    sandbox.label(waited, "@ToJail")
    async with screener(sandbox) as s:
        await s.run()
    assert (sandbox.mailboxes_of(waited), keywords_of(sandbox, waited)) == ({"Jail"}, set())
    assert (sandbox.mailboxes_of(read), keywords_of(sandbox, read)) == ({"Jail"}, {FROM_INBOX})


@every_flavour
async def test_forged_mail_stays_in_the_screener_until_it_is_labelled_itself(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    forged, honest = arrives(sandbox, ANN, FORGERY), arrives(sandbox)
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        assert FORGED in keywords_of(sandbox, forged)
        sandbox.label(honest, "@ToFeed")
        await s.run(later(3))
        assert sandbox.mailboxes_of(honest) == {"Feed"}
        assert sandbox.mailboxes_of(forged) == {"Screener", "@MailroomWarning"}
        assert WAITING in keywords_of(sandbox, forged)
        sandbox.label(forged, "@ToFeed")
        await s.run(later(4))
        assert (sandbox.mailboxes_of(forged), keywords_of(sandbox, forged)) == ({"Feed"}, {SEEN, FROM_INBOX, FORGED})


@pytest.mark.parametrize("keyword", ["$seen", "$flagged"])
async def test_new_mail_that_the_user_dealt_with_is_filed_with_its_sender(keyword: str) -> None:
    sandbox = empty_sandbox()
    labelled, read = sandbox.deliver(ANN, "1", ["Screener"]), arrives(sandbox)
    sandbox.label(labelled, "@ToJail")
    sandbox.store.change_mail(replace(sandbox.store.mails.objects[read], keywords=frozenset({keyword})))
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        await assert_idle(s, 3)
    assert sandbox.mailboxes_of(read) == {"Jail"}
    assert keywords_of(sandbox, read) == {keyword, SEEN, FROM_INBOX}


async def test_mail_that_waits_with_a_warning_is_filed_with_its_sender_in_one_patch() -> None:
    sandbox = empty_sandbox()
    labelled, warned = sandbox.deliver(ANN, "1", ["Screener"]), sandbox.deliver(ANN, "2", ["Screener"])
    sandbox.label(labelled, "@ToFeed")
    sandbox.label(warned, "@MailroomWarning")
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        assert (sandbox.mailboxes_of(warned), keywords_of(sandbox, warned)) == ({"Feed"}, {SEEN})
        await assert_idle(s, 3)


@every_flavour
async def test_mail_that_the_user_moved_out_of_the_screener_goes_with_its_sender_once_that_is_settled(
    flavour: Flavour,
) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    first, second = arrives(sandbox), arrives(sandbox)
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        sandbox.move(first, "Archive")
        sandbox.label(second, "@ToJail")
        await s.run(later(3))
        assert [sandbox.mailboxes_of(mail) for mail in (first, second)] == [{"Archive", "Jail"}, {"Jail"}]
        assert keywords_of(sandbox, first) == {SEEN, FROM_INBOX}
        await assert_idle(s, 4)


async def test_mail_that_waits_and_has_a_home_of_the_users_costs_an_idle_pass_nothing() -> None:
    sandbox = empty_sandbox()
    sandbox.create_mailbox("Work")
    mail = sandbox.deliver(ANN, "Hi", ["Inbox", "Work"], received_at=later(1))
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        assert sandbox.mailboxes_of(mail) == {"Screener", "Work"}
        await assert_idle(s, 3)


# --- a server that refuses a keyword


FULL = frozenset(f"word{number}" for number in range(4))


def full_mailbox(sandbox: Sandbox, name: str) -> None:
    """A mailbox that takes no further keyword, as Cyrus with 100."""
    sandbox.limits = Limits(max_keywords_per_mailbox=len(FULL))
    sandbox.store.change_mail(
        replace(sandbox.store.mails.objects[sandbox.deliver("z@x.org", "Full", [name])], keywords=FULL)
    )


@pytest.mark.parametrize("flavour", [FASTMAIL, JAMES], ids=lambda flavour: flavour.name)
async def test_a_refused_mark_keeps_no_mail_from_being_filed(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    full_mailbox(sandbox, "Jail")
    labelled, other = sandbox.deliver(ANN, "1", ["Inbox"]), sandbox.deliver(ANN, "2", ["Inbox"])
    sandbox.label(labelled, "@ToJail")
    async with screener(sandbox) as s:
        with structlog.testing.capture_logs() as logs:
            outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing, outcome.mails_filed) == (1, 0, 2)
        assert [sandbox.mailboxes_of(mail) for mail in (labelled, other)] == [{"Jail"}, {"Jail"}]
        refused = [line for line in logs if line["event"] == "marks_refused"]
        assert [(line["mails"], line["reason"]) for line in refused] == [(1, "serverFail"), (1, "serverFail")]
        states = sandbox.store.states()
        await s.run()
        assert sandbox.store.states() == states


async def test_a_refused_mark_keeps_no_screened_mail_from_being_filed() -> None:
    sandbox = empty_sandbox()
    mail, other = arrives(sandbox), arrives(sandbox)
    async with screener(sandbox, ON) as s:
        await s.run(later(2))
        full_mailbox(sandbox, "Feed")
        sandbox.label(mail, "@ToFeed")
        outcome = await s.run(later(3))
        assert (outcome.senders_triaged, outcome.senders_failing) == (1, 0)
        assert [sandbox.mailboxes_of(each) for each in (mail, other)] == [{"Feed"}, {"Feed"}]


async def test_what_is_refused_for_another_reason_is_the_senders_failure() -> None:
    sandbox = empty_sandbox()
    labelled, other = sandbox.deliver(ANN, "1", ["Inbox"]), sandbox.deliver(ANN, "2", ["Inbox"])
    sandbox.label(labelled, "@ToJail")
    sandbox.faults.set_errors[other] = SetError("overQuota")
    async with screener(sandbox) as s:
        with structlog.testing.capture_logs() as logs:
            assert (await s.run()).senders_failing == 1
    (failed,) = [line for line in logs if line["event"] == "sender_failed"]
    assert failed["reason"] == "a mail could not be filed: overQuota"
    assert sandbox.mailboxes_of(labelled) == {"Inbox", "@ToJail"}
