"""What it means to undo a decision."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Category, Scheme
from mailroom.config.screening import Screening
from mailroom.contacts.base import AddressBook, CardEdit, Fields
from mailroom.decisions import note
from mailroom.decisions.arrival import Known
from mailroom.decisions.filing import Filing
from mailroom.decisions.going_back import WayBack
from mailroom.decisions.note import Verb
from mailroom.decisions.plan import Plan
from mailroom.decisions.routes import routes
from mailroom.decisions.select import Sender
from mailroom.decisions.standing import Standing, Standings
from mailroom.decisions.undo import (
    After,
    NoDecision,
    Subject,
    after_undo,
    holding,
    leaves_mail_to_others,
    plan_undo,
    target_of,
)
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from tests.decisions.test_plan import ANN, NOW, PLACES, card, groups, names

FEED, IMBOX, JAIL = (DEFAULT_SCHEME.by_name[name] for name in ("Feed", "Imbox", "Jail"))
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
        (["Back to the Screener"], NoDecision()),
        (["Undone", "Back to the Screener"], NoDecision()),
        (["Triaged to Old", "Back to the Screener"], NoDecision()),
        (["Back to the Screener", "Undone"], BACK),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_goes_where_it_was_before(lines: list[str], after: After) -> None:
    assert after_undo(text_of(*lines), DEFAULT_SCHEME, NoDecision()) == after


@pytest.mark.parametrize(
    ("lines", "after"),
    [
        (["Triaged to Feed"], None),
        (["Triaged to Feed", "Undone", "Triaged to Feed"], None),
        (["Triaged to Old", "Re-triaged to Feed"], None),
        (["Back to the Screener"], None),
        (["Triaged to Feed", "Re-triaged to Jail"], FEED),
        (["Triaged to Feed", "Back to the Screener", "Triaged to Jail"], BACK),
        (["Undone"], BACK),
        (["Triaged to Old", "Undone"], BACK),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("wider", [NoDecision(JAIL), NoDecision(None, (JAIL,))])
def test_where_there_was_nothing_a_wider_decision_holds(
    lines: list[str], after: After | None, wider: NoDecision
) -> None:
    assert after_undo(text_of(*lines), DEFAULT_SCHEME, wider) == (after or wider)


_decisions = st.lists(
    st.sampled_from(["Triaged to Feed", "Re-triaged to Jail", "Moved to Imbox", "Back to the Screener", "Undone"]),
    min_size=1,
    max_size=6,
)


@given(lines=_decisions, wider=st.sampled_from([NoDecision(), NoDecision(FEED)]))
def test_undone_twice_it_is_as_before(lines: list[str], wider: NoDecision) -> None:
    """Undo after undo is redo, once something was decided before."""
    text = text_of(*lines)
    states = []
    for _ in range(3):
        after = after_undo(text, DEFAULT_SCHEME, wider)
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


class TestWhatHolds:
    def domain(
        self, subject: Subject, decided: dict[str, str], origin: str = note.CREATED, scheme: Scheme = DEFAULT_SCHEME
    ) -> str | None:
        domains = {each: Standing(frozenset(groups.split(" and "))) for each, groups in decided.items()}
        standings = Standings(domains=domains)
        known = Known(frozenset(), standings, routes(scheme), scheme.screening, NOW)
        own = card(text=text_of("Triaged to Imbox", origin=origin))
        found = holding(subject, own, known, ())
        assert found.parts == ()
        return None if found.domain is None else found.domain.name

    def test_is_the_nearest_domain_that_is_decided(self) -> None:
        address, shop = "a@news.shop.example", {"shop.example": "Feed"}
        assert self.domain(address, {**shop, "news.shop.example": "Jail"}) == "Jail"
        assert self.domain(address, {**shop, "old.shop.example": "Jail"}) == "Feed"
        assert self.domain("a@other.example", shop) is None

    def test_of_a_domain_is_the_nearest_wider_one(self) -> None:
        decided = {"shop.example": "Feed", "news.shop.example": "Jail", "a.news.shop.example": "Imbox"}
        assert self.domain(WholeDomain("a.news.shop.example"), decided) == "Jail"
        assert self.domain(WholeDomain("news.shop.example"), decided) == "Feed"
        assert self.domain(WholeDomain("shop.example"), decided) is None

    def test_is_nothing_where_its_groups_contradict_each_other(self) -> None:
        assert self.domain("a@shop.example", {"shop.example": "Feed and Jail"}) is None
        nearest = {"news.shop.example": "Feed and Jail", "shop.example": "Feed"}
        assert self.domain("a@news.shop.example", nearest) is None

    def test_is_nothing_for_the_users_own_contact_whose_mail_stays(self) -> None:
        shop = {"shop.example": "Feed"}
        assert self.domain("a@shop.example", shop, note.ADOPTED) is None
        scheme = Scheme(screening=Screening(known_contacts=False))
        assert self.domain("a@shop.example", shop, note.ADOPTED, scheme) == "Feed"

    def test_of_a_domain_whose_card_is_the_users_is_the_wider_one_all_the_same(self) -> None:
        assert self.domain(WholeDomain("news.shop.example"), {"shop.example": "Feed"}, note.ADOPTED) == "Feed"

    def parts(self, subject: Subject, *of_mail: Category | None) -> NoDecision:
        standings = Standings(domains={"shop.example": Standing(frozenset({"Feed"}))})
        known = Known(frozenset(), standings, routes(DEFAULT_SCHEME), DEFAULT_SCHEME.screening, NOW)
        return holding(subject, card(text=text_of("Triaged to Imbox")), known, of_mail)

    def test_is_what_sends_parts_of_the_mail_elsewhere_sorted_by_name(self) -> None:
        mails = (JAIL, None, FEED, IMBOX, JAIL)
        assert self.parts("a@shop.example", *mails) == NoDecision(FEED, (IMBOX, JAIL))
        assert self.parts("a@other.example", *mails) == NoDecision(None, (FEED, IMBOX, JAIL))
        assert self.parts(WholeList("dev.lists.example"), *mails) == NoDecision(None, (FEED, IMBOX, JAIL))
        assert self.parts("a@other.example", None) == NoDecision()

    def test_of_a_domain_is_no_list_and_no_nearer_domain(self) -> None:
        assert self.parts(WholeDomain("news.shop.example"), JAIL) == NoDecision(FEED)


def planned(after: After, text: str, **members: tuple[str, ...]) -> Plan:
    book = AddressBook((own := card(text=text),), groups(**members))
    who = Sender(ANN, "Ann Lee", target_of(after, DEFAULT_SCHEME), ())
    return plan_undo(who, after, own, book, PLACES, DEFAULT_SCHEME, "u1", NOW + timedelta(days=1))


def last_line(made: Plan) -> str:
    assert isinstance(made.change.card, CardEdit)
    assert (made.change.card.card.uid, made.change.card.fill) == ("ann", Fields())
    return made.change.card.note.splitlines()[-1]


IN_JAIL: dict[str, tuple[str, ...]] = {"Jail": ("ann",), "Mailroom": ("ann",)}


class TestThePlan:
    def test_of_a_category_is_that_of_its_label(self) -> None:
        made = planned(FEED, text_of("Triaged to Feed", "Re-triaged to Jail"), **IN_JAIL)
        assert (names(made.change.join), names(made.departure.leave)) == (["Feed"], ["Jail"])
        assert last_line(made) == "Re-triaged to Feed on 2026-03-06T14:03Z"
        assert isinstance(made.others, Filing)
        assert made.others.destinations == {"Feed"}

    def test_of_the_screener_leaves_all_groups(self) -> None:
        made = planned(BACK, text_of("Triaged to Jail"), **IN_JAIL)
        assert (names(made.change.join), names(made.departure.leave)) == ([], ["Jail"])
        assert last_line(made) == "Back to the Screener on 2026-03-06T14:03Z"
        assert isinstance(made.others, WayBack)

    @pytest.mark.parametrize("after", [NoDecision(FEED), NoDecision()])
    def test_of_no_decision_joins_no_group_and_leaves_all(self, after: NoDecision) -> None:
        made = planned(after, text_of("Triaged to Jail"), **IN_JAIL)
        assert (names(made.change.join), names(made.departure.leave)) == ([], ["Jail"])
        assert last_line(made) == "Undone on 2026-03-06T14:03Z"


@pytest.mark.parametrize(
    ("whole", "after", "leaves"),
    [
        (None, FEED, False),
        (None, BACK, False),
        (None, NoDecision(), True),
        (WholeList("dev.lists.example"), FEED, False),
        (WholeList("dev.lists.example"), BACK, True),
        (WholeDomain("shop.example"), NoDecision(FEED), True),
    ],
)
def test_mail_is_left_to_other_decisions_unless_this_one_still_holds_it(
    whole: Whole | None, after: After, leaves: bool
) -> None:
    who = Sender("somebody", "", target_of(after, DEFAULT_SCHEME), (), whole=whole)
    assert leaves_mail_to_others(who, after) is leaves
