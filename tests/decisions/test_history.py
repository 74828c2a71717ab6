"""What was decided, told by notes."""

from mailroom.contacts.base import Card, Fields
from mailroom.decisions.history import Entry, entries
from mailroom.decisions.note import Verb


def card(name: str, addresses: tuple[str, ...], *lines: str) -> Card:
    return Card(name, name, Fields(name), frozenset(addresses), "\n".join(["Mine.", "— Mailroom —", *lines]))


def test_each_decision_is_told_the_newest_first() -> None:
    ann = card(
        "Ann",
        ("b@x.org", "a@x.org"),
        "Created by Mailroom",
        "Triaged to Feed on 2026-03-05",
        "Re-triaged to Jail on 2026-03-06T14:03Z",
        "Back to the Screener on 2026-03-08T14:03Z",
    )
    shop = card(
        "Shop", ("*@shop.example",), "Whole domain", "Moved to Feed on 2026-03-07T00:00Z", "Undone on 2026-03-09T00:00Z"
    )
    who = ("a@x.org", "b@x.org")
    assert entries([ann, shop, Card("c", "c", Fields("Cy"), frozenset(), "Mine.")]) == (
        Entry("2026-03-09T00:00Z", ("@shop.example",), "Shop", Verb.UNDONE, "Feed", None),
        Entry("2026-03-08T14:03Z", who, "Ann", Verb.BACK, "Jail", None),
        Entry("2026-03-07T00:00Z", ("@shop.example",), "Shop", Verb.MOVED, None, "Feed"),
        Entry("2026-03-06T14:03Z", who, "Ann", Verb.RETRIAGED, "Feed", "Jail"),
        Entry("2026-03-05", who, "Ann", Verb.TRIAGED, None, "Feed"),
    )


def test_of_one_moment_the_later_line_comes_first_then_it_goes_by_whom_it_is_about() -> None:
    lines = ("Triaged to Feed on 2026-03-05", "Re-triaged to Jail on 2026-03-05")
    bob, ann = card("Bob", ("bob@x.org",), *lines), card("Ann", ("ann@x.org",), *lines)
    told = [(each.who, each.after) for each in entries([bob, ann])]
    assert told == [
        (("ann@x.org",), "Jail"),
        (("bob@x.org",), "Jail"),
        (("ann@x.org",), "Feed"),
        (("bob@x.org",), "Feed"),
    ]


def test_a_list_is_called_by_its_id_and_a_card_without_either_by_nothing() -> None:
    of_list = card("Core", (), "Whole list <dev.python.org>", "Triaged to Feed on 2026-03-05")
    nobody = card("Nobody", (), "Triaged to Feed on 2026-03-04")
    assert [each.who for each in entries([nobody, of_list])] == [("list:dev.python.org",), ()]
