"""The decisions, rule by rule: the names of these tests read as the rules page."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Category, Scheme, category
from mailroom.contacts.base import AddressBook, Card, CardEdit, Fields, Group, NewCard, Unreadable
from mailroom.decisions import note
from mailroom.decisions.filing import paused
from mailroom.decisions.places import Places, find_places
from mailroom.decisions.plan import Plan, plan, settled
from mailroom.decisions.select import Pause, Reason, Selection, Sender, name_of, select
from mailroom.errors import SenderFailed
from mailroom.jmap.mail import Address, Email, Move
from mailroom.jmap.mailbox import Mailbox

NOW = datetime(2026, 3, 5, 14, 3, tzinfo=UTC)
ROLES = ("Inbox", "Trash", "Junk", "Drafts", "Sent", "Archive")
ANN = "ann@example.org"


def places_of(scheme: Scheme = DEFAULT_SCHEME, *, without: Collection[str] = ()) -> Places:
    """An account with every mailbox of the scheme; the id of each is its name."""
    names = scheme.managed_mailboxes | scheme.labels | {scheme.back_label, scheme.error_label, scheme.warning_label}
    mailboxes = [Mailbox(id=name, name=name) for name in sorted(names - set(without))]
    return find_places([*mailboxes, *(Mailbox(id=role, name=role, role=role.lower()) for role in ROLES)], scheme)


PLACES = places_of()


def mail(id: str, *mailboxes: str, sender: str | None = ANN, name: str | None = "Ann Lee", at: str = "") -> Email:
    senders = None if sender is None else (Address(name=name, email=sender),)
    return Email(id=id, mailbox_ids=frozenset(mailboxes), senders=senders, received_at=at or id)


def groups(**members: Collection[str]) -> tuple[Group, ...]:
    """All groups of the usual scheme, with these members; a space in a name is written `_`."""
    names = sorted(DEFAULT_SCHEME.groups | {DEFAULT_SCHEME.provenance_group})
    return tuple(
        Group(f"ref-{name}", f"uid-{name}", name, frozenset(members.get(name.replace(" ", "_"), ()))) for name in names
    )


def card(uid: str = "ann", *, full_name: str = "Ann Lee", text: str = "", age: str = "", address: str = ANN) -> Card:
    return Card(f"ref-{uid}", uid, Fields(full_name, full_name), frozenset({address}), text, age)


def sender(name: str = "Ann Lee", to: str = "Feed", *mails: Email) -> Sender:
    return Sender(ANN, name, DEFAULT_SCHEME.by_name[to], mails or (mail("1", "Screener", f"@To{to}"),))


def decide(who: Sender, *cards: Card, mails: Collection[Email] = (), **members: Collection[str]) -> Plan:
    return plan(who, AddressBook(cards, groups(**members)), mails, PLACES, DEFAULT_SCHEME, "u1", NOW)


def names(of: Collection[Group]) -> list[str]:
    return [group.name for group in of]


class TestWhomAPassSees:
    def test_mail_with_a_triage_label_wherever_it_lies(self) -> None:
        selection = select([mail("1", "Archive", "@ToFeed")], PLACES, frozenset())
        assert [(each.address, each.category.name) for each in selection.senders] == [(ANN, "Feed")]

    def test_mail_without_a_label_is_nothing_to_it(self) -> None:
        assert not select([mail("1", "Screener")], PLACES, frozenset())

    def test_one_sender_in_two_spellings_is_one_sender(self) -> None:
        mails = [mail("1", "@ToFeed", sender='"Ann"@EXAMPLE.org'), mail("2", "@ToFeed")]
        (only,) = select(mails, PLACES, frozenset()).senders
        assert [email.id for email in only.mails] == ["1", "2"]

    def test_the_name_is_that_of_the_newest_labelled_mail(self) -> None:
        mails = [mail("1", "@ToFeed", name="Old", at="2026-01-01"), mail("2", "@ToFeed", name="New", at="2026-02-01")]
        assert select(reversed(mails), PLACES, frozenset()).senders[0].name == "New"

    def test_a_mail_without_a_name_takes_none_away(self) -> None:
        mails = [mail("1", "@ToFeed", name="Ann Lee"), mail("2", "@ToFeed", name=None)]
        assert select(mails, PLACES, frozenset()).senders[0].name == "Ann Lee"

    def test_a_sender_that_shows_no_name_has_none(self) -> None:
        assert select([mail("1", "@ToFeed", name=None)], PLACES, frozenset()).senders[0].name == ""

    def test_senders_are_sorted_by_address(self) -> None:
        mails = [mail("1", "@ToFeed", sender="zoe@x.org"), mail("2", "@ToJail", sender="bob@x.org")]
        assert [each.address for each in select(mails, PLACES, frozenset()).senders] == ["bob@x.org", "zoe@x.org"]

    def test_the_usable_from_address_counts(self) -> None:
        senders = (Address(name="Team", email=""), Address(email=ANN), Address(name="Ann", email=ANN.upper()))
        (only,) = select([replace(mail("1", "@ToFeed"), senders=senders)], PLACES, frozenset()).senders
        assert (only.address, only.name) == (ANN, "Ann")

    def test_several_different_from_addresses_are_no_usable_sender(self) -> None:
        senders = (Address(name="Ann", email=ANN), Address(email="b@x.org"))
        several = replace(mail("1", "@ToFeed"), senders=senders)
        (pause,) = select([several], PLACES, frozenset()).pauses
        assert (pause.reason, pause.sender, name_of(several)) == (Reason.NO_SENDER, None, "")

    @pytest.mark.parametrize("address", [None, "", "nobody", "@example.org", "a\x07b@example.org"])
    def test_no_usable_from_is_paused(self, address: str | None) -> None:
        (pause,) = select([mail("1", "@ToFeed", sender=address)], PLACES, frozenset()).pauses
        assert (pause.reason, pause.sender) == (Reason.NO_SENDER, None)

    def test_own_addresses_are_paused(self) -> None:
        (pause,) = select([mail("1", "@ToFeed", sender="ANN@example.org")], PLACES, frozenset({ANN})).pauses
        assert pause.reason is Reason.OWN_ADDRESS

    def test_mail_with_the_error_label_is_ignored_and_the_senders_other_mail_is_not(self) -> None:
        mails = [mail("1", "@ToFeed", "@MailroomError"), mail("2", "@ToJail")]
        selection = select(mails, PLACES, frozenset())
        assert [each.category.name for each in selection.senders] == ["Jail"]
        assert not selection.pauses

    @pytest.mark.parametrize(
        "mails",
        [
            [mail("1", "@ToFeed", "@ToJail")],
            [mail("1", "@ToFeed"), mail("2", "@ToJail")],
            [mail("1", "@ToTruck"), mail("2", "@ToPaperTrail")],
        ],
        ids=["on one mail", "on two mails", "child and parent"],
    )
    def test_two_labels_of_one_sender_are_a_conflict(self, mails: list[Email]) -> None:
        selection = select(mails, PLACES, frozenset())
        assert not selection.senders
        (pause,) = selection.pauses
        assert pause.reason is Reason.CONFLICT
        assert len(pause.labels) == 2
        assert paused(pause.mails, PLACES) == {each.id: Move(add=frozenset({"@MailroomError"})) for each in mails}

    def test_a_conflict_of_one_sender_is_none_of_another(self) -> None:
        mails = [mail("1", "@ToFeed"), mail("2", "@ToJail"), mail("3", "@ToJail", sender="bob@x.org")]
        selection = select(mails, PLACES, frozenset())
        assert [each.address for each in selection.senders] == ["bob@x.org"]
        assert [each.sender for each in selection.pauses] == [ANN]

    def test_an_account_without_an_error_label_pauses_by_doing_nothing(self) -> None:
        assert paused([mail("1", "@ToFeed")], places_of(without=["@MailroomError"])) == {}


class TestTheContactCard:
    def test_no_card_creates_one_and_puts_it_into_the_provenance_group_first(self) -> None:
        change = decide(sender()).change
        assert isinstance(change.card, NewCard)
        assert (change.sender, change.card.uid) == (ANN, change.uid)
        assert (change.card.address, change.card.fields.full_name) == (ANN, "Ann Lee")
        assert change.card.note == note.recorded("", "Feed", NOW, note.CREATED)
        assert names(change.join) == ["Mailroom", "Feed"]

    def test_the_uid_follows_from_account_and_address(self) -> None:
        assert decide(sender()).change.uid == decide(sender("Another Name", "Jail")).change.uid
        other = plan(sender(), AddressBook((), groups()), (), PLACES, DEFAULT_SCHEME, "u2", NOW)
        assert other.change.uid != decide(sender()).change.uid

    @pytest.mark.parametrize(
        ("name", "to", "fields"),
        [
            ("Ann Lee", "Feed", Fields("Ann Lee", organization="Ann Lee")),
            ("", "Feed", Fields("ann", organization="ann")),
            ("Ann Lee", "Person", Fields("Ann Lee", given="Ann", family="Lee")),
            ("Ann", "Person", Fields("Ann", given="Ann")),
            ("Lee, Ann Mary", "Person", Fields("Lee, Ann Mary", given="Ann Mary", family="Lee")),
            ("", "Person", Fields("ann", given="ann")),
            ("Dr. Lee", "Person", Fields("Dr. Lee", family="Lee")),
            ("Bishop Allen", "Person", Fields("Bishop Allen", given="Bishop", family="Allen")),
            ("Prof. Dr. Ann Lee", "Person", Fields("Prof. Dr. Ann Lee", given="Ann", family="Lee")),
            ("Dr.", "Person", Fields("Dr.", given="Dr.")),
            ("'Ann Lee' via Some List", "Feed", Fields("Some List", organization="Some List")),
        ],
    )
    def test_a_company_has_an_organization_and_a_person_a_name(self, name: str, to: str, fields: Fields) -> None:
        change = decide(sender(name, to)).change
        assert isinstance(change.card, NewCard)
        assert change.card.fields == fields

    def test_without_a_name_the_part_before_the_last_at_sign_is_it(self) -> None:
        who = Sender('"ann@home"@example.org', "", DEFAULT_SCHEME.by_name["Feed"], ())
        change = plan(who, AddressBook((), groups()), (), PLACES, DEFAULT_SCHEME, "u1", NOW).change
        assert isinstance(change.card, NewCard)
        assert change.card.fields.full_name == '"ann@home"'

    def test_a_card_that_is_there_is_adopted_and_not_put_into_the_provenance_group(self) -> None:
        known = card(text="Mine.")
        change = decide(sender(), known).change
        assert isinstance(change.card, CardEdit)
        assert (change.sender, change.card.card) == (ANN, known)
        assert change.card.fill == Fields()
        assert change.card.note == note.recorded("Mine.", "Feed", NOW, note.ADOPTED)
        assert names(change.join) == ["Feed"]

    @pytest.mark.parametrize(
        ("has", "to", "fill"),
        [
            (Fields(), "Feed", Fields("Ann Lee", organization="Ann Lee")),
            (Fields(), "Person", Fields("Ann Lee", given="Ann", family="Lee")),
            (Fields("A. Lee"), "Feed", Fields(organization="Ann Lee")),
            (Fields("A. Lee", given="A."), "Feed", Fields()),
            (Fields("Lee & Co", organization="Lee & Co"), "Person", Fields()),
        ],
    )
    def test_only_empty_fields_are_filled(self, has: Fields, to: str, fill: Fields) -> None:
        known = Card("ref-ann", "ann", has, frozenset({ANN}), "")
        change = decide(sender("Ann Lee", to), known).change
        assert isinstance(change.card, CardEdit)
        assert change.card.fill == fill

    @pytest.mark.parametrize(("has", "names"), [(Fields(), ("Ann Lee",)), (Fields("A. Lee"), ())])
    def test_the_note_says_which_name_was_filled_in(self, has: Fields, names: tuple[str, ...]) -> None:
        change = decide(sender("Ann Lee"), Card("ref-ann", "ann", has, frozenset({ANN}), "Mine.")).change
        assert isinstance(change.card, CardEdit)
        block = note.read(change.card.note)
        assert block is not None
        assert block.names_from_mail == names

    @pytest.mark.parametrize(
        ("was", "to", "recast"),
        [
            (Fields("Ann Lee", organization="Ann Lee"), "Person", Fields("Ann Lee", given="Ann", family="Lee")),
            (Fields("Ann Lee", given="Ann", family="Lee"), "Feed", Fields("Ann Lee", organization="Ann Lee")),
            (Fields("Ann Lee", organization="Ann Lee"), "Jail", None),
            (Fields("Ann Lee", given="Ann", family="Lee"), "Person", None),
            (Fields("Ann Lee", organization="Acme"), "Person", None),
            (Fields("Ann Lee", given="Annie", family="Lee"), "Feed", None),
        ],
    )
    def test_a_card_as_mailroom_wrote_it_follows_from_company_to_person(
        self, was: Fields, to: str, recast: Fields | None
    ) -> None:
        created = note.recorded("", "Paper Trail", NOW, note.CREATED)
        change = decide(sender("Ann", to), Card("ref-ann", "ann", was, frozenset({ANN}), created)).change
        assert isinstance(change.card, CardEdit)
        assert (change.card.recast, change.card.fill) == (recast, Fields())
        adopted = note.recorded("", "Paper Trail", NOW, note.ADOPTED)
        change = decide(sender("Ann", to), Card("ref-ann", "ann", was, frozenset({ANN}), adopted)).change
        assert isinstance(change.card, CardEdit)
        assert change.card.recast is None

    def test_a_retry_of_a_recast_writes_it_again_and_no_second_line(self) -> None:
        text = note.recorded("", "Person", NOW, note.CREATED)
        company = Card("ref-ann", "ann", Fields("Ann Lee", organization="Ann Lee"), frozenset({ANN}), text)
        change = decide(sender("Ann", "Person"), company, Mailroom=["ann"]).change
        assert isinstance(change.card, CardEdit)
        recast = Fields("Ann Lee", given="Ann", family="Lee")
        # What is written anew isn't filled in, too.
        assert (change.card.note, change.card.recast, change.card.fill) == (text, recast, Fields())

    def test_a_card_that_says_what_it_should_is_not_written(self) -> None:
        change = decide(sender(), card(text=note.recorded("", "Feed", NOW, note.ADOPTED)), Feed=["ann"]).change
        assert (change.card, change.join) == (None, ())

    def test_a_created_card_that_missed_the_provenance_group_is_put_back(self) -> None:
        made = card(text=note.recorded("", "Feed", NOW, note.CREATED))
        assert names(decide(sender(), made).change.join) == ["Mailroom", "Feed"]
        assert names(decide(sender(), made, Mailroom=["ann"]).change.join) == ["Feed"]

    def test_a_plan_says_what_becomes_of_the_card_and_how_many_there_were(self) -> None:
        made = card(text=note.recorded("", "Feed", NOW, note.CREATED))
        adopted = card(text=note.recorded("Mine.", "Feed", NOW, note.ADOPTED))
        plans = (
            decide(sender()),
            decide(sender(), card("a"), card("b")),
            decide(sender(), made),
            decide(sender(), adopted),
        )
        assert [(each.contact, each.cards_found) for each in plans] == [
            ("created", 0),
            ("adopted", 2),
            ("known", 1),
            ("known", 1),
        ]

    def test_of_several_cards_the_one_in_a_managed_group_counts(self) -> None:
        assert decide(sender(), card("a", age="1"), card("b", age="2"), Jail=["b"]).change.uid == "b"

    def test_membership_in_the_provenance_group_alone_does_not_count(self) -> None:
        assert decide(sender(), card("a", age="1"), card("b", age="2"), Mailroom=["b"]).change.uid == "a"

    def test_else_the_oldest_card_and_then_the_smallest_uid(self) -> None:
        assert decide(sender(), card("b", age="1"), card("a", age="2")).change.uid == "b"
        assert decide(sender(), card("b", age="1"), card("a", age="1")).change.uid == "a"

    def test_a_card_of_another_address_is_nobodys_match(self) -> None:
        assert isinstance(decide(sender(), card(address="bob@example.org")).change.card, NewCard)

    def test_a_card_that_cant_be_read_fails_its_sender(self) -> None:
        book = AddressBook((), groups(), (Unreadable("ref-x", "no UID", frozenset({ANN})),))
        with pytest.raises(SenderFailed, match="no UID"):
            plan(sender(), book, (), PLACES, DEFAULT_SCHEME, "u1", NOW)

    def test_and_no_other_sender_nor_one_with_a_readable_card_too(self) -> None:
        other = Unreadable("ref-x", "no UID", frozenset({"bob@example.org"}))
        both = Unreadable("ref-y", "no UID", frozenset({ANN}))
        book = AddressBook((card(),), groups(), (other, both))
        assert plan(sender(), book, (), PLACES, DEFAULT_SCHEME, "u1", NOW).change.uid == "ann"
        alone = AddressBook((), groups(), (other,))
        assert isinstance(plan(sender(), alone, (), PLACES, DEFAULT_SCHEME, "u1", NOW).change.card, NewCard)


class TestGroups:
    def test_a_child_joins_its_own_group_and_its_ancestors(self) -> None:
        assert names(decide(sender("", "Truck"), card()).change.join) == ["Truck", "Paper Trail"]

    def test_groups_that_the_card_is_in_are_not_joined_again(self) -> None:
        decided = decide(sender("", "Truck"), card(), Paper_Trail=["ann"])
        assert names(decided.change.join) == ["Truck"]
        assert names(decided.departure.leave) == []

    @pytest.mark.parametrize(
        ("member_of", "to", "joins", "leaves"),
        [
            (["Feed"], "Imbox", ["Imbox"], ["Feed"]),
            (["Truck", "Paper Trail"], "Imbox", ["Imbox"], ["Paper Trail", "Truck"]),
            (["Truck", "Paper Trail"], "Paper Trail", [], ["Truck"]),
            (["Truck", "Paper Trail"], "Billboard", ["Billboard"], ["Truck"]),
            (["Person", "Imbox"], "Imbox", [], ["Person"]),
            (["Imbox"], "Person", ["Person"], []),
            (["Feed", "Jail", "Billboard"], "Feed", [], ["Billboard", "Jail"]),
            (["Mailroom", "Feed"], "Jail", ["Jail"], ["Feed"]),
        ],
    )
    def test_a_retriage_is_a_set_difference_over_all_managed_groups(
        self, member_of: list[str], to: str, joins: list[str], leaves: list[str]
    ) -> None:
        members = {name.replace(" ", "_"): ["ann"] for name in member_of}
        decided = plan(
            sender("Ann Lee", to), AddressBook((card(),), groups(**members)), (), PLACES, DEFAULT_SCHEME, "u1", NOW
        )
        assert names(decided.change.join) == joins
        assert names(decided.departure.leave) == leaves
        assert (decided.departure.sender, decided.departure.uid) == (ANN, "ann")

    def test_a_group_of_the_users_own_is_left_alone(self) -> None:
        book = AddressBook((card(),), (*groups(), Group("r", "u", "Friends", frozenset({"ann"}))))
        assert plan(sender(), book, (), PLACES, DEFAULT_SCHEME, "u1", NOW).departure.leave == ()

    @pytest.mark.parametrize("missing", ["Feed", "Mailroom"])
    def test_a_group_that_is_gone_fails_the_sender(self, missing: str) -> None:
        book = AddressBook((), tuple(group for group in groups() if group.name != missing))
        with pytest.raises(SenderFailed, match=f"no contact group {missing}"):
            plan(sender(), book, (), PLACES, DEFAULT_SCHEME, "u1", NOW)


class TestMailOfTheSender:
    def moves(self, to: str, *mails: Email) -> dict[str, Move]:
        return dict(decide(sender("Ann Lee", to), mails=mails).moves)

    def move(self, to: str, *mailboxes: str) -> tuple[set[str], set[str]]:
        moved = self.moves(to, mail("2", *mailboxes)).get("2", Move())
        return set(moved.add), set(moved.remove)

    @pytest.mark.parametrize(
        ("to", "before", "adds", "removes"),
        [
            ("Feed", {"Screener"}, {"Feed"}, {"Screener"}),
            ("Truck", {"Screener"}, {"Truck", "Paper Trail"}, {"Screener"}),
            ("Feed", {"Jail", "Archive", "Work"}, {"Feed"}, {"Jail"}),
            ("Paper Trail", {"Truck", "Paper Trail"}, set(), {"Truck"}),
            ("Feed", {"Inbox"}, {"Feed"}, set()),
            ("Feed", {"Inbox", "Screener"}, {"Feed"}, {"Screener"}),
            ("Feed", {"Feed"}, set(), set()),
            ("Imbox", {"Screener"}, {"Imbox", "Inbox"}, {"Screener"}),
            ("Imbox", {"Archive"}, {"Imbox"}, set()),
            ("Imbox", {"Feed"}, {"Imbox"}, {"Feed"}),
            ("Person", {"Screener"}, {"Imbox", "Person", "Inbox"}, {"Screener"}),
            ("Person", {"Archive"}, {"Imbox", "Person"}, set()),
            ("Jail", {"Screener"}, {"Jail"}, {"Screener"}),
            ("Jail", {"Inbox", "Work"}, {"Jail"}, {"Inbox"}),
            ("Jail", {"Inbox", "Jail"}, set(), {"Inbox"}),
            ("Feed", {"Feed", "@MailroomWarning"}, set(), {"@MailroomWarning"}),
            ("Feed", {"Screener", "@MailroomWarning"}, {"Feed"}, {"Screener", "@MailroomWarning"}),
        ],
    )
    def test_destinations_on_other_managed_mailboxes_off_and_all_else_stays(
        self, to: str, before: set[str], adds: set[str], removes: set[str]
    ) -> None:
        assert self.move(to, *before) == (adds, removes)

    @pytest.mark.parametrize("role", ["Trash", "Junk", "Drafts", "Sent"])
    def test_trash_junk_drafts_and_sent_are_untouched(self, role: str) -> None:
        assert self.moves("Feed", mail("2", role), mail("3", role, "Screener")) == {}

    def test_a_mail_that_is_right_gets_no_patch(self) -> None:
        assert self.moves("Feed", mail("2", "Feed"), mail("3", "Screener")).keys() == {"3"}

    def test_only_the_exact_address_counts(self) -> None:
        others = ["not" + ANN, "bann@example.org", "ann@example.organic"]
        assert self.moves("Feed", *(mail(each, "Screener", sender=each) for each in others)) == {}

    def test_another_spelling_of_the_address_counts(self) -> None:
        assert self.moves("Feed", mail("2", "Screener", sender="ANN@Example.ORG")).keys() == {"2"}

    def test_mail_with_a_triage_label_waits_for_its_own_turn(self) -> None:
        assert self.moves("Feed", mail("2", "Screener", "@ToJail"), mail("3", "Screener", "@ToFeed")) == {}

    @pytest.mark.parametrize("missing", ["Paper Trail", "Screener"])
    def test_a_destination_that_is_gone_fails_the_sender(self, missing: str) -> None:
        without = places_of(without=[missing])
        with pytest.raises(SenderFailed, match=f"no mailbox {missing}:"):
            plan(sender("", "Truck"), AddressBook((), groups()), (), without, DEFAULT_SCHEME, "u1", NOW)

    def test_all_destinations_that_are_gone_are_named(self) -> None:
        without = places_of(without=["Truck", "Paper Trail"])
        with pytest.raises(SenderFailed, match=r"^no mailbox Paper Trail: create .*; no mailbox Truck: create it"):
            plan(sender("", "Truck"), AddressBook((), groups()), (), without, DEFAULT_SCHEME, "u1", NOW)


class TestTheLastAct:
    def end(self, email: Email, to: str = "Feed", *cards: Card, places: Places = PLACES) -> tuple[set[str], set[str]]:
        decided = plan(sender("Ann Lee", to), AddressBook(cards, groups()), (), places, DEFAULT_SCHEME, "u1", NOW)
        move = settled(decided, [email], places).get(email.id, Move())
        return set(move.add), set(move.remove)

    def test_destinations_on_and_label_off_in_one_patch(self) -> None:
        assert self.end(mail("1", "Screener", "@ToFeed")) == ({"Feed"}, {"Screener", "@ToFeed"})

    def test_a_mail_in_nothing_but_labels_came_from_the_screener(self) -> None:
        assert self.end(mail("1", "@ToImbox"), "Imbox") == ({"Imbox", "Inbox"}, {"@ToImbox"})
        assert self.end(mail("1", "@ToImbox", "@MailroomWarning"), "Imbox")[0] == {"Imbox", "Inbox"}

    def test_a_category_that_takes_from_the_inbox_does_so_with_labelled_mail_and_never_for_an_ancestor(self) -> None:
        assert self.end(mail("1", "Inbox", "@ToJail"), "Jail") == ({"Jail"}, {"Inbox", "@ToJail"})
        scheme = Scheme((category("Away", takes_from_inbox=True), category("Child", parent="Away")))
        book = AddressBook((), tuple(Group(name, name, name, frozenset()) for name in ("Away", "Child", "Mailroom")))
        who = Sender(ANN, "", scheme.by_name["Child"], (mail("1", "Inbox", "@ToChild"),))
        moves = plan(who, book, [mail("2", "Inbox")], places_of(scheme), scheme, "u1", NOW).moves
        assert moves["2"] == Move(add=frozenset({"Away", "Child"}))

    def test_the_inbox_is_for_mail_from_the_screener_only(self) -> None:
        assert self.end(mail("1", "Archive", "@ToImbox"), "Imbox") == ({"Imbox"}, {"@ToImbox"})

    @pytest.mark.parametrize("role", ["Trash", "Junk", "Drafts", "Sent"])
    def test_a_mail_in_the_trash_loses_its_label_only(self, role: str) -> None:
        assert self.end(mail("1", role, "Screener", "@ToFeed")) == (set(), {"@ToFeed"})

    @pytest.mark.parametrize(
        "mailboxes",
        [("Screener",), ("Screener", "@ToFeed", "@ToJail"), ("Screener", "@ToJail"), ("@ToFeed", "@MailroomError")],
        ids=["label taken off", "second label", "other label", "error label"],
    )
    def test_a_mail_that_the_user_changed_meanwhile_is_left_alone(self, mailboxes: tuple[str, ...]) -> None:
        assert self.end(mail("1", *mailboxes)) == (set(), set())

    def test_a_name_that_differs_from_the_card_is_warned_of(self) -> None:
        adds, _ = self.end(mail("1", "Screener", "@ToFeed"), "Feed", card(full_name="Ann Smith"))
        assert adds == {"Feed", "@MailroomWarning"}

    @pytest.mark.parametrize("full_name", ["Ann Lee", "  ann LEE ", ""])
    def test_trimmed_and_case_folded_names_are_the_same(self, full_name: str) -> None:
        assert self.end(mail("1", "Screener", "@ToFeed"), "Feed", card(full_name=full_name))[0] == {"Feed"}

    def test_each_labelled_mail_is_held_to_the_card_even_a_new_one(self) -> None:
        older, newer = (
            mail("1", "Screener", "@ToFeed", name="Bob", at="2026-01-01"),
            mail("2", "Screener", "@ToFeed", name="Ann Lee", at="2026-02-01"),
        )
        (who,) = select([older, newer], PLACES, frozenset()).senders
        decided = decide(who)
        assert decided.card_name == "Ann Lee"
        moves = settled(decided, [older, newer], PLACES)
        assert moves["1"].add == {"Feed", "@MailroomWarning"}
        assert moves["2"].add == {"Feed"}

    def test_two_people_who_share_a_mailbox_are_one_warning(self) -> None:
        mails = [
            mail("1", "Screener", "@ToFeed", name="Bob Lee", at="2026-01-01"),
            mail("2", "Screener", "@ToFeed", "@MailroomWarning", name="BOB  LEE", at="2026-02-01"),
            mail("3", "Screener", "@ToFeed", name="Ann Lee", at="2026-03-01"),
            mail("4", "Trash", "@ToFeed", name="Bob Lee", at="2026-04-01"),
        ]
        (who,) = select(mails, PLACES, frozenset()).senders
        moves = settled(decide(who, card()), mails, PLACES)
        assert {id: (set(move.add), set(move.remove)) for id, move in moves.items()} == {
            "1": ({"Feed"}, {"Screener", "@ToFeed"}),
            "2": ({"Feed"}, {"Screener", "@ToFeed"}),
            "3": ({"Feed"}, {"Screener", "@ToFeed"}),
            "4": (set(), {"@ToFeed"}),
        }

    def test_an_old_warning_stays_where_it_is_still_true_and_goes_where_it_is_not(self) -> None:
        warned = mail("1", "Screener", "@ToFeed", "@MailroomWarning")
        assert self.end(warned, "Feed", card(full_name="Ann Smith")) == ({"Feed"}, {"Screener", "@ToFeed"})
        assert self.end(warned, "Feed", card()) == ({"Feed"}, {"Screener", "@ToFeed", "@MailroomWarning"})

    def test_warnings_can_be_off_and_their_label_missing(self) -> None:
        off = places_of(Scheme(warnings_enabled=False))
        warned = mail("1", "Screener", "@ToFeed", "@MailroomWarning")
        assert self.end(warned, "Feed", card(full_name="Ann Smith"), places=off) == ({"Feed"}, {"Screener", "@ToFeed"})

    def test_no_warning_label_means_no_warning(self) -> None:
        without = places_of(without=["@MailroomWarning"])
        end = self.end(mail("1", "Screener", "@ToFeed"), "Feed", card(full_name="Ann Smith"), places=without)
        assert end == ({"Feed"}, {"Screener", "@ToFeed"})


def test_a_grandchild_brings_all_its_ancestors() -> None:
    scheme = Scheme((category("A", add_to_inbox=True), category("B", parent="A"), category("C", parent="B")))
    places = places_of(scheme)
    book = AddressBook((), tuple(Group(name, name, name, frozenset()) for name in ("A", "B", "C", "Mailroom")))
    who = Sender(ANN, "", _of(scheme, "C"), (mail("1", "Screener", "@ToC"),))
    decided = plan(who, book, [mail("2", "Screener")], places, scheme, "u1", NOW)
    assert names(decided.change.join) == ["Mailroom", "C", "B", "A"]
    # add_to_inbox counts on the category triaged to, never on an ancestor.
    assert decided.moves["2"] == Move(add=frozenset({"A", "B", "C"}), remove=frozenset({"Screener"}))


def _of(scheme: Scheme, name: str) -> Category:
    return scheme.by_name[name]


def test_a_selection_halves_down_to_one_sender_or_the_pauses() -> None:
    mails = [mail(str(n), "@ToFeed", sender=f"s{n}@x.org") for n in range(3)]
    whole = select([*mails, mail("9", "@ToFeed", sender=None)], PLACES, frozenset())
    left, right = whole.halves()
    assert len(left.senders) + len(right.senders) == 3
    assert (left.pauses, right.pauses) == (whole.pauses, ())
    one, pauses = left.halves()
    assert (one.senders, one.pauses) == (left.senders, ())
    assert (pauses.senders, pauses.pauses) == ((), whole.pauses)
    assert isinstance(pauses.pauses[0], Pause)
    assert all([whole, left, right, one, pauses])
    assert not Selection((), ())


def test_a_mail_without_a_sender_shows_no_name() -> None:
    assert name_of(mail("1", "Screener", sender=None)) == ""
    assert name_of(mail("1", "Screener", sender="not an address")) == ""


class Walked(tuple[Card, ...]):
    """Counts how often somebody looks at each of its cards in turn."""

    walks = 0

    def __iter__(self) -> Iterator[Card]:
        Walked.walks += 1
        return super().__iter__()


def test_the_address_book_is_not_searched_again_for_each_sender() -> None:
    book = AddressBook(Walked(card(f"uid{number}", address=f"{number}@x.org") for number in range(9)), groups())
    walks = []
    for _ in range(3):
        plan(sender(), book, (), PLACES, DEFAULT_SCHEME, "u1", NOW)
        walks.append(Walked.walks)
    assert walks[0] > 0
    assert walks[1:] == walks[:-1]
