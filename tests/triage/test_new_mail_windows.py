"""What others do between the look at new mail and the write on it: the user, and a second daemon.

The requests of a pass with new mail alone: 1 scan, 2 look up, 3 write.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest
import trio

from mailroom.sandbox import JAMES, Flavour, Sandbox
from tests.exhaustive import always
from tests.flavours import every_flavour
from tests.new_mail import ANN, BOB, ON, SCREENED, arrives, keywords_of, later, screening, seen
from tests.screener import Screener, Wire, connected, empty_sandbox, screener, served, start
from tests.triage.test_crash import Account, both, new_mail
from tests.triage.test_crash import seen as account

WRITE = 3


def read(sandbox: Sandbox, mail: str) -> None:
    store = sandbox.store
    store.change_mail(replace(store.mails.objects[mail], keywords=frozenset({"$seen"})))


ACTS: Mapping[str, Callable[[Sandbox, str], None]] = {
    "Trash": lambda sandbox, mail: sandbox.move(mail, "Trash"),
    "Archive": lambda sandbox, mail: sandbox.move(mail, "Archive"),
    "Feed": lambda sandbox, mail: sandbox.move(mail, "Feed"),
    "Inbox": read,
}
"""What the user does, by where the mail is then."""


@every_flavour
async def test_a_mail_that_the_user_touches_stays_as_the_user_left_it(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    async with screening(sandbox) as s:
        await s.run(later(2))
        for ends, act in ACTS.items():
            requests = await s.requests_of_a_pass()
            mail, other = arrives(sandbox), arrives(sandbox, BOB)
            s.wire.before = {s.wire.requests + requests + 2: partial(act, sandbox, mail)}
            await s.run(later(2))
            assert seen(sandbox, other) == ({"Screener"}, SCREENED)
            if flavour is JAMES:
                # No `ifInState`: the patch names single mailboxes, so that the user's stays, beside the Screener.
                assert sandbox.mailboxes_of(mail) == {ends, "Screener"} - {"Inbox"}
            else:
                assert sandbox.mailboxes_of(mail) == {ends}
                assert keywords_of(sandbox, mail) <= {"mailroom-seen", "$seen"}
            before = sandbox.store.states()
            await s.run(later(3))
            assert sandbox.store.states() == before


@every_flavour
async def test_a_mail_that_is_deleted_keeps_no_other_from_being_judged(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mail, other = arrives(sandbox), arrives(sandbox, BOB)
    async with screening(sandbox, before={WRITE: lambda: sandbox.delete(mail)}) as s:
        await s.run(later(2))
    assert seen(sandbox, other) == ({"Screener"}, SCREENED)


@every_flavour
async def test_a_label_put_on_meanwhile_wins(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mail = arrives(sandbox)
    async with screening(sandbox, before={WRITE: lambda: sandbox.label(mail, "@ToFeed")}) as s:
        await s.run(later(2))
        await s.run(later(3))
    assert sandbox.mailboxes_of(mail) - {"Inbox"} == {"Feed"}
    assert sandbox.groups()["Feed"] == {"ann@example.org"}


async def test_after_three_looks_at_mail_that_keeps_changing_it_is_the_next_passs() -> None:
    sandbox = empty_sandbox()
    mail = arrives(sandbox)
    # A mail comes before each write.
    before = {number: lambda: sandbox.deliver(mailboxes=["Archive"]) for number in (3, 6, 9)}
    async with screening(sandbox, before=before) as s:
        assert (await s.run(later(2))).is_outdated
        assert s.wire.requests == 9
        assert seen(sandbox, mail) == ({"Inbox"}, set())
        assert not (await s.run(later(2))).is_outdated
    assert seen(sandbox, mail) == ({"Screener"}, SCREENED)


@every_flavour
async def test_labels_go_on_where_new_mail_keeps_changing(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    mail = sandbox.deliver("Shop <shop@example.org>", "Hi", ["Screener"])
    sandbox.label(mail, "@ToFeed")
    new = arrives(sandbox)
    before = {number: lambda: sandbox.deliver(mailboxes=["Archive"]) for number in range(3, 30)}
    async with screening(sandbox, before=before) as s:
        outcome = await s.run(later(2))
        assert outcome.senders_triaged == 1
        assert sandbox.mailboxes_of(mail) == {"Feed"}
        s.wire.before = {}
        await s.run(later(3))
    assert seen(sandbox, new) == ({"Screener"}, SCREENED)


@asynccontextmanager
async def two(sandbox: Sandbox) -> AsyncIterator[tuple[Screener, Screener]]:
    """Two daemons on one account."""
    async with served(sandbox) as url, screener(sandbox, ON) as first:
        wire = Wire()
        async with connected(sandbox, url, wire) as client:
            yield first, Screener(sandbox, await start(client, ON), wire, first.tally)


@every_flavour
async def test_a_sender_whom_a_second_daemon_decides_meanwhile_is_routed(flavour: Flavour) -> None:
    sandbox = empty_sandbox(flavour=flavour)
    old, new = sandbox.deliver(ANN, "Old", ["Archive"]), arrives(sandbox)
    async with two(sandbox) as (first, second):

        async def decide() -> None:
            sandbox.label(old, "@ToFeed")
            await second.run(later(2))

        first.wire.before = {WRITE: decide}
        await first.run(later(2))
        if flavour is JAMES:
            # Its patch is written although the mail has changed: the sender's mail waits in the Screener, too.
            assert sandbox.mailboxes_of(new) - {"Inbox"} in ({"Feed", "Screener"}, {"Feed"})
        else:
            assert sandbox.mailboxes_of(new) == {"Feed"}
        assert sandbox.groups()["Feed"] == {"ann@example.org"}


@pytest.mark.parametrize("fill", always(1, [new_mail, both]))
async def test_two_daemons_at_once_do_no_harm(fill: Callable[[Sandbox], None]) -> None:
    expected, requests = await alone(fill)
    assert requests >= 3
    for window in range(1, requests + 1):
        sandbox = filled(fill)
        async with two(sandbox) as (first, second):
            first.wire.before = {window: partial(worked_off, second)}
            for each in (first, second, first):
                await worked_off(each)
            assert account(sandbox) == expected, f"the second one before request {window} of {requests}"


async def test_two_daemons_side_by_side_do_no_harm() -> None:
    sandbox = filled(both)
    async with two(sandbox) as daemons:
        async with trio.open_nursery() as nursery:
            for each in daemons:
                nursery.start_soon(worked_off, each)
        await worked_off(daemons[0])
    assert account(sandbox) == (await alone(both))[0]


async def alone(fill: Callable[[Sandbox], None]) -> tuple[Account, int]:
    """How a single daemon leaves the account, and its requests."""
    sandbox = filled(fill)
    async with screening(sandbox) as s:
        requests = await worked_off(s)
        return account(sandbox), requests


def filled(fill: Callable[[Sandbox], None]) -> Sandbox:
    sandbox = empty_sandbox()
    fill(sandbox)
    return sandbox


async def worked_off(s: Screener) -> int:
    """Passes until one has nothing to do; returns how many requests there have been before it."""
    requests, states = 0, None
    while states != (states := s.sandbox.store.states()):
        requests = s.wire.requests
        await s.run(later(2))
    return requests
