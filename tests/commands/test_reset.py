"""`mailroom reset`: what Mailroom did is undone, what is the user's stays."""

import os
import pty
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from subprocess import PIPE

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mailroom.commands import reset, rules
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.contacts.jmap import JmapContacts
from mailroom.decisions import note
from mailroom.decisions.keywords import SEEN
from mailroom.decisions.state_card import uid_of
from mailroom.errors import ConfigError, MailroomError, Unavailable
from mailroom.jmap.batch import MethodFailed
from mailroom.sandbox import CYRUS, FASTMAIL, Flavour, Limits, MethodError, Sandbox, SetError, faults
from mailroom.senders.reset import look, undo_all
from tests.commands.support import bare_sandbox, command, environment, sets, settings_for
from tests.daemon_process import daemon_process
from tests.exhaustive import always, some_of
from tests.flavours import every_flavour
from tests.screener import NOW, Wire, client_of, empty_sandbox, start
from tests.triage.test_model import MAY_CHANGE, World, built, examples, passes, worlds
from tests.triage.test_screening import ON
from tests.warm import mailroom

ANN, BOB, CY, DEE, EVE, FAY = (f"{name}@x.org" for name in ("ann", "bob", "cy", "dee", "eve", "fay"))
STRANGER, FILED, FRIEND, JO, DEES_NEXT, PUT_AWAY = "gus@x.org", "hal@x.org", "ida@x.org", "jo@x.org", "dee", "kim@x.org"
LABELS = DEFAULT_SCHEME.labels | {"@MailroomError", "@MailroomWarning"}


@dataclass(frozen=True)
class Lived:
    """An account that was used, with the ids of its mails by sender; `places` is where a reset leaves them."""

    sandbox: Sandbox
    mails: Mapping[str, str]
    places: Mapping[str, set[str]]


async def lived_in(flavour: Flavour = FASTMAIL) -> Lived:
    """Ann's and Fay's cards are Mailroom's, Bob's was there before, Cy's has been edited, Dee is the user's; Eve is a
    conflict."""
    sandbox = empty_sandbox(flavour=flavour)
    sandbox.create_mailbox("Work")
    sandbox.add_card(BOB, "Bob", notes={"n": {"note": "Met in Porto.\n"}}, phones={"p": {"number": "1"}})
    sandbox.add_card(DEE, "Dee")
    wrote = {
        ANN: ("Ann", ["Screener", "Work", "@ToTruck"]),
        BOB: ("Robert", ["Screener", "@ToImbox"]),
        CY: ("Cy", ["Archive", "@ToPerson"]),
        DEE: ("Dee", ["Feed"]),
        EVE: ("Eve", ["Screener", "@ToFeed", "@ToJail"]),
        FAY: ("Fay", ["Screener", "@ToFeed"]),
    }
    mails = {
        address: sandbox.deliver(f"{name} <{address}>", mailboxes=mailboxes, received_at=NOW - timedelta(days=1))
        for address, (name, mailboxes) in wrote.items()
    }
    async with client_of(sandbox, Wire()) as client:
        await (await start(client)).run(NOW)
    (cys,) = [card["uid"] for card in sandbox.cards() if card["name"]["full"] == "Cy"]
    sandbox.change_card(cys, {"phones": {"p": {"number": "2"}}})
    groups = {card.data["name"]["full"]: card for card in sandbox.store.cards.objects.values() if card.kind == "group"}
    (dees,) = [card["uid"] for card in sandbox.cards() if card["name"]["full"] == "Dee"]
    sandbox.change_card(groups["Feed"].uid, {"members": {**groups["Feed"].data["members"], dees: True}})
    places = {ANN: {"Work"}, BOB: {"Inbox"}, CY: {"Archive"}, DEE: {"Feed"}, EVE: {"Screener"}, FAY: {"Screener"}}
    return Lived(sandbox, mails, places)


