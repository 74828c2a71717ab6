"""Who is who, on real servers: cards with several addresses, names, people who were companies."""

import pytest

from tests.real.accounts import Account, SandboxContacts
from tests.real.contacts_app import ContactsApp
from tests.screener import NOW, Wire

pytestmark = pytest.mark.real

HOME, WORK, STRANGER = "ann@home.example", "ann@work.example", "ann.lee@evil.example"


async def test_mail_of_a_friends_second_address_is_filed_with_the_first_ones(account: Account) -> None:
    account.contacts.add(HOME, "Ann Lee")
    account.contacts.add_address(HOME, WORK)
    account.mail.deliver("Screener", f"Ann Lee <{HOME}>", "One")
    account.mail.deliver("Screener", f"Ann Lee <{WORK}>", "Two", "Three")
    account.mail.label("One", "@ToFeed")
    wire = Wire()
    async with account.triage(wire) as triage:
        await triage.run(NOW)
        assert account.mail.places() == {subject: {"Feed"} for subject in ("One", "Two", "Three")}
        before = wire.requests
        await triage.run(NOW)
        assert wire.requests == before + 1


async def test_two_addresses_of_one_card_under_different_labels_are_a_conflict(account: Account) -> None:
    account.contacts.add(HOME, "Ann Lee")
    account.contacts.add_address(HOME, WORK)
    account.mail.deliver("Screener", f"Ann Lee <{HOME}>", "One")
    account.mail.deliver("Screener", f"Ann Lee <{WORK}>", "Two")
    account.mail.label("One", "@ToFeed")
    account.mail.label("Two", "@ToJail")
    async with account.triage() as triage:
        assert (await triage.run(NOW)).senders_triaged == 0
    error = {"Screener", "@MailroomError"}
    assert account.mail.places() == {"One": {*error, "@ToFeed"}, "Two": {*error, "@ToJail"}}
    assert account.contacts.groups_of(HOME) == set()


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ("Ann  Lee", "Ann  Lee"),
        ('Ann "Annie"', '"Ann \\"Annie\\""'),
        ("Jose\u0301 Lee", "=?utf-8?q?Jos=C3=A9?= Lee"),
        ("Ann\xa0Lee", "Ann Lee"),
        ("A" * 201 + " Lee", "A" * 201 + " Lee"),
    ],
    ids=["two spaces", "quotes at an end", "NFD", "no-break space", "over 200 letters"],
)
async def test_a_name_that_people_read_as_the_same_is_no_alarm(account: Account, card: str, shown: str) -> None:
    account.contacts.add(HOME, card)
    account.mail.deliver("Screener", f"{shown} <{HOME}>", "One")
    account.mail.label("One", "@ToFeed")
    async with account.triage() as triage:
        await triage.run(NOW)
    assert account.mail.places() == {"One": {"Feed"}}


@pytest.mark.parametrize("shown", ["Ann Lee", "'ann  LEE'"])
async def test_a_contacts_full_name_with_another_address_is_an_alarm(account: Account, shown: str) -> None:
    account.contacts.add(HOME, "Ann  Lee")
    account.mail.deliver("Screener", f'"{shown}" <{STRANGER}>', "One")
    account.mail.deliver("Screener", f"Bob Lee <{WORK}>", "Two")
    account.mail.label("One", "@ToFeed")
    account.mail.label("Two", "@ToFeed")
    async with account.triage() as triage:
        await triage.run(NOW)
    assert account.mail.places() == {"One": {"Feed", "@MailroomWarning"}, "Two": {"Feed"}}


async def test_a_company_that_turns_out_to_be_a_person_gets_a_persons_card_and_back(account: Account) -> None:
    account.mail.deliver("Screener", f"Dr. Ann Lee <{HOME}>", "One", "Two")
    account.mail.label("One", "@ToFeed")
    async with account.triage() as triage:
        await triage.run(NOW)
        assert kind_of(account) == ("company", "Dr. Ann Lee", "", "")
        account.mail.label("One", "@ToPerson")
        await triage.run(NOW)
        assert kind_of(account) == ("person", "", "Lee", "Ann")
        account.mail.label("One", "@ToFeed")
        await triage.run(NOW)
        assert kind_of(account) == ("company", "Dr. Ann Lee", "", "")
    assert account.contacts.names() == {HOME: "Dr. Ann Lee"}


def kind_of(account: Account) -> tuple[str, str, str, str]:
    """Company or person, organization, family and given name, as the card has them."""
    if isinstance(account.contacts, SandboxContacts):
        (card,) = account.contacts.sandbox.cards()
        kind = {"org": "company", "individual": "person"}[card["kind"]]
        organizations = "".join(each["name"] for each in card.get("organizations", {}).values())
        parts = {part["kind"]: part["value"] for part in card["name"].get("components", ())}
        return kind, organizations, parts.get("surname", ""), parts.get("given", "")
    assert isinstance(account.contacts, ContactsApp)
    lines = dict(line.split(":", 1) for line in account.contacts.lines_of(HOME) if ":" in line)
    family, given = lines.get("N", ";").split(";")[:2]
    kind = "company" if lines.get("X-ABSHOWAS") == "COMPANY" else "person"
    return kind, lines.get("ORG", ""), family, given
