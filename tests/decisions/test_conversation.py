"""What a label on a conversation means, rule by rule."""

from collections.abc import Collection
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.base import AddressBook, Card
from mailroom.decisions import note
from mailroom.decisions.conversation import Context, Conversation, Meaning, in_doubt, meaning, still_asks
from mailroom.decisions.places import Places
from mailroom.decisions.select import Pause, Reason
from mailroom.jmap.mail import Email, moved
from tests.decisions.test_plan import NOW, PLACES, card, groups, places_of
from tests.decisions.test_plan import mail as plain

ME, ANN, BOB, CY = "me@example.com", "ann@example.org", "bob@example.org", "cy@example.org"
FEED = Conversation("T", "@ToFeed")
NOBODY = AddressBook((), groups())


def mail(sender: str | None, *mailboxes: str, thread: str | None = "T", id: str = "") -> Email:
    email = plain(id or str(sender), *mailboxes, sender=sender)
    return replace(email, thread_id=thread)


def book(*cards: Card, **members: Collection[str]) -> AddressBook:
    return AddressBook(cards, groups(**members))


def person(address: str, text: str = "") -> Card:
    return card(address, address=address, text=text)


def context(*settled: Conversation, places: Places = PLACES) -> Context:
    return Context(places, DEFAULT_SCHEME, frozenset({ME}), settled)


def said(meant: Meaning) -> dict[str, str]:
    """What becomes of each mail: `tap` and its labels, `asks`, or what goes off and on."""
    asks = {email.id: "asks" for pause in meant.pauses for email in pause.mails}
    patches = {
        id: " ".join([*(f"+{each}" for each in sorted(move.add)), *(f"-{each}" for each in sorted(move.remove))])
        for id, move in meant.aside.items()
    }
    labels = {each.id: sorted(each.mailbox_ids & PLACES.labels.keys()) for each in meant.labelled}
    return {id: f"tap {' '.join(found)}" for id, found in labels.items() if found} | patches | asks


def means(*mails: Email, of: AddressBook = NOBODY, settled: Collection[Conversation] = ()) -> dict[str, str]:
    return said(meaning(mails, context(*settled), of))


DECIDED = book(person(ANN), Jail={ANN})


