"""Passes on real servers: mail in the sandbox or on Cyrus, contacts over JMAP or on two CardDAV servers."""

import pytest

from mailroom.addresses import search_texts
from tests.real.accounts import Account, SandboxContacts
from tests.real.conftest import ON_CYRUS, ON_SANDBOX
from tests.real.contacts_app import ContactsApp
from tests.screener import NOW, Wire

ANN = "ann@shop.example"
BOB = "bob@work.example"
WHEN = "2026-03-05T14:03Z"
HEAD = "— Mailroom —\nCreated by Mailroom\n"


async def test_a_sender_who_is_triaged_again_is_in_the_last_chain_alone(account: Account) -> None:
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One", "Two")
    chains = {
        "Truck": {"Truck", "Paper Trail"},
        "Paper Trail": {"Paper Trail"},
        "Billboard": {"Billboard", "Paper Trail"},
        "Feed": {"Feed"},
    }
    async with account.triage() as triage:
        for category, chain in chains.items():
            account.mail.label("Two", f"@To{category.replace(' ', '')}")
            assert (await triage.run(NOW)).senders_triaged == 1
            assert account.contacts.groups_of(ANN) == {*chain, "Mailroom"}
            assert account.mail.places() == {"One": chain, "Two": chain}
    again = "".join(f"\nRe-triaged to {name} on {WHEN}" for name in ("Paper Trail", "Billboard", "Feed"))
    assert account.contacts.notes() == {ANN: [f"{HEAD}Triaged to Truck on {WHEN}{again}"]}


async def test_a_pass_after_a_pass_is_one_request(account: Account) -> None:
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One", "Two")
    account.mail.label("One", "@ToImbox")
    wire = Wire()
    async with account.triage(wire) as triage:
        await triage.run(NOW)
        before = wire.requests
        await triage.run(NOW)
        assert wire.requests == before + 1
    assert account.mail.places() == {"One": {"Imbox", "Inbox"}, "Two": {"Imbox", "Inbox"}}


async def test_two_labels_of_one_sender_wait_for_the_user(account: Account) -> None:
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One", "Two")
    account.mail.label("One", "@ToFeed")
    account.mail.label("Two", "@ToJail")
    async with account.triage() as triage:
        await triage.run(NOW)
        error = {"Screener", "@MailroomError"}
        assert account.mail.places() == {"One": {*error, "@ToFeed"}, "Two": {*error, "@ToJail"}}
        assert account.contacts.names() == {}
        account.mail.unlabel("Two", "@ToJail")
        await triage.run(NOW)
        # The reason is gone, and so are both error labels.
        assert account.mail.places() == {"One": {"Feed"}, "Two": {"Feed"}}


async def test_a_card_that_is_there_is_adopted_in_whatever_group_it_is(account: Account) -> None:
    uid = account.contacts.add(ANN, "Ann Lee")
    account.contacts.join("Person", uid)
    account.contacts.join("Imbox", uid)
    account.mail.deliver("Screener", f"Ann Lee <{ANN}>", "One")
    account.mail.label("One", "@ToBillboard")
    async with account.triage() as triage:
        await triage.run(NOW)
    assert account.contacts.groups_of(ANN) == {"Billboard", "Paper Trail"}
    assert account.contacts.names() == {ANN: "Ann Lee"}
    note = f"— Mailroom —\nAdopted by Mailroom\nTriaged to Billboard on {WHEN}"
    assert account.contacts.notes() == {ANN: [note]}


KEPT = (
    "PHOTO;ENCODING=b;TYPE=JPEG:" + "QUJDREVGRw" * 40,
    "TEL;TYPE=CELL:+1 555 1",
    "item1.TEL;TYPE=WORK:+1 555 2",
    "item1.X-ABLabel:_$!<Mobile>!$_",
    "X-SOCIALPROFILE;TYPE=mastodon:https://social.example/@ann",
    "X-FOO;X-BAR=1:tab\ttext é",
)


