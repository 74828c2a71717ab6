"""Decisions taken back and undone, the Screener cleared and spam reported, on real servers."""

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.decisions.undo import Subject
from mailroom.decisions.whole import WholeDomain
from mailroom.errors import Unavailable
from mailroom.senders.clear import To, clear, find_clearable
from mailroom.senders.history import history
from mailroom.senders.spam import report_spam
from mailroom.senders.undo import find_undo, undo
from mailroom.triage.one_pass import Pass
from mailroom.triage.passes import Triage
from mailroom.triage.start_check import begin
from tests.real.accounts import Account
from tests.real.conftest import ON_CYRUS, ON_RADICALE, ON_SANDBOX
from tests.screener import NOW, Wire

ANN = "ann@shop.example"
WHEN = "2026-03-05T14:03Z"
WAITS = {"mailroom-seen", "mailroom-waiting"}


async def asked(triage: Triage) -> Pass:
    """What an owner's command has at hand, by the connection of a triage."""
    return await begin(triage._client, triage._contacts, triage._scheme, NOW)


async def undone(triage: Triage, who: Subject = ANN) -> None:
    run = await asked(triage)
    await undo(run, await find_undo(run, who))


def ours(account: Account, subject: str) -> set[str]:
    return {each for each in account.mail.keywords()[subject] if each.startswith(("mailroom", "$"))}


async def test_a_label_takes_a_decision_back(account: Account) -> None:
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One", "Two")
    account.mail.label("One", "@ToImbox")
    async with account.triage() as triage:
        await triage.run(NOW)
        assert account.mail.places() == {"One": {"Imbox", "Inbox"}, "Two": {"Imbox", "Inbox"}}
        account.mail.label("Two", "@ToScreener")
        await triage.run(NOW)
    assert account.mail.places() == {"One": {"Screener"}, "Two": {"Screener"}}
    assert ours(account, "One") == ours(account, "Two") == WAITS | {"mailroom-from-inbox"}
    assert account.contacts.groups_of(ANN) == {"Mailroom"}
    (note,) = account.contacts.notes()[ANN]
    assert note.endswith(f"Triaged to Imbox on {WHEN}\nBack to the Screener on {WHEN}")


async def test_an_undo_leads_back_and_another_one_forth(account: Account) -> None:
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One", "Two")
    async with account.triage() as triage:
        for label in ("@ToFeed", "@ToTruck"):
            account.mail.label("One", label)
            await triage.run(NOW)
        await undone(triage)
        assert account.mail.places() == {"One": {"Feed"}, "Two": {"Feed"}}
        assert account.contacts.groups_of(ANN) == {"Mailroom", "Feed"}
        await undone(triage)
        assert account.mail.places() == {"One": {"Truck", "Paper Trail"}, "Two": {"Truck", "Paper Trail"}}
        assert account.contacts.groups_of(ANN) == {"Mailroom", "Truck", "Paper Trail"}
        told = await history((await asked(triage)).contacts, ANN)
    assert [each.after for each in told] == ["Truck", "Feed", "Truck", "Feed"]


async def test_an_undo_about_a_whole_domain_leads_back_and_another_one_forth(account: Account) -> None:
    account.mail.deliver("Screener", "News <news@shop.example>", "One")
    account.mail.deliver("Screener", "Orders <orders@mail.shop.example>", "Two")
    account.mail.label("One", "@ToFeed")
    account.mail.label("One", "@WholeDomain")
    async with account.triage() as triage:
        await triage.run(NOW)
        assert account.mail.places() == {"One": {"Feed"}, "Two": {"Feed"}}
        for place in ("Screener", "Feed"):
            await undone(triage, WholeDomain("shop.example"))
            assert account.mail.places() == {"One": {place}, "Two": {place}}
        told = await history((await asked(triage)).contacts, "@shop.example")
    assert [each.after for each in told] == ["Feed", None, "Feed"]


async def test_an_undo_leaves_each_mail_to_the_list_or_domain_that_is_decided(account: Account) -> None:
    by_list = "List-Id: Core developers <python-dev.python.org>"
    account.mail.receive("Screener", "plain", "From: ann@shop.example")
    account.mail.receive("Screener", "by the list", "From: ann@shop.example", by_list)
    account.mail.receive("Screener", "another", "From: bob@shop.example", by_list)
    account.mail.receive("Screener", "a stranger's", "From: cy@other.example", by_list)
    async with account.triage() as triage:
        for subject, *labels in (
            ("plain", "@ToJail"),
            ("another", "@ToFeed", "@WholeList"),
            ("plain", "@ToPaperTrail", "@WholeDomain"),
            ("plain", "@ToJail"),
        ):
            for label in labels:
                account.mail.label(subject, label)
            await triage.run(NOW)
        assert account.mail.places()["by the list"] == {"Jail"}
        await undone(triage)
        assert account.mail.places() == {
            "plain": {"Paper Trail"},
            "by the list": {"Feed"},
            "another": {"Feed"},
            "a stranger's": {"Feed"},
        }
        account.mail.label("another", "@ToScreener")
        account.mail.label("another", "@WholeList")
        await triage.run(NOW)
        assert account.mail.places() == {
            "plain": {"Paper Trail"},
            "by the list": {"Paper Trail"},
            "another": {"Screener"},
            "a stranger's": {"Screener"},
        }


@pytest.mark.parametrize("account", [ON_SANDBOX, ON_CYRUS, ON_RADICALE], indirect=True)
async def test_an_undo_that_is_cut_off_is_finished_by_the_same_call(account: Account) -> None:
    for k in range(1, 40):
        who, wire = f"sender{k}@shop.example", Wire(cut_after=k)
        account.mail.deliver("Screener", who, f"Mail {k}")
        account.mail.label(f"Mail {k}", "@ToFeed")
        async with account.triage() as triage:
            await triage.run(NOW)
        failed: list[Exception] = []
        try:
            async with account.triage(wire) as triage:
                await undone(triage, who)
        except* Unavailable as cut:
            failed += cut.exceptions
        if failed:
            async with account.triage() as triage:
                await undone(triage, who)
        assert account.mail.places()[f"Mail {k}"] == {"Screener"}, k
        assert account.contacts.groups_of(who) == {"Mailroom"}, k
        (note,) = account.contacts.notes()[who]
        assert note.endswith(f"Triaged to Feed on {WHEN}\nBack to the Screener on {WHEN}"), k
        if wire.requests < k:
            break
    else:
        pytest.fail("it never came to its end")


async def test_what_waits_is_cleared_or_reported_as_spam(account: Account) -> None:
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One", "Two")
    account.mail.deliver("Screener", "Bob <bob@work.example>", "Three")
    async with account.triage() as triage:
        run = await asked(triage)
        assert (await report_spam(run.client, DEFAULT_SCHEME, ANN)).mails == 2
        assert (await clear(await find_clearable(run.client, DEFAULT_SCHEME, To.ARCHIVE, None, NOW))).mails == 1
    assert account.mail.places() == {"One": {"Junk"}, "Two": {"Junk"}, "Three": {"Archive"}}
    assert {each.lower() for each in ours(account, "One")} == {"mailroom-seen", "$junk"}
    assert ours(account, "Three") == {"mailroom-seen"}
    assert account.contacts.names() == {}
