"""The address book over JMAP against a sandbox on loopback."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from mailroom.contacts.base import (
    AddressBook,
    CardEdit,
    Change,
    Departure,
    Failures,
    Fields,
    Group,
    LookUp,
    NewCard,
    Wanted,
)
from mailroom.contacts.jmap import JmapContacts
from mailroom.contacts.steps import alone
from mailroom.errors import BadReply, BatchRefused, Unavailable
from mailroom.sandbox import Limits, MethodError, Sandbox, SetError
from mailroom.wire import Json
from tests.jmap.support import Connected, in_process
from tests.jmap.trouble import answer
from tests.screener import empty_sandbox

ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"


@dataclass
class Book:
    """An address book, the account that it belongs to, and the last look-up, which writes start from."""

    c: Connected
    contacts: JmapContacts
    found: LookUp

    @property
    def sandbox(self) -> Sandbox:
        return self.c.sandbox

    async def look_up(self, *addresses: str) -> AddressBook:
        self.found = await alone(self.c.client, self.contacts.look_up(Wanted(addresses)))
        return self.found.book

    async def groups(self, *names: str) -> tuple[Group, ...]:
        """Groups by name, after a look-up."""
        found = {group.name: group for group in (await self.look_up()).groups}
        return tuple(found[name] for name in names)

    async def add(self, *changes: Change) -> Failures:
        return await alone(self.c.client, self.found.add(changes))

    async def remove(self, *departures: Departure) -> Failures:
        return await alone(self.c.client, self.found.remove(departures))

    def sets_since(self, number: int) -> list[dict[str, Any]]:
        """The arguments of each ContactCard/set after so many API requests, without the account."""
        calls = [call for body in self.c.bodies[number:] for call in body["methodCalls"]]
        return [
            {key: value for key, value in arguments.items() if key != "accountId"}
            for name, arguments, _ in calls
            if name == "ContactCard/set"
        ]

    @property
    def requests(self) -> int:
        return len(self.c.bodies)


@asynccontextmanager
async def book(sandbox: Sandbox | None = None) -> AsyncIterator[Book]:
    async with in_process(sandbox or empty_sandbox()) as c:
        session = await c.client.session()
        assert session.contacts_account is not None
        contacts = JmapContacts(c.client, session.contacts_account, session.limits)
        yield Book(c, contacts, contacts.nothing())


def new(address: str, *join: Group, uid: str = "") -> Change:
    """A sender without a card, who joins these groups."""
    uid = uid or f"uid-{address.partition('@')[0]}"
    return Change(address, uid, NewCard(uid, address, Fields("Someone", "Someone"), "note"), join)


def member(address: str, uid: str, *join: Group) -> Change:
    """A sender whose card needs nothing but groups."""
    return Change(address, uid, None, join)


class TestReadingAll:
    async def test_finds_every_card_and_group_page_by_page(self) -> None:
        sandbox = empty_sandbox(Limits(max_objects_in_get=3))
        for address in (ANN, BOB, EVE):
            sandbox.add_card(address, address)
        async with book(sandbox) as b:
            whole = (await b.contacts.read_all()).book
            groups = {group.name for group in whole.groups}
            assert {address for card in whole.cards for address in card.addresses} == {ANN, BOB, EVE}
            assert groups == set(sandbox.groups())

    async def test_is_a_look_up_to_write_after(self) -> None:
        async with book() as b:
            b.found = await b.contacts.read_all()
            feed = next(group for group in b.found.book.groups if group.name == "Feed")
            assert await b.add(new(ANN, feed)) == {}
            assert b.sandbox.groups()["Feed"] == {ANN}


class TestLookingUp:
    async def test_finds_the_cards_of_exactly_these_addresses_and_all_groups(self) -> None:
        async with book() as b:
            uid = b.sandbox.add_card("ANN@Example.org", "Ann Lee")
            b.sandbox.add_card("joann@example.org", "Joann")
            b.sandbox.add_card(BOB, "Bob")
            found = await b.look_up(ANN)
            assert [(card.uid, card.fields.full_name, card.addresses) for card in found.cards] == [
                (uid, "Ann Lee", frozenset({ANN}))
            ]
            assert {group.name for group in found.groups} == b.sandbox.groups().keys()
            assert b.requests == 1

    async def test_finds_more_cards_and_groups_than_one_reply_holds(self) -> None:
        sandbox = empty_sandbox(Limits(max_objects_in_get=3))
        senders = [f"s{n}@example.org" for n in range(10)]
        for address in senders:
            sandbox.add_card(address, address)
        async with book(sandbox) as b:
            found = await b.look_up(*senders)
            assert {address for card in found.cards for address in card.addresses} == set(senders)
            assert {group.name for group in found.groups} == sandbox.groups().keys()
            whole = await b.found.extras(found.cards)
            assert whole.keys() == {card.ref for card in found.cards}

    @pytest.mark.parametrize("value", ["Ann <ann@example.org>", "mailto:ann@example.org", "\u200bann@example.org"])
    async def test_finds_a_card_whose_address_is_not_bare(self, value: str) -> None:
        async with book() as b:
            uid = b.sandbox.add_card(value, "Ann")
            assert [card.uid for card in (await b.look_up(ANN)).cards] == [uid]

    async def test_finds_a_card_that_spells_the_local_part_in_quotes(self) -> None:
        async with book() as b:
            uids = {b.sandbox.add_card(spelled, "Ann") for spelled in ('"a..b"@example.org', "a..b@example.org")}
            assert {card.uid for card in (await b.look_up("a..b@example.org")).cards} == uids

    async def test_of_nobody_reads_the_groups_alone(self) -> None:
        async with book() as b:
            b.sandbox.add_card(ANN, "Ann")
            found = await b.look_up()
            assert found.cards == ()
            assert [call[0] for call in b.c.bodies[0]["methodCalls"]].count("ContactCard/query") == 1

    async def test_finds_a_card_that_spells_the_domain_in_unicode(self) -> None:
        async with book() as b:
            b.sandbox.add_card("ann@bücher.example", "Ann")
            found = await b.look_up("ann@xn--bcher-kva.example")
            assert [card.addresses for card in found.cards] == [frozenset({"ann@xn--bcher-kva.example"})]

    async def test_asks_for_a_hundred_at_a_time_in_one_request(self) -> None:
        async with book() as b:
            uids = [b.sandbox.add_card(f"s{n}@example.org", f"Some One {n}") for n in range(250)]
            uids += [b.sandbox.add_card(f"t{n}@example.org", f"Name {n}") for n in range(150)]
            uids += [b.sandbox.add_card("", f"N{n}", notes={"n": {"note": f"Whole list l{n}."}}) for n in range(150)]
            wanted = Wanted(
                addresses=[f"s{n}@example.org" for n in range(250)],
                names=[f"Name {n}" for n in range(150)],
                notes=[f"Whole list l{n}." for n in range(150)],
            )
            found = (await alone(b.c.client, b.contacts.look_up(wanted))).book
            assert {card.uid for card in found.cards} == set(uids)
            (body,) = b.c.bodies
            asked = [arguments["filter"] for name, arguments, _ in body["methodCalls"] if name == "ContactCard/query"]
            sizes = [len(each.get("conditions", [each])) for each in asked]
            assert sorted(sizes) == [1, 50, 50, 50, 100, 100, 100, 100]

    async def test_reads_every_page(self) -> None:
        async with book(empty_sandbox(Limits(max_query_page=3))) as b:
            uids = [b.sandbox.add_card(ANN, f"Ann {number}") for number in range(7)]
            found = await b.look_up(ANN)
            assert {card.uid for card in found.cards} == set(uids)
            assert {group.name for group in found.groups} == b.sandbox.groups().keys()
            assert list(found.cards) == sorted(found.cards, key=lambda card: card.ref)

    async def test_shows_a_malformed_card_next_to_good_ones(self) -> None:
        cards: list[Json] = [
            {"id": "c1", "uid": "ann", "emails": {"e": {"address": ANN}}},
            {"id": "c2", "emails": {"e": {"address": BOB}}, "name": {"full": "Bob"}},
        ]
        groups: list[Json] = [{"id": "g1", "uid": "g", "kind": "group", "name": {"full": "Feed"}}]
        async with book() as b:
            b.sandbox.faults.next_request(
                answer(
                    ["ContactCard/get", {"state": "1", "list": []}, "c0"],
                    ["AddressBook/get", {"list": [{"id": "b1", "isDefault": True}]}, "c1"],
                    ["ContactCard/query", {"ids": ["g1"], "position": 0, "total": 1}, "c2"],
                    ["ContactCard/get", {"list": groups}, "c3"],
                    ["ContactCard/query", {"ids": ["c1", "c2"], "position": 0, "total": 2}, "c4"],
                    ["ContactCard/get", {"list": cards}, "c5"],
                )
            )
            found = await b.look_up(ANN, BOB)
        assert [card.uid for card in found.cards] == ["ann"]
        assert [group.name for group in found.groups] == ["Feed"]
        (unreadable,) = found.unreadable
        assert (unreadable.ref, unreadable.addresses) == ("c2", frozenset({BOB}))
        assert unreadable.reason == "the server's answer is malformed at uid; expected field required"

    async def test_needs_an_address_book(self) -> None:
        sandbox = empty_sandbox()
        sandbox.store.books.objects.clear()
        async with book(sandbox) as b:
            with pytest.raises(BadReply, match="no address book"):
                await b.look_up()

    @pytest.mark.parametrize("method", ["AddressBook/get", "ContactCard/query", "ContactCard/get"])
    async def test_that_is_refused_as_a_whole_can_be_halved(self, method: str) -> None:
        async with book() as b:
            b.sandbox.faults.method_error(method, MethodError("invalidArguments"))
            with pytest.raises(BatchRefused):
                await b.look_up(ANN)


class TestAdding:
    async def test_makes_a_card_and_joins_groups_in_one_request(self) -> None:
        async with book() as b:
            feed, ours = await b.groups("Feed", "Mailroom")
            before = b.requests
            assert await b.add(new(ANN, ours, feed)) == {}
            assert b.requests == before + 1
            assert b.sandbox.groups()["Feed"] == b.sandbox.groups()["Mailroom"] == {ANN}
            (card,) = b.sandbox.cards()
            assert (card["uid"], card["kind"], card["notes"]) == ("uid-ann", "org", {"n1": {"note": "note"}})

    async def test_patches_each_group_once_whatever_the_number_of_senders(self) -> None:
        async with book() as b:
            b.sandbox.add_card(EVE, "Eve")
            b.sandbox.add_group("Old hands", [EVE])
            feed, old = await b.groups("Feed", "Old hands")
            before = b.requests
            senders = [f"s{number}@example.org" for number in range(20)]
            assert await b.add(*(new(sender, feed, old) for sender in senders)) == {}
            assert b.requests == before + 1
            updates = [ref for arguments in b.sets_since(before) for ref in arguments.get("update", {})]
            assert sorted(updates) == sorted([feed.ref, old.ref])
            assert b.sandbox.groups()["Feed"] == set(senders)
            assert b.sandbox.groups()["Old hands"] == {EVE, *senders}

    async def test_uses_creation_ids_that_are_ids(self) -> None:
        async with book() as b:
            await b.look_up()
            before = b.requests
            await b.add(new(ANN), new('"a b/~c"@bücher.example', uid="x"))
            ids = [id for arguments in b.sets_since(before) for id in arguments.get("create", {})]
            assert len(ids) == 2
            assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,255}", id) for id in ids)

    async def test_keeps_the_limits_of_the_server(self) -> None:
        async with book(empty_sandbox(Limits(max_objects_in_set=2, max_calls_in_request=3))) as b:
            (feed,) = await b.groups("Feed")
            assert await b.add(*(new(f"s{number}@example.org", feed) for number in range(9))) == {}
            assert len(b.sandbox.groups()["Feed"]) == len(b.sandbox.cards()) == 9

    async def test_completes_a_card_and_leaves_the_rest_of_it(self) -> None:
        async with book() as b:
            uid = b.sandbox.add_card(ANN, "Ann Lee", phones={"p": {"number": "1"}}, notes={"n": {"note": "Mine"}})
            (card,) = (await b.look_up(ANN)).cards
            assert await b.add(Change(ANN, uid, CardEdit(card, Fields(organization="Lee Ltd"), "Mine\nOurs"))) == {}
            (after,) = b.sandbox.cards()
            assert after["organizations"] == {"o1": {"name": "Lee Ltd"}}
            assert (after["notes"], after["phones"]) == ({"n": {"note": "Mine\nOurs"}}, {"p": {"number": "1"}})

    async def test_of_nothing_asks_for_nothing(self) -> None:
        async with book() as b:
            await b.look_up()
            before = b.requests
            assert await b.add() == {}
            assert await b.remove() == {}
            assert b.requests == before

    async def test_finds_the_card_that_an_earlier_try_made(self) -> None:
        async with book() as b:
            b.sandbox.add_card(ANN, "Ann", uid="uid-ann", notes={"n1": {"note": "note"}})
            (feed,) = await b.groups("Feed")
            assert await b.add(new(ANN, feed)) == {}
            assert len(b.sandbox.cards()) == 1
            assert b.sandbox.groups()["Feed"] == {ANN}

    @pytest.mark.parametrize("emails", [{"e1": {"address": BOB}}, {"e2": {"address": BOB}}, {}])
    async def test_puts_the_address_back_onto_the_card_that_was_made_for_it(self, emails: Json) -> None:
        async with book() as b:
            b.sandbox.add_card(BOB, "Bob", uid="uid-ann")
            b.sandbox.change_card("uid-ann", {"emails": emails})
            (feed,) = await b.groups("Feed")
            # Its note doesn't say what the new one would have said: the next look-up finds it.
            failures = await b.add(new(ANN, feed), new(EVE))
            assert failures == {
                ANN: "its contact card could not be written: there is one already, and its note says otherwise"
            }
            (card,) = [card for card in b.sandbox.cards() if card["uid"] == "uid-ann"]
            assert {each["address"] for each in card["emails"].values()} == {ANN, *([BOB] if emails else [])}
            assert card["name"]["full"] == "Bob"
            assert len(b.sandbox.cards()) == 2

    async def test_tells_of_a_card_that_can_not_have_its_address_back(self) -> None:
        async with book() as b:
            b.sandbox.add_card(BOB, "Bob", uid="uid-ann")
            await b.look_up()
            ref = b.sandbox.store.card_with_uid("uid-ann")
            assert ref is not None
            b.sandbox.faults.set_errors[ref.id] = SetError("forbidden")
            failures = await b.add(new(ANN), new(EVE))
            assert failures.keys() == {ANN}
            assert failures[ANN].startswith("its contact card could not be written: invalidProperties")

    async def test_tells_whose_card_the_server_refuses(self) -> None:
        async with book() as b:
            uid = b.sandbox.add_card(ANN, "Ann")
            (card,) = (await b.look_up(ANN)).cards
            (feed,) = await b.groups("Feed")
            await b.look_up(ANN)
            b.sandbox.faults.set_errors[card.ref] = SetError(
                "forbidden", "Ann Lee, friend of Bob", properties=("notes", "a note of Ann's")
            )
            failures = await b.add(Change(ANN, uid, CardEdit(card, Fields(), "note"), (feed,)), new(BOB, feed))
            assert failures == {ANN: "its contact card could not be written: forbidden (notes, …)"}
            assert BOB in b.sandbox.groups()["Feed"]

    @pytest.mark.parametrize("kind", ["rateLimit", "serverFail", "serverUnavailable"])
    async def test_calls_an_outage_an_outage(self, kind: str) -> None:
        async with book() as b:
            (feed,) = await b.groups("Feed")
            b.sandbox.faults.set_errors[feed.ref] = SetError(kind)
            with pytest.raises(Unavailable, match=kind):
                await b.add(new(ANN, feed))


class TestAGroupThatRefuses:
    @asynccontextmanager
    async def readers(self) -> AsyncIterator[tuple[Book, Group]]:
        """Ann, Bob and Eve have cards; Eve is a reader and a writer."""
        sandbox = empty_sandbox()
        for address, uid in ((ANN, "ann"), (BOB, "bob"), (EVE, "eve")):
            sandbox.add_card(address, address, uid=uid)
        sandbox.add_group("Readers", [EVE])
        sandbox.add_group("Writers", [EVE])
        async with book(sandbox) as b:
            (readers,) = await b.groups("Readers")
            yield b, readers

    async def test_one_sender_fails_that_sender(self) -> None:
        async with self.readers() as (b, readers):
            b.sandbox.faults.set_errors[readers.ref] = SetError("forbidden")
            before = b.requests
            failures = await b.add(member(ANN, "ann", readers))
            assert failures == {ANN: "contact group 'Readers' could not be written: forbidden"}
            assert b.requests == before + 1

    async def test_several_senders_at_once_is_asked_for_each_alone(self) -> None:
        async with self.readers() as (b, readers):
            refusal: Json = {"notUpdated": {readers.ref: {"type": "invalidPatch"}}}
            b.sandbox.faults.next_request(answer(["ContactCard/set", refusal, "c0"]))
            before = b.requests
            assert await b.add(member(ANN, "ann", readers), member(BOB, "bob", readers)) == {}
            assert b.requests == before + 2
            assert b.sandbox.groups()["Readers"] == {ANN, BOB, EVE}

    async def test_everybody_fails_everybody(self) -> None:
        async with self.readers() as (b, readers):
            b.sandbox.faults.set_errors[readers.ref] = SetError("forbidden")
            failures = await b.add(member(ANN, "ann", readers), member(BOB, "bob", readers))
            assert failures.keys() == {ANN, BOB}
            assert b.sandbox.groups()["Readers"] == {EVE}

    async def test_everybody_does_not_touch_the_other_groups(self) -> None:
        async with self.readers() as (b, readers):
            (feed,) = await b.groups("Feed")
            b.sandbox.faults.set_errors[readers.ref] = SetError("forbidden")
            assert (await b.add(member(ANN, "ann", readers, feed), member(BOB, "bob", feed))).keys() == {ANN}
            assert b.sandbox.groups()["Feed"] == {ANN, BOB}

    async def test_because_it_is_gone_fails_its_senders_alone(self) -> None:
        async with self.readers() as (b, readers):
            (writers,) = await b.groups("Writers")
            b.sandbox.destroy_card(readers.uid)
            assert (await b.add(member(ANN, "ann", readers), member(BOB, "bob", writers))).keys() == {ANN}
            assert b.sandbox.groups()["Writers"] == {BOB, EVE}


class TestAnEmptyGroup:
    async def test_keeps_the_member_that_another_app_adds_meanwhile(self) -> None:
        async with book() as b:
            b.sandbox.add_card(EVE, "Eve", uid="eve")
            (feed,) = await b.groups("Feed")
            b.sandbox.change_card(feed.uid, {"members": {"eve": True}})
            assert await b.add(new(ANN, feed)) == {}
            assert b.sandbox.groups()["Feed"] == {ANN, EVE}

    async def test_that_refuses_fails_its_senders_alone(self) -> None:
        async with book() as b:
            feed, jail = await b.groups("Feed", "Jail")
            b.sandbox.faults.set_errors[feed.ref] = SetError("forbidden")
            failures = await b.add(new(ANN, feed), new(BOB, jail))
            assert failures == {ANN: "contact group 'Feed' could not be written: forbidden"}
            assert b.sandbox.groups()["Jail"] == {BOB}


class TestACardThatSomebodyChangesMeanwhile:
    """The look-up's state is that of all cards: each change of the tests refuses the first write."""

    @asynccontextmanager
    async def known(self, limits: Limits | None = None) -> AsyncIterator[tuple[Book, list[Change]]]:
        """Ann, Bob and Eve have cards with a note; a line is to be added to each."""
        sandbox = empty_sandbox(limits)
        for address, uid in ((ANN, "ann"), (BOB, "bob"), (EVE, "eve")):
            sandbox.add_card(address, address, uid=uid, notes={"n1": {"note": "Mine"}})
        async with book(sandbox) as b:
            cards = sorted((await b.look_up(ANN, BOB, EVE)).cards, key=lambda card: card.uid)
            yield b, [Change(min(c.addresses), c.uid, CardEdit(c, Fields(), "Mine\nOurs")) for c in cards]

    @staticmethod
    def notes(b: Book) -> dict[str, str]:
        return {card["uid"]: card["notes"]["n1"]["note"] for card in b.sandbox.cards()}

    async def test_keeps_their_note_and_fails_its_sender_alone(self) -> None:
        async with self.known() as (b, changes):
            b.sandbox.change_card("ann", {"notes": {"n1": {"note": "Mine\nAllergic to nuts"}}})
            assert await b.add(*changes) == {
                ANN: "its contact card could not be written: another app changed it meanwhile"
            }
            assert self.notes(b) == {"ann": "Mine\nAllergic to nuts", "bob": "Mine\nOurs", "eve": "Mine\nOurs"}

    async def test_keeps_the_name_that_they_filled_in(self) -> None:
        async with book() as b:
            b.sandbox.add_card(ANN, "", uid="ann")
            (card,) = (await b.look_up(ANN)).cards
            b.sandbox.change_card("ann", {"name": {"full": "Ann of theirs"}})
            assert (await b.add(Change(ANN, "ann", CardEdit(card, Fields("Ann of ours"), "Ours")))).keys() == {ANN}
            (after,) = b.sandbox.cards()
            assert (after["name"], "notes" in after) == ({"full": "Ann of theirs"}, False)

    async def test_gets_its_note_beside_a_change_that_is_not_about_it(self) -> None:
        async with self.known() as (b, changes):
            b.sandbox.change_card("ann", {"phones": {"p": {"number": "1"}}})
            before = b.requests
            assert await b.add(*changes) == {}
            assert b.requests == before + 3
            assert set(self.notes(b).values()) == {"Mine\nOurs"}
            assert b.sandbox.store.card_with_uid("ann").data["phones"] == {"p": {"number": "1"}}  # type: ignore[union-attr]  # added above

    async def test_is_done_where_a_twin_wrote_the_same(self) -> None:
        async with self.known() as (b, changes):
            twin = b.found
            assert await b.add(*changes) == {}
            state = b.sandbox.store.cards.state
            assert await alone(b.c.client, twin.add(changes)) == {}
            assert b.sandbox.store.cards.state == state

    async def test_again_and_again_fails_softly(self) -> None:
        async with self.known() as (b, changes):
            b.sandbox.faults.method_error("ContactCard/set", MethodError("stateMismatch"), times=2)
            failures = await b.add(*changes)
            assert failures.keys() == {ANN, BOB, EVE}
            assert set(failures.values()) == {
                "its contact card could not be written: another app changes the contacts just now"
            }
            assert set(self.notes(b).values()) == {"Mine"}

    async def test_or_that_goes_fails_its_sender_alone(self) -> None:
        async with self.known() as (b, changes):
            b.sandbox.destroy_card("ann")
            assert (await b.add(*changes)).keys() == {ANN}
            assert set(self.notes(b).values()) == {"Mine\nOurs"}

    async def test_of_more_than_one_call_takes_is_written_all_the_same(self) -> None:
        async with self.known(Limits(max_objects_in_set=1)) as (b, changes):
            assert await b.add(*changes) == {}
            assert set(self.notes(b).values()) == {"Mine\nOurs"}

    @pytest.mark.parametrize(("is_changed", "requests"), [(False, 1), (True, 2)])
    async def test_after_writes_of_our_own_from_the_same_look_up(self, is_changed: bool, requests: int) -> None:
        async with self.known() as (b, changes):
            b.sandbox.add_group("Readers", [EVE])
            (readers,) = await b.groups("Readers")
            await b.look_up(ANN, BOB, EVE)
            assert await b.add(member(ANN, "ann", readers), new("new@example.org", readers)) == {}
            assert await b.remove(Departure(ANN, "ann", (readers,))) == {}
            if is_changed:
                b.sandbox.change_card("ann", {"notes": {"n1": {"note": "Theirs"}}})
            before = b.requests
            assert bool(await b.add(changes[0])) is is_changed
            assert b.requests == before + requests
            assert self.notes(b)["ann"] == ("Theirs" if is_changed else "Mine\nOurs")

    async def test_is_written_beside_new_cards_and_groups_in_one_request(self) -> None:
        async with self.known() as (b, _):
            feed, ours = await b.groups("Feed", "Mailroom")
            cards = (await b.look_up(ANN, BOB, EVE)).cards
            changes = [Change(min(c.addresses), c.uid, CardEdit(c, Fields(), "Ours"), (feed,)) for c in cards]
            before = b.requests
            assert await b.add(*changes, new("new@example.org", ours, feed)) == {}
            assert b.requests == before + 1


