"""What new mail costs: requests, counted."""

from dataclasses import replace

import pytest

from mailroom.config.screening import Screening
from mailroom.jmap.batch import Batch
from mailroom.jmap.mailbox import get_mailboxes
from mailroom.sandbox import JAMES, STALWART, Flavour, Limits, Sandbox
from mailroom.triage.correspondence import Asked, Questions
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.jmap.support import in_process
from tests.new_mail import ANN, BOB, ON, SCREENED, arrives, join, keywords_of, later, screening
from tests.screener import Screener, empty_sandbox

FIFTY_CALLS = Limits(max_calls_in_request=50)


def strangers(sandbox: Sandbox, count: int, *header: str) -> list[str]:
    return [arrives(sandbox, f"S <s{number}@example.org>", *header) for number in range(count)]


async def requests(s: Screener) -> int:
    before = s.wire.requests
    await s.run(later(2))
    return s.wire.requests - before


@pytest.mark.parametrize(("senders", "expected"), always(3, [(0, 1), (21, 3), (22, 4), (1, 3), (46, 4), (47, 5)]))
async def test_new_mail_alone_is_three_requests_and_one_for_some_20_undecided_senders_more(
    senders: int, expected: int
) -> None:
    sandbox = empty_sandbox(FIFTY_CALLS)
    mails = strangers(sandbox, senders)
    async with screening(sandbox) as s:
        assert await requests(s) == expected
        assert await requests(s) == 1
    assert {frozenset(sandbox.mailboxes_of(mail)) for mail in mails} <= {frozenset({"Screener"})}


async def test_what_is_asked_about_strangers_fills_the_last_request_of_the_look_up() -> None:
    questions = Questions((), tuple(f"s{number}@example.org" for number in range(60)), "sent")
    async with in_process(empty_sandbox(FIFTY_CALLS)) as c:
        session = await c.client.session()
        for others, calls in ((0, 50), (10, 50), (50, 50), (64, 100)):
            batch = Batch()
            for _ in range(others):
                batch.add(get_mailboxes(session.mail_account))
            Asked(c.client, session, questions).stage(batch)
            assert len(batch) == calls


async def test_decided_senders_and_contacts_cost_nothing_more_however_many() -> None:
    sandbox = empty_sandbox(FIFTY_CALLS)
    uids = [sandbox.add_card(f"s{number}@example.org", "S") for number in range(100)]
    join(sandbox, "Feed", *uids[:50])
    mails = strangers(sandbox, 100)
    async with screening(sandbox) as s:
        assert await requests(s) == 3
    assert [sandbox.mailboxes_of(mail) for mail in mails] == [{"Feed"}] * 50 + [{"Inbox"}] * 50


@pytest.mark.parametrize(("new", "expected"), always(2, [(19, 4), (20, 5), (1, 4), (45, 6)]))
async def test_labels_and_new_mail_together_are_four_requests_and_one_for_some_20_senders(
    new: int, expected: int
) -> None:
    sandbox = empty_sandbox(FIFTY_CALLS)
    mails = strangers(sandbox, new)
    sandbox.label(sandbox.deliver("Shop <shop@example.org>", "Hi", ["Screener"]), "@ToFeed")
    arrives(sandbox, "Shop <shop@example.org>")
    async with screening(sandbox) as s:
        assert await requests(s) == expected
    assert {frozenset(sandbox.mailboxes_of(mail)) for mail in mails} == {frozenset({"Screener"})}


async def test_a_re_triage_is_one_request_more() -> None:
    sandbox = empty_sandbox(FIFTY_CALLS)
    join(sandbox, "Person", sandbox.add_card("ann@example.org", "Ann Lee"))
    sandbox.label(sandbox.deliver(ANN, "Hi", ["Person"]), "@ToFeed")
    strangers(sandbox, 2)
    new = arrives(sandbox)
    async with screening(sandbox) as s:
        assert await requests(s) == 5
    assert sandbox.mailboxes_of(new) == {"Feed"}


async def test_further_addresses_of_a_card_are_one_request_more() -> None:
    sandbox = empty_sandbox(FIFTY_CALLS)
    emails = {"e1": {"address": "ann@example.org"}, "e2": {"address": "ann@work.example"}}
    sandbox.add_card("ann@example.org", "Ann Lee", emails=emails)
    sandbox.label(sandbox.deliver(ANN, "Hi", ["Screener"]), "@ToFeed")
    new, (stranger,) = arrives(sandbox, "Ann Lee <ann@work.example>"), strangers(sandbox, 1)
    async with screening(sandbox) as s:
        assert await requests(s) == 5
    assert (sandbox.mailboxes_of(new), sandbox.mailboxes_of(stranger)) == ({"Feed"}, {"Screener"})


