"""Mail that a decision held which is no more goes where the next-best one sends it."""

from dataclasses import replace

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.splits import Split
from mailroom.decisions.arrival import Known
from mailroom.decisions.filing import Filing
from mailroom.decisions.going_back import WayBack
from mailroom.decisions.next_best import NextBest, next_best, once_taken_back, wider_category, without_decision
from mailroom.decisions.routes import routes
from mailroom.decisions.select import Sender
from mailroom.decisions.standing import NOBODY, Standing, Standings
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.errors import SenderFailed
from mailroom.jmap.mail import Email
from tests.decisions.test_plan import NOW, PLACES, mail, places_of

ANN = "ann@news.shop.example"
LIST = "dev.lists.example"
FEED, JAIL = (DEFAULT_SCHEME.by_name[name] for name in ("Feed", "Jail"))
BACK = DEFAULT_SCHEME.back


def said(*groups: str) -> Standing:
    return Standing(frozenset(groups))


def known(standings: Standings, scheme: Scheme = DEFAULT_SCHEME) -> Known:
    return Known(frozenset(), standings, routes(scheme), scheme.screening, NOW)


def wide(*, shop: Standing = NOBODY, news: Standing = NOBODY, list: Standing = NOBODY, ann: Standing = NOBODY) -> Known:
    domains = {"shop.example": shop, "news.shop.example": news}
    return known(Standings({ANN: ann}, domains, {LIST: list}))


def by(sender: str | None = ANN, list_id: str | None = None, id: str = "1") -> Email:
    return replace(mail(id, "Jail", sender=sender, at="2026-03-05"), list_id=list_id)


def about(whole: Whole | None = None, to: object = BACK, address: str = ANN) -> Sender:
    return Sender(str(whole or address), "", to, (), whole=whole)  # type: ignore[arg-type]  # a category, too


class TestWhatIsWider:
    def name(self, email: Email, known: Known) -> str | None:
        found = wider_category(email, known)
        return None if found is None else found.name

    def test_is_the_list_before_the_domain_and_the_nearer_domain_before_the_wider_one(self) -> None:
        said_of_all = {"list": said("Feed"), "news": said("Jail"), "shop": said("Imbox")}
        everything = wide(**said_of_all)
        assert self.name(by(list_id=f"Dev <{LIST.upper()}>"), everything) == "Feed"
        assert self.name(by(), everything) == self.name(by(list_id="<other.example>"), everything) == "Jail"
        assert self.name(by("bob@shop.example"), everything) == "Imbox"
        assert self.name(by("bob@other.example"), everything) is None
        assert self.name(by("bob@other.example", LIST), everything) == "Feed"
        assert self.name(by(None), everything) is None

    def test_is_nothing_where_something_nearer_speaks_for_the_mail(self) -> None:
        both = {"list": said("Feed"), "shop": said("Feed")}
        for ann in (said("Jail"), Standing(is_taken_back=True), Standing(is_users=True)):
            assert self.name(by(list_id=LIST), wide(**both, ann=ann)) is None

    def test_is_nothing_where_its_groups_contradict_each_other(self) -> None:
        assert self.name(by(), wide(shop=said("Feed", "Jail"))) is None

    def test_is_nothing_where_nothing_is_decided(self) -> None:
        assert self.name(by(list_id=LIST), wide()) is None


