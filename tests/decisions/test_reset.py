"""What a reset undoes, and what is the user's."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.base import AddressBook, Card, Fields, Group
from mailroom.decisions import note
from mailroom.decisions.keywords import FORGED, FROM_INBOX, SEEN, WAITING
from mailroom.decisions.reset import (
    ContactUndo,
    MailUndo,
    SettledBy,
    Undo,
    entered_by_mailbox,
    left_by_mailbox,
    made_by_mailroom,
    names_of,
    settled_by,
    undo_contacts,
    undo_mails,
)
from mailroom.jmap.mail import Move
from tests.decisions.test_filing import marked
from tests.decisions.test_plan import ANN, PLACES, groups, mail

CREATED = note.recorded("", "Feed", datetime(2026, 3, 5, 14, 3, tzinfo=UTC), note.CREATED)
ADOPTED = note.recorded("Met in Porto.", "Feed", datetime(2026, 3, 5, 14, 3, tzinfo=UTC), note.ADOPTED)
COMPANY = Fields("Ann Lee", organization="Ann Lee")
PERSON = Fields("Ann Lee", given="Ann", family="Lee")


def card(text: str, fields: Fields = COMPANY, *, uid: str = "ann", addresses: Collection[str] = (ANN,)) -> Card:
    return Card(f"ref-{uid}", uid, fields, frozenset(addresses), text)


def undone(
    *cards: Card, extras: Collection[str] = (), own: Collection[Group] = (), **members: Collection[str]
) -> tuple[ContactUndo, ...]:
    book = AddressBook(cards, (*groups(**members), *own))
    found = {each.ref: frozenset(extras) for each in made_by_mailroom(book)}
    return undo_contacts(book, found, DEFAULT_SCHEME)[0]


class TestMail:
    @pytest.mark.parametrize(
        ("mailboxes", "add", "remove"),
        [
            ({"Feed"}, {"Screener"}, {"Feed"}),
            ({"Truck", "Paper Trail"}, {"Screener"}, {"Truck", "Paper Trail"}),
            ({"Imbox", "Inbox"}, set(), {"Imbox"}),
            ({"Feed", "Archive", "Work"}, set(), {"Feed"}),
            ({"Feed", "Screener"}, set(), {"Feed"}),
            ({"Feed", "@ToJail"}, {"Screener"}, {"Feed", "@ToJail"}),
            ({"Feed", "@MailroomWarning"}, {"Screener"}, {"Feed", "@MailroomWarning"}),
        ],
    )
    def test_of_a_settled_sender_leaves_the_destinations_and_keeps_another_home(
        self, mailboxes: set[str], add: set[str], remove: set[str]
    ) -> None:
        undo = undo_mails([mail("1", *mailboxes)], PLACES, SettledBy({ANN}))
        assert undo == MailUndo({"1": Move(frozenset(add), frozenset(remove))}, {"1": ANN}, {})

    @pytest.mark.parametrize(
        ("mailboxes", "add", "remove"),
        [
            ({"Inbox", "@MailroomError"}, set(), {"@MailroomError"}),
            ({"@MailroomError"}, {"Screener"}, {"@MailroomError"}),
            ({"Screener", "@MailroomError", "@ToFeed", "@ToJail"}, set(), {"@MailroomError", "@ToFeed", "@ToJail"}),
            ({"@ToFeed"}, {"Screener"}, {"@ToFeed"}),
            ({"Archive", "@ToFeed"}, set(), {"@ToFeed"}),
            ({"Trash", "@ToJail"}, set(), {"@ToJail"}),
        ],
    )
    @pytest.mark.parametrize("settled", [{ANN}, set()], ids=["settled", "unknown"])
    def test_loses_every_label_whoever_sent_it(
        self, mailboxes: set[str], add: set[str], remove: set[str], settled: set[str]
    ) -> None:
        undo = undo_mails([mail("1", *mailboxes)], PLACES, SettledBy(settled))
        assert undo.moves == {"1": Move(frozenset(add), frozenset(remove))}

    @pytest.mark.parametrize("place", ["Trash", "Junk", "Drafts", "Sent"])
    def test_in_trash_junk_drafts_and_sent_stays_there_alone(self, place: str) -> None:
        assert undo_mails([mail("1", place, "Feed")], PLACES, SettledBy({ANN})).moves == {
            "1": Move(remove=frozenset({"Feed"}))
        }

    @pytest.mark.parametrize("mailboxes", [{"Inbox"}, {"Screener"}, {"Archive"}, {"Trash"}])
    def test_elsewhere_stays_as_it_is(self, mailboxes: set[str]) -> None:
        assert undo_mails([mail("1", *mailboxes)], PLACES, SettledBy({ANN})) == MailUndo({}, {}, {})

    def test_of_a_sender_without_a_note_stays_in_the_destinations_and_is_counted(self) -> None:
        mails = [mail("1", "Feed"), mail("2", "Feed", "@ToJail"), mail("3", "Jail", sender="not an address")]
        undo = undo_mails(mails, PLACES, SettledBy({"other@x.org"}))
        assert undo == MailUndo({"2": Move(remove=frozenset({"@ToJail"}))}, {}, {"Feed": 2, "Jail": 1})

    @pytest.mark.parametrize("settled", [{ANN}, set()], ids=["settled", "unknown"])
    @pytest.mark.parametrize(
        ("keywords", "mailboxes", "add", "remove"),
        [
            ({SEEN, WAITING, FROM_INBOX}, {"Screener"}, {"Inbox"}, {"Screener"}),
            ({WAITING}, {"Screener"}, {"Inbox"}, {"Screener"}),
            ({FROM_INBOX}, {"Screener"}, {"Inbox"}, {"Screener"}),
            ({SEEN}, {"Screener"}, set(), set()),
            ({SEEN}, {"Screener", "Work"}, set(), set()),
            ({WAITING, FROM_INBOX}, {"Screener", "Work"}, set(), {"Screener"}),
            ({WAITING, FROM_INBOX}, {"Screener", "Inbox"}, set(), {"Screener"}),
            ({WAITING, FROM_INBOX}, {"Screener", "Trash"}, set(), {"Screener"}),
            (
                {WAITING, FROM_INBOX, FORGED},
                {"Screener", "@MailroomWarning"},
                {"Inbox"},
                {"Screener", "@MailroomWarning"},
            ),
            ({WAITING, FROM_INBOX}, {"@ToFeed"}, {"Inbox"}, {"@ToFeed"}),
            ({SEEN, FROM_INBOX}, {"Feed"}, {"Inbox"}, {"Feed"}),
            ({SEEN, FROM_INBOX}, {"Jail", "Archive"}, set(), {"Jail"}),
            ({SEEN, FROM_INBOX}, {"Imbox", "Inbox"}, set(), {"Imbox"}),
            ({SEEN, FROM_INBOX}, {"Archive"}, set(), set()),
            ({SEEN}, {"Inbox"}, set(), set()),
        ],
    )
    def test_that_came_from_the_inbox_goes_back_there_unless_it_has_a_home(
        self, keywords: set[str], mailboxes: set[str], add: set[str], remove: set[str], settled: set[str]
    ) -> None:
        undo = undo_mails([marked("1", *mailboxes, keywords=frozenset(keywords))], PLACES, SettledBy(settled))
        assert undo.moves.get("1", Move()) == Move(frozenset(add), frozenset(remove))
        assert undo.left == {}

    def test_that_the_user_took_out_of_the_screener_stays_there(self) -> None:
        email = marked("1", "Feed", keywords=frozenset({WAITING, FROM_INBOX}))
        assert undo_mails([email], PLACES, SettledBy(set())) == MailUndo({}, {}, {"Feed": 1})

    def test_of_a_settled_sender_that_waited_goes_to_the_inbox_and_is_known_by_the_note(self) -> None:
        email = marked("1", "Feed", "Screener", keywords=frozenset({WAITING, FROM_INBOX}))
        move = Move(frozenset({"Inbox"}), frozenset({"Feed", "Screener"}))
        assert undo_mails([email], PLACES, SettledBy({ANN})) == MailUndo({"1": move}, {"1": ANN}, {})

    def test_that_came_from_an_inbox_that_is_gone_goes_to_the_screener(self) -> None:
        mails = [
            marked("1", "Jail", keywords=frozenset({FROM_INBOX})),
            marked("2", "Screener", keywords=frozenset({WAITING})),
        ]
        undo = undo_mails(mails, replace(PLACES, inbox=None), SettledBy(set()))
        assert undo.moves == {"1": Move(frozenset({"Screener"}), frozenset({"Jail"}))}

    def test_that_would_have_no_mailbox_stays_where_it_is(self) -> None:
        assert undo_mails([mail("1", "Feed")], replace(PLACES, screener=None), SettledBy({ANN})).moves == {}

    def test_may_be_mailrooms_if_the_senders_card_has_a_note_of_it(self) -> None:
        cards = (card(CREATED, addresses=("a@x.org", "b@x.org")), card("Met in Porto.", addresses=("c@x.org",)))
        assert settled_by(AddressBook(cards, ())).addresses == {"a@x.org", "b@x.org"}


class TestUndo:
    NOTHING = Undo(MailUndo({}, {}, {}), (), None, (), ())

    def test_of_nothing_is_none(self) -> None:
        assert not self.NOTHING

    @pytest.mark.parametrize(
        "undo",
        [
            replace(NOTHING, mails=MailUndo({"1": Move(remove=frozenset({"Feed"}))}, {}, {})),
            replace(NOTHING, marked=("1",)),
            replace(NOTHING, state_card=card("")),
            replace(NOTHING, contacts=(ContactUndo(card(CREATED), (), ()),)),
            replace(NOTHING, provenance=(Group("ref", "uid", "Mailroom", frozenset({"ann"})),)),
        ],
    )
    def test_of_any_of_it_is_something(self, undo: Undo) -> None:
        assert undo

    def test_counts_mails_by_the_mailbox_that_they_leave_and_enter(self) -> None:
        moves = [Move(frozenset({"Inbox"}), frozenset({"Feed", "Screener"})), Move(remove=frozenset({"Feed"}))]
        assert left_by_mailbox(moves) == {"Feed": 2, "Screener": 1}
        assert entered_by_mailbox(moves) == {"Inbox": 1}


class TestContacts:
    @pytest.mark.parametrize("fields", [COMPANY, PERSON, Fields("Plato", organization="Plato")])
    def test_that_mailroom_made_and_nobody_edited_are_deleted(self, fields: Fields) -> None:
        (only,) = undone(card(CREATED, fields), Mailroom={"ann"})
        assert only.stays == ()

    def test_that_are_missing_from_the_provenance_group_after_a_crash_are_mailrooms_too(self) -> None:
        assert undone(card(CREATED))[0].stays == ()

    def test_that_were_there_before_stay(self) -> None:
        (only,) = undone(card(ADOPTED), Mailroom={"ann"})
        assert only.stays == ("yours before Mailroom",)

    @pytest.mark.parametrize(
        ("edited", "extras", "why"),
        [
            (card(CREATED), {"TEL", "BDAY"}, "you added BDAY, TEL"),
            (card(CREATED), {"EMAIL"}, "its addresses are edited"),
            (card(CREATED), {"emails"}, "its addresses are edited"),
            (card(CREATED, addresses=(ANN, "b@x.org")), (), "its addresses are edited"),
            (card(CREATED, addresses=()), (), "its addresses are edited"),
            (card(CREATED, Fields("Annie", organization="Ann Lee")), (), "its name is edited"),
            (card(CREATED, Fields("Ann Lee", given="Anne", family="Lee")), (), "its name is edited"),
            (card(f"Calls on Mondays.\n\n{CREATED}"), (), "it has a note of yours"),
        ],
    )
    def test_that_somebody_edited_stay(self, edited: Card, extras: Collection[str], why: str) -> None:
        assert undone(edited, extras=extras)[0].stays == (why,)

    def test_in_a_group_of_the_users_own_stay(self) -> None:
        kin, friends = (Group("ref", "uid", name, frozenset({"ann"})) for name in ("Kin", "Friends"))
        assert undone(card(CREATED), own=[kin, friends])[0].stays == ("it is in your group Friends, Kin",)

    def test_whose_properties_could_not_be_read_stay(self) -> None:
        undo, _ = undo_contacts(AddressBook((card(CREATED),), groups()), {}, DEFAULT_SCHEME)
        assert undo[0].stays == ("changed just now",)

    def test_leave_all_managed_groups_and_no_other(self) -> None:
        friends = Group("ref", "uid", "Friends", frozenset({"ann"}))
        (only,) = undone(card(ADOPTED), own=[friends], Feed={"ann", "bob"}, Person={"ann"}, Mailroom={"ann"})
        assert [group.name for group in only.leave] == ["Feed", "Person"]

    def test_without_a_note_of_mailrooms_are_the_users(self) -> None:
        assert undone(card("Created by Mailroom"), Feed={"ann"}) == ()

    def test_are_sorted_by_address(self) -> None:
        cards = [card(CREATED, uid=uid, addresses=(f"{uid}@x.org",)) for uid in ("zoe", "ann")]
        assert [each.card.uid for each in undone(*cards)] == ["ann", "zoe"]

    def test_the_provenance_group_is_emptied_of_all(self) -> None:
        _, provenance = undo_contacts(AddressBook((), groups(Mailroom={"gone"})), {}, DEFAULT_SCHEME)
        assert [(group.name, group.members) for group in provenance] == [("Mailroom", frozenset({"gone"}))]


class TestWholes:
    DOMAIN = CREATED.replace("Created by Mailroom", "Created by Mailroom\nWhole domain")
    LIST = CREATED.replace("Created by Mailroom", "Created by Mailroom\nWhole list <dev.x.org>")

    def cards(self) -> tuple[Card, Card]:
        domain = card(self.DOMAIN, Fields("shop.example", organization="shop.example"), addresses=("*@shop.example",))
        return domain, card(self.LIST, Fields("Devs", organization="dev.x.org"), uid="list", addresses=())

    def test_their_cards_are_deleted_as_mailroom_wrote_them(self) -> None:
        assert [each.stays for each in undone(*self.cards())] == [(), ()]

    @pytest.mark.parametrize(("organization", "addresses"), [("mine", ()), ("dev.x.org", (ANN,))])
    def test_their_cards_stay_where_the_user_edited_them(self, organization: str, addresses: tuple[str, ...]) -> None:
        (only,) = undone(card(self.LIST, Fields("Devs", organization=organization), addresses=addresses))
        assert "its name is edited" in only.stays

    @pytest.mark.parametrize(
        ("sender", "list_id", "whose"),
        [
            ("a@shop.example", None, "@shop.example"),
            ("a@news.shop.example", None, "@shop.example"),
            ("a@shop.example", "<DEV.x.org>", "list:dev.x.org"),
            ("a@other.example", "<dev.x.org>", "list:dev.x.org"),
            ("a@other.example", "<other.x.org>", None),
            ("friend@shop.example", None, None),
            (None, "<dev.x.org>", None),
        ],
    )
    def test_their_mail_leaves_the_destinations_and_that_of_the_users_contacts_stays(
        self, sender: str | None, list_id: str | None, whose: str | None
    ) -> None:
        book = AddressBook((*self.cards(), card("", addresses=("friend@shop.example",))), ())
        email = replace(mail("1", "Feed", sender=sender), list_id=list_id)
        undo = undo_mails([email], PLACES, settled_by(book))
        assert undo.senders.get("1") == whose
        assert bool(undo.moves) is (whose is not None)

    def test_they_are_known_by_what_people_type(self) -> None:
        assert [names_of(each) for each in self.cards()] == [{"@shop.example"}, {"list:dev.x.org"}]
