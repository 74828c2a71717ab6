"""Passes over a mailbox, as a user would see them."""

from dataclasses import replace

import pytest
import structlog.testing
from structlog.typing import EventDict

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.decisions.select import Reason
from mailroom.errors import ConfigError
from mailroom.observe.outcome import Deed
from mailroom.sandbox import Limits, Sandbox
from mailroom.triage import treat
from tests.exhaustive import always
from tests.screener import Wire, client_of, empty_sandbox, screener, start


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
        assert outcome.deeds == (Deed("ann@example.org", "Feed", 2, name="Ann Lee"),)


async def test_the_outcome_tells_why_a_sender_waits_for_the_user() -> None:
    async with screener() as s:
        for label in ("@ToFeed", "@ToJail"):
            s.sandbox.label(s.sandbox.deliver("Ann Lee <ann@example.org>", "One", ["Screener"]), label)
        outcome = await s.run()
        assert outcome.deeds == (Deed("ann@example.org", "", 0, Reason.CONFLICT.value),)


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


@pytest.mark.parametrize("senders", always(2, [1, 50, 10, 300]))
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


async def test_more_senders_than_anybody_labels_are_settled_in_parts_of_one_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(treat, "SENDERS_AT_ONCE", 2)
    async with screener() as s:
        mails = [s.sandbox.deliver(f"s{number}@example.org", "Hi", ["Screener"]) for number in range(5)]
        conflict = s.sandbox.deliver("both@example.org", "Hi", ["Screener"])
        for mail in (*mails, conflict):
            s.sandbox.label(mail, "@ToFeed")
        s.sandbox.label(conflict, "@ToJail")
        assert await s.requests_of_a_pass() == 1 + 3 * 3
        assert all(s.sandbox.mailboxes_of(mail) == {"Feed"} for mail in mails)
        assert DEFAULT_SCHEME.error_label in s.sandbox.mailboxes_of(conflict)


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
    async with client_of(sandbox, Wire()) as client:
        with pytest.raises(ConfigError) as caught:
            await start(client)
    assert caught.value.problems == ("missing mailboxes: Feed, Screener. `mailroom setup --apply` creates them",)


async def test_a_name_that_means_a_mailbox_with_a_role_stops_the_start() -> None:
    scheme = Scheme((category("Feed", destination_mailbox="Archive"),), screener="Junk")
    sandbox = empty_sandbox()
    async with client_of(sandbox, Wire()) as client:
        with pytest.raises(ConfigError) as caught:
            await start(client, scheme)
    assert caught.value.problems == (
        "mailbox Archive is the account's archive mailbox: choose another name for it in the configuration",
        "mailbox Junk is the account's junk mailbox: choose another name for it in the configuration",
    )


def missing_reports(logs: list[EventDict]) -> list[tuple[str, str]]:
    return [(entry["mailbox"], entry["log_level"]) for entry in logs if entry["event"] == "mailbox_missing"]


async def test_a_label_that_is_missing_at_the_start_is_an_error_told_once_and_stops_nothing() -> None:
    sandbox = empty_sandbox()
    sandbox.destroy_mailbox("@ToJail")
    async with screener(sandbox) as s:
        with structlog.testing.capture_logs() as logs:
            for _ in range(4):
                assert (await s.run()).mailboxes_missing == 1
    assert missing_reports(logs) == [("@ToJail", "error")]


async def test_a_label_that_vanishes_is_a_warning_and_an_error_from_the_third_pass_in_a_row() -> None:
    async with screener() as s:
        with structlog.testing.capture_logs() as logs:
            s.sandbox.destroy_mailbox("@ToJail")
            await s.run()
            assert missing_reports(logs) == [("@ToJail", "warning")]
            await s.run()
            s.sandbox.create_mailbox("@ToJail")
            await s.run()
            s.sandbox.destroy_mailbox("@ToJail")
            for _ in range(4):
                await s.run()
    assert missing_reports(logs) == [("@ToJail", level) for level in ("warning", "warning", "error")]