@pytest.mark.real
@pytest.mark.parametrize("fixture", ["on_cyrus", "on_radicale"])
async def test_an_adopted_card_keeps_its_photo_its_phones_and_what_nobody_knows(
    request: pytest.FixtureRequest, fixture: str
) -> None:
    account: Account = request.getfixturevalue(fixture)
    contacts = account.contacts
    assert isinstance(contacts, ContactsApp)
    contacts.add(ANN, "Ann Lee", *KEPT, "NOTE:met in Rome\\, 2019\\; nice")
    before = contacts.lines_of(ANN)
    await triage_to(account, "Feed", "Jail")
    ours = ("NOTE:", "ORG:")
    kept = [line for line in before if not line.startswith(ours)]
    assert [line for line in contacts.lines_of(ANN) if not line.startswith(ours)] == kept
    (note,) = contacts.notes()[ANN]
    assert note.startswith("met in Rome, 2019; nice\n")
    assert len([line for line in kept if line.startswith(("PHOTO", "TEL", "item1", "X-"))]) == len(KEPT)


async def test_an_adopted_card_keeps_its_photo_and_its_phones_over_jmap(on_sandbox: Account) -> None:
    contacts = on_sandbox.contacts
    assert isinstance(contacts, SandboxContacts)
    media = {"m1": {"@type": "Media", "kind": "photo", "uri": "data:image/jpeg;base64," + "QUJDREVGRw" * 40}}
    phones = {"p1": {"number": "+1 555 1", "features": {"mobile": True}}, "p2": {"number": "+1 555 2"}}
    met = {"n1": {"note": "met in Rome, 2019; nice"}}
    services = {"s1": {"service": "mastodon", "uri": "https://social.example/@ann", "example.org:x-foo": "tab\t é"}}
    kept = {"media": media, "phones": phones, "onlineServices": services}
    contacts.sandbox.add_card(ANN, "Ann Lee", **kept, notes=met)
    await triage_to(on_sandbox, "Feed", "Jail")
    (card,) = contacts.sandbox.cards()
    assert {name: card[name] for name in kept} == kept
    assert contacts.notes()[ANN][0].startswith("met in Rome, 2019; nice\n")
    assert card["name"]["full"] == "Ann Lee"


async def triage_to(account: Account, *categories: str) -> None:
    """Triage Ann to one category after the other."""
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One")
    async with account.triage() as triage:
        for category in categories:
            account.mail.label("One", f"@To{category}")
            assert (await triage.run(NOW)).senders_triaged == 1
    assert account.contacts.groups_of(ANN) == {categories[-1]}


async def test_a_group_that_another_client_edits_between_read_and_write_has_both_edits(account: Account) -> None:
    account.contacts.join("Feed", "somebody")
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One")
    account.mail.label("One", "@ToFeed")
    wire = Wire()
    async with account.triage(wire) as triage:
        wire.requests, wire.before = 0, {account.first_write: lambda: account.contacts.join("Feed", "theirs")}
        await triage.run(NOW)
        # Over JMAP a sender may have to wait for the next pass: the patch of an empty group demands that nobody writes.
        assert (await triage.run(NOW)).senders_failing == 0
    members = account.contacts.members("Feed")
    assert {"somebody", "theirs"} < members
    assert len(members) == 3
    assert account.contacts.groups_of(ANN) == {"Feed", "Mailroom"}


async def test_a_group_of_2000_keeps_them_all(account: Account) -> None:
    crowd = {f"{number:08d}-0000-4000-8000-000000000000" for number in range(2_000)}
    account.contacts.join("Feed", *crowd)
    account.mail.deliver("Screener", f"Ann <{ANN}>", "One")
    async with account.triage() as triage:
        account.mail.label("One", "@ToFeed")
        await triage.run(NOW)
        members = account.contacts.members("Feed")
        assert crowd < members
        assert len(members) == 2_001
        account.mail.label("One", "@ToJail")
        await triage.run(NOW)
        assert account.contacts.members("Feed") == crowd
    assert account.contacts.groups_of(ANN) == {"Jail", "Mailroom"}


