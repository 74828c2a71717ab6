"""Which mail a decision about a whole domain or list moves, and how all stand once several are settled together."""

from dataclasses import replace

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME, Target
from mailroom.config.screening import LetThrough
from mailroom.contacts.base import AddressBook, Card, Fields
from mailroom.decisions.arrival import Arrival, Known
from mailroom.decisions.judge import Reason
from mailroom.decisions.note import CREATED, HEADER, WHOLE_DOMAIN, whole_list_line
from mailroom.decisions.routes import routes
from mailroom.decisions.select import Sender
from mailroom.decisions.standing import Standing, Standings
from mailroom.decisions.whole import Whole, WholeDomain, WholeList
from mailroom.decisions.whole_sweep import arrival_of, decided_together, is_moved_by, why_not
from mailroom.jmap.mail import Address, Email
from tests.decisions.test_plan import NOW, groups, mail

SHOP, NEWS, DEV = WholeDomain("shop.example"), WholeDomain("news.shop.example"), WholeList("dev.python.org")
ANN = "ann@news.shop.example"
NOBODY = LetThrough()
FEED, TRUCK, BACK = DEFAULT_SCHEME.by_name["Feed"], DEFAULT_SCHEME.by_name["Truck"], DEFAULT_SCHEME.back


def settled(about: Whole | str, to: Target = FEED, *also: str) -> Sender:
    return Sender(str(about), "", to, (), frozenset(also), whole=None if isinstance(about, str) else about)


def said(*names: str) -> Standing:
    return Standing(frozenset(names))


class TestMail:
    def why(
        self, email: Email, whole: Whole | None, standings: Standings, let_through: LetThrough = NOBODY
    ) -> Reason | None:
        screening = replace(DEFAULT_SCHEME.screening, let_through=let_through)
        known = Known(frozenset({"me@x.example"}), standings, routes(DEFAULT_SCHEME), screening, NOW)
        sender = Sender(str(whole), "", FEED, (), whole=whole)
        reason = why_not(email, sender, known)
        assert is_moved_by(email, sender, known) is (reason is None and (whole is not None and whole.covers(email)))
        return reason

    def by(self, sender: str | None = ANN, list_id: str | None = None) -> Email:
        return replace(mail("1", "Screener", sender=sender), list_id=list_id)

    ALL = Standings(domains={"shop.example": said("Feed"), NEWS.domain: said("Feed")}, lists={DEV.id: said("Feed")})

    def test_is_moved_by_the_nearest_decision_alone(self) -> None:
        assert self.why(self.by(), NEWS, self.ALL) is None
        assert self.why(self.by(), SHOP, self.ALL) is Reason.DECIDED_DOMAIN
        assert self.why(self.by("a@shop.example"), SHOP, self.ALL) is None
        assert self.why(self.by("a@shop.example", DEV.id), SHOP, self.ALL) is Reason.DECIDED_LIST
        assert self.why(self.by("a@shop.example", DEV.id), DEV, self.ALL) is None
        assert self.why(self.by("a@shop.example", DEV.id), None, self.ALL) is Reason.DECIDED_LIST
        assert self.why(self.by(None), SHOP, self.ALL) is Reason.NO_SENDER

    def test_is_left_to_what_speaks_for_it(self) -> None:
        for standing, reason in (
            (said("Jail"), Reason.DECIDED),
            (Standing(is_taken_back=True), Reason.TAKEN_BACK),
            (Standing(is_users=True), Reason.KNOWN_CONTACT),
        ):
            assert self.why(self.by(), NEWS, replace(self.ALL, senders={ANN: standing})) is reason
        assert self.why(self.by("me@x.example", DEV.id), DEV, self.ALL) is Reason.OWN_ADDRESS
        let_through = LetThrough(addresses=frozenset({ANN}))
        assert self.why(self.by(), NEWS, self.ALL, let_through) is Reason.LET_THROUGH

    def test_of_others_is_not_moved(self) -> None:
        assert self.why(self.by("a@other.example"), SHOP, self.ALL) is Reason.NOT_ANSWERED

    def test_is_taken_as_new_mail_is(self) -> None:
        senders, to, cc = ((Address(email=f"{each}@x.example"),) for each in ("ann", "bob", "cy"))
        email = Email("1", frozenset({"Feed"}), frozenset({"$seen"}), senders, list_id="<dev.python.org>", to=to, cc=cc)
        email = replace(email, authentication_results=("mx; spf=pass",))
        assert arrival_of(email) == Arrival(
            id="1",
            mailbox_ids=frozenset({"Feed"}),
            keywords=frozenset({"$seen"}),
            senders=senders,
            recipients=(*to, *cc),
            list_id="<dev.python.org>",
            authentication_results=("mx; spf=pass",),
        )
        assert arrival_of(Email("1", frozenset())) == Arrival("1", frozenset())


class TestTogether:
    def card(self, uid: str, line: str, *addresses: str) -> Card:
        return Card(uid, uid, Fields(uid), frozenset(addresses), f"{HEADER}\n{CREATED}\n{line}")

    BOOK_CARDS = (("s", WHOLE_DOMAIN, "*@shop.example"), ("d", whole_list_line(DEV.id)), ("a", "", ANN))

    def together(self, *senders: Sender) -> Standings:
        cards = tuple(self.card(*each) for each in self.BOOK_CARDS)
        return decided_together(senders, AddressBook(cards, groups(Jail=["s", "d", "a"])), DEFAULT_SCHEME)

    def test_those_that_are_not_settled_stand_as_before(self) -> None:
        found = self.together()
        assert (found.senders[ANN], found.domains, found.lists) == (
            said("Jail"),
            {"shop.example": said("Jail")},
            {DEV.id: said("Jail")},
        )

    @pytest.mark.parametrize("about", [SHOP, NEWS, DEV], ids=str)
    def test_a_domain_or_list_stands_as_it_is_settled_with_the_groups_above(self, about: Whole) -> None:
        found, before = self.together(settled(about, TRUCK)), self.together()
        new = {str(about).removeprefix("@").removeprefix("list:"): said("Truck", "Paper Trail")}
        is_list = isinstance(about, WholeList)
        assert found.domains == ({**before.domains, **({} if is_list else new)})
        assert found.lists == {**before.lists, **(new if is_list else {})}
        assert found.senders == before.senders

    @pytest.mark.parametrize("about", [SHOP, DEV], ids=str)
    def test_what_is_taken_back_stands_as_before(self, about: Whole) -> None:
        assert self.together(settled(about, BACK)) == self.together()

    def test_a_sender_stands_as_settled_with_all_addresses_and_taken_back_in_no_group(self) -> None:
        found = self.together(settled(ANN, FEED, "work@x.example"), settled("bob@x.example", BACK), settled(SHOP))
        assert found.senders[ANN] == found.senders["work@x.example"] == said("Feed")
        assert found.senders["bob@x.example"] == Standing(is_taken_back=True)
        assert found.domains == {"shop.example": said("Feed")}
