"""Passes over a mailbox, as a user would see them."""

import pytest

from mailroom.errors import ConfigError
from mailroom.sandbox import Limits
from tests.screener import Wire, connected, empty_sandbox, screener, served, start


async def test_one_label_settles_a_sender() -> None:
    async with screener() as s:
        first = s.sandbox.deliver("Ann Lee <ann@example.org>", "One", ["Screener"])
        second = s.sandbox.deliver("Ann Lee <ann@example.org>", "Two", ["Screener"])
        s.sandbox.label(first, "@ToFeed")
        outcome = await s.run()
        assert s.sandbox.mailboxes_of(first) == {"Feed"}
        assert s.sandbox.mailboxes_of(second) == {"Feed"}
        assert s.sandbox.groups()["Feed"] == {"ann@example.org"}
        assert s.sandbox.groups()["Mailroom"] == {"ann@example.org"}
        assert (outcome.senders_triaged, outcome.mails_filed, outcome.senders_failing) == (1, 2, 0)


async def test_a_child_category_brings_the_groups_and_mailboxes_of_its_parents() -> None:
    async with screener() as s:
        mail = s.sandbox.deliver("Parcel Co <track@parcel.example>", "On its way", ["Screener"])
        s.sandbox.label(mail, "@ToTruck")
        await s.run()
        assert s.sandbox.mailboxes_of(mail) == {"Truck", "Paper Trail"}
        assert s.sandbox.groups()["Truck"] == s.sandbox.groups()["Paper Trail"] == {"track@parcel.example"}


async def test_an_idle_pass_is_one_request() -> None:
    async with screener() as s:
        s.sandbox.deliver("Ann Lee <ann@example.org>", "One", ["Screener"])
        assert await s.requests_of_a_pass() == 1


@pytest.mark.parametrize("senders", [1, 10, 50])
async def test_a_pass_is_four_requests_however_many_senders_wait(senders: int) -> None:
    async with screener() as s:
        mails = {
            number: [
                s.sandbox.deliver(f"Sender {number} <s{number}@example.org>", "Hi", ["Screener"]) for _ in range(10)
            ]
            for number in range(senders)
        }
        for ids in mails.values():
            s.sandbox.label(ids[0], "@ToFeed")
        assert await s.requests_of_a_pass() == 4
        assert all(s.sandbox.mailboxes_of(id) == {"Feed"} for ids in mails.values() for id in ids)
        assert len(s.sandbox.groups()["Feed"]) == senders


async def test_a_second_pass_changes_nothing_and_writes_nothing() -> None:
    async with screener() as s:
        mail = s.sandbox.deliver("Ann Lee <ann@example.org>", "One", ["Screener"])
        s.sandbox.label(mail, "@ToFeed")
        await s.run()
        states = s.sandbox.store.states()
        assert await s.requests_of_a_pass() == 1
        assert s.sandbox.store.states() == states


async def test_limits_of_the_server_are_kept_by_chunking() -> None:
    limits = Limits(max_calls_in_request=4, max_objects_in_get=25, max_objects_in_set=2, max_query_page=3)
    async with screener(empty_sandbox(limits)) as s:
        mails = [s.sandbox.deliver(f"S{n % 5} <s{n % 5}@example.org>", "Hi", ["Screener"]) for n in range(35)]
        for id in mails[:5]:
            s.sandbox.label(id, "@ToJail")
        await s.run()
        assert {frozenset(s.sandbox.mailboxes_of(id)) for id in mails} == {frozenset({"Jail"})}
        assert len(s.sandbox.groups()["Jail"]) == 5


async def test_a_start_lists_everything_that_is_missing_at_once() -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("Feed")
    sandbox.destroy_mailbox("Screener")
    async with served(sandbox) as url, connected(sandbox, url, Wire()) as client:
        with pytest.raises(ConfigError) as caught:
            await start(client)
    assert caught.value.problems == ("missing mailboxes: Feed, Screener. `mailroom setup --apply` creates them",)
