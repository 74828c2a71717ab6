"""Where a move out of the Screener says something, and about whom, rule by rule."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.config.screening import Screening
from mailroom.contacts.base import AddressBook, Card
from mailroom.decisions import note
from mailroom.decisions.arrival import Arrival
from mailroom.decisions.conversation import Context, Meaning
from mailroom.decisions.keywords import FROM_INBOX, SEEN, WAITING
from mailroom.decisions.marks import WorkList
from mailroom.decisions.moves import in_doubt, taken_out, without_the_decided
from mailroom.decisions.note import Verb
from mailroom.decisions.places import Places
from mailroom.decisions.select import Reason, moved_to, select
from mailroom.jmap.mail import Address, Email, Move
from tests.decisions.test_plan import ANN, NOW, card, groups, places_of
from tests.decisions.test_plan import mail as plain
from tests.new_mail import ON

PLACES = places_of(ON)
ME, BOB = "me@example.com", "bob@example.org"
MARKED = Move(set=frozenset({SEEN}), clear=frozenset({WAITING, FROM_INBOX}))
CONTEXT = Context(PLACES, ON, frozenset({ME}))


def mail(*mailboxes: str, sender: str | None = ANN, id: str = "1", keywords: tuple[str, ...] = (WAITING,)) -> Email:
    return replace(plain(id, *mailboxes, sender=sender), keywords=frozenset(keywords))


def goes_to(*mailboxes: str, places: Places = PLACES, keywords: tuple[str, ...] = (WAITING,)) -> str | None:
    found = moved_to(mail(*mailboxes, keywords=keywords), places)
    return found.name if found else None


class TestWhereToAMailWasMoved:
    @pytest.mark.parametrize(
        ("mailboxes", "category"),
        [
            (["Feed"], "Feed"),
            (["Feed", "Archive"], "Feed"),
            (["Feed", "Holidays"], "Feed"),
            (["Feed", "@MailroomError"], "Feed"),
            (["Truck"], "Truck"),
            (["Truck", "Paper Trail"], "Truck"),
            (["Paper Trail"], "Paper Trail"),
            (["Truck", "Billboard"], None),
            (["Truck", "Billboard", "Paper Trail"], None),
            (["Feed", "Jail"], None),
            (["Feed", "Screener"], None),
            (["Feed", "Inbox"], None),
            (["Feed", "Trash"], None),
            (["Feed", "Sent"], None),
            (["Archive"], None),
            (["Inbox"], None),
            (["@ToFeed"], None),
        ],
        ids=str,
    )
    def test_is_one_categorys_mailbox_perhaps_with_its_ancestors(
        self, mailboxes: list[str], category: str | None
    ) -> None:
        assert goes_to(*mailboxes) == category

    def test_is_told_by_the_mark_of_mail_that_waits(self) -> None:
        assert goes_to("Feed", keywords=()) is None
        assert goes_to("Feed", keywords=(SEEN,)) is None
        assert goes_to("Feed", keywords=(SEEN, WAITING, "$seen")) == "Feed"

    def test_is_the_ancestors_where_both_share_a_mailbox(self) -> None:
        child = category("Child", parent="Parent", destination_mailbox="Parent", contact_group="Child")
        grandchild = category("Grandchild", parent="Child")
        places = places_of(Scheme((grandchild, child, category("Parent")), screening=Screening(mode="on")))
        assert goes_to("Parent", places=places) == "Parent"
        assert goes_to("Parent", "Grandchild", places=places) == "Grandchild"

    def test_is_of_no_account_where_a_category_has_no_mailbox(self) -> None:
        places = places_of(ON, without=["Paper Trail"])
        assert goes_to("Truck", places=places) == "Truck"
        assert goes_to("Feed", places=places) == "Feed"

    @pytest.mark.parametrize(
        "screening", [Screening(), Screening("watch"), Screening("watch", moves=True), Screening("on", moves=False)]
    )
    def test_is_of_no_account_where_moves_are_not_followed(self, screening: Screening) -> None:
        assert goes_to("Feed", places=places_of(replace(DEFAULT_SCHEME, screening=screening))) is None


class TestWhatIsTakenOutOfTheWork:
    def test_is_mail_in_a_categorys_mailbox_as_mail_with_a_label_is(self) -> None:
        address = Address(name="Ann Lee", email=ANN)
        arrivals = [
            Arrival(id, frozenset({home}), frozenset({WAITING}), (address,), thread_id="T", received_at="2026")
            for id, home in (("1", "Feed"), ("2", "Archive"))
        ]
        work = WorkList(moved=tuple(arrivals), inbox=tuple(arrivals), screener=tuple(arrivals))
        taken, rest = taken_out(work, PLACES)
        assert taken == (
            Email(
                id="1",
                mailbox_ids=frozenset({"Feed"}),
                keywords=frozenset({WAITING}),
                senders=(address,),
                received_at="2026",
                thread_id="T",
            ),
        )
        assert rest == replace(work, moved=(arrivals[1],))

    def test_is_nothing_where_moves_are_not_followed(self) -> None:
        work = WorkList(moved=(Arrival("1", frozenset({"Feed"}), frozenset({WAITING})),))
        assert taken_out(work, places_of()) == ((), work)


class TestAboutWhom:
    def decides(
        self, *mails: Email, of: Collection[Card] = (), **members: Collection[str]
    ) -> tuple[set[str], set[str]]:
        """The ids of the mails that ask, and of those that are marked and nothing else."""
        said = without_the_decided(Meaning(mails), CONTEXT, AddressBook(tuple(of), groups(**members)))
        assert all(move == MARKED for move in said.aside.values())
        return {email.id for email in said.labelled}, set(said.aside)

    def test_about_a_sender_whom_nobody_has_decided_about(self) -> None:
        assert in_doubt([mail("Feed")], CONTEXT) == {ANN}
        assert self.decides(mail("Feed")) == ({"1"}, set())
        assert self.decides(mail("Feed"), of=[card()], Mailroom=["ann"]) == ({"1"}, set())

    def test_about_nobody_who_is_decided(self) -> None:
        assert self.decides(mail("Feed"), of=[card()], Jail=["ann"]) == (set(), {"1"})
        assert self.decides(mail("Feed"), of=[card()], Feed=["ann"]) == (set(), {"1"})

    @pytest.mark.parametrize("sender", [ME, None])
    def test_about_neither_the_user_nor_nobody(self, sender: str | None) -> None:
        assert in_doubt([mail("Feed", sender=sender)], CONTEXT) == set()
        assert self.decides(mail("Feed", sender=sender)) == (set(), {"1"})

    @pytest.mark.parametrize(
        ("verb", "category", "goes_on"),
        [(Verb.MOVED, "Feed", True), (Verb.MOVED, "Jail", False), (Verb.TRIAGED, "Feed", False)],
    )
    def test_about_whom_a_pass_that_was_cut_off_began_to_settle(self, verb: Verb, category: str, goes_on: bool) -> None:
        text = note.recorded("", category, NOW, note.CREATED, verb)
        asks, marked = self.decides(mail("Feed"), of=[card(text=text)], Feed=["ann"])
        assert (bool(asks), bool(marked)) == (goes_on, not goes_on)

    @pytest.mark.parametrize("also", ["@ToFeed", "@ToJail", "@MailroomError"])
    def test_a_label_on_the_mail_says_more(self, also: str) -> None:
        labelled = mail("Feed", also)
        assert in_doubt([labelled], CONTEXT) == set()
        assert self.decides(labelled, of=[card()], Jail=["ann"]) == ({"1"}, set())

    def test_other_mail_is_nothing_to_it(self) -> None:
        others = (mail("Archive"), mail("Screener", id="2"), mail("Feed", "@ToFeed", id="3", keywords=()))
        assert in_doubt(others, CONTEXT) == set()
        assert self.decides(*others, of=[card()], Jail=["ann"]) == ({"1", "2", "3"}, set())

    def test_a_label_that_means_somebody_else_goes_off_as_well(self) -> None:
        off = Move(remove=frozenset({"@ToFeed"}))
        book = AddressBook((card(),), groups(Jail=["ann"]))
        said = without_the_decided(Meaning((mail("Feed"),), {"1": off, "9": off}), CONTEXT, book)
        assert said.aside == {"1": replace(MARKED, remove=off.remove), "9": off}


class TestAsASelection:
    def test_a_move_is_as_the_label_and_says_that_it_was_a_move(self) -> None:
        (sender,) = select([mail("Truck")], PLACES, frozenset()).senders
        assert (sender.category.name, sender.verb) == ("Truck", Verb.MOVED)

    def test_with_a_label_it_is_the_labels(self) -> None:
        (sender,) = select([mail("Feed"), mail("Screener", "@ToFeed", id="2")], PLACES, frozenset()).senders
        assert (sender.verb, len(sender.mails)) == (Verb.TRIAGED, 2)
        (sender,) = select([mail("Feed", "@ToJail")], PLACES, frozenset()).senders
        assert (sender.category.name, sender.verb) == ("Jail", Verb.TRIAGED)

    def test_two_places_are_a_conflict(self) -> None:
        (pause,) = select([mail("Feed"), mail("Jail", id="2")], PLACES, frozenset()).pauses
        assert (pause.reason, pause.labels) == (Reason.CONFLICT, ("@ToFeed", "@ToJail"))

    def test_what_waits_for_the_user_says_nothing(self) -> None:
        assert not select([mail("Feed", "@MailroomError")], PLACES, frozenset())
