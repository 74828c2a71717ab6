"""More mail than one search may find is the failure of the sender, list or domain that has it, and of nobody else."""

from dataclasses import replace

import pytest
import structlog.testing
from trio.testing import MockClock

from mailroom.jmap import client
from mailroom.sandbox import FASTMAIL, Flavour, Sandbox
from tests.exhaustive import first_of
from tests.flavours import every_flavour
from tests.new_mail import ANN, SCREENED, arrives, later, raw, screening, seen
from tests.screener import empty_sandbox, screener

pytestmark = pytest.mark.usefixtures("two_pages")
OTHERS = [f"s{n}@example.org" for n in range(6)]


@pytest.fixture
def two_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a search may find, with `of_small_pages`: 80 mails stand for 100,000."""
    monkeypatch.setattr(client, "MAX_PAGES", 2)


def of_small_pages(flavour: Flavour = FASTMAIL) -> Sandbox:
    return empty_sandbox(replace(flavour.limits, max_objects_in_get=40), flavour)


def labelled(sandbox: Sandbox) -> dict[str, str]:
    """A labelled mail of each of the others, by address."""
    return {each: sandbox.deliver(f"Some One <{each}>", "One", ["Screener", "@ToFeed"]) for each in OTHERS}


@first_of("label", ["@ToFeed", "@WholeDomain", "@WholeList"])
@every_flavour
async def test_who_has_it_fails_alone_and_is_told_what_to_do(
    flavour: Flavour, label: str, mock_clock: MockClock
) -> None:
    sandbox = of_small_pages(flavour)
    cron = raw("Cron <cron@shop.example>", "List-Id: <jobs.shop.example>")
    old = [sandbox.deliver(raw=cron, mailboxes=["Archive"]) for _ in range(80)]
    new = sandbox.deliver(raw=cron, mailboxes=["Screener", *{"@ToFeed", label}])
    mails = labelled(sandbox)
    async with screening(sandbox) as s:
        stranger = arrives(sandbox, ANN)
        with structlog.testing.capture_logs() as logs:
            outcome = await s.run(later(2))
        assert (outcome.senders_triaged, outcome.senders_failing) == (len(OTHERS), 1)
        assert all(sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails.values())
        assert seen(sandbox, stranger) == ({"Screener"}, SCREENED)
        assert sandbox.mailboxes_of(new) == {"Screener", "@ToFeed", label}
        (reason,) = {entry["reason"] for entry in logs if entry["event"] == "sender_failed"}
        assert "Email/query goes on after 2 pages" in reason
        assert "delete old mail of it for good" in reason
        for id in old[:50]:
            sandbox.delete(id)
        mock_clock.jump(60)
        assert (await s.run(later(3))).senders_triaged == 1
        assert sandbox.mailboxes_of(new) == {"Feed"}


async def test_who_have_it_together_are_settled_in_parts() -> None:
    sandbox = of_small_pages()
    mails = labelled(sandbox)
    for each in OTHERS * 13:
        sandbox.deliver(f"Some One <{each}>", "Old", ["Archive"])
    async with screener(sandbox) as s:
        outcome = await s.run()
        assert (outcome.senders_triaged, outcome.senders_failing) == (len(OTHERS), 0)
        assert sandbox.mails_in("Archive") == [id for id in sandbox.mails_in("Feed") if id not in mails.values()]
        assert all(sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails.values())
