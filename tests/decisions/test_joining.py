"""A label that widens decisions, alone on mail: the domain or list joins the category of the mail's sender."""

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.contacts.base import AddressBook
from mailroom.decisions.joining import joined
from mailroom.decisions.select import Joining, Pause, Reason, Selection, Sender
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.jmap.mail import Email
from tests.decisions.test_plan import card, groups, mail

SHOP, DEV = WholeDomain("shop.example"), WholeList("dev.python.org")
ANN, BOB, CY = "ann@shop.example", "bob@shop.example", "cy@shop.example"
CARDS = tuple(card(each, address=each) for each in (ANN, BOB, CY))


def alone(whole: Whole, sender: str, *mails: Email) -> Joining:
    return Joining(whole, sender, mails or (mail(sender, "Feed", sender=sender),))


def join(*joinings: Joining, **members: tuple[str, ...]) -> list[tuple[str, str, list[str]]]:
    """Who joins where, and by which mails."""
    selection = joined(Selection((), (), joinings=joinings), AddressBook(CARDS, groups(**members)), DEFAULT_SCHEME)
    assert selection.joinings == ()
    return [(each.address, each.category.name, [email.id for email in each.mails]) for each in selection.senders]


def test_it_is_the_senders_category_and_the_deepest_one() -> None:
    assert join(alone(SHOP, ANN), Feed=(ANN,)) == [("@shop.example", "Feed", [ANN])]
    assert join(alone(DEV, ANN), Truck=(ANN,), Paper_Trail=(ANN,)) == [("list:dev.python.org", "Truck", [ANN])]


def test_it_waits_where_the_sender_is_in_no_category_or_in_unrelated_ones() -> None:
    assert join(alone(SHOP, ANN)) == []
    assert join(alone(SHOP, ANN), Mailroom=(ANN,)) == []
    assert join(alone(SHOP, "stranger@shop.example"), Feed=(ANN,)) == []
    assert join(alone(SHOP, ANN), Feed=(ANN,), Jail=(ANN,)) == []


def test_several_senders_have_to_agree_and_those_who_wait_are_left_out() -> None:
    both = (alone(SHOP, ANN, mail("2", sender=ANN)), alone(SHOP, BOB, mail("1", sender=BOB)), alone(SHOP, CY))
    assert join(*both, Feed=(ANN, BOB)) == [("@shop.example", "Feed", ["1", "2"])]
    assert join(*both, Feed=(ANN,), Jail=(BOB,)) == []


def test_each_domain_and_list_joins_by_itself_sorted_among_the_others() -> None:
    found = join(alone(SHOP, ANN), alone(DEV, BOB), Feed=(ANN,), Jail=(BOB,))
    assert found == [("@shop.example", "Feed", [ANN]), ("list:dev.python.org", "Jail", [BOB])]
    tapped = Sender("bob@x.example", "Bob", DEFAULT_SCHEME.by_name["Jail"], ())
    pause = Pause(Reason.CONFLICT, "x@x.example", (), ())
    before = Selection((tapped,), (pause,), joinings=(alone(DEV, ANN), alone(SHOP, ANN)))
    after = joined(before, AddressBook(CARDS, groups(Feed=(ANN,))), DEFAULT_SCHEME)
    assert [each.address for each in after.senders] == ["@shop.example", "bob@x.example", "list:dev.python.org"]
    assert [each.whole for each in after.senders] == [SHOP, None, DEV]
    assert after.pauses == (pause,)


def test_a_list_is_called_as_its_newest_mail_calls_it_and_a_domain_is_not() -> None:
    old, new = (
        Email(each, frozenset(), received_at=each, list_id=f"Name {each} <dev.python.org>") for each in ("1", "2")
    )
    selection = Selection((), (), joinings=(alone(SHOP, ANN, new), alone(DEV, ANN, new, old)))
    of_domain, of_list = joined(selection, AddressBook(CARDS, groups(Feed=(ANN,))), DEFAULT_SCHEME).senders
    assert (of_list.name, of_list.mails, of_domain.name) == ("Name 2", (old, new), "")