class TestDeleting:
    async def test_leaves_cards_that_somebody_may_have_changed_and_others_that_are_looked_at_again_go(self) -> None:
        async with book() as b:
            for address, uid in ((ANN, "ann"), (BOB, "bob")):
                b.sandbox.add_card(address, address, uid=uid)
            cards = (await b.look_up(ANN, BOB)).cards
            b.sandbox.change_card("ann", {"phones": {"p": {"number": "1"}}})
            failures = await b.found.delete_cards(cards)
            assert failures == {card.ref: "another app changes the contacts just now" for card in cards}
            b.sandbox.destroy_card("bob")
            now = await b.found.again([*cards, *b.found.book.groups])
            assert [card.uid for card in now.book.cards] == ["ann"]
            assert now.book.groups == b.found.book.groups
            assert await now.delete_cards(now.book.cards) == {}
            assert b.sandbox.cards() == []

    async def test_is_done_call_by_call_and_a_card_that_is_gone_is_none(self) -> None:
        async with book(empty_sandbox(Limits(max_objects_in_set=1))) as b:
            for address in (ANN, BOB, EVE):
                b.sandbox.add_card(address, address, uid=address)
            cards = (await b.look_up(ANN, BOB, EVE)).cards
            assert await b.found.delete_cards(cards) == {}
            assert b.sandbox.cards() == []
            assert await (await b.contacts.read_all()).delete_cards(cards) == {}


