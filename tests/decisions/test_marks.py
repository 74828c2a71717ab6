"""What is written on new mail, keyword by keyword and mailbox by mailbox."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme
from mailroom.decisions.arrival import Arrival
from mailroom.decisions.judge import Outcome, Reason, Verdict
from mailroom.decisions.keywords import FORGED, FROM_INBOX, SEEN, WAITING
from mailroom.decisions.marks import WorkList, is_idle, left_alone, marks, to_judge
from mailroom.decisions.places import Places
from mailroom.decisions.routes import Route
from mailroom.jmap.mail import Move
from tests.decisions.test_plan import places_of

PLACES = places_of()
STAYS, STRANGER = Verdict(Reason.KNOWN_CONTACT), Verdict(Reason.STRANGER)
FORGERY = Verdict(Reason.FORGED, is_warned=True)
MOVED = Move(set=frozenset({SEEN}), clear=frozenset({WAITING, FROM_INBOX}))


def mail(*mailboxes: str, id: str = "1", keywords: tuple[str, ...] = ()) -> Arrival:
    return Arrival(id, frozenset(mailboxes), frozenset(keywords))


def decided(name: str, reason: Reason = Reason.DECIDED, *, is_warned: bool = False) -> Verdict:
    return Verdict(reason, Route(DEFAULT_SCHEME.chain(DEFAULT_SCHEME.by_name[name])), is_warned)


def patch_of(each: Arrival, verdict: Verdict | None, places: Places = PLACES) -> Move | None:
    """The patch of one mail, found where it is."""
    inbox = (each,) if "Inbox" in each.mailbox_ids else ()
    screener = (each,) if "Screener" in each.mailbox_ids else ()
    verdicts = {} if verdict is None else {each.id: verdict}
    return marks(WorkList((), inbox, screener), verdicts, places).get(each.id)


def said(patch: Move | None) -> str:
    """A patch in one line: what goes on, then what goes off."""
    if patch is None:
        return "nothing"
    on = sorted(patch.add) + sorted(patch.set)
    off = sorted(patch.remove) + sorted(patch.clear)
    return " ".join([*(f"+{each}" for each in on), *(f"-{each}" for each in off)]).replace("mailroom-", "")


class TestInTheInbox:
    @pytest.mark.parametrize(
        ("verdict", "patch"),
        [
            (STAYS, "+seen"),
            (replace(STAYS, is_warned=True), "+@MailroomWarning +seen"),
            (STRANGER, "+Screener +from-inbox +seen +waiting -Inbox"),
            (replace(STRANGER, is_warned=True), "+@MailroomWarning +Screener +from-inbox +seen +waiting -Inbox"),
            (FORGERY, "+@MailroomWarning +Screener +forged +from-inbox +seen +waiting -Inbox"),
            (decided("Feed"), "+Feed +from-inbox +seen -Inbox"),
            (decided("Truck"), "+Paper Trail +Truck +from-inbox +seen -Inbox"),
            (decided("Imbox"), "+Imbox +seen"),
            (decided("Person"), "+Imbox +Person +seen"),
            (decided("Feed", is_warned=True), "+@MailroomWarning +Feed +from-inbox +seen -Inbox"),
            (Verdict(Reason.NOT_ANSWERED), "nothing"),
            (None, "nothing"),
        ],
    )
    @pytest.mark.parametrize("others", [(), ("Archive", "Holidays")], ids=["", "with another home of the user's"])
    def test_each_verdict(self, verdict: Verdict | None, patch: str, others: tuple[str, ...]) -> None:
        assert said(patch_of(mail("Inbox", *others), verdict)) == patch

    @pytest.mark.parametrize("keyword", ["$seen", "$flagged", "$answered", "$draft", "$notjunk"])
    def test_what_the_user_dealt_with_is_marked_alone(self, keyword: str) -> None:
        each = mail("Inbox", keywords=(keyword, "$other"))
        assert said(patch_of(each, STRANGER)) == said(patch_of(each, None)) == "+seen"
        assert to_judge(WorkList(inbox=(each,)), PLACES) == ()

    @pytest.mark.parametrize(
        "home", ["Feed", "Paper Trail", "Trash", "Junk", "Drafts", "Sent", "@MailroomError", "@MailroomWarning"]
    )
    def test_what_has_a_home_is_marked_alone(self, home: str) -> None:
        assert said(patch_of(mail("Inbox", home), STRANGER)) == "+seen"
        assert left_alone(mail("Inbox", home), PLACES)

    def test_other_mail_is_not_left_alone(self) -> None:
        assert not left_alone(mail("Inbox", "Archive", keywords=("$forwarded", SEEN)), PLACES)

    def test_a_label_is_for_plan(self) -> None:
        labelled = mail("Inbox", "@ToFeed")
        assert patch_of(labelled, STRANGER) is None
        assert to_judge(WorkList(inbox=(labelled,)), PLACES) == ()

    def test_a_label_that_stopped_is_marked(self) -> None:
        assert said(patch_of(mail("Inbox", "@ToFeed", "@MailroomError"), STRANGER)) == "+seen"

    def test_marked_again_though_the_mail_shows_the_keyword(self) -> None:
        assert said(patch_of(mail("Inbox", keywords=(SEEN,)), STAYS)) == "+seen"

    def test_without_a_warning_label_there_is_no_warning(self) -> None:
        places = places_of(Scheme(warnings_enabled=False))
        assert said(patch_of(mail("Inbox"), FORGERY, places)) == "+Screener +forged +from-inbox +seen +waiting -Inbox"

    @pytest.mark.parametrize(
        ("missing", "verdict"),
        [("Screener", STRANGER), ("Screener", FORGERY), ("Feed", decided("Feed")), ("Paper Trail", decided("Truck"))],
    )
    def test_what_can_not_go_where_it_belongs_is_left_alone(self, missing: str, verdict: Verdict) -> None:
        assert patch_of(mail("Inbox"), verdict, places_of(without=[missing])) is None


class TestInTheScreener:
    @pytest.mark.parametrize(
        ("verdict", "patch"),
        [
            (STAYS, "+seen +waiting"),
            (STRANGER, "+seen +waiting"),
            (replace(STRANGER, is_warned=True), "+@MailroomWarning +seen +waiting"),
            (FORGERY, "+@MailroomWarning +forged +seen +waiting"),
            (decided("Feed"), "+Feed +seen -Screener -waiting"),
            (decided("Truck"), "+Paper Trail +Truck +seen -Screener -waiting"),
            (decided("Imbox"), "+Imbox +Inbox +seen -Screener -waiting"),
            (decided("Person"), "+Imbox +Inbox +Person +seen -Screener -waiting"),
            (decided("Feed", is_warned=True), "+@MailroomWarning +Feed +seen -Screener -waiting"),
            (Verdict(Reason.NOT_ANSWERED), "nothing"),
            (None, "nothing"),
        ],
    )
    @pytest.mark.parametrize("keywords", [(), ("$seen", "$flagged")], ids=["", "read"])
    def test_each_verdict(self, verdict: Verdict | None, patch: str, keywords: tuple[str, ...]) -> None:
        assert said(patch_of(mail("Screener", "Archive", keywords=keywords), verdict)) == patch

    def test_forged_mail_waits_whatever_was_decided_about_its_sender(self) -> None:
        assert said(patch_of(mail("Screener", keywords=(FORGED,)), decided("Feed"))) == "+seen +waiting"

    def test_mail_in_a_wrong_mailbox_leaves_it(self) -> None:
        assert said(patch_of(mail("Screener", "Jail", "Feed"), decided("Feed"))) == "+seen -Jail -Screener -waiting"

    def test_mail_in_the_inbox_too_stays_there(self) -> None:
        both = mail("Inbox", "Screener")
        assert said(patch_of(both, STRANGER)) == "+seen +waiting"
        assert said(patch_of(both, decided("Feed"))) == "+Feed +seen -Screener -waiting"
        assert said(patch_of(both, decided("Imbox"))) == "+Imbox +seen -Screener -waiting"

    @pytest.mark.parametrize("home", ["Trash", "Sent", "@MailroomError", "@MailroomWarning"])
    def test_mail_that_is_left_alone_is_marked(self, home: str) -> None:
        assert said(patch_of(mail("Screener", home), decided("Feed"))) == "+seen +waiting"

    def test_a_label_is_for_plan(self) -> None:
        assert patch_of(mail("Screener", "@ToFeed"), STRANGER) is None

    def test_without_an_inbox_nothing_goes_there(self) -> None:
        places = replace(PLACES, inbox=None)
        assert said(patch_of(mail("Screener"), decided("Imbox"), places)) == "+Imbox +seen -Screener -waiting"

    def test_without_its_destination_it_stays(self) -> None:
        assert patch_of(mail("Screener"), decided("Feed"), places_of(without=["Feed"])) is None


class TestMoved:
    @pytest.mark.parametrize("where", ["Inbox", "Archive", "Trash", "Feed", "@MailroomError"])
    def test_mail_loses_its_mark(self, where: str) -> None:
        each = mail(where, keywords=(WAITING,))
        assert marks(WorkList(moved=(each,)), {}, PLACES) == {"1": MOVED}

    def test_mail_is_not_judged_though_it_is_found_in_the_inbox(self) -> None:
        each = mail("Inbox")
        work = WorkList(moved=(each,), inbox=(each,))
        assert to_judge(work, PLACES) == ()
        assert marks(work, {"1": STRANGER}, PLACES) == {"1": MOVED}

    def test_mail_in_the_inbox_that_still_waits_was_moved(self) -> None:
        each = mail("Inbox", keywords=(WAITING,))
        assert marks(WorkList(inbox=(each,)), {"1": STRANGER}, PLACES) == {"1": MOVED}

    def test_mail_that_is_in_the_screener_too_was_not(self) -> None:
        each = mail("Screener", "Archive", keywords=(WAITING,))
        assert marks(WorkList(moved=(each,)), {"1": STRANGER}, PLACES) == {}

    @pytest.mark.parametrize("others", [(), ("@MailroomError",)])
    def test_mail_with_a_label_is_for_plan(self, others: tuple[str, ...]) -> None:
        each = mail("@ToFeed", *others, keywords=(WAITING,))
        assert marks(WorkList(moved=(each,)), {}, PLACES) == {}


class TestOrder:
    WORK = WorkList(
        tuple(mail("Archive", id=f"m{number}") for number in (2, 1)),
        tuple(mail("Inbox", id=f"i{number}") for number in (2, 1)),
        tuple(mail("Screener", id=f"s{number}") for number in (2, 1)),
    )
    VERDICTS = MappingProxyType({each.id: STAYS for each in (*WORK.inbox, *WORK.screener)})

    def test_is_moved_mail_then_the_inbox_then_the_screener(self) -> None:
        assert list(marks(self.WORK, self.VERDICTS, PLACES)) == ["m2", "m1", "i2", "i1", "s2", "s1"]
        assert [each.id for each in to_judge(self.WORK, PLACES)] == ["i2", "i1", "s2", "s1"]

    @pytest.mark.parametrize("most", [0, 1, 3, 5])
    def test_ends_where_one_write_is_full(self, most: int) -> None:
        assert list(marks(self.WORK, self.VERDICTS, PLACES, most)) == ["m2", "m1", "i2", "i1", "s2", "s1"][:most]

    def test_is_full_with_500(self) -> None:
        many = tuple(mail("Archive", id=str(number)) for number in range(501))
        assert list(marks(WorkList(many), {}, PLACES)) == [str(number) for number in range(500)]

    def test_has_each_mail_once(self) -> None:
        both = mail("Inbox", "Screener")
        work = WorkList(inbox=(both,), screener=(both, mail("Screener", id="2")))
        assert [each.id for each in to_judge(work, PLACES)] == ["1", "2"]
        assert len(marks(work, {"1": STRANGER, "2": STRANGER}, PLACES)) == 2

    def test_passes_over_what_is_in_neither_mailbox_any_more(self) -> None:
        gone = mail("Archive")
        work = WorkList(inbox=(gone,), screener=(gone,))
        assert to_judge(work, PLACES) == ()
        assert marks(work, {"1": STRANGER}, PLACES) == {}


# --- whatever mail there is


ALL_PLACES = [PLACES, places_of(without=["Screener"]), places_of(without=["Feed"]), replace(PLACES, warning_label=None)]
VERDICTS = st.sampled_from(
    [
        replace(verdict, is_warned=is_warned)
        for is_warned in (False, True)
        for verdict in (
            *(Verdict(each) for each in Reason if each.outcome is not Outcome.ROUTED),
            *(decided(each.name) for each in DEFAULT_SCHEME.categories),
        )
    ]
)
MAILBOXES = ("Inbox", "Screener", "Feed", "Imbox", "Trash", "Archive", "@ToFeed", "@MailroomError", "@MailroomWarning")
KEYWORDS = (SEEN, WAITING, FROM_INBOX, FORGED, "$seen", "$other")
MAILS = st.builds(
    lambda mailboxes, keywords: mail(*mailboxes, keywords=tuple(keywords)),
    st.sets(st.sampled_from(MAILBOXES), min_size=1),
    st.sets(st.sampled_from(KEYWORDS)),
)
ACCOUNTS = st.lists(MAILS, max_size=6).map(
    lambda mails: [replace(each, id=str(number)) for number, each in enumerate(mails)]
)


def found(mails: list[Arrival], places: Places = PLACES) -> WorkList:
    """What the queries of a pass find."""
    return WorkList(
        tuple(each for each in mails if WAITING in each.keywords and each.mailbox_ids - {places.screener}),
        tuple(each for each in mails if "Inbox" in each.mailbox_ids and SEEN not in each.keywords),
        tuple(each for each in mails if places.screener in each.mailbox_ids and WAITING not in each.keywords),
    )


def written(each: Arrival, patch: Move) -> Arrival:
    return replace(
        each,
        mailbox_ids=(each.mailbox_ids | patch.add) - patch.remove,
        keywords=(each.keywords | patch.set) - patch.clear,
    )


@given(ACCOUNTS, st.lists(VERDICTS, min_size=6, max_size=6), st.sampled_from(ALL_PLACES), st.integers(0, 6))
def test_passes_end_with_nothing_to_write_and_every_mail_somewhere(
    mails: list[Arrival], by_number: list[Verdict], places: Places, most: int
) -> None:
    verdicts = {str(number): verdict for number, verdict in enumerate(by_number)}
    for _ in mails:
        patches = marks(found(mails, places), verdicts, places, max(most, 1))
        mails = [written(each, patches.get(each.id, Move())) for each in mails]
        assert all(each.mailbox_ids for each in mails)
    assert marks(found(mails, places), verdicts, places) == {}


@given(ACCOUNTS, st.lists(VERDICTS, min_size=6, max_size=6))
def test_doubt_writes_nothing(mails: list[Arrival], by_number: list[Verdict]) -> None:
    work = found(mails)
    asked = {each.id for each in to_judge(work, PLACES)}
    undecided = {id: Verdict(Reason.NOT_ANSWERED) for id in asked}
    verdicts = {str(number): verdict for number, verdict in enumerate(by_number)}
    assert not asked & marks(work, undecided, PLACES).keys()
    assert marks(work, undecided, PLACES) == marks(work, {}, PLACES)
    # No verdict of mail that needs none changes anything.
    needed = {id: verdict for id, verdict in verdicts.items() if id in asked}
    assert marks(work, verdicts, PLACES) == marks(work, needed, PLACES)


@given(ACCOUNTS, st.lists(VERDICTS, min_size=6, max_size=6))
def test_what_leaves_the_inbox_says_so_and_what_is_the_users_stays(
    mails: list[Arrival], by_number: list[Verdict]
) -> None:
    verdicts = {str(number): verdict for number, verdict in enumerate(by_number)}
    for id, patch in marks(found(mails), verdicts, PLACES).items():
        assert ("Inbox" in patch.remove) == (FROM_INBOX in patch.set)
        assert patch.remove <= PLACES.managed | {"Inbox"}
        assert patch.add.isdisjoint(mails[int(id)].mailbox_ids)
        assert SEEN in patch.set
        assert not patch.changes_mailboxes or not left_alone(mails[int(id)], PLACES)


class TestIsIdle:
    @pytest.mark.parametrize(
        "work",
        [
            WorkList(),
            WorkList(moved=(mail("Screener", "Work", keywords=(WAITING,)),)),
            WorkList(inbox=(mail("Inbox", "@ToFeed"),)),
            WorkList(screener=(mail("Screener", "@ToFeed"),)),
        ],
        ids=["nothing", "waits and has another mailbox", "labelled in the Inbox", "labelled in the Screener"],
    )
    def test_where_nothing_is_to_be_done(self, work: WorkList) -> None:
        assert is_idle(work, PLACES)

    @pytest.mark.parametrize(
        "work",
        [
            WorkList(inbox=(mail("Inbox"),)),
            WorkList(screener=(mail("Screener"),)),
            WorkList(inbox=(mail("Inbox", keywords=("$seen",)),)),
            WorkList(moved=(mail("Archive", keywords=(WAITING,)),)),
        ],
        ids=["to be judged", "to be judged in the Screener", "to be marked", "moved by the user"],
    )
    def test_where_a_mail_is_to_be_judged_or_marked(self, work: WorkList) -> None:
        assert not is_idle(work, PLACES)