async def screened_in(flavour: Flavour = FASTMAIL) -> Lived:
    """The same, where new mail was screened for a while: two strangers, one of whose mails the user put elsewhere; a
    friend; Jo, who is in Jail; and Dee, whom the user has put into a group of Mailroom's."""
    lived = await lived_in(flavour)
    sandbox = lived.sandbox
    sandbox.add_card(FRIEND, "Ida")
    where = {STRANGER: ["Inbox"], FILED: ["Inbox", "Work"], FRIEND: ["Inbox"], JO: ["Inbox", "@ToJail"]}
    where |= {DEES_NEXT: ["Inbox"], PUT_AWAY: ["Inbox"]}
    mails = {
        key: sandbox.deliver(
            f"Somebody <{DEE if key == DEES_NEXT else key}>", mailboxes=to, received_at=NOW + timedelta(minutes=1)
        )
        for key, to in where.items()
    }
    async with client_of(sandbox, Wire()) as client:
        triage = await start(client, ON)
        await triage.run(NOW + timedelta(minutes=2))
        assert {key: sandbox.mailboxes_of(id) for key, id in mails.items()} == {
            STRANGER: {"Screener"},
            FILED: {"Screener", "Work"},
            FRIEND: {"Inbox"},
            JO: {"Jail"},
            DEES_NEXT: {"Feed"},
            PUT_AWAY: {"Screener"},
        }
        sandbox.move(mails[PUT_AWAY], "Work")
        await triage.run(NOW + timedelta(minutes=3))
    places = {STRANGER: {"Inbox"}, FILED: {"Work"}, FRIEND: {"Inbox"}, JO: {"Inbox"}}
    # Eve's mail waits as all that is in the Screener.
    places |= {DEES_NEXT: {"Inbox"}, PUT_AWAY: {"Work"}, EVE: {"Inbox"}}
    return Lived(sandbox, {**lived.mails, **mails}, {**lived.places, **places})


LIVES = {"labels alone": lived_in, "screened": screened_in}
Live = Callable[[Flavour], Awaitable[Lived]]


async def undo(sandbox: Sandbox, *wires: Wire) -> None:
    """A reset over each wire, one after the other; what cuts one off ends it."""
    for wire in wires:
        async with client_of(sandbox, wire) as client:
            with suppress(Unavailable, MethodFailed):
                session = await client.session()
                assert session.contacts_account is not None
                contacts = JmapContacts(client, session.contacts_account, session.limits)
                await undo_all(await look(client, contacts, DEFAULT_SCHEME), lambda _: None)


def notes(sandbox: Sandbox) -> dict[str, str]:
    """The notes of every card that has any, by name."""
    return {
        card["name"]["full"]: "\n".join(each["note"] for each in card["notes"].values())
        for card in sandbox.cards()
        if card.get("notes")
    }


def assert_undone(lived: Lived) -> None:
    sandbox = lived.sandbox
    assert {address: sandbox.mailboxes_of(id) for address, id in lived.mails.items()} == lived.places
    assert {id: mail.keywords for id, mail in sandbox.store.mails.objects.items() if mail.keywords} == {}
    friends = ["Ida"] if FRIEND in lived.mails else []
    assert sorted(card["name"]["full"] for card in sandbox.cards()) == ["Bob", "Cy", "Dee", *friends]
    assert notes(sandbox) == {"Bob": "Met in Porto."}
    assert sandbox.groups() == {
        name: {DEE} if name == "Feed" else set() for name in (*DEFAULT_SCHEME.groups, "Mailroom")
    }
    phones = {card["name"]["full"]: card.get("phones") for card in sandbox.cards()}
    had = {"Bob": {"p": {"number": "1"}}, "Cy": {"p": {"number": "2"}}, "Dee": None}
    assert phones == {**had, **dict.fromkeys(friends)}


def tables(output: str) -> list[list[str]]:
    """The lines of each part, their columns set apart by one bar."""
    parts = output.split("\n\n")
    return [
        [" | ".join(filter(None, map(str.strip, line.split("  ")))) for line in part.splitlines()] for part in parts
    ]