class TestRemoving:
    async def test_patches_each_group_once_and_keeps_the_others_in_it(self) -> None:
        async with book() as b:
            cards = {address: b.sandbox.add_card(address, address) for address in (ANN, BOB, EVE)}
            b.sandbox.add_group("Readers", [ANN, BOB, EVE])
            (readers,) = await b.groups("Readers")
            before = b.requests
            assert await b.remove(*(Departure(who, cards[who], (readers,)) for who in (ANN, BOB))) == {}
            (arguments,) = b.sets_since(before)
            assert arguments["update"].keys() == {readers.ref}
            assert b.sandbox.groups()["Readers"] == {EVE}

    async def test_of_the_last_member_and_of_none_is_no_error(self) -> None:
        async with book() as b:
            uid = b.sandbox.add_card(ANN, "Ann")
            b.sandbox.add_group("Readers", [ANN])
            (readers,) = await b.groups("Readers")
            assert await b.remove(Departure(ANN, uid, (readers,)), Departure(BOB, "nobody", (readers,))) == {}
            assert b.sandbox.groups()["Readers"] == set()

    async def test_tells_who_could_not_leave(self) -> None:
        async with book() as b:
            uid = b.sandbox.add_card(ANN, "Ann")
            b.sandbox.add_group("Readers", [ANN])
            (readers,) = await b.groups("Readers")
            b.sandbox.faults.set_errors[readers.ref] = SetError("forbidden")
            failures = await b.remove(Departure(ANN, uid, (readers,)))
            assert failures == {ANN: "contact group 'Readers' could not be written: forbidden"}

    async def test_tells_of_everybody_who_shares_the_card_that_could_not_leave(self) -> None:
        async with book() as b:
            uid = b.sandbox.add_card(ANN, "Ann", emails={"e1": {"address": ANN}, "e2": {"address": BOB}})
            b.sandbox.add_group("Readers", [ANN])
            (readers,) = await b.groups("Readers")
            b.sandbox.faults.set_errors[readers.ref] = SetError("forbidden")
            failures = await b.remove(*(Departure(who, uid, (readers,)) for who in (ANN, BOB)))
            assert failures.keys() == {ANN, BOB}


