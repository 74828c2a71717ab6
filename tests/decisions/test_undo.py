"""What it means to undo a decision."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Screening
from mailroom.contacts.base import AddressBook, Card, CardEdit, Fields
from mailroom.decisions import note
from mailroom.decisions.filing import Filing
from mailroom.decisions.going_back import WayBack
from mailroom.decisions.note import Verb
from mailroom.decisions.plan import Plan
from mailroom.decisions.select import Sender
from mailroom.decisions.undo import After, NoDecision, after_undo, plan_undo, target_of, wider_category
from mailroom.jmap.mail import Email
from tests.decisions.test_plan import ANN, NOW, PLACES, card, groups, mail, names

FEED, JAIL = DEFAULT_SCHEME.by_name["Feed"], DEFAULT_SCHEME.by_name["Jail"]
BACK = DEFAULT_SCHEME.back


def text_of(*lines: str, origin: str = note.CREATED) -> str:
    return "\n".join([note.HEADER, origin, *(f"{each} on 2026-03-05" for each in lines)])


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        (["Triaged to Feed"], BACK),
        (["Triaged to Feed", "Re-triaged to Jail"], FEED),
        (["Triaged to Feed", "Moved to Jail"], FEED),
        (["Triaged to Feed", "Re-triaged to Jail", "Re-triaged to Feed"], JAIL),
        (["Triaged to Feed", "Back to the Screener"], FEED),
        (["Triaged to Feed", "Back to the Screener", "Triaged to Jail"], BACK),
        (["Triaged to Feed", "Undone", "Triaged to Jail"], BACK),
        (["Triaged to Feed", "Undone"], FEED),
        (["Triaged to Old", "Re-triaged to Feed"], BACK),
        (["Triaged to Old", "Undone"], BACK),
        (["Triaged to Feed", "Moved to Feed"], BACK),
        (["Triaged to Feed", "Re-triaged to Jail", "Moved to Jail"], FEED),
        (["Back to the Screener"], NoDecision(None)),
        (["Undone", "Back to the Screener"], NoDecision(None)),
        (["Triaged to Old", "Back to the Screener"], NoDecision(None)),
        (["Back to the Screener", "Undone"], BACK),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_goes_where_it_was_before(lines: list[str], after: After) -> None:
    assert after_undo(text_of(*lines), DEFAULT_SCHEME, None) == after


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        (["Triaged to Feed"], NoDecision(JAIL)),
        (["Triaged to Feed", "Undone", "Triaged to Feed"], NoDecision(JAIL)),
        (["Triaged to Old", "Re-triaged to Feed"], NoDecision(JAIL)),
        (["Back to the Screener"], NoDecision(JAIL)),
        (["Triaged to Feed", "Re-triaged to Jail"], FEED),
        (["Triaged to Feed", "Back to the Screener", "Triaged to Jail"], BACK),
        (["Undone"], BACK),
        (["Triaged to Old", "Undone"], BACK),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_where_there_was_nothing_a_wider_decision_holds(lines: list[str], after: After) -> None:
    assert after_undo(text_of(*lines), DEFAULT_SCHEME, JAIL) == after


_decisions = st.lists(
    st.sampled_from(["Triaged to Feed", "Re-triaged to Jail", "Moved to Imbox", "Back to the Screener", "Undone"]),
    min_size=1,
    max_size=6,
)


@given(lines=_decisions, wider=st.sampled_from([None, FEED]))
def test_undone_twice_it_is_as_before(lines: list[str], wider: object) -> None:
    """Undo after undo is redo, once something was decided before."""
    text = text_of(*lines)
    states = []
    for _ in range(3):
        after = after_undo(text, DEFAULT_SCHEME, wider)  # type: ignore[arg-type]  # a category or none
        states.append(after)
        text = undone(text, after)
    assert states[0] == states[2]
    assert states[0] != states[1]


def undone(text: str, after: After) -> str:
    if isinstance(after, NoDecision):
        return note.taken_back(text, Verb.UNDONE, NOW, note.ADOPTED)
    if after == BACK:
        return note.taken_back(text, Verb.BACK, NOW, note.ADOPTED)
    return note.recorded(text, after.name, NOW, note.ADOPTED)


class TestWhatIsWider:
    def category(
        self, address: str, own: Card, *cards: Card, scheme: Scheme = DEFAULT_SCHEME, **members: tuple[str, ...]
    ) -> object:
        found = wider_category(address, own, AddressBook((own, *cards), groups(**members)), scheme)
        return None if found is None else found.name

    def domain(self, uid: str, domain: str) -> Card:
        text = "\n".join([note.HEADER, note.CREATED, note.WHOLE_DOMAIN, "Triaged to Feed on 2026-03-05"])
        return Card(f"ref-{uid}", uid, Fields(domain, domain), frozenset({f"*@{domain}"}), text)

    def test_is_the_nearest_domain_that_is_decided(self) -> None:
        own = card(text=text_of("Triaged to Imbox"))
        shop, news = self.domain("s", "shop.example"), self.domain("n", "news.shop.example")
        assert self.category("a@news.shop.example", own, shop, news, Feed=("s",), Jail=("n",)) == "Jail"
        assert self.category("a@news.shop.example", own, shop, news, Feed=("s",)) == "Feed"
        assert self.category("a@other.example", own, shop, news, Feed=("s",)) is None

    def test_is_nothing_where_its_groups_contradict_each_other(self) -> None:
        own = card(text=text_of("Triaged to Imbox"))
        assert self.category("a@shop.example", own, self.domain("s", "shop.example"), Feed=("s",), Jail=("s",)) is None

    def test_is_nothing_for_the_users_own_contact_whose_mail_stays(self) -> None:
        own = card(text=text_of("Triaged to Imbox", origin=note.ADOPTED))
        shop = self.domain("s", "shop.example")
        assert self.category("a@shop.example", own, shop, Feed=("s",)) is None
        scheme = Scheme(screening=Screening(known_contacts=False))
        assert self.category("a@shop.example", own, shop, scheme=scheme, Feed=("s",)) == "Feed"


def planned(after: After, text: str, *mails: Email, **members: tuple[str, ...]) -> Plan:
    own = card(text=text)
    book = AddressBook((own,), groups(**members))
    who = Sender(ANN, "Ann Lee", target_of(after, DEFAULT_SCHEME), ())
    return plan_undo(who, after, own, book, mails, PLACES, DEFAULT_SCHEME, "u1", NOW + timedelta(days=1))


def last_line(made: Plan) -> str:
    assert isinstance(made.change.card, CardEdit)
    assert (made.change.card.card.uid, made.change.card.fill) == ("ann", Fields())
    return made.change.card.note.splitlines()[-1]


IN_JAIL: dict[str, tuple[str, ...]] = {"Jail": ("ann",), "Mailroom": ("ann",)}


class TestThePlan:
    RECENT = "2026-03-05T00:00:00Z"

    def test_of_a_category_is_that_of_its_label(self) -> None:
        made = planned(
            FEED, text_of("Triaged to Feed", "Re-triaged to Jail"), mail("1", "Jail"), Jail=("ann",), Mailroom=("ann",)
        )
        assert (names(made.change.join), names(made.departure.leave)) == (["Feed"], ["Jail"])
        assert last_line(made) == "Re-triaged to Feed on 2026-03-06T14:03Z"
        assert made.moves["1"].add == {"Feed"}

    def test_of_the_screener_leaves_all_groups(self) -> None:
        made = planned(
            BACK, text_of("Triaged to Jail"), mail("1", "Jail", at=self.RECENT), Jail=("ann",), Mailroom=("ann",)
        )
        assert (names(made.change.join), names(made.departure.leave)) == ([], ["Jail"])
        assert last_line(made) == "Back to the Screener on 2026-03-06T14:03Z"
        assert made.moves["1"].add == {"Screener"}

    def test_of_no_decision_files_as_the_wider_one_and_joins_no_group(self) -> None:
        made = planned(
            NoDecision(FEED), text_of("Triaged to Jail"), mail("1", "Jail"), Jail=("ann",), Mailroom=("ann",)
        )
        assert (names(made.change.join), names(made.departure.leave)) == ([], ["Jail"])
        assert last_line(made) == "Undone on 2026-03-06T14:03Z"
        assert isinstance(made.filing, Filing)
        assert made.moves["1"].add == {"Feed"}
        assert made.moves["1"].remove == {"Jail"}

    def test_of_no_decision_at_all_takes_mail_back_into_the_screener(self) -> None:
        made = planned(NoDecision(None), text_of("Back to the Screener"), mail("1", "Jail", at=self.RECENT))
        assert last_line(made) == "Undone on 2026-03-06T14:03Z"
        assert isinstance(made.filing, WayBack)
        assert made.moves["1"].add == {"Screener"}