async def test_a_mailbox_that_is_renamed_is_known_by_its_id_and_not_to_be_made_anew() -> None:
    mend = "Feed is now called Newsletters: rename it back, or set destination_mailbox"
    async with screener() as s:
        mail = s.sandbox.deliver("Ann <ann@example.org>", mailboxes=["Screener", "@ToFeed"])
        rename(s.sandbox, "Feed", "Newsletters")
        rename(s.sandbox, "@ToJail", "@Prison")
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                await s.run()
        assert s.sandbox.mailboxes_of(mail) == {"Screener", "@ToFeed"}
        hints = {entry["mailbox"]: entry["hint"] for entry in logs if entry["event"] == "mailbox_missing"}
        assert hints == {"Feed": mend, "@ToJail": "@ToJail is now called @Prison: rename it back, or set label"}
        assert missing_reports(logs).count(("Feed", "error")) == 1
        assert {entry["reason"] for entry in logs if entry["event"] == "sender_failed"} == {f"no mailbox Feed: {mend}"}
        rename(s.sandbox, "Newsletters", "Feed")
        s.sandbox.label(mail, "@MailroomError")
        await s.run()
        s.sandbox.unlabel(mail, "@MailroomError")
        await s.run()
        assert s.sandbox.mailboxes_of(mail) == {"Feed"}


def rename(sandbox: Sandbox, old: str, new: str) -> None:
    mailboxes, id = sandbox.store.mailboxes, sandbox.mailbox_id(old)
    mailboxes.change(id, replace(mailboxes.objects[id], name=new))


async def test_a_re_triage_is_one_request_more() -> None:
    async with screener() as s:
        mails = [s.sandbox.deliver(f"S{n} <s{n}@example.org>", "Hi", ["Screener"]) for n in range(10)]
        for label in ("@ToPerson", "@ToFeed"):
            for mail in mails:
                s.sandbox.label(mail, label)
            requests = await s.requests_of_a_pass()
        assert requests == 5
        assert {name for name, members in s.sandbox.groups().items() if members} == {"Feed", "Mailroom"}


async def test_each_group_is_written_at_most_twice_however_many_senders() -> None:
    async with screener() as s:
        mails = [s.sandbox.deliver(f"S{n} <s{n}@example.org>", "Hi", ["Screener"]) for n in range(20)]
        for label in ("@ToPerson", "@ToFeed"):
            for mail in mails:
                s.sandbox.label(mail, label)
            before = len(s.sandbox.requests)
            await s.run()
        calls = [call for request in s.sandbox.requests[before:] for call in request.calls]
        # Cards, joins and leaves; the first member of an empty group has a call of its own.
        assert calls.count("ContactCard/set") <= 4


async def test_the_log_tells_when_a_card_was_made_or_adopted_and_which_of_several_was_chosen() -> None:
    async with screener() as s:
        ann = s.sandbox.deliver("Ann Lee <ann@example.org>", "Hi", ["Screener"])
        bob = s.sandbox.deliver("Bob <bob@example.org>", "Hi", ["Screener"])
        for uid in ("a", "b"):
            s.sandbox.add_card("bob@example.org", "Bob", uid=uid, created="2026-01-01T00:00:00Z")
        with structlog.testing.capture_logs() as logs:
            for label in ("@ToFeed", "@ToJail"):
                s.sandbox.label(ann, label)
                s.sandbox.label(bob, label)
                await s.run()
    triaged = [entry for entry in logs if entry["event"] == "sender_triaged"]
    assert [(entry["sender"], entry["contact"]) for entry in triaged] == [
        ("ann@example.org", "created"),
        ("bob@example.org", "adopted"),
        ("ann@example.org", "known"),
        ("bob@example.org", "known"),
    ]
    several = [entry for entry in logs if entry["event"] == "several_contact_cards"]
    assert [(entry["sender"], entry["cards"], entry["chosen_uid"]) for entry in several] == [
        ("bob@example.org", 2, "a")
    ] * 2
