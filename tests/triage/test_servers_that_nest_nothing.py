"""Servers that refuse `inMailbox` inside an operator, as Apache James does: other searches, the same end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mailroom.errors import MailroomError
from mailroom.sandbox import Limits, MethodError
from tests.screener import Screener, empty_sandbox, screener

NESTED = '"conditions": [{"inMailbox"'
"""An operator whose first condition is a mailbox, as a call spells it."""


@asynccontextmanager
async def james(refusal: str = "unsupportedFilter", limits: Limits | None = None) -> AsyncIterator[Screener]:
    async with screener(empty_sandbox(limits)) as s:
        s.sandbox.faults.refused_texts[NESTED] = MethodError(refusal, "inMailbox inside an operator")
        yield s


@pytest.mark.parametrize("refusal", ["unsupportedFilter", "invalidArguments"])
async def test_a_sender_is_settled_with_the_mail_that_came_meanwhile(refusal: str) -> None:
    async with james(refusal) as s:
        mails = [s.sandbox.deliver("Ann Lee <ann@example.org>", f"{n}", ["Screener"]) for n in range(3)]
        other = s.sandbox.deliver("Joann <joann@example.org>", "Not hers", ["Screener"])
        s.sandbox.label(mails[0], "@ToFeed")
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (1, 0)
        assert all(s.sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails)
        assert s.sandbox.mailboxes_of(other) == {"Screener"}


async def test_it_is_learnt_once() -> None:
    async with james() as s:
        s.sandbox.label(s.sandbox.deliver("Ann Lee <ann@example.org>", "One", ["Screener"]), "@ToFeed")
        await s.run()
        struck = s.sandbox.faults.struck
        s.sandbox.label(s.sandbox.deliver("Bob <bob@example.org>", "Two", ["Screener"]), "@ToFeed")
        assert await s.requests_of_a_pass() == 4
        assert await s.requests_of_a_pass() == 1
        assert s.sandbox.faults.struck == struck


@pytest.mark.parametrize(("calls", "requests"), [(50, 1), (16, 2)])
async def test_an_idle_pass_is_a_search_for_each_label(calls: int, requests: int) -> None:
    async with james(limits=Limits(max_calls_in_request=calls, max_objects_in_get=500)) as s:
        await s.run()
        assert await s.requests_of_a_pass() == requests


async def test_a_filter_that_is_refused_for_another_reason_fails_the_pass_as_before() -> None:
    async with james() as s:
        s.sandbox.faults.refused_texts['{"inMailbox"'] = MethodError("unsupportedFilter", "no mailboxes at all")
        with pytest.raises(MailroomError, match="Email/query failed: unsupportedFilter"):
            await s.run()


async def test_a_screener_that_is_made_anew_before_it_is_searched_says_nothing_about_the_server() -> None:
    async with screener(empty_sandbox()) as s:

        def made_anew() -> None:
            s.sandbox.destroy_mailbox("Screener")
            s.sandbox.create_mailbox("Screener")

        mail = s.sandbox.deliver("Ann Lee <ann@example.org>", "One", ["Archive", "@ToFeed"])
        s.wire.before = {3: made_anew}
        assert (await s.run()).senders_triaged == 1
        assert s.sandbox.mailboxes_of(mail) == {"Archive", "Feed"}
        s.sandbox.label(s.sandbox.deliver("Bob <bob@example.org>", "Two", ["Screener"]), "@ToFeed")
        searches = len(s.sandbox.requests)
        assert (await s.run()).senders_triaged == 1
        # One for all labels, where a server that nests nothing is asked for each of them.
        assert s.sandbox.requests[searches].calls.count("Email/query") == 1
