"""The marks on mail that is filed: keywords in the patch that moves it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.config.screening import Mode, Screening
from mailroom.config.splits import Split
from mailroom.contacts.base import AddressBook
from mailroom.decisions.filing import Filing, filed
from mailroom.decisions.keywords import FORGED, FROM_INBOX, SEEN, WAITING
from mailroom.decisions.plan import filing_to, plan, settled
from mailroom.decisions.select import Sender
from mailroom.jmap.mail import Email, Move, moved
from tests.decisions.test_marks import said
from tests.decisions.test_plan import ANN, NOW, PLACES, groups, mail, sender

ON = replace(DEFAULT_SCHEME, screening=Screening(mode="on"))
OFF = DEFAULT_SCHEME
WATCH = replace(DEFAULT_SCHEME, screening=Screening(mode="watch"))
EACH = pytest.mark.parametrize("scheme", [ON, OFF, WATCH], ids=lambda scheme: scheme.screening.mode)
SCREENED = frozenset({SEEN, WAITING, FROM_INBOX})


def marked(id: str, *mailboxes: str, keywords: frozenset[str] = SCREENED) -> Email:
    return replace(mail(id, *mailboxes), keywords=keywords)


def sweep_of(email: Email, scheme: Scheme, to: str) -> Move | None:
    return plan(sender(to=to), AddressBook((), groups()), [email], PLACES, scheme, "u1", NOW).moves.get(email.id)


def swept(email: Email, scheme: Scheme = ON, to: str = "Feed") -> str:
    return said(sweep_of(email, scheme, to))


def ended(email: Email, scheme: Scheme = ON, to: str = "Feed") -> str:
    decided = plan(sender("Ann Lee", to, email), AddressBook((), groups()), (), PLACES, scheme, "u1", NOW)
    return said(settled(decided, [email], PLACES)[email.id])


class TestOfASweep:
    def test_mail_that_waited_waits_no_longer(self) -> None:
        assert swept(marked("2", "Screener")) == "+Feed +seen -Screener -waiting"

    def test_what_else_is_on_it_stays(self) -> None:
        assert swept(marked("2", "Jail", keywords=SCREENED | {FORGED, "$seen", "work"})) == "+Feed +seen -Jail -waiting"

    def test_mail_that_never_waited_is_marked_and_nothing_is_taken_off(self) -> None:
        assert swept(mail("2", "Screener")) == "+Feed +seen -Screener"

    @pytest.mark.parametrize("scheme", [OFF, WATCH])
    def test_without_screening_nothing_is_marked(self, scheme: Scheme) -> None:
        assert swept(mail("2", "Screener"), scheme) == "+Feed -Screener"

    @pytest.mark.parametrize("scheme", [OFF, WATCH])
    def test_what_waited_when_there_was_screening_waits_no_longer(self, scheme: Scheme) -> None:
        assert swept(marked("2", "Screener"), scheme) == "+Feed -Screener -waiting"

    @EACH
    def test_what_leaves_the_inbox_says_so(self, scheme: Scheme) -> None:
        seen = " +seen" if scheme is ON else ""
        assert swept(mail("2", "Inbox"), scheme, "Jail") == f"+Jail +from-inbox{seen} -Inbox"
        assert swept(mail("2", "Screener"), scheme, "Jail") == f"+Jail{seen} -Screener"

    @EACH
    @pytest.mark.parametrize("keywords", [frozenset[str](), SCREENED])
    def test_mail_that_is_right_gets_no_patch_for_a_mark(self, scheme: Scheme, keywords: frozenset[str]) -> None:
        assert swept(marked("2", "Feed", keywords=keywords), scheme) == "nothing"
        assert swept(marked("2", "Trash", "Screener", keywords=keywords), scheme) == "nothing"

    @EACH
    def test_forged_mail_stays_in_the_screener(self, scheme: Scheme) -> None:
        assert swept(marked("2", "Screener", "Archive", keywords=frozenset({FORGED})), scheme) == "nothing"

    def test_forged_mail_that_is_elsewhere_goes_with_its_sender(self) -> None:
        assert swept(marked("2", "Jail", keywords=frozenset({FORGED}))) == "+Feed +seen -Jail"

    def test_forged_mail_that_waits_with_a_label_of_its_own_is_filed(self) -> None:
        asks = marked("2", "Screener", "@ToJail", "@MailroomError", keywords=frozenset({FORGED, WAITING}))
        assert swept(asks) == "+Feed +seen -@MailroomError -@ToJail -Screener -waiting"

    def test_what_stays_in_the_screener_goes_on_waiting(self) -> None:
        asks = marked("2", "Trash", "Screener", "@ToJail", "@MailroomError")
        assert swept(asks) == "+seen -@MailroomError -@ToJail"


class TestOfTheLastAct:
    def test_labelled_mail_is_marked_in_the_patch_that_takes_the_label_off(self) -> None:
        assert ended(mail("1", "Inbox", "@ToFeed")) == "+Feed +seen -@ToFeed"
        assert ended(marked("1", "Screener", "@ToFeed")) == "+Feed +seen -@ToFeed -Screener -waiting"

    def test_also_where_the_label_is_all_that_changes(self) -> None:
        assert ended(mail("1", "Feed", "@ToFeed")) == "+seen -@ToFeed"

    def test_forged_mail_is_filed_by_its_own_label(self) -> None:
        assert (
            ended(marked("1", "Screener", "@ToFeed", keywords=SCREENED | {FORGED}))
            == "+Feed +seen -@ToFeed -Screener -waiting"
        )

    @pytest.mark.parametrize("scheme", [OFF, WATCH])
    def test_without_screening_only_what_reset_needs_is_marked(self, scheme: Scheme) -> None:
        assert ended(mail("1", "Inbox", "@ToFeed"), scheme) == "+Feed -@ToFeed"
        assert ended(mail("1", "Inbox", "@ToJail"), scheme, "Jail") == "+Jail +from-inbox -@ToJail -Inbox"

    def test_a_mail_moved_into_a_label_out_of_the_screener_waits_no_longer(self) -> None:
        assert ended(marked("1", "@ToFeed")) == "+Feed +seen -@ToFeed -waiting"

    def test_in_the_trash_it_waits_no_longer_but_in_the_screener_too_it_does(self) -> None:
        assert ended(marked("1", "Trash", "@ToFeed")) == "+seen -@ToFeed -waiting"
        assert ended(marked("1", "Trash", "Screener", "@ToFeed")) == "+seen -@ToFeed"

    def test_a_warning_keeps_the_marks(self) -> None:
        other = marked("1", "Screener", "@ToFeed")
        other = replace(other, senders=mail("x", name="Bob Lee").senders)
        who = Sender("ann@example.org", "Ann Lee", DEFAULT_SCHEME.by_name["Feed"], (other,))
        decided = plan(who, AddressBook((), groups()), (), PLACES, ON, "u1", NOW)
        assert (
            said(settled(decided, [other], PLACES)["1"]) == "+@MailroomWarning +Feed +seen -@ToFeed -Screener -waiting"
        )


MODES: list[Mode] = ["on", "off", "watch"]
PLACE_NAMES = ("Inbox", "Screener", "Feed", "Jail", "Imbox", "Trash", "Archive", "@ToFeed", "@MailroomError")
MAILS = st.builds(
    lambda mailboxes, keywords: marked("2", *mailboxes, keywords=keywords),
    st.sets(st.sampled_from(PLACE_NAMES), min_size=1),
    st.frozensets(st.sampled_from((SEEN, WAITING, FROM_INBOX, FORGED, "$seen"))),
)


@given(MAILS, st.sampled_from(MODES), st.sampled_from([each.name for each in DEFAULT_SCHEME.categories]))
def test_a_second_sweep_changes_nothing_and_no_mail_is_lost(email: Email, mode: Mode, to: str) -> None:
    scheme = replace(DEFAULT_SCHEME, screening=Screening(mode=mode))
    move = sweep_of(email, scheme, to)
    if move is None:
        return
    after = moved(email, move)
    assert after.mailbox_ids
    assert ("Inbox" in email.mailbox_ids - after.mailbox_ids) == (FROM_INBOX in move.set)
    assert WAITING not in after.keywords or "Screener" in after.mailbox_ids
    assert email.keywords - after.keywords <= {WAITING}
    assert after.keywords - email.keywords <= {SEEN, FROM_INBOX}
    assert sweep_of(after, scheme, to) is None


class TestASplit:
    SCHEME = Scheme(
        screening=Screening(mode="on"),
        splits=(Split(("order",), "Truck", address=ANN), Split(("order",), "Jail", address="bob@example.org")),
    )

    def way(self) -> Filing:
        return filing_to(self.SCHEME.by_name["Feed"], PLACES, self.SCHEME)

    def by(self, subject: str, sender: str = ANN) -> Email:
        return replace(mail("1", "Screener", sender=sender), subject=subject)

    def test_sends_a_mail_into_the_mailboxes_of_its_own_category(self) -> None:
        way = self.way()
        assert way.of(self.by("Your order")) == Filing(
            self.SCHEME.by_name["Truck"], frozenset({"Truck", "Paper Trail"}), frozenset({"mailroom-seen"})
        )
        assert way.of(self.by("Your order", "bob@example.org")).category == self.SCHEME.by_name["Jail"]
        assert filed(self.by("Your order"), way, PLACES).add == {"Truck", "Paper Trail"}

    def test_leaves_other_mail_where_it_goes(self) -> None:
        way = self.way()
        for email in (self.by("News"), self.by("Your order", "cy@example.org")):
            assert way.of(email) is way
            assert filed(email, way, PLACES).add == {"Feed"}