@pytest.mark.parametrize("uid", ["urn:uuid:1", "a/b", "a~b", "~1", "a b"])
async def test_any_uid_can_join_and_leave(uid: str) -> None:
    async with book() as b:
        b.sandbox.add_card(EVE, "Eve", uid="eve")
        b.sandbox.add_group("Readers", [EVE])
        readers, feed = await b.groups("Readers", "Feed")
        assert await b.add(new(ANN, readers, feed, uid=uid)) == {}
        assert b.sandbox.groups()["Readers"] == {ANN, EVE}
        assert b.sandbox.groups()["Feed"] == {ANN}
        (card,) = (await b.look_up(ANN)).cards
        readers, feed = await b.groups("Readers", "Feed")
        assert await b.remove(Departure(ANN, card.uid, (readers, feed))) == {}
        assert (b.sandbox.groups()["Readers"], b.sandbox.groups()["Feed"]) == ({EVE}, set())


@pytest.mark.parametrize(
    ("uid", "member"),
    [("urn:uuid:1", "1"), ("1", "urn:uuid:1"), ("URN:UUID:1", "urn:uuid:1"), ("1", 'urn:uuid:"urn:uuid:1"')],
)
async def test_a_member_spelled_otherwise_than_its_card_leaves(uid: str, member: str) -> None:
    """As on Cyrus, for a card and a group that another app made over CardDAV."""
    async with book() as b:
        b.sandbox.add_card(ANN, "Ann", uid=uid)
        readers = b.sandbox.add_group("Readers")
        b.sandbox.change_card(readers, {"members": {member: True, "eve": True}})
        found = await b.look_up(ANN)
        (card,), (group,) = found.cards, (group for group in found.groups if group.uid == readers)
        assert card.uid in group.members
        assert await b.remove(Departure(ANN, card.uid, (group,))) == {}
        (group,) = await b.groups("Readers")
        assert group.members == {"eve"}


