"""The way back into the Screener, rule by rule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mailroom.config.daily import Expiry
from mailroom.config.scheme import DEFAULT_SCHEME, Back, Scheme, category
from mailroom.contacts.base import AddressBook, CardEdit, Fields, NewCard
from mailroom.decisions import note
from mailroom.decisions.filing import filed, marked, sweep
from mailroom.decisions.going_back import way_back
from mailroom.decisions.plan import Plan, plan, settled
from mailroom.decisions.select import Reason, Sender, select
from mailroom.errors import SenderFailed
from mailroom.jmap.mail import Email, Move
from tests.decisions.test_plan import ANN, NOW, PLACES, card, groups, mail, names, places_of

BACK = DEFAULT_SCHEME.back
WAY = way_back(DEFAULT_SCHEME, NOW, frozenset())
RECENT = "2026-03-01T00:00:00Z"
OLD = "2026-01-01T00:00:00Z"
SCREENER = frozenset({"Screener"})


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def at(*mailboxes: str, when: str = RECENT, keywords: tuple[str, ...] = ()) -> Email:
    return replace(mail("1", *mailboxes, at=when), keywords=frozenset(keywords))


def off(*mailboxes: str) -> Move:
    return Move(remove=frozenset(mailboxes))


def to_screener(*mailboxes: str) -> Move:
    return Move(SCREENER, frozenset(mailboxes))


def back(*mails: Email) -> Sender:
    return Sender(ANN, "Ann Lee", BACK, mails or (at("Feed", "@ToScreener"),))


def decide(who: Sender, *cards: object, mails: tuple[Email, ...] = (), **members: tuple[str, ...]) -> Plan:
    return plan(who, AddressBook(cards, groups(**members)), mails, PLACES, DEFAULT_SCHEME, "u1", NOW)  # type: ignore[arg-type]  # cards alone


class TestMail:
    def test_of_the_last_days_goes_back_into_the_screener(self) -> None:
        assert filed(at("Feed"), WAY, PLACES) == to_screener("Feed")
        assert filed(at("Truck", "Paper Trail"), WAY, PLACES) == to_screener("Truck", "Paper Trail")

    def test_goes_nowhere_else_where_it_is_not_in_the_inbox(self) -> None:
        assert filed(at("Imbox"), WAY, PLACES) == to_screener("Imbox")
        assert filed(at("Person", "Imbox"), WAY, PLACES) == to_screener("Person", "Imbox")

    def test_is_as_old_as_what_waits_may_be(self) -> None:
        way = way_back(Scheme(expire=Expiry(after_days=5)), NOW, frozenset())
        assert filed(at("Feed", when=ago(5)), way, PLACES) == to_screener("Feed")
        assert filed(at("Feed", when=ago(5.001)), way, PLACES) == Move()

    def test_is_marked_as_all_that_is_filed(self) -> None:
        way = way_back(DEFAULT_SCHEME, NOW, frozenset({"mailroom-seen"}))
        assert marked(off("Feed"), at("Feed", "Work"), way, PLACES).set == {"mailroom-seen"}

    def test_that_is_older_stays(self) -> None:
        assert filed(at("Feed", when=ago(30)), WAY, PLACES) == to_screener("Feed")
        assert filed(at("Feed", when=ago(30.001)), WAY, PLACES) == Move()
        assert filed(at("Imbox", "Inbox", when=OLD), WAY, PLACES) == Move()

    def test_of_which_nobody_knows_when_it_came_stays(self) -> None:
        assert filed(replace(at("Feed"), received_at=""), WAY, PLACES) == Move()

    def test_in_no_mailbox_of_a_category_stays_where_it_is(self) -> None:
        for where in (("Inbox",), ("Archive",), ("Work", "Inbox"), ("Screener",)):
            assert filed(at(*where), WAY, PLACES) == Move()

    def test_with_another_home_only_loses_the_categorys(self) -> None:
        assert filed(at("Feed", "Work"), WAY, PLACES) == off("Feed")
        assert filed(at("Feed", "Screener"), WAY, PLACES) == off("Feed")
        assert filed(at("Feed", "Inbox"), WAY, PLACES) == off("Feed")

    def test_that_a_category_put_into_the_inbox_leaves_it_unread(self) -> None:
        assert filed(at("Imbox", "Inbox"), WAY, PLACES) == to_screener("Imbox", "Inbox")
        assert filed(at("Person", "Imbox", "Inbox"), WAY, PLACES) == to_screener("Person", "Imbox", "Inbox")
        assert filed(at("Imbox", "Inbox", "Work"), WAY, PLACES) == off("Imbox", "Inbox")

    @pytest.mark.parametrize("keyword", ["$seen", "$flagged", "$answered", "$draft", "$notjunk"])
    def test_that_was_dealt_with_stays_in_the_inbox(self, keyword: str) -> None:
        assert filed(at("Imbox", "Inbox", keywords=(keyword,)), WAY, PLACES) == off("Imbox")
        assert filed(at("Imbox", keywords=(keyword,)), WAY, PLACES) == to_screener("Imbox")

    def test_of_which_a_part_of_the_chain_was_taken_away_is_not_known_to_be_put_into_the_inbox(self) -> None:
        assert filed(at("Person", "Inbox"), WAY, PLACES) == off("Person")

    def test_of_a_child_that_puts_nothing_into_the_inbox_stays_there_whatever_its_parent_does(self) -> None:
        scheme = Scheme((category("Top", add_to_inbox=True), category("Below", parent="Top")))
        places, way = places_of(scheme), way_back(scheme, NOW, frozenset())
        assert filed(at("Top", "Below", "Inbox"), way, places) == off("Top", "Below")
        assert filed(at("Top", "Inbox"), way, places) == to_screener("Top", "Inbox")

    def test_of_a_category_that_shares_its_mailbox_stays_unless_both_put_it_into_the_inbox(self) -> None:
        for child, goes in ((True, True), (False, False)):
            scheme = Scheme(
                (
                    category("Top", add_to_inbox=True),
                    category("Below", parent="Top", destination_mailbox="Top", add_to_inbox=child),
                )
            )
            way = way_back(scheme, NOW, frozenset())
            expected = to_screener("Top", "Inbox") if goes else off("Top")
            assert filed(at("Top", "Inbox"), way, places_of(scheme)) == expected

    def test_of_two_categories_at_once_stays_unless_both_put_it_into_the_inbox(self) -> None:
        assert filed(at("Imbox", "Feed", "Inbox"), WAY, PLACES) == off("Imbox", "Feed")

    def test_in_trash_junk_drafts_and_sent_stays(self) -> None:
        for role in ("Trash", "Junk", "Drafts", "Sent"):
            assert filed(at("Feed", role), WAY, PLACES) == Move()

    def test_that_an_app_moved_into_the_label_goes_into_the_screener_however_old(self) -> None:
        assert filed(at("@ToScreener", when=OLD), WAY, PLACES) == Move(SCREENER)

    def test_keeps_its_warning(self) -> None:
        assert filed(at("Feed", "@MailroomWarning"), WAY, PLACES) == to_screener("Feed")

    def test_that_waits_for_the_user_is_answered(self) -> None:
        waiting = at("Feed", "@ToJail", "@MailroomError")
        assert filed(waiting, WAY, PLACES) == to_screener("Feed", "@ToJail", "@MailroomError")

    def test_stays_where_there_is_no_inbox(self) -> None:
        places = replace(PLACES, inbox=None)
        assert filed(at("Imbox", "Inbox"), WAY, places) == off("Imbox")


class TestMarks:
    def test_say_that_it_waits_as_screened_mail_does(self) -> None:
        move = marked(to_screener("Feed"), at("Feed"), WAY, PLACES)
        assert move.set == {"mailroom-seen", "mailroom-waiting"}
        assert not move.clear

    def test_say_that_it_came_from_the_inbox(self) -> None:
        move = marked(to_screener("Imbox", "Inbox"), at("Imbox", "Inbox"), WAY, PLACES)
        assert move.set == {"mailroom-seen", "mailroom-waiting", "mailroom-from-inbox"}

    def test_say_nothing_of_mail_that_stays_elsewhere(self) -> None:
        move = marked(off("Feed"), at("Feed", "Work", keywords=("mailroom-waiting",)), WAY, PLACES)
        assert move.clear == {"mailroom-waiting"}
        assert not move.set


class TestTheCard:
    def test_leaves_all_managed_groups_and_its_note_says_so(self) -> None:
        text = note.recorded("", "Feed", NOW, note.CREATED)
        made = decide(back(), card(text=text), Feed=("ann",), Imbox=("ann",), Mailroom=("ann",))
        assert names(made.departure.leave) == ["Feed", "Imbox"]
        assert made.change.join == ()
        assert isinstance(made.change.card, CardEdit)
        assert (made.change.card.fill, made.change.card.recast) == (Fields(), None)
        assert made.change.card.note == f"{text}\nBack to the Screener on 2026-03-05T14:03Z"

    def test_is_not_written_twice(self) -> None:
        text = note.taken_back("Mine.", note.Verb.BACK, NOW, note.ADOPTED)
        assert text == "Mine.\n\n— Mailroom —\nAdopted by Mailroom\nBack to the Screener on 2026-03-05T14:03Z"
        again = decide(back(), card(text=text))
        assert (again.change.card, again.departure.leave) == (None, ())

    def test_is_made_where_there_is_none_so_that_the_decision_is_kept(self) -> None:
        made = decide(back())
        assert isinstance(made.change.card, NewCard)
        assert made.change.card.fields == Fields("Ann Lee", "Ann Lee")
        assert made.change.card.note == ("— Mailroom —\nCreated by Mailroom\nBack to the Screener on 2026-03-05T14:03Z")
        assert names(made.change.join) == ["Mailroom"]

    def test_goes_back_into_a_category_by_a_new_decision(self) -> None:
        text = note.taken_back(note.recorded("", "Feed", NOW, note.CREATED), note.Verb.BACK, NOW, note.CREATED)
        later = note.recorded(text, "Feed", NOW, note.ADOPTED)
        assert later.splitlines()[-2:] == [
            "Back to the Screener on 2026-03-05T14:03Z",
            "Triaged to Feed on 2026-03-05T14:03Z",
        ]


class TestTheLabel:
    def test_conflicts_with_that_of_a_category(self) -> None:
        mails = [mail("1", "Feed", "@ToScreener"), mail("2", "Feed", "@ToJail")]
        (pause,) = select(mails, PLACES, frozenset()).pauses
        assert (pause.reason, pause.labels) == (Reason.CONFLICT, ("@ToJail", "@ToScreener"))

    def test_takes_its_sender_back(self) -> None:
        (who,) = select([mail("1", "Feed", "@ToScreener")], PLACES, frozenset()).senders
        assert who.category == Back("@ToScreener", "Screener")

    def test_goes_off_last(self) -> None:
        labelled = at("Feed", "@ToScreener")
        other = replace(at("Feed"), id="2")
        made = decide(back(labelled), mails=(labelled, other))
        assert made.moves.keys() == {"2"}
        assert settled(made, [labelled], PLACES) == {
            "1": Move(SCREENER, frozenset({"Feed", "@ToScreener"}), frozenset({"mailroom-seen", "mailroom-waiting"}))
        }

    def test_brings_no_warning(self) -> None:
        labelled = mail("1", "Feed", "@ToScreener", name="Somebody else", at=RECENT)
        made = decide(back(labelled), card())
        assert "@MailroomWarning" not in settled(made, [labelled], PLACES)["1"].add

    def test_needs_the_screener(self) -> None:
        book = AddressBook((), groups())
        with pytest.raises(SenderFailed, match="no mailbox Screener"):
            plan(back(), book, (), places_of(without=["Screener"]), DEFAULT_SCHEME, "u1", NOW)

    def test_leaves_forged_mail_in_the_screener(self) -> None:
        forged = at("Screener", "Feed", keywords=("mailroom-forged",))
        assert sweep(back(), [replace(forged, id="2")], WAY, PLACES) == {}
