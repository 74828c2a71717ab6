"""Kill the daemon at any request, with contacts over CardDAV: the next start ends in the state of an uncut pass."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from mailroom.errors import Unavailable
from tests.real.accounts import Account, radicale_account
from tests.real.contacts_app import ContactsApp
from tests.real.radicale import Radicale
from tests.screener import NOW, Wire

NEW, KNOWN, TORN = "new@x.example", "known@x.example", "torn@x.example"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Seen:
    """All that a user can see; no ids, which differ from run to run."""

    mails: dict[str, set[str]]
    groups: dict[str, set[str]]
    notes: dict[str, list[str]]
    names: dict[str, str]


def seen(account: Account) -> Seen:
    contacts = account.contacts
    notes = contacts.notes()
    return Seen(account.mail.places(), {who: contacts.groups_of(who) for who in notes}, notes, contacts.names())


TEMPLATE = "crash"


@pytest.fixture(scope="module")
def waiting(radicale: Radicale, template_book: str) -> Iterator[Callable[[], Account]]:
    """Makes accounts, all alike: a new sender, one to re-triage whose card is known, and one with two labels."""
    radicale.copy_user("template", TEMPLATE)
    with httpx.Client(auth=(TEMPLATE, "any"), timeout=30) as http:
        template = template_book.replace("/template/", f"/{TEMPLATE}/")
        contacts = ContactsApp(http, template)
        known = contacts.add(KNOWN, "Known for long")
        for group in ("Person", "Feed"):
            contacts.join(group, known)

        def make() -> Account:
            user = f"{TEMPLATE}{next(_numbers)}"
            radicale.copy_user(TEMPLATE, user)
            account = radicale_account(http, user, template.replace(f"/{TEMPLATE}/", f"/{user}/"))
            deliver_to(account)
            return account

        yield make


def deliver_to(account: Account) -> None:
    for sender, subject, labels in (
        (f"New <{NEW}>", "new", ["@ToTruck"]),
        (f"Known <{KNOWN}>", "known", ["@ToImbox"]),
        (f"Torn <{TORN}>", "torn", ["@ToFeed", "@ToJail"]),
    ):
        account.mail.deliver("Screener", sender, subject, f"{subject}, another")
        for label in labels:
            account.mail.label(subject, label)


async def run(account: Account, wire: Wire) -> None:
    """A start and a pass."""
    async with account.triage(wire) as triage:
        await triage.run(NOW)


@pytest.mark.parametrize("when", ["cut_before", "cut_after"])
async def test_a_pass_that_is_cut_off_at_any_request_is_finished_by_the_next_start(
    waiting: Callable[[], Account], when: str
) -> None:
    uncut, wire = waiting(), Wire()
    await run(uncut, wire)
    expected = seen(uncut)
    assert expected.groups == {NEW: {"Truck", "Paper Trail", "Mailroom"}, KNOWN: {"Imbox"}}
    assert wire.requests > 12
    for k in range(1, wire.requests + 1) if when == "cut_before" else wire.writes:
        account = waiting()
        with pytest.RaisesGroup(Unavailable, flatten_subgroups=True):
            await run(account, Wire(**{when: k}))
        await run(account, Wire())
        assert seen(account) == expected, f"{when} request {k} of {wire.requests}"