class TestTheWay:
    def way(self, known: Known, told: dict[str, object] | None = None, scheme: Scheme = DEFAULT_SCHEME) -> NextBest:
        return next_best(known, told or {}, PLACES, scheme, NOW)  # type: ignore[arg-type]  # categories or none

    def test_of_each_mail_is_that_of_its_own_category_or_back(self) -> None:
        way = self.way(wide(list=said("Feed"), shop=said("Truck", "Paper Trail")))
        by_list, by_domain = way.of(by(list_id=LIST)), way.of(by())
        assert isinstance(by_list, Filing)
        assert isinstance(by_domain, Filing)
        assert [by_list.category.name, *by_list.destinations] == ["Feed", "Feed"]
        assert [by_domain.category.name, *sorted(by_domain.destinations)] == ["Truck", "Paper Trail", "Truck"]
        assert way.of(by("bob@other.example")) is way.back
        assert isinstance(way.back, WayBack)
        assert way.back.since == "2026-02-03T14:03:00Z"

    def test_is_as_it_was_told_before(self) -> None:
        way = self.way(wide(shop=said("Feed")), {"1": None, "2": FEED})
        assert way.of(by()) is way.back
        found = way.of(by("bob@other.example", id="2"))
        assert isinstance(found, Filing)
        assert found.category == FEED

    def test_is_another_one_by_a_split(self) -> None:
        scheme = Scheme(splits=(Split(("order",), "Jail", domain="shop.example"),))
        way = self.way(wide(shop=said("Feed")), scheme=scheme)
        found = way.of(replace(by(), subject="Your order"))
        assert isinstance(found, Filing)
        assert found.category.name == "Jail"

    @pytest.mark.parametrize(("mode", "marks"), [("on", {"mailroom-seen"}), ("off", set())])
    def test_marks_mail_where_new_mail_is_screened(self, mode: str, marks: set[str]) -> None:
        screening = replace(DEFAULT_SCHEME.screening, mode=mode)  # type: ignore[arg-type]  # one of its modes
        way = self.way(wide(shop=said("Feed")), scheme=Scheme(screening=screening))
        assert way.marks == marks
        assert [filing.marks for filing in way.filings.values()] == [marks]

    def test_is_none_where_a_mailbox_of_a_category_that_counts_is_missing(self) -> None:
        places = places_of(without=["Feed"])
        assert next_best(wide(shop=said("Jail")), {}, places, DEFAULT_SCHEME, NOW).filings.keys() == {"Jail"}
        with pytest.raises(SenderFailed, match="no mailbox Feed"):
            next_best(wide(list=said("Feed")), {}, places, DEFAULT_SCHEME, NOW)


class TestWithout:
    FULL = Standings(
        {ANN: Standing(frozenset({"Jail"}), is_taken_back=True, is_users=True), "b@x.example": said("Feed")},
        {"shop.example": said("Feed"), "news.shop.example": said("Jail")},
        {LIST: said("Feed"), "other.example": said("Jail")},
    )

    def test_the_decision_about_a_sender_the_card_is_the_users_as_before(self) -> None:
        found = without_decision(about(), self.FULL)
        assert found.senders == {ANN: Standing(is_users=True), "b@x.example": said("Feed")}
        assert (found.domains, found.lists) == (self.FULL.domains, self.FULL.lists)

    def test_that_of_all_addresses_of_a_card(self) -> None:
        both = replace(about(), also=frozenset({"b@x.example", "new@x.example"}))
        assert not any(each.groups or each.is_taken_back for each in without_decision(both, self.FULL).senders.values())

    def test_that_of_a_domain_alone(self) -> None:
        found = without_decision(about(WholeDomain("shop.example")), self.FULL)
        assert {name: each.groups for name, each in found.domains.items()} == {
            "shop.example": frozenset(),
            "news.shop.example": {"Jail"},
        }
        assert (found.senders, found.lists) == (self.FULL.senders, self.FULL.lists)

    def test_that_of_a_list_alone(self) -> None:
        found = without_decision(about(WholeList(LIST)), self.FULL)
        assert {name: each.groups for name, each in found.lists.items()} == {
            LIST: frozenset(),
            "other.example": {"Jail"},
        }
        assert (found.senders, found.domains) == (self.FULL.senders, self.FULL.domains)

    def test_all_domains_and_lists_that_are_taken_back_and_no_others(self) -> None:
        senders = [
            about(WholeDomain("shop.example")),
            about(WholeList(LIST)),
            about(WholeDomain("news.shop.example"), JAIL),
            about(),
        ]
        found = once_taken_back(senders, known(self.FULL))
        assert not found.standings.domains["shop.example"].groups
        assert not found.standings.lists[LIST].groups
        assert found.standings.domains["news.shop.example"].groups == {"Jail"}
        assert found.standings.senders == self.FULL.senders
