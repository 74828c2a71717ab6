"""Whole domains and whole lists on real servers: found, swept, kept on a card, and asked for by rules at delivery."""

import pytest

from mailroom.commands import rules
from mailroom.config.scheme import DEFAULT_SCHEME
from tests.new_mail import ON
from tests.real.accounts import Account
from tests.real.test_sieve import User, user
from tests.screener import NOW, Wire

__all__ = ["user"]

DEV = "List-Id: Core =?utf-8?q?d=C3=A9velopeurs?= <Python-Dev.python.org>"
BLOCK = "— Mailroom —\nCreated by Mailroom\n"


async def test_a_domain_is_swept_kept_on_one_card_and_followed_by_new_mail(account: Account) -> None:
    account.contacts.add("friend@shop.example", "Friend")
    account.contacts.join("Jail", account.contacts.add("exact@shop.example", "Exact"))
    senders = {
        "tapped": "news@mail.shop.example",
        "other": "orders@SHOP.example",
        "friend": "friend@shop.example",
        "exact": "exact@shop.example",
        "alike": "a@myshop.example",
    }
    for subject, sender in senders.items():
        account.mail.receive("Screener", subject, f"From: Somebody <{sender}>")
    for label in ("@ToFeed", "@WholeDomain"):
        account.mail.label("tapped", label)
    wire = Wire()
    async with account.triage(wire, ON) as triage:
        await triage.run(NOW)
        places = account.mail.places()
        assert {places["tapped"] == places["other"] == {"Feed"}, places["friend"] == places["alike"]} == {True}
        assert places["friend"] == {"Screener"}
        assert places["exact"] == {"Jail"}
        assert account.contacts.groups_of("*@shop.example") == {"Feed", "Mailroom"}
        assert account.contacts.notes()["*@shop.example"] == [
            f"{BLOCK}Whole domain\nTriaged to Feed on 2026-03-05T14:03Z"
        ]
        account.mail.receive("Screener", "new", "From: x@a.b.shop.example")
        await triage.run(NOW)
        assert account.mail.places()["new"] == {"Feed"}
        before = wire.requests
        await triage.run(NOW)
        assert wire.requests == before + 1


async def test_a_list_is_swept_kept_on_a_card_without_address_and_found_again_by_its_note(account: Account) -> None:
    account.mail.receive("Screener", "tapped", "From: ann@x.example", DEV)
    account.mail.receive("Screener", "other", "From: bob@y.example", "List-Id: <python-dev.python.org>")
    account.mail.receive("Screener", "two", "From: cy@z.example", "List-Id: <a.x.org>", DEV)
    account.mail.receive("Screener", "alike", "From: bob@y.example", "List-Id: <not-python-dev.python.org>")
    for label in ("@ToFeed", "@WholeList"):
        account.mail.label("tapped", label)
    async with account.triage(scheme=ON) as triage:
        await triage.run(NOW)
        places = account.mail.places()
        assert [places[each] for each in ("tapped", "other", "two")] == [{"Feed"}] * 3
        assert places["alike"] == {"Screener"}
        for label in ("@ToJail", "@WholeList"):
            account.mail.label("tapped", label)
        account.mail.receive("Screener", "new", "From: dee@z.example", DEV)
        await triage.run(NOW)
        places = account.mail.places()
        assert [places[each] for each in ("tapped", "other", "new")] == [{"Jail"}] * 3
    assert account.contacts.members("Feed") == set()
    assert len(account.contacts.members("Jail")) == 1


@pytest.mark.real
async def test_rules_file_mail_of_domains_and_lists_at_delivery_after_that_of_single_senders(user: User) -> None:
    contacts = user.contacts
    for uid, address, line, group in (
        ("shop", "*@shop.example", "Whole domain", "Feed"),
        ("news", "*@news.shop.example", "Whole domain", "Jail"),
        ("list", "", "Whole list <dev.python.org>", "Billboard"),
    ):
        contacts.add_with_note(uid, address, uid, f"{BLOCK}{line}\nTriaged to {group} on 2026-03-05")
        contacts.join(group, uid)
    contacts.join("Paper Trail", "list")
    contacts.join("Jail", contacts.add("exact@shop.example", "Exact"))
    contacts.add("friend@shop.example", "Friend")
    await rules.apply_sieve(user.settings, DEFAULT_SCHEME)
    landed = {
        sender: user.receive(sender)
        for sender in (
            "a@shop.example",
            "a@x.shop.example",
            "a@news.shop.example",
            "exact@shop.example",
            "friend@shop.example",
            "a@myshop.example",
        )
    }
    assert landed == {
        "a@shop.example": {"Feed"},
        "a@x.shop.example": {"Feed"},
        "a@news.shop.example": {"Jail"},
        "exact@shop.example": {"Jail"},
        "friend@shop.example": {"Screener"},
        "a@myshop.example": {"Screener"},
    }