@every_flavour
async def test_everything_is_shown_and_nothing_changed(flavour: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    lived = await lived_in(flavour)
    before = len(sets(lived.sandbox))
    capsys.readouterr()
    async with settings_for(lived.sandbox) as settings:
        assert await reset.dry_run(settings, DEFAULT_SCHEME) == 0
    figures, cards, end, stays = tables(capsys.readouterr().out)
    assert figures == [
        "What | Where | How many",
        "Mail back into | Screener | 1 mail",
        "Mail out of | Feed | 1 mail",
        "Mail out of | Imbox | 2 mails",
        "Mail out of | Paper Trail | 1 mail",
        "Mail out of | Person | 1 mail",
        "Mail out of | Truck | 1 mail",
        "Label off | @MailroomError | 1 mail",
        "Label off | @MailroomWarning | 1 mail",
        "Label off | @ToFeed | 1 mail",
        "Label off | @ToJail | 1 mail",
        "Contacts out of the group | Feed | 1 contact",
        "Contacts out of the group | Imbox | 2 contacts",
        "Contacts out of the group | Paper Trail | 1 contact",
        "Contacts out of the group | Person | 1 contact",
        "Contacts out of the group | Truck | 1 contact",
        "Mailroom's note off | address book | 2 contacts",
        "Contacts deleted | address book | 2 contacts",
        "Group emptied | Mailroom | 3 contacts",
        "Stays: not Mailroom's | Feed | 1 mail",
    ]
    assert cards == [
        "Contact | Name | What happens to it",
        "ann@x.org | Ann | deleted: Mailroom made it",
        "bob@x.org | Bob | stays without Mailroom's note: yours before Mailroom",
        "cy@x.org | Cy | stays without Mailroom's note: you added phones",
        "fay@x.org | Fay | deleted: Mailroom made it",
    ]
    assert end == ["Nothing is changed yet: `mailroom reset --apply` does all this."]
    assert stays[0] == "What stays, and how to remove it:"
    assert len(sets(lived.sandbox)) == before


@every_flavour
@some_of("live", LIVES, "screened")
@pytest.mark.parametrize(
    "limits", [Limits(), Limits(max_objects_in_get=30, max_objects_in_set=1)], ids=["usual", "low"]
)
async def test_everything_is_undone_and_a_second_run_writes_nothing(
    flavour: Flavour, live: Live, limits: Limits, capsys: pytest.CaptureFixture[str]
) -> None:
    lived = await live(flavour)
    lived.sandbox.limits = limits
    capsys.readouterr()
    async with settings_for(lived.sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
        assert_undone(lived)
        output = capsys.readouterr().out
        assert output.startswith("All of it is undone.\n\nWhat stays, and how to remove it:\n")
        written = len(sets(lived.sandbox))
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
        assert await reset.dry_run(settings, DEFAULT_SCHEME) == 0
    assert len(sets(lived.sandbox)) == written
    assert (
        "Nothing to undo: no contact has a note of Mailroom's, and no mail a label or keyword."
        in capsys.readouterr().out
    )


async def test_a_group_is_written_once_and_an_account_is_read_in_five_requests() -> None:
    lived = await lived_in()
    before = len(lived.sandbox.requests)
    async with settings_for(lived.sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    calls = [request.calls for request in lived.sandbox.requests[before + 1 :]]
    assert calls == [
        ("Mailbox/get",),
        ("ContactCard/get", "AddressBook/get", "ContactCard/query", "ContactCard/get"),
        ("Email/query", "Email/get", "Email/query", "Email/get"),
        ("ContactCard/get",),
        ("Email/set",),
        ("ContactCard/set",),
        # The cards as they are now, then those that go, those that stay, and the provenance group.
        ("ContactCard/get", "ContactCard/get"),
        ("ContactCard/get",),
        ("ContactCard/set",),
        ("ContactCard/set",),
        ("ContactCard/set",),
    ]


async def test_a_warning_label_from_when_warnings_were_on_comes_off_too() -> None:
    lived = await lived_in()
    assert "@MailroomWarning" in lived.sandbox.mailboxes_of(lived.mails[BOB])
    async with settings_for(lived.sandbox) as settings:
        assert await reset.undo(settings, Scheme(warnings_enabled=False)) == 0
    assert_undone(lived)


# --- what screening left


@every_flavour
async def test_what_was_screened_is_shown(flavour: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    lived = await screened_in(flavour)
    capsys.readouterr()
    async with settings_for(lived.sandbox) as settings:
        assert await reset.dry_run(settings, ON) == 0
    figures, _, _, stays = tables(capsys.readouterr().out)
    assert [
        row for row in figures if row.startswith(("Mail back", "Mail out of | S", "Contact card", "Mailroom's k"))
    ] == [
        "Mail back into | Inbox | 4 mails",
        "Mail back into | Screener | 1 mail",
        "Mail out of | Screener | 3 mails",
        "Contact card deleted | Mailroom | since when mail is screened",
        "Mailroom's keywords off | all mailboxes | 7 mails",
    ]
    assert stays[1].startswith("• Screening is on in your settings: set its `mode` there to off")


async def test_the_order_is_mail_then_the_state_card_then_contacts_then_keywords() -> None:
    lived = await screened_in()
    before = len(lived.sandbox.requests)
    async with settings_for(lived.sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    written = [call for request in lived.sandbox.requests[before:] for call in request.calls if call.endswith("/set")]
    assert written == ["Email/set", *["ContactCard/set"] * 5, "Email/set"]
    assert_undone(lived)


@every_flavour
async def test_a_daemon_after_it_screens_nothing_that_is_there(flavour: Flavour) -> None:
    lived = await screened_in(flavour)
    sandbox = lived.sandbox
    await undo(sandbox, Wire())
    moments = [NOW + timedelta(minutes=minutes) for minutes in (10, 11, 12)]
    async with client_of(sandbox, Wire()) as client:
        triage = await start(client, ON, now=moments[0])
        for now in moments:
            assert (await triage.run(now)).mails_screened == 0
        assert sandbox.mailboxes_of(lived.mails[STRANGER]) == {"Inbox"}


async def test_a_state_card_that_cannot_be_deleted_keeps_the_keywords(capsys: pytest.CaptureFixture[str]) -> None:
    lived = await screened_in()
    sandbox = lived.sandbox
    state = sandbox.store.card_with_uid(uid_of(sandbox.account_id))
    assert state is not None
    sandbox.faults.set_errors[state.id] = SetError("forbidden", "a card")
    capsys.readouterr()
    async with settings_for(sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 1
        (told, _) = capsys.readouterr().out.partition("\n\n")[0].splitlines()
        assert told == "✗ contact card Mailroom: forbidden; keywords stay until it is gone"
        assert SEEN in sandbox.store.mails.objects[lived.mails[STRANGER]].keywords
        sandbox.faults.clear()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert_undone(lived)


async def test_a_mail_that_cannot_be_moved_keeps_its_keywords(capsys: pytest.CaptureFixture[str]) -> None:
    lived = await screened_in()
    sandbox = lived.sandbox
    sandbox.faults.set_errors[lived.mails[STRANGER]] = SetError("forbidden", "a mail")
    capsys.readouterr()
    async with settings_for(sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 1
        assert capsys.readouterr().out.startswith("✗ 1 mail could not be moved: forbidden\n")
        marked = {id for id, mail in sandbox.store.mails.objects.items() if mail.keywords}
        assert marked == {lived.mails[STRANGER]}
        sandbox.faults.clear()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert_undone(lived)


async def test_a_mail_whose_keywords_cannot_be_taken_off_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    lived = await screened_in()
    sandbox = lived.sandbox
    sandbox.faults.set_errors[lived.mails[FRIEND]] = SetError("serverFail", "too many user flags")
    capsys.readouterr()
    async with settings_for(sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 1
        assert capsys.readouterr().out.startswith("✗ 1 mail kept Mailroom's keywords: serverFail\n")
        sandbox.faults.clear()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert_undone(lived)


async def test_keywords_come_off_500_mails_at_a_time() -> None:
    sandbox = empty_sandbox()
    for number in range(501):
        id = sandbox.deliver(mailboxes=["Inbox"])
        sandbox.store.change_mail(
            replace(sandbox.store.mails.objects[id], keywords=frozenset({SEEN, f"own{number % 2}"}))
        )
    async with settings_for(sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert sets(sandbox).count("Email/set") == 2
    assert {mail.keywords for mail in sandbox.store.mails.objects.values()} == {
        frozenset({"own0"}),
        frozenset({"own1"}),
    }


# --- the rules for new mail


MINE = 'require "fileinto";\nfileinto "Archive";\nstop;\n'


async def test_the_rules_are_removed_before_anything_else(capsys: pytest.CaptureFixture[str]) -> None:
    lived = await lived_in(CYRUS)
    lived.sandbox.add_script("mine", MINE, active=True)
    async with settings_for(lived.sandbox) as settings:
        assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        written = len(sets(lived.sandbox))
        capsys.readouterr()
        assert await reset.dry_run(settings, DEFAULT_SCHEME) == 0
        output = capsys.readouterr().out
        assert output.startswith("The Sieve script goes first; your script mine is active again.\n\n")
        assert "Rules for new mail" not in output
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert sets(lived.sandbox)[written : written + 3] == ["SieveScript/set", "SieveScript/set", "Email/set"]
    assert (lived.sandbox.scripts(), lived.sandbox.active_script()) == ({"mine": MINE}, "mine")
    assert_undone(lived)


async def test_rules_alone_are_something_to_undo() -> None:
    sandbox = empty_sandbox(flavour=CYRUS)
    async with settings_for(sandbox) as settings:
        assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        shown = await command(settings, "reset")
        done = await command(settings, "reset", "--apply", "--yes")
    assert shown.output.startswith("The Sieve script goes first; no script is active now.\n\nNothing is changed yet")
    assert (done.status, sandbox.scripts()) == (0, {})


async def test_rules_that_cannot_be_removed_are_told_and_the_rest_is_undone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lived = await lived_in(CYRUS)
    lived.sandbox.add_script("mine", 'require "include";\ninclude "mailroom";\n', active=True)
    async with settings_for(lived.sandbox) as settings:
        assert await rules.apply_sieve(settings, DEFAULT_SCHEME) == 0
        capsys.readouterr()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 1
        output = capsys.readouterr().out
        lived.sandbox.store.active_script = None
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert output.startswith(
        "✗ your script mine needs the script mailroom: take the line that includes it out of yours"
    )
    assert "mailroom" not in lived.sandbox.scripts()
    assert_undone(lived)


async def test_where_no_program_sees_the_rules_the_user_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    lived = await lived_in(FASTMAIL)
    async with settings_for(lived.sandbox) as settings:
        capsys.readouterr()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert "on Fastmail at Settings → Filters & Rules" in capsys.readouterr().out


# --- failures


async def test_a_failure_is_listed_and_stops_nothing_else_and_the_next_run_finishes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lived = await lived_in()
    sandbox = lived.sandbox
    fays = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Fay")
    imbox = next(card for card in sandbox.store.cards.objects.values() if card.data["name"]["full"] == "Imbox")
    sandbox.faults.set_errors |= {
        lived.mails[ANN]: SetError("overQuota", "a mail"),
        fays.id: SetError("tooLarge", "a card"),
        imbox.id: SetError("forbidden", "a group"),
    }
    capsys.readouterr()
    async with settings_for(sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 1
        output = capsys.readouterr().out
        assert output.partition("\n\n")[0].splitlines() == [
            "✗ 1 mail could not be moved: overQuota",
            f"✗ contact {ANN}: stays until its mail can be moved",
            f"✗ contact {BOB}: contact group 'Imbox' could not be written: forbidden",
            f"✗ contact {CY}: contact group 'Imbox' could not be written: forbidden",
            f"✗ contact {FAY}: tooLarge",
            "The rest is undone: `mailroom reset --apply` tries these again.",
        ]
        # By their notes they are found again.
        assert set(notes(sandbox)) == {"Ann", "Bob", "Cy", "Fay"}
        assert sandbox.groups()["Mailroom"] == {ANN, CY, FAY}
        sandbox.faults.clear()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert_undone(lived)


async def test_one_mail_that_is_refused_with_all_others_is_found() -> None:
    lived = await lived_in()
    lived.sandbox.faults.refused_texts[f'"{lived.mails[BOB]}": {{"mailboxIds'] = MethodError("invalidArguments")
    async with settings_for(lived.sandbox) as settings:
        assert await reset.undo(settings, DEFAULT_SCHEME) == 1
        assert "Imbox" in lived.sandbox.mailboxes_of(lived.mails[BOB])
        lived.sandbox.faults.clear()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert_undone(lived)


async def test_an_outage_says_how_to_finish() -> None:
    lived = await lived_in()
    lived.sandbox.faults.next_request(faults.status(503), skip=6)
    async with settings_for(lived.sandbox) as settings:
        with pytest.raises(MailroomError, match=r"HTTP 503\. `mailroom reset --apply` undoes the rest$"):
            await reset.undo(settings, DEFAULT_SCHEME)
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert_undone(lived)


@every_flavour
@some_of("live", LIVES, "screened")
@some_of("first", {"odd": 1, "even": 2}, "odd")
async def test_cut_off_at_any_request_the_next_run_ends_in_the_same(flavour: Flavour, live: Live, first: int) -> None:
    used = await live(flavour)
    whole, wire = deepcopy(used), Wire()
    await undo(whole.sandbox, wire)
    assert_undone(whole)
    before = [Wire(cut_before=k) for k in range(first, wire.requests + 1, 2)]
    for cut in (*before, *(Wire(cut_after=k) for k in wire.writes[first - 1 :: 2])):
        lived = deepcopy(used)
        await undo(lived.sandbox, cut, Wire())
        assert_undone(lived)


async def test_what_the_user_adds_to_a_contact_meanwhile_stays() -> None:
    """Whichever request it comes before: a number on Fay's card, which would go, and a line in Bob's note."""
    used, wire = await lived_in(), Wire()
    await undo(deepcopy(used).sandbox, wire)
    stayed: set[bool] = set()
    for number in range(1, wire.requests + 1):
        lived = deepcopy(used)
        sandbox, wrote = lived.sandbox, Wire()
        cards = {card["name"]["full"]: card["uid"] for card in sandbox.cards()}
        was_there: list[bool] = []

        def write(sandbox: Sandbox = sandbox, cards: Mapping[str, str] = cards, there: list[bool] = was_there) -> None:
            there.append("Fay" in {card["name"]["full"] for card in sandbox.cards()})
            if there[0]:
                sandbox.change_card(cards["Fay"], {"phones": {"p": {"number": "3"}}})
            sandbox.change_card(cards["Bob"], {"notes": {"n": {"note": f"Allergic to nuts\n{notes(sandbox)['Bob']}"}}})

        wrote.before = {number: write}
        await undo(sandbox, wrote)
        after = {card["name"]["full"]: card for card in sandbox.cards()}
        assert ("Fay" in after) is was_there[0], f"before request {number}"
        assert not was_there[0] or after["Fay"]["phones"] == {"p": {"number": "3"}}
        assert notes(sandbox) == {"Bob": "Allergic to nuts\nMet in Porto."}
        assert not any(members - {DEE} for members in sandbox.groups().values())
        stayed.add(was_there[0])
    assert stayed == {True, False}


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        (DEFAULT_SCHEME, "missing mailbox: Screener, where mail goes back to"),
        (Scheme((category("Old", destination_mailbox="Archive"),)), "mailbox Archive is the account's archive mailbox"),
    ],
)
async def test_a_scheme_that_does_not_fit_the_account_undoes_nothing(scheme: Scheme, said: str) -> None:
    sandbox = bare_sandbox()
    sandbox.deliver(mailboxes=["Archive"])
    async with settings_for(sandbox) as settings:
        with pytest.raises(ConfigError, match=said):
            await reset.undo(settings, scheme)
    assert sets(sandbox) == []


# --- for every mailbox and address book


@examples
@given(world=worlds, k=st.integers(0, 12), before=st.booleans())
def test_after_triages_and_a_reset_nothing_of_mailrooms_is_left_and_all_else_is_as_before(
    world: World, k: int, before: bool
) -> None:
    sandbox, ids = built(world)
    groups = sandbox.groups()
    trio.run(passes, sandbox, Wire())
    # k = 0: nothing cuts it off.
    cut = Wire(cut_before=k) if before else Wire(cut_after=k)
    places = {id: sandbox.mailboxes_of(id) for mails in ids.values() for id in mails}
    noted = {address for card in sandbox.cards() if card.get("notes") for address in addresses(card)}
    trio.run(undo, sandbox, cut, Wire())

    for person in world:
        ours = DEFAULT_SCHEME.destinations if person.address in noted else frozenset()
        for mail, id in zip(person.mails, ids[person.address], strict=True):
            assert sandbox.mailboxes_of(id) == (places[id] - ours - LABELS or {"Screener"})
            assert sandbox.mailboxes_of(id) - MAY_CHANGE == mail.mailboxes - MAY_CHANGE
    assert not any(note.has_block(text) for text in notes(sandbox).values())
    assert {a for card in sandbox.cards() for a in addresses(card)} == {
        each.address for each in world if each.card is not None
    }
    for name, members in sandbox.groups().items():
        assert members == (set() if name == "Mailroom" else groups[name] - noted)


def addresses(card: Mapping[str, Mapping[str, Mapping[str, str]]]) -> set[str]:
    return {each["address"] for each in card["emails"].values()}


# --- as a process


async def test_it_asks_on_a_terminal_and_no_means_no() -> None:
    lived = await lived_in()
    before = len(sets(lived.sandbox))
    async with settings_for(lived.sandbox) as settings:
        status, output = await at_a_terminal(settings, b"n\n", mailroom("reset", "--apply"))
        assert (status, len(sets(lived.sandbox))) == (0, before)
        assert b"Undo all this? [y/N]: n" in output
        assert b"Nothing was changed." in output
        status, output = await at_a_terminal(settings, b"y\n", mailroom("reset", "--apply"))
    assert status == 0
    assert b"Undoing" in output
    assert b"All of it is undone." in output
    assert_undone(lived)


@pytest.mark.exhaustive
async def test_ctrl_c_at_the_question_means_no() -> None:
    lived = await lived_in()
    before = len(sets(lived.sandbox))
    async with settings_for(lived.sandbox) as settings:
        status, _ = await at_a_terminal(settings, b"\x03", CONTROLLED)
    # A second Ctrl-C, while a busy machine takes its time over the first, ends it by the signal itself.
    assert status in (130, -signal.SIGINT)
    assert len(sets(lived.sandbox)) == before


async def at_a_terminal(settings: AccountSettings, answer: bytes, command: Sequence[str]) -> tuple[int, bytes]:
    """Answer the question of the command on a terminal of its own; gives the exit status and all that it showed."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    process = await trio.lowlevel.open_process(
        command,
        env=environment(settings, TERM="xterm"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    output = b""
    try:
        while b"[y/N]" not in output:
            output += await shown(ours)
        with suppress(Closed):
            while True:
                os.write(ours, answer)
                # Ctrl-C in the instant before the prompt waits is noticed only after it: press it again, as people do,
                # yet not while a busy machine ends the process because of the first.
                with trio.move_on_after(15):
                    while True:
                        output += await shown(ours)
        return await process.wait(), output
    finally:
        # The terminal hangs up, which ends whatever still runs on it.
        os.close(ours)


CONTROL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C goes to the processes that a terminal controls.
os.execv(sys.argv[1], sys.argv[1:])
"""
CONTROLLED = [sys.executable, "-c", CONTROL, sys.executable, "-m", "mailroom", "reset", "--apply"]


class Closed(Exception):
    """Nobody has the terminal open any more."""


async def shown(terminal: int) -> bytes:
    """What the terminal shows next. Raises `Closed`."""
    await trio.lowlevel.wait_readable(terminal)
    try:
        return os.read(terminal, 65_536)
    except OSError as error:
        # What Linux answers when the other end is closed.
        raise Closed from error


async def test_through_a_pipe_it_undoes_nothing_unless_told_yes() -> None:
    lived = await lived_in()
    before = len(lived.sandbox.requests)
    async with settings_for(lived.sandbox) as settings:
        asked = await command(settings, "reset", "--apply")
        assert (asked.status, asked.output) == (2, "")
        assert "There is no terminal to ask on: add --yes" in asked.errors
        only_yes = await command(settings, "reset", "--yes")
        assert (only_yes.status, only_yes.output) == (2, "")
        assert len(lived.sandbox.requests) == before
        done = await command(settings, "reset", "--apply", "--yes", FORCE_COLOR="1")
    assert (done.status, done.errors) == (0, "")
    assert "\x1b" not in done.output
    assert "Undoing" not in done.output
    assert done.output.index("Contacts deleted") < done.output.index("All of it is undone.")
    assert_undone(lived)


async def test_beside_a_daemon_it_refuses() -> None:
    lived = await lived_in()
    before = len(sets(lived.sandbox))
    async with (
        settings_for(lived.sandbox) as settings,
        daemon_process(settings.jmap_session_url, None, mailroom(), jmap_token=lived.sandbox.token) as daemon,
    ):
        await daemon.logs("service_started")
        port = str(daemon.health_port)
        ended = await command(settings, "reset", "--apply", "--yes", MAILROOM_HEALTH_PORT=port)
        shown = await command(settings, "reset", MAILROOM_HEALTH_PORT=port)
    assert (ended.status, ended.output) == (2, "")
    assert f"answers on 127.0.0.1 port {daemon.health_port}: stop it, or it triages anew" in ended.errors
    assert shown.status == 0
    assert len(sets(lived.sandbox)) == before


@pytest.mark.parametrize(("number", "status"), always(1, [(signal.SIGTERM, 143), (signal.SIGINT, 130)]))
async def test_interrupted_it_says_how_to_finish(number: signal.Signals, status: int) -> None:
    lived = await lived_in()
    reading, looking_again = 4, 4
    async with settings_for(lived.sandbox) as settings:
        before = len(lived.sandbox.requests)
        lived.sandbox.faults.next_request(faults.Delay(3600), skip=reading + looking_again + 2)
        process = await trio.lowlevel.open_process(
            mailroom("reset", "--apply", "--yes"),
            env=environment(settings),
            stdout=PIPE,
            stderr=PIPE,
        )
        while sum(bool(request.calls) for request in lived.sandbox.requests[before:]) < reading + looking_again + 3:
            await trio.testing.wait_all_tasks_blocked(0.01)
        process.send_signal(number)
        assert await process.wait() == status
        assert process.stderr is not None
        assert b"Stopped halfway: `mailroom reset --apply` undoes the rest." in await process.stderr.receive_some()
        assert await reset.undo(settings, DEFAULT_SCHEME) == 0
    assert_undone(lived)
