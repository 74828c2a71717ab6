"""What the daemon does about servers that misbehave: it says so, goes on, and loses nothing."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from pydantic import SecretStr
from structlog.typing import EventDict
from trio.testing import MockClock

from mailroom.account import Account, open_account
from mailroom.categories import DEFAULT_SCHEME
from mailroom.jmap.session import MAIL
from mailroom.sandbox import Sandbox, faults
from mailroom.sandbox.faults import Endpoint, Fault
from mailroom.settings import Settings
from tests.screener import empty_sandbox, served


@asynccontextmanager
async def account_on(sandbox: Sandbox) -> AsyncIterator[tuple[Account, list[EventDict]]]:
    """An account at work, and its log. Only push and the start cause passes: the next poll is an hour away."""
    with trio.fail_after(30), structlog.testing.capture_logs() as logs:
        async with served(sandbox) as url:
            settings = Settings(
                jmap_token=SecretStr(sandbox.token),
                jmap_session_url=str(url),
                poll_interval=3600,
                debounce_seconds=0,
            )
            async with open_account(settings, DEFAULT_SCHEME) as account, trio.open_nursery() as nursery:
                nursery.start_soon(account.listen)
                nursery.start_soon(account.triage)
                yield account, logs
                nursery.cancel_scope.cancel()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  the clock jumps, and nothing tells of a mailbox that changed
        await trio.sleep(0.1)


async def filed(sandbox: Sandbox, mail: str) -> None:
    await until(lambda: sandbox.mailboxes_of(mail) == {"Feed"})


def errors(logs: list[EventDict], event: str) -> str:
    return "\n".join(str(line["error"]) for line in logs if line["event"] == event)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.html(), "text/html"),
        (faults.json_reply({"type": "error"}), "application/json"),
        (faults.redirect("http://127.0.0.1:9/elsewhere"), "redirects"),
        (faults.status(500), "HTTP 500"),
        (faults.CutBefore(), "127.0.0.1"),
        (faults.endless_line(), "endless event"),
        (faults.huge_event(), "endless event"),
        (faults.half_event(), "ended"),
        (faults.empty_stream(), "ended"),
        (faults.Stream((b"event: state\ndata: <html>\n\n",)), "no JSON"),
    ],
)
async def test_a_broken_event_stream_is_told_and_connected_anew(
    fault: Fault, said: str, autojump_clock: MockClock
) -> None:
    sandbox = empty_sandbox()
    sandbox.faults.next_request(fault, endpoint=Endpoint.EVENT)
    mail = sandbox.deliver("Ann <ann@example.org>")
    async with account_on(sandbox) as (account, logs):
        await until(lambda: account.status.health().eventsource.status == "disconnected")
        sandbox.label(mail, "@ToFeed")
        await filed(sandbox, mail)
    assert said in errors(logs, "eventsource_disconnected")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.html(), "text/html"),
        (faults.half_json(), "JSON"),
        (faults.json_reply({"methodResponses": 7}), "malformed"),
        (faults.json_reply([]), "malformed"),
        (faults.json_reply({"methodResponses": [], "sessionState": "s1"}), "not answered"),
        (faults.problem("limit", 400), "limit"),
        (faults.status(429, retry_after="1"), "HTTP 429"),
        (faults.redirect("http://127.0.0.1:9/elsewhere"), "redirects"),
        (faults.CutBefore(), "127.0.0.1"),
        (faults.CutAfter(), "127.0.0.1"),
    ],
)
async def test_a_broken_answer_fails_the_pass_and_the_next_one_does_its_work(
    fault: Fault, said: str, autojump_clock: MockClock
) -> None:
    sandbox = empty_sandbox()
    sandbox.faults.next_request(fault, endpoint=Endpoint.API)
    mail = sandbox.deliver("Ann <ann@example.org>")
    sandbox.label(mail, "@ToFeed")
    async with account_on(sandbox) as (_, logs):
        await filed(sandbox, mail)
    assert said in errors(logs, "poll_failed")
    assert all("exc_info" not in line for line in logs)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.html(), "text/html"),
        (faults.half_json(), "JSON"),
        (faults.json_reply({"capabilities": []}), "malformed"),
        (faults.without_capability(MAIL), "no mail account"),
        (faults.redirect("http://127.0.0.1:9/elsewhere"), "redirects to another server"),
        (faults.status(503), "HTTP 503"),
    ],
)
async def test_a_broken_session_fails_the_pass_and_is_read_again(
    fault: Fault, said: str, autojump_clock: MockClock
) -> None:
    sandbox = empty_sandbox()
    # One for the reader and one for the first pass, whichever asks first.
    sandbox.faults.next_request(fault, endpoint=Endpoint.SESSION, times=2)
    mail = sandbox.deliver("Ann <ann@example.org>")
    sandbox.label(mail, "@ToFeed")
    async with account_on(sandbox) as (_, logs):
        await filed(sandbox, mail)
    assert said in errors(logs, "poll_failed")
    assert said in errors(logs, "eventsource_disconnected")
