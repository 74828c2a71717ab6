"""Who is one sender: the card, address by address."""

from collections.abc import Collection

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.base import AddressBook, Card, Fields, Unreadable
from mailroom.decisions.people import as_people, other_addresses, same_person, standing_for
from mailroom.decisions.select import Pause, Reason, Selection, Sender
from mailroom.jmap.mail import Email
from tests.decisions.test_plan import PLACES, groups, mail

HOME, WORK, OWN = "ann@home.example", "ann@work.example", "me@x.org"


def card(uid: str, *addresses: str) -> Card:
    return Card(f"ref-{uid}", uid, Fields("Ann Lee"), frozenset(addresses), "")


def book(*cards: Card, jail: Collection[str] = ()) -> AddressBook:
    return AddressBook(cards, groups(Jail=jail))


def sender(address: str, to: str, *mails: Email) -> Sender:
    return Sender(address, "", DEFAULT_SCHEME.by_name[to], mails)


def others(address: str, book: AddressBook) -> frozenset[str]:
    return other_addresses(address, book, DEFAULT_SCHEME, frozenset({OWN}))


def people(*senders: Sender, mails: Collection[Email] = (), of: AddressBook) -> Selection:
    found = {address: [each for each in mails if (each.senders or ())[0].email == address] for address in (HOME, WORK)}
    return as_people(Selection(tuple(senders), ()), found, of, PLACES, DEFAULT_SCHEME, frozenset({OWN}))


def labelled(id: str, address: str, to: str, *more: str) -> Email:
    return mail(id, "Screener", f"@To{to}", *more, sender=address)


class TestOtherAddresses:
    def test_are_those_of_the_card_but_the_users_own_and_whole_domains(self) -> None:
        assert others(HOME, book(card("a", HOME, WORK, OWN, "*@work.example"))) == {WORK}

    def test_are_none_without_a_card_or_where_it_cant_be_read(self) -> None:
        assert others(HOME, book()) == frozenset()
        assert (
            others(HOME, AddressBook((), groups(), (Unreadable("r", "why", frozenset({HOME, WORK})),))) == frozenset()
        )

    def test_leave_out_one_that_has_a_card_of_its_own(self) -> None:
        assert others(HOME, book(card("b", HOME, WORK), card("a", WORK))) == frozenset()
        assert others(HOME, book(card("a", HOME, WORK), card("b", WORK))) == {WORK}
        assert others(HOME, book(card("a", HOME, WORK), card("b", WORK), jail=["b"])) == frozenset()


class TestPeople:
    def test_a_sender_gets_the_other_addresses_with_or_without_mail(self) -> None:
        both = book(card("a", HOME, WORK))
        one, two = (
            people(sender(HOME, "Feed", labelled("1", HOME, "Feed")), of=both).senders,
            people(sender(HOME, "Feed"), of=both).senders,
        )
        assert [(each.address, each.also) for each in (*one, *two)] == [(HOME, frozenset({WORK}))] * 2
        assert one[0].addresses == {HOME, WORK}

    def test_senders_of_different_cards_stay_apart(self) -> None:
        found = people(
            sender(WORK, "Jail", labelled("2", WORK, "Jail")),
            sender(HOME, "Feed", labelled("1", HOME, "Feed")),
            of=book(),
        )
        assert [(each.address, each.category.name) for each in found.senders] == [(HOME, "Feed"), (WORK, "Jail")]
        assert not found.pauses

    def test_those_of_one_card_are_one_with_all_labelled_mails(self) -> None:
        one, two = labelled("1", HOME, "Feed"), labelled("2", WORK, "Feed")
        (only,) = people(sender(WORK, "Feed", two), sender(HOME, "Feed", one), of=book(card("a", HOME, WORK))).senders
        assert (only.address, only.also, only.mails) == (HOME, frozenset({WORK}), (one, two))

    def test_with_different_labels_they_are_a_conflict(self) -> None:
        one, two = labelled("1", HOME, "Feed"), labelled("2", WORK, "Jail")
        found = people(sender(HOME, "Feed", one), sender(WORK, "Jail", two), of=book(card("a", HOME, WORK)))
        assert found == Selection((), (Pause(Reason.CONFLICT, HOME, ("@ToFeed", "@ToJail"), (one, two)),))

    def test_a_label_found_on_mail_of_the_card_counts(self) -> None:
        one, two, waiting = labelled("1", HOME, "Feed"), labelled("2", WORK, "Jail"), mail("3", "Screener", sender=WORK)
        found = people(sender(HOME, "Feed", one), mails=[one, two, waiting], of=book(card("a", HOME, WORK)))
        assert [pause.mails for pause in found.pauses] == [(one, two)]

    def test_an_address_of_which_no_mail_was_looked_for_has_none(self) -> None:
        three = book(card("a", HOME, WORK, "ann@third.example"))
        (only,) = people(sender(HOME, "Feed", labelled("1", HOME, "Feed")), of=three).senders
        assert only.also == {WORK, "ann@third.example"}

    def test_a_label_found_on_a_strangers_mail_does_not(self) -> None:
        found = people(
            sender(HOME, "Feed", labelled("1", HOME, "Feed")), mails=[labelled("2", WORK, "Jail")], of=book()
        )
        assert [each.address for each in found.senders] == [HOME]

    def test_a_mail_that_lost_its_label_since_the_scan_is_still_taken_as_labelled(self) -> None:
        one = labelled("1", HOME, "Feed")
        (only,) = people(sender(HOME, "Feed", one), mails=[mail("1", "Screener", sender=HOME)], of=book()).senders
        assert only.mails == (one,)

    def test_a_mail_that_got_the_error_label_since_the_scan_waits(self) -> None:
        one, now = labelled("1", HOME, "Feed"), labelled("1", HOME, "Feed", "@MailroomError")
        assert not people(sender(HOME, "Feed", one), mails=[now], of=book())


def test_the_first_address_of_a_card_stands_for_it() -> None:
    both = book(card("a", WORK, HOME))
    assert same_person([WORK, HOME, "bob@x.org"], both, DEFAULT_SCHEME) == {
        HOME: HOME,
        WORK: HOME,
        "bob@x.org": "bob@x.org",
    }


def test_conflicts_are_stood_for_as_well() -> None:
    one, two = labelled("1", HOME, "Feed"), labelled("2", WORK, "Jail")
    conflict = people(sender(HOME, "Feed", one), sender(WORK, "Jail", two), of=book(card("a", HOME, WORK)))
    assert standing_for(conflict) == {HOME: HOME, WORK: HOME}
    settled = people(sender(HOME, "Feed", one), of=book(card("a", HOME, WORK)))
    assert standing_for(settled) == {HOME: HOME, WORK: HOME}
    nobody = Pause(Reason.NO_SENDER, None, (), (mail("3", "@ToFeed", sender=None),))
    assert standing_for(Selection((), (nobody,))) == {}