@pytest.mark.parametrize("account", [ON_SANDBOX, ON_CYRUS], indirect=True)
async def test_a_sender_with_3000_mails_is_filed_whole(account: Account) -> None:
    account.mail.deliver("Screener", f"Ann <{ANN}>", *map(str, range(3_000)))
    account.mail.label("2999", "@ToFeed")
    async with account.triage() as triage:
        outcome = await triage.run(NOW)
    assert (outcome.senders_triaged, outcome.mails_filed) == (1, 3_000)
    places = account.mail.places()
    assert len(places) == 3_000
    assert set(map(frozenset, places.values())) == {frozenset({"Feed"})}


@pytest.mark.parametrize("account", [ON_SANDBOX, ON_CYRUS], indirect=True)
async def test_more_senders_than_one_search_takes_are_filed_at_once(account: Account) -> None:
    # A domain with two spellings is searched for by four conditions; Cyrus takes 499 of them with one mailbox.
    senders = [f"info@xn--bcher{number}-n2a.example" for number in range(130)]
    assert all(len(search_texts(sender)) == 2 for sender in senders)
    for number, sender in enumerate(senders):
        account.mail.deliver("@ToFeed", sender, f"labelled {number}")
    account.mail.deliver("Screener", senders[0], "first")
    account.mail.deliver("Screener", senders[-1], "last")
    async with account.triage() as triage:
        outcome = await triage.run(NOW)
    # A call that is refused would have been repeated by halves, which find some of the mails filed already.
    assert (outcome.senders_triaged, outcome.mails_filed) == (130, 132)
    assert set(map(frozenset, account.mail.places().values())) == {frozenset({"Feed"})}


@pytest.mark.parametrize("account", ["sandbox", ON_CYRUS], indirect=True)
async def test_a_broken_card_fails_its_sender_alone(account: Account) -> None:
    # Radicale takes no such card, and hides one that it finds on its disk.
    account.contacts.add_broken(BOB)
    for sender, subject in ((ANN, "Fine"), (BOB, "Broken")):
        account.mail.deliver("Screener", f"Somebody <{sender}>", subject)
        account.mail.label(subject, "@ToFeed")
    async with account.triage() as triage:
        outcome = await triage.run(NOW)
    assert (outcome.senders_triaged, outcome.senders_failing) == (1, 1)
    assert account.mail.places() == {"Fine": {"Feed"}, "Broken": {"Screener", "@ToFeed"}}


SPELLINGS = {
    '"Parcel Service" <"parcel.service"@shop.example>': "Parcel <parcel.service@SHOP.example>",
    '"John Doe" <"john doe"@shop.example>': '<"john doe"@shop.example>',
    "=?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm@shop.example>": "=?iso-8859-1?b?SvxyZ2VuIE38bGxlcg==?= <JM@shop.example>",
    "Books <info@xn--bcher-kva.example>": "=?utf-8?b?QsO8Y2hlcg==?= <INFO@xn--bcher-kva.example>",
}


async def test_one_sender_in_two_spellings_is_one_sender(account: Account) -> None:
    for number, spellings in enumerate(SPELLINGS.items()):
        for spelling, subject in zip(spellings, ("labelled", "other"), strict=True):
            account.mail.deliver("Screener", spelling, f"{subject} {number}")
        account.mail.label(f"labelled {number}", "@ToFeed")
    async with account.triage() as triage:
        assert (await triage.run(NOW)).senders_triaged == len(SPELLINGS)
    assert {frozenset(places) for places in account.mail.places().values()} == {frozenset({"Feed"})}
    assert account.contacts.names() == {
        "parcel.service@shop.example": "Parcel Service",
        '"john doe"@shop.example': "John Doe",
        "jm@shop.example": "Jürgen Müller",
        "info@xn--bcher-kva.example": "Books",
    }


async def test_a_sender_in_raw_utf8_is_filed_whatever_the_server_makes_of_it(account: Account) -> None:
    account.mail.deliver("Screener", "Bücher <info@bücher.example>", "One", "Two")
    account.mail.label("One", "@ToFeed")
    async with account.triage() as triage:
        assert (await triage.run(NOW)).senders_triaged == 1
    assert account.mail.places() == {"One": {"Feed"}, "Two": {"Feed"}}