class TestOfOneSender:
    @pytest.mark.parametrize("place", ["Inbox", "Screener", "Archive", "Trash"])
    def test_it_is_a_tap_wherever_the_mails_lie(self, place: str) -> None:
        mails = (mail(ANN, place, "@ToFeed", id="1"), mail(ANN, "Work", "@ToFeed", id="2"))
        assert not in_doubt(mails, context())
        assert means(*mails) == {"1": "tap @ToFeed", "2": "tap @ToFeed"}

    def test_the_users_own_mail_just_loses_the_label(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed"), mail(ME, "Sent", "@ToFeed"))
        assert not in_doubt(mails, context())
        assert means(*mails) == {ANN: "tap @ToFeed", ME: "-@ToFeed"}

    def test_the_users_own_mail_alone_is_told_as_ever(self) -> None:
        assert means(mail(ME, "Sent", "@ToFeed")) == {ME: "tap @ToFeed"}

    def test_mail_of_no_usable_sender_keeps_it_only_where_it_waits(self) -> None:
        waits, other = mail(None, "Screener", "@ToFeed", id="1"), mail(None, "Inbox", "@ToFeed", id="2")
        assert means(mail(ANN, "Inbox", "@ToFeed"), waits, other) == {
            ANN: "tap @ToFeed",
            "1": "tap @ToFeed",
            "2": "-@ToFeed",
        }
        assert means(waits, other) == {"1": "tap @ToFeed", "2": "tap @ToFeed"}

    def test_two_addresses_of_one_card_are_one_sender(self) -> None:
        both = replace(person(ANN), addresses=frozenset({ANN, BOB}))
        mails = (mail(ANN, "Inbox", "@ToFeed"), mail(BOB, "Archive", "@ToFeed"))
        assert in_doubt(mails, context()) == {ANN, BOB}
        assert means(*mails, of=book(both)) == {ANN: "tap @ToFeed", BOB: "tap @ToFeed"}

    @pytest.mark.parametrize("thread", ["T", None])
    def test_other_threads_and_other_labels_are_other_conversations(self, thread: str | None) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed", thread=thread), mail(BOB, "Inbox", "@ToFeed", thread=thread and "U"))
        assert not in_doubt(mails, context())
        assert means(*mails) == {ANN: "tap @ToFeed", BOB: "tap @ToFeed"}
        assert means(mail(ANN, "Inbox", "@ToFeed"), mail(BOB, "Inbox", "@ToJail")) == {
            ANN: "tap @ToFeed",
            BOB: "tap @ToJail",
        }


class TestWithALabelThatWidens:
    def test_a_whole_domain_is_that_of_who_waits_and_goes_off_with_the_others_label(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed", "@WholeDomain"), mail(BOB, "Screener", "@ToFeed", "@WholeDomain"))
        places = replace(PLACES, domain_label="@WholeDomain")
        meant = meaning(mails, context(places=places), DECIDED)
        assert said(meant) == {ANN: "-@ToFeed -@WholeDomain", BOB: "tap @ToFeed"}
        two = mail(ANN, "Inbox", "@ToFeed", "@ToJail", "@WholeDomain")
        assert said(meaning((two, mails[1]), context(places=places), DECIDED))[ANN] == "-@ToFeed"

    def test_a_label_of_a_whole_domain_alone_is_about_the_others_and_goes_off_the_users_own_mail(self) -> None:
        places = replace(PLACES, domain_label="@WholeDomain")

        def asides(*mails: Email) -> dict[str, str]:
            return said(meaning(mails, context(places=places), NOBODY))

        mine, hers = mail(ME, "Sent", "@WholeDomain"), mail(ANN, "Feed", "@WholeDomain")
        assert asides(mine, hers) == {ME: "-@WholeDomain"}
        assert asides(mail(ME, "@WholeDomain"), hers) == {ME: "+Sent -@WholeDomain"}
        assert asides(mine, mail(ANN, "Screener", "@ToFeed", "@WholeDomain")) == {
            ME: "-@WholeDomain",
            ANN: "tap @ToFeed",
        }
        assert asides(mine) == asides(mine, mail(ANN, "Feed")) == asides(mine, replace(hers, thread_id="another")) == {}
        asked = replace(hers, mailbox_ids=hers.mailbox_ids | {"@MailroomError"})
        assert asides(replace(mine, mailbox_ids=mine.mailbox_ids | {"@MailroomError"}), hers) == {}
        assert asides(mine, asked) == {ME: "-@WholeDomain"}
        assert asides(mine, mail(None, "Inbox", "@WholeDomain")) == {}

    def test_a_whole_list_is_the_lists_whoever_writes_there(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed", "@WholeList"), mail(BOB, "Inbox", "@ToFeed", "@WholeList"))
        places = replace(PLACES, list_label="@WholeList")
        assert not in_doubt(mails, context(places=places))
        assert said(meaning(mails, context(places=places), NOBODY)) == {ANN: "tap @ToFeed", BOB: "tap @ToFeed"}


class TestTheWayBack:
    BACK = Conversation("T", "@ToScreener")
    MAILS = (mail(ANN, "Inbox", "@ToScreener"), mail(BOB, "Screener", "@ToScreener"), mail(CY, "Feed", "@ToScreener"))
    OFF = "-@ToScreener"

    def test_means_the_only_one_who_is_decided(self) -> None:
        assert means(*self.MAILS, of=DECIDED) == {ANN: "tap @ToScreener", BOB: self.OFF, CY: self.OFF}

    def test_is_asked_about_where_several_are_decided_or_nobody(self) -> None:
        several = book(person(ANN), person(CY), Jail={ANN}, Feed={CY})
        for each in (several, NOBODY, book(person(ANN, "Mine."))):
            assert means(*self.MAILS, of=each) == {ANN: "asks", BOB: "asks", CY: "asks"}

    def test_goes_on_with_whom_a_pass_that_was_cut_off_began_to_take_back(self) -> None:
        text = note.taken_back("", note.Verb.BACK, NOW, note.CREATED)
        begun = book(person(ANN, text), person(BOB, note.recorded("", "Feed", NOW, note.CREATED)))
        assert means(*self.MAILS, of=begun) == {ANN: "tap @ToScreener", BOB: self.OFF, CY: self.OFF}

    def test_of_a_person_with_two_addresses_is_one(self) -> None:
        both = replace(person(ANN), addresses=frozenset({ANN, CY}))
        said = means(*self.MAILS, of=book(both, Feed={ANN}))
        assert said == {ANN: "tap @ToScreener", BOB: self.OFF, CY: "tap @ToScreener"}

    def test_of_a_settled_one_means_nobody_else(self) -> None:
        said = means(*self.MAILS, of=DECIDED, settled=[self.BACK])
        assert said == {ANN: self.OFF, BOB: self.OFF, CY: self.OFF}


class TestOfSeveral:
    def test_it_means_those_who_wait(self) -> None:
        mails = (
            mail(ANN, "Inbox", "@ToFeed"),
            mail(BOB, "Screener", "@ToFeed"),
            mail(CY, "@ToFeed"),
            mail(ME, "Sent", "@ToFeed"),
        )
        assert in_doubt(mails, context()) == {ANN, BOB, CY}
        meant = meaning(mails, context(), DECIDED)
        assert said(meant) == {ANN: "-@ToFeed", BOB: "tap @ToFeed", CY: "tap @ToFeed", ME: "-@ToFeed"}
        assert meant.taps == {FEED: {ANN, BOB, CY}}
        assert [email.id for email in meant.labelled] == [ANN, BOB, CY, ME]

    def test_all_labelled_mail_of_who_waits_keeps_it(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed"), mail(BOB, "Screener", "@ToFeed", id="1"))
        assert means(*mails, mail(BOB, "Work", "@ToFeed", id="2")) == {
            ANN: "-@ToFeed",
            "1": "tap @ToFeed",
            "2": "tap @ToFeed",
        }

    def test_where_nobody_waits_it_asks(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed"), mail(BOB, "Archive", "@ToFeed"), mail(ME, "Sent", "@ToFeed"))
        meant = meaning(mails, context(), NOBODY)
        assert said(meant) == {ANN: "asks", BOB: "asks", ME: "-@ToFeed"}
        assert meant.pauses == (Pause(Reason.CONVERSATION, None, ("@ToFeed",), mails[:2]),)
        assert (meant.taps, [email.id for email in meant.labelled]) == ({}, [ME])

    def test_the_decided_do_not_wait_wherever_their_mail_lies(self) -> None:
        mails = (mail(ANN, "Screener", "@ToFeed"), mail(BOB, "Inbox", "@ToFeed"))
        assert means(*mails, of=DECIDED) == {ANN: "asks", BOB: "asks"}

    def test_who_is_being_settled_by_this_label_is_meant_still(self) -> None:
        text = "— Mailroom —\nCreated by Mailroom\nTriaged to Feed on 2026-03-05"
        begun = book(person(ANN, text), Feed={ANN})
        waits, other = mail(ANN, "Screener", "@ToFeed"), mail(BOB, "Inbox", "@ToFeed")
        assert means(waits, other, of=begun) == {ANN: "tap @ToFeed", BOB: "-@ToFeed"}
        assert means(mail(ANN, "Inbox", "@ToFeed"), other, of=begun) == {ANN: "asks", BOB: "asks"}

    def test_mail_of_no_usable_sender_is_no_sender(self) -> None:
        waits = mail(None, "Screener", "@ToFeed", id="1")
        mails = (mail(ANN, "Inbox", "@ToFeed"), mail(BOB, "Inbox", "@ToFeed"), waits)
        assert means(*mails) == {ANN: "asks", BOB: "asks", "1": "tap @ToFeed"}

    def test_mail_with_the_error_label_takes_no_part(self) -> None:
        paused = mail(ANN, "Inbox", "@ToFeed", "@MailroomError")
        mails = (paused, mail(BOB, "Inbox", "@ToFeed"))
        assert not in_doubt(mails, context())
        assert means(*mails) == {ANN: "tap @ToFeed", BOB: "tap @ToFeed"}

    def test_a_second_label_is_a_tap_of_its_own(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed", "@ToJail"), mail(BOB, "Screener", "@ToFeed"))
        assert means(*mails, of=DECIDED) == {ANN: "-@ToFeed", BOB: "tap @ToFeed"}
        (left, _) = meaning(mails, context(), DECIDED).labelled
        assert left.mailbox_ids == {"Inbox", "@ToJail"}


class TestWithoutAnotherMailbox:
    """An app that knows only folders moved the mail into the label's mailbox."""

    WAITS = mail(BOB, "Screener", "@ToFeed")

    @pytest.mark.parametrize(
        ("members", "patch"),
        [
            ({"Jail": {ANN}}, "+Jail -@ToFeed"),
            ({"Truck": {ANN}, "Paper_Trail": {ANN}}, "+Paper Trail +Truck -@ToFeed"),
            ({"Imbox": {ANN}}, "+Imbox +Inbox -@ToFeed"),
            ({"Jail": {ANN}, "Imbox": {ANN}}, "+Inbox -@ToFeed"),
        ],
    )
    @pytest.mark.parametrize("more", [(), ("@MailroomWarning",)], ids=["", "with a warning"])
    def test_it_goes_where_mail_of_its_sender_goes(
        self, members: dict[str, set[str]], patch: str, more: tuple[str, ...]
    ) -> None:
        of = book(person(ANN), **members)
        assert means(mail(ANN, "@ToFeed", *more), self.WAITS, of=of)[ANN] == patch

    def test_the_users_own_goes_to_sent(self) -> None:
        assert means(mail(ME, "@ToFeed"), self.WAITS)[ME] == "+Sent -@ToFeed"

    def test_or_to_the_inbox_where_there_is_no_such_place(self) -> None:
        places = replace(places_of(without=["Jail"]), sent=None)
        meant = meaning((mail(ANN, "@ToFeed"), mail(ME, "@ToFeed"), self.WAITS), context(places=places), DECIDED)
        assert said(meant) == {ANN: "+Inbox -@ToFeed", ME: "+Inbox -@ToFeed", BOB: "tap @ToFeed"}

    def test_and_keeps_the_label_where_there_is_no_inbox_either(self) -> None:
        places = replace(PLACES, sent=None, inbox=None)
        assert meaning((mail(ME, "@ToFeed"), self.WAITS), context(places=places), NOBODY).aside == {}


class TestOfOneThatWasSettledLately:
    def test_decided_people_just_lose_the_label(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed"), mail(ME, "Sent", "@ToFeed"))
        assert in_doubt(mails, context(FEED)) == {ANN}
        meant = meaning(mails, context(FEED), DECIDED)
        assert said(meant) == {ANN: "-@ToFeed", ME: "-@ToFeed"}
        assert meant.taps == {}

    def test_so_does_the_users_own_mail_alone(self) -> None:
        assert means(mail(ME, "Sent", "@ToFeed"), settled=[FEED]) == {ME: "-@ToFeed"}

    def test_an_undecided_sender_is_a_tap_wherever_the_mail_lies(self) -> None:
        mails = (mail(ANN, "Inbox", "@ToFeed"), mail(BOB, "Archive", "@ToFeed"))
        meant = meaning(mails, context(FEED), DECIDED)
        assert said(meant) == {ANN: "-@ToFeed", BOB: "tap @ToFeed"}
        assert meant.taps == {FEED: {ANN, BOB}}

    def test_another_label_is_another_tap(self) -> None:
        assert means(mail(ANN, "Inbox", "@ToImbox"), of=DECIDED, settled=[FEED]) == {ANN: "tap @ToImbox"}


class TestAskingStill:
    PAUSE = Pause(Reason.CONVERSATION, None, ("@ToFeed",), (mail(ANN, "@ToFeed"), mail(BOB, "@ToFeed")))

    @pytest.mark.parametrize(
        ("now", "asks"),
        [
            ([mail(ANN, "@ToFeed"), mail(BOB, "@ToFeed", "Inbox")], True),
            ([mail(ANN, "@ToFeed")], True),
            ([mail(ANN, "@ToFeed"), mail(BOB, "Inbox")], False),
            ([mail(ANN, "@ToFeed"), mail(BOB, "@ToFeed", "@MailroomError")], False),
            ([mail(CY, "@ToFeed")], False),
            ([], False),
        ],
        ids=["as before", "one is gone", "one has lost it", "one was asked about", "all are gone", "nothing"],
    )
    def test_only_as_long_as_all_have_the_label(self, now: list[Email], asks: bool) -> None:
        assert still_asks(self.PAUSE, now, PLACES) is asks


_PLACES = st.frozensets(
    st.sampled_from(("Screener", "Inbox", "Archive", "Sent", "Trash", "@ToFeed", "@ToJail")), min_size=1
)
_MAILS = st.lists(st.tuples(st.sampled_from((ME, ANN, BOB, CY, None)), _PLACES, st.sampled_from("TU")), max_size=8)
_SETTLED = st.lists(st.builds(Conversation, st.sampled_from("TU"), st.sampled_from(("@ToFeed", "@ToJail"))))


@given(mails=_MAILS, settled=_SETTLED, members=st.frozensets(st.sampled_from((ANN, BOB, CY))))
def test_whatever_is_labelled_no_mail_is_without_a_mailbox_and_a_second_look_finds_nothing(
    mails: list[tuple[str | None, frozenset[str], str]], settled: list[Conversation], members: frozenset[str]
) -> None:
    labelled = [mail(who, *at, thread=thread, id=str(n)) for n, (who, at, thread) in enumerate(mails)]
    labelled = [each for each in labelled if each.mailbox_ids & PLACES.labels.keys()]
    cards = AddressBook(tuple(map(person, (ANN, BOB, CY))), groups(Jail=members))
    first = meaning(labelled, context(*settled), cards)
    asking = {email.id for pause in first.pauses for email in pause.mails}
    after = [moved(each, first.aside[each.id]) if each.id in first.aside else each for each in labelled]
    assert all(each.mailbox_ids for each in after)
    assert asking.isdisjoint(each.id for each in first.labelled)
    for each in labelled:
        if each.id not in first.aside and each.id not in asking:
            assert each in first.labelled, "what nothing happens to counts"
    # The labels that count mean the same once the others are off.
    counting = [each for each in after if each.id not in asking and each.mailbox_ids & PLACES.labels.keys()]
    assert meaning(counting, context(*settled), cards).aside == {}