@pytest.mark.parametrize("flavour", [JAMES, STALWART], ids=lambda flavour: flavour.name)
async def test_no_more_requests_at_once_than_the_server_takes(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mails = strangers(sandbox, 60)
    async with screening(sandbox) as s:
        await s.run(later(2))
        assert s.wire.most_at_once == 4
    assert {frozenset(sandbox.mailboxes_of(mail)) for mail in mails} == {frozenset({"Screener"})}


async def test_threads_that_are_too_large_together_are_asked_one_by_one_in_few_requests() -> None:
    sandbox = empty_sandbox(Limits(max_calls_in_request=50, max_objects_in_get=30))
    for number in range(10):
        first = f"<{number}@list.example>"
        for _ in range(3):
            sandbox.deliver(raw=thread_mail(f"p@{number}.example", first), mailboxes=["Archive"])
    sandbox.deliver(raw=thread_mail("me@example.com", "<3@list.example>"), mailboxes=["Sent"])
    answers = [answer(sandbox, f"s{number}@example.org", f"<{number}@list.example>") for number in range(10)]
    async with screening(sandbox) as s:
        assert await requests(s) == 4
    assert [sandbox.mailboxes_of(mail) == {"Inbox"} for mail in answers] == [number == 3 for number in range(10)]


async def test_a_thread_with_more_mails_than_a_get_takes_is_judged_beside_the_others() -> None:
    sandbox = empty_sandbox(Limits(max_calls_in_request=50, max_objects_in_get=30))
    for answered in ("<jobs@cron.example>", "<plans@list.example>"):
        for _ in range(70):
            sandbox.deliver(raw=thread_mail("cron@cron.example", answered), mailboxes=["Archive"])
    for answered in ("<plans@list.example>", "<short@list.example>"):
        sandbox.deliver(raw=thread_mail("me@example.com", answered), mailboxes=["Sent"])
    answers = {
        answered: answer(sandbox, f"s{n}@example.org", answered)
        for n, answered in enumerate(("<jobs@cron.example>", "<plans@list.example>", "<short@list.example>", "<x@y>"))
    }
    async with screening(sandbox) as s:
        assert await requests(s) == 4
    stays = {answered for answered, mail in answers.items() if sandbox.mailboxes_of(mail) == {"Inbox"}}
    assert stays == {"<plans@list.example>", "<short@list.example>"}
    assert all("mailroom-seen" in keywords_of(sandbox, mail) for mail in answers.values())


def answer(sandbox: Sandbox, sender: str, answered: str) -> str:
    return sandbox.deliver(raw=thread_mail(sender, answered), mailboxes=["Inbox"], received_at=later(1))


def thread_mail(sender: str, answered: str) -> bytes:
    head = (f"From: {sender}", f"Subject: {answered}", f"In-Reply-To: {answered}", f"References: {answered}")
    return "\r\n".join([*head, "", "Text", ""]).encode()


async def test_a_label_waits_for_one_pass_at_most_while_a_backlog_is_worked_off() -> None:
    sandbox = empty_sandbox()
    scheme = replace(ON, screening=Screening(mode="on", correspondents=False))
    mails = [arrives(sandbox, f"S <s{number % 40}@example.org>") for number in range(1001)]
    async with screening(sandbox, scheme) as s:
        outcome = await s.run(later(2))
        assert (outcome.mails_screened, outcome.has_more) == (500, True)
        tapped = sandbox.deliver("Shop <shop@example.org>", "Hi", ["Screener"])
        sandbox.label(tapped, "@ToFeed")
        outcome = await s.run(later(2))
        assert (outcome.senders_triaged, outcome.mails_screened, outcome.has_more) == (1, 500, True)
        assert sandbox.mailboxes_of(tapped) == {"Feed"}
        assert (await s.run(later(2))).mails_screened == 1
        assert (await s.run(later(2))).has_more is False
    assert all(sandbox.mailboxes_of(mail) == {"Screener"} for mail in mails)
    assert all("mailroom-seen" in keywords_of(sandbox, mail) for mail in mails)


def waits(sandbox: Sandbox, since: float, sender: str, *mailboxes: str) -> str:
    return sandbox.deliver(sender, "Hi", mailboxes, keywords=tuple(SCREENED), received_at=later(since))


@every_flavour
async def test_a_move_is_seen_however_much_waits_in_a_second_mailbox(flavour: Flavour) -> None:
    sandbox = empty_sandbox(replace(flavour.limits, max_objects_in_get=40), flavour)
    moved, elsewhere = waits(sandbox, 1, ANN, "Screener"), waits(sandbox, 1, BOB, "Screener")
    async with screening(sandbox) as s:
        await s.run(later(2))
        idle = await requests(s)
        for _ in range(45):
            waits(sandbox, 2, "P <p@x.example>", "Screener", "@MailroomWarning")
        # Where a filter can't leave out what is still in the Screener, the next pages are read, all at once.
        assert await requests(s) == idle + (flavour is JAMES)
        sandbox.move(moved, "Feed")
        sandbox.move(elsewhere, "Inbox")
        assert (await s.run(later(3))).senders_triaged == 1
        assert sandbox.groups()["Feed"] == {"ann@example.org"}
        assert keywords_of(sandbox, elsewhere) == {"mailroom-seen"}
        assert await requests(s) == idle + (flavour is JAMES)