@pytest.mark.parametrize("others", [(), (EVE,)])
async def test_a_card_joins_under_its_uid_as_the_server_spells_it(others: tuple[str, ...]) -> None:
    async with book() as b:
        for address in (ANN, EVE):
            b.sandbox.add_card(address, address, uid=f"urn:uuid:{address}")
        readers = b.sandbox.add_group("Readers", list(others))
        found = await b.look_up(ANN)
        (card,), (group,) = found.cards, (group for group in found.groups if group.uid == readers)
        assert await b.add(Change(ANN, card.uid, None, (group,))) == {}
        assert b.sandbox.groups()["Readers"] == {ANN, *others}


async def test_servers_are_asked_for_no_order_of_cards_and_no_property_of_books() -> None:
    """Cyrus 3.12 sorts by names alone, and knows no default book."""
    async with book() as b:
        await b.look_up(ANN)
        await b.contacts.read_all()
        calls = [call for body in b.c.bodies for call in body["methodCalls"]]
    assert not any("sort" in arguments for name, arguments, _ in calls if name == "ContactCard/query")
    assert not any("properties" in arguments for name, arguments, _ in calls if name == "AddressBook/get")


async def test_a_look_up_finds_cards_by_name_in_whatever_spelling() -> None:
    sandbox = empty_sandbox()
    for address, name in ((ANN, "Ann  LEE"), (BOB, "'Ann' Lee"), (EVE, "Anne Lee")):
        sandbox.add_card(address, name)
    async with book(sandbox) as b:
        found = await alone(b.c.client, b.contacts.look_up(Wanted([ANN], names=["Ann Lee"])))
        assert {card.fields.full_name for card in found.book.cards} == {"Ann  LEE", "'Ann' Lee"}
        assert b.requests == 1
