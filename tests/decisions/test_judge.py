"""The verdict, line by line: one row for each line, and one for each pair of neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mailroom.config.scheme import DEFAULT_SCHEME, Scheme, category
from mailroom.config.screening import Screening, read_let_through
from mailroom.decisions.arrival import Arrival, Known
from mailroom.decisions.judge import Outcome, Questions, Reason, Verdict, judge, undecided
from mailroom.decisions.routes import routes
from mailroom.decisions.standing import Standing, Standings
from mailroom.jmap.mail import Address

NOW = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
SENDER = "mailer-daemon@shop.example"
LIST = "dev.python.org"
CODE = "blue-heron"
REJECTED = "mx; dmarc=fail (p=reject)"
REPORT = "multipart/report; report-type=delivery-status; boundary=x"
ME = "me@home.example"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A mail and what is known of it, in words; as it stands, of a stranger of whom nothing is known."""

    senders: tuple[str, ...] = (SENDER,)
    auth: tuple[str, ...] = ()
    own: tuple[str, ...] = (ME,)
    groups: tuple[str, ...] = ()
    is_taken_back: bool = False
    is_unreadable: bool = False
    is_users: bool = False
    let_through: tuple[str, ...] = ()
    list_id: str = f"Dev <{LIST}>"
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_answer: bool = True
    thread_id: str | None = "t1"
    holds_sent: bool | None = False
    written_to: bool | None = False
    content_type: str = "text/plain"
    subject: str = ""
    code: str | None = CODE
    open_for: timedelta | None = None
    to: tuple[str, ...] = (ME,)
    forged: Literal["screen", "warn", "ignore"] = "screen"
    known_contacts: bool = True
    correspondents: bool = True
    scheme: Scheme = DEFAULT_SCHEME

    @property
    def mail(self) -> Arrival:
        return Arrival(
            id="1",
            mailbox_ids=frozenset({"Inbox"}),
            senders=tuple(Address(email=each) for each in self.senders),
            recipients=tuple(Address(email=each) for each in self.to),
            thread_id=self.thread_id,
            is_answer=self.is_answer,
            list_id=self.list_id,
            content_type=self.content_type,
            authentication_results=self.auth,
            subject=self.subject,
        )

    @property
    def known(self) -> Known:
        found: list[str] = []
        let_through = read_let_through(self.let_through, found)
        assert found == []
        standing = Standing(frozenset(self.groups), self.is_taken_back, self.is_users, self.is_unreadable)
        return Known(
            own=frozenset(self.own),
            standings=Standings(
                {SENDER: standing},
                {domain: Standing(frozenset(groups)) for domain, groups in self.domains.items()},
                {id: Standing(frozenset(groups)) for id, groups in self.lists.items()},
            ),
            routes=routes(self.scheme),
            screening=Screening(
                "on",
                let_through=let_through,
                known_contacts=self.known_contacts,
                correspondents=self.correspondents,
                forged=self.forged,
            ),
            now=NOW,
            open_until=None if self.open_for is None else NOW + self.open_for,
            subject_code=None if self.code is None else SecretStr(self.code),
            holds_sent={} if self.holds_sent is None else {"t1": self.holds_sent},
            written_to={} if self.written_to is None else {SENDER: self.written_to},
        )


def verdict(**what: Any) -> Verdict:
    case = Case(**what)
    return judge(case.mail, case.known)


def reason(**what: Any) -> Reason:
    return verdict(**what).reason


def routed(**what: Any) -> str | None:
    """The category that a mail goes to."""
    route = verdict(**what).route
    return None if route is None else route.category.name


LINES: dict[Reason, dict[str, Any]] = {
    Reason.FORGED: {"auth": (REJECTED,)},
    Reason.OWN_ADDRESS: {"own": (SENDER,)},
    Reason.NO_SENDER: {"senders": ()},
    Reason.DECIDED: {"groups": ("Feed",)},
    Reason.UNRELATED_GROUPS: {"groups": ("Feed", "Jail")},
    Reason.TAKEN_BACK: {"is_taken_back": True},
    Reason.LET_THROUGH: {"let_through": ("shop.example",)},
    Reason.UNREADABLE_CARD: {"is_unreadable": True},
    Reason.KNOWN_CONTACT: {"is_users": True},
    Reason.DECIDED_LIST: {"lists": {LIST: ("Paper Trail",)}},
    Reason.DECIDED_DOMAIN: {"domains": {"shop.example": ("Jail",)}},
    Reason.ANSWERS_USER: {"holds_sent": True},
    Reason.CORRESPONDENT: {"written_to": True},
    Reason.DELIVERY_REPORT: {"content_type": REPORT},
    Reason.SUBJECT_CODE: {"subject": f"Re: {CODE}"},
    Reason.SCREENING_OPEN: {"open_for": timedelta(seconds=1)},
    Reason.STRANGER: {},
}
"""What makes each line fit, in the order of the lines."""

OUTCOMES = {
    Reason.FORGED: Outcome.SCREENED,
    Reason.NO_SENDER: Outcome.SCREENED,
    Reason.TAKEN_BACK: Outcome.SCREENED,
    Reason.STRANGER: Outcome.SCREENED,
    Reason.DECIDED: Outcome.ROUTED,
    Reason.DECIDED_LIST: Outcome.ROUTED,
    Reason.DECIDED_DOMAIN: Outcome.ROUTED,
    Reason.NOT_ANSWERED: Outcome.UNDECIDED,
}
NEVER_TOGETHER = [{Reason.OWN_ADDRESS, Reason.NO_SENDER}, {Reason.DECIDED, Reason.UNRELATED_GROUPS}]


class TestLines:
    def test_are_all_here_and_in_their_order(self) -> None:
        assert [*LINES, Reason.NOT_ANSWERED] == list(Reason)

    @pytest.mark.parametrize("line", Reason)
    def test_have_an_outcome_and_a_text_of_their_own(self, line: Reason) -> None:
        assert line.outcome is OUTCOMES.get(line, Outcome.STAYS)
        assert [each for each in Reason if each.text == line.text] == [line]

    @pytest.mark.parametrize(("line", "facts"), LINES.items(), ids=lambda each: getattr(each, "name", ""))
    def test_fit_alone(self, line: Reason, facts: dict[str, Any]) -> None:
        found = verdict(**facts)
        assert (found.reason, found.outcome) == (line, line.outcome)
        assert (found.route is not None) == (line.outcome is Outcome.ROUTED)

    @pytest.mark.parametrize(
        ("line", "next_line"),
        [pair for pair in pairwise(LINES) if set(pair) not in NEVER_TOGETHER],
        ids=lambda each: each.name,
    )
    def test_come_before_their_neighbours(self, line: Reason, next_line: Reason) -> None:
        assert reason(**LINES[next_line], **LINES[line]) is line


class TestForged:
    @pytest.mark.parametrize(
        ("forged", "auth", "expected", "is_warned"),
        [
            ("screen", REJECTED, Reason.FORGED, True),
            ("screen", "mx; dmarc=fail (p=none)", Reason.STRANGER, True),
            ("screen", "mx; dmarc=pass (p=reject)", Reason.STRANGER, False),
            ("warn", REJECTED, Reason.STRANGER, True),
            ("warn", "mx; dmarc=fail", Reason.STRANGER, True),
            ("ignore", REJECTED, Reason.STRANGER, False),
            ("ignore", "mx; dmarc=fail", Reason.STRANGER, False),
        ],
    )
    def test_as_the_configuration_says(self, forged: str, auth: str, expected: Reason, is_warned: bool) -> None:
        found = verdict(forged=forged, auth=(auth,))
        assert (found.reason, found.is_warned) == (expected, is_warned)

    def test_mail_of_a_list_that_is_vouched_for_is_warned_of_alone(self) -> None:
        found = verdict(auth=(f"{REJECTED}; dkim=pass header.d=python.org",), groups=("Feed",))
        assert (found.reason, found.is_warned) == (Reason.DECIDED, True)
        assert found.route is not None


class TestSender:
    @pytest.mark.parametrize("own", ["*@shop.example", SENDER])
    def test_may_be_the_user(self, own: str) -> None:
        assert reason(own=(ME, own)) is Reason.OWN_ADDRESS

    @pytest.mark.parametrize("own", ["*@home.example", "*@example", "x@shop.example"])
    def test_of_another_domain_is_not_the_user(self, own: str) -> None:
        assert reason(own=(own,)) is Reason.STRANGER

    @pytest.mark.parametrize(
        "senders",
        [
            (),
            ("",),
            ("nobody",),
            ("a@x.example", "b@x.example"),
            (SENDER, ME),
            ("*@shop.example",),
            ("a\x07@x.example",),
        ],
    )
    def test_of_no_use_is_screened(self, senders: tuple[str, ...]) -> None:
        facts = {
            "own": (ME, SENDER, "*@shop.example"),
            "groups": ("Feed",),
            "let_through": ("shop.example", "x.example"),
        }
        assert reason(senders=senders, **facts) is Reason.NO_SENDER
        assert Case(senders=senders).mail.sender == ""

    @pytest.mark.parametrize("senders", [(SENDER, SENDER.upper()), ("", SENDER), ('"mailer-daemon"@shop.example',)])
    def test_is_one_however_it_is_spelled(self, senders: tuple[str, ...]) -> None:
        assert reason(senders=senders, groups=("Feed",)) is Reason.DECIDED


class TestDecided:
    @pytest.mark.parametrize(
        ("groups", "category_name"),
        [
            (("Feed",), "Feed"),
            (("Imbox", "Person"), "Person"),
            (("Person",), "Person"),
            (("Imbox",), "Imbox"),
            (("Truck", "Paper Trail"), "Truck"),
            (("Truck", "Billboard"), None),
            (("Truck", "Billboard", "Paper Trail"), None),
            (("Person", "Feed"), None),
        ],
    )
    def test_sends_to_the_deepest_group_of_one_chain(self, groups: tuple[str, ...], category_name: str | None) -> None:
        assert routed(groups=groups) == category_name
        assert (reason(groups=groups) is Reason.UNRELATED_GROUPS) == (category_name is None)

    def test_by_a_shared_group_sends_to_the_ancestor(self) -> None:
        scheme = Scheme((category("A"), category("B", parent="A", contact_group="A"), category("C", parent="B")))
        assert routed(groups=("A",), scheme=scheme) == "A"
        assert routed(groups=("A", "C"), scheme=scheme) == "C"

    def test_again_after_it_was_taken_back(self) -> None:
        assert reason(groups=("Feed",), is_taken_back=True) is Reason.DECIDED


class TestLetThrough:
    @pytest.mark.parametrize(
        "entry",
        [SENDER, "shop.example", "@shop.example", "*.example", f"list:{LIST}", f"to:{ME}"],
    )
    def test_names_a_mail(self, entry: str) -> None:
        assert reason(let_through=("x@y.example", entry)) is Reason.LET_THROUGH

    @pytest.mark.parametrize(
        "entry",
        [
            "x@shop.example",
            "op.example",
            "a.shop.example",
            "*.shop.example",
            "*.op.example",
            "list:python.org",
            "to:x@y.z",
        ],
    )
    def test_names_another_mail(self, entry: str) -> None:
        assert reason(let_through=(entry,)) is Reason.STRANGER

    def test_names_all_below_a_domain(self) -> None:
        assert reason(senders=("x@a.b.shop.example",), let_through=("*.shop.example",)) is Reason.LET_THROUGH

    @pytest.mark.parametrize("list_id", ["", "<>", "dev python org"])
    def test_of_a_list_needs_a_list(self, list_id: str) -> None:
        assert reason(list_id=list_id, let_through=(f"list:{LIST}",)) is Reason.STRANGER

    @pytest.mark.parametrize(
        ("auth", "expected"),
        [
            ((), Reason.LET_THROUGH),
            (("mx; spf=pass smtp.mailfrom=x@python.org",), Reason.LET_THROUGH),
            (("mx; spf=fail smtp.mailfrom=x@python.org",), Reason.STRANGER),
            (("mx; none",), Reason.STRANGER),
            (("",), Reason.STRANGER),
        ],
    )
    def test_of_a_list_needs_the_servers_word(self, auth: tuple[str, ...], expected: Reason) -> None:
        assert reason(auth=auth, let_through=(f"list:{LIST}",)) is expected


class TestContacts:
    def test_of_the_user_count_unless_the_configuration_says_no(self) -> None:
        assert reason(is_users=True, known_contacts=False) is Reason.STRANGER

    def test_that_can_not_be_read_count_all_the_same(self) -> None:
        assert reason(is_unreadable=True, known_contacts=False) is Reason.UNREADABLE_CARD


class TestDecidedList:
    def test_sends_to_its_category(self) -> None:
        assert routed(lists={LIST: ("Truck", "Paper Trail")}) == "Truck"
        assert reason(lists={"python.org": ("Feed",)}) is Reason.STRANGER

    @pytest.mark.parametrize(
        ("auth", "expected"),
        [
            ((), "Imbox"),
            (("mx; dkim=pass header.d=python.org",), "Imbox"),
            (("mx; dkim=pass header.d=evil.example",), None),
        ],
    )
    def test_with_the_inbox_needs_the_servers_word(self, auth: tuple[str, ...], expected: str | None) -> None:
        assert routed(lists={LIST: ("Imbox",)}, auth=auth) == expected

    def test_without_the_inbox_does_not(self) -> None:
        assert routed(lists={LIST: ("Feed",)}, auth=("mx; none",)) == "Feed"

    def test_that_nobody_vouches_for_leaves_it_to_the_domain(self) -> None:
        assert routed(lists={LIST: ("Imbox",)}, domains={"shop.example": ("Jail",)}, auth=("mx; none",)) == "Jail"

    def test_in_unrelated_groups_stays(self) -> None:
        assert reason(lists={LIST: ("Feed", "Jail")}, auth=("mx; none",)) is Reason.UNRELATED_GROUPS


class TestDecidedDomain:
    def test_is_the_nearest(self) -> None:
        domains = {"b.shop.example": ("Jail",), "shop.example": ("Imbox",)}
        assert routed(domains=domains) == "Imbox"
        assert routed(domains=domains, senders=("x@a.b.shop.example",)) == "Jail"
        assert routed(domains=domains, senders=("x@c.shop.example",)) == "Imbox"

    def test_without_a_group_is_none(self) -> None:
        domains = {"b.shop.example": (), "shop.example": ("Feed",)}
        assert routed(domains=domains, senders=("x@b.shop.example",)) == "Feed"

    @pytest.mark.parametrize("domain", ["example", "co.uk", "gmail.com", "mg1.substack.com", "[192.0.2.1]"])
    def test_is_nothing_that_strangers_share(self, domain: str) -> None:
        assert routed(domains={domain: ("Feed",)}, senders=(f"x@{domain}",)) is None

    def test_is_no_part_of_a_name(self) -> None:
        assert reason(domains={"op.example": ("Feed",), "mailer-daemon@shop.example": ("Feed",)}) is Reason.STRANGER

    def test_in_unrelated_groups_stays(self) -> None:
        assert reason(domains={"shop.example": ("Feed", "Jail")}) is Reason.UNRELATED_GROUPS


class TestAnswer:
    def test_needs_a_header_that_says_so(self) -> None:
        assert reason(holds_sent=True, is_answer=False) is Reason.STRANGER

    def test_without_a_thread_is_none(self) -> None:
        assert reason(holds_sent=None, thread_id=None) is Reason.STRANGER

    def test_in_another_thread_is_not_known(self) -> None:
        assert reason(holds_sent=True, thread_id="t2") is Reason.NOT_ANSWERED


class TestQuestions:
    def ask(self, **what: Any) -> Questions:
        case = Case(**({"holds_sent": None, "written_to": None} | what))
        return undecided([case.mail], case.known)

    def test_are_asked_of_undecided_mail_alone(self) -> None:
        assert self.ask() == Questions(frozenset({"t1"}), frozenset({SENDER}))
        assert self.ask(groups=("Feed",)) == self.ask(senders=()) == self.ask(auth=(REJECTED,)) == Questions()

    def test_are_asked_of_threads_for_answers_alone(self) -> None:
        only_senders = Questions(senders=frozenset({SENDER}))
        assert self.ask(is_answer=False) == self.ask(thread_id=None) == only_senders

    def test_are_not_asked_of_correspondents_that_do_not_count(self) -> None:
        assert self.ask(correspondents=False) == Questions(threads=frozenset({"t1"}))
        assert self.ask(correspondents=False, is_answer=False) == Questions()

    def test_are_not_asked_twice(self) -> None:
        assert self.ask(holds_sent=False) == Questions(senders=frozenset({SENDER}))
        assert self.ask(written_to=False) == Questions(threads=frozenset({"t1"}))
        assert self.ask(holds_sent=False, written_to=False) == Questions()

    def test_that_are_answered_decide(self) -> None:
        assert reason(holds_sent=False, written_to=True, correspondents=False) is Reason.STRANGER

    def test_of_many_mails_are_one_each(self) -> None:
        case = Case(holds_sent=None, written_to=None)
        other = replace(case, senders=("b@x.example",), thread_id="t2")
        both = [case.mail, other.mail, replace(case.mail, id="3")]
        assert undecided(both, case.known) == Questions(frozenset({"t1", "t2"}), frozenset({SENDER, "b@x.example"}))


class TestDeliveryReport:
    @pytest.mark.parametrize(
        "content_type",
        [REPORT, "multipart/report (x);report-type=delivery-status",
         'Multipart/Report;\r\n\tboundary="a;b";\r\n\tReport-Type="Delivery-Status"'],
    )  # fmt: skip
    def test_of_a_mail_system_stays(self, content_type: str) -> None:
        assert reason(content_type=content_type) is Reason.DELIVERY_REPORT

    @pytest.mark.parametrize("sender", ["MAILER-DAEMON@mx.example", "postmaster@mx.example"])
    def test_comes_from_a_mail_system(self, sender: str) -> None:
        known = replace(Case().known, written_to={sender.lower(): False})
        assert judge(Case(senders=(sender,), content_type=REPORT).mail, known).reason is Reason.DELIVERY_REPORT

    def test_of_anybody_else_is_none(self) -> None:
        known = replace(Case().known, written_to={"mailer@shop.example": False})
        mail = Case(senders=("mailer@shop.example",), content_type=REPORT).mail
        assert judge(mail, known).reason is Reason.STRANGER

    @pytest.mark.parametrize(
        "content_type",
        ["", ";", "multipart/report", "multipart/mixed; report-type=delivery-status", "multipart/report; report-type=x",
         "multipart/report; x=delivery-status", "multipart/report report-type=delivery-status",
         'multipart/report; x="; report-type=delivery-status"'],
    )  # fmt: skip
    def test_of_another_type_is_none(self, content_type: str) -> None:
        assert reason(content_type=content_type) is Reason.STRANGER


class TestSubjectCode:
    @pytest.mark.parametrize("subject", [CODE, "Re: BLUE-Heron!", f"({CODE})", f"x {CODE}", f"{CODE}.", f"{CODE}-x"])
    def test_is_found_as_a_whole_word(self, subject: str) -> None:
        assert reason(subject=subject) is Reason.SUBJECT_CODE

    @pytest.mark.parametrize("subject", ["", f"{CODE}s", f"x{CODE}", f"_{CODE}", "blue heron", "blueXheron"])
    def test_is_not_found_in_others(self, subject: str) -> None:
        assert reason(subject=subject) is Reason.STRANGER

    def test_is_compared_in_one_form(self) -> None:
        assert reason(subject="STRASSE cafe\u0301\r\n  x", code="straße café") is Reason.SUBJECT_CODE

    def test_may_be_missing(self) -> None:
        assert reason(subject=CODE, code=None) is Reason.STRANGER

    def test_of_endless_marks_costs_no_more_than_another(self) -> None:
        assert reason(code="Einhorn", subject="a" + "\u0301\u0316" * 1_000_000) is Reason.STRANGER


class TestOpen:
    @pytest.mark.parametrize("open_for", [timedelta(0), timedelta(seconds=-1)])
    def test_ends(self, open_for: timedelta) -> None:
        assert reason(open_for=open_for) is Reason.STRANGER


def test_a_subject_is_not_shown() -> None:
    assert "secret" not in repr(Case(subject="secret").mail)


# --- whatever else is so


@given(st.sets(st.sampled_from(list(LINES))).filter(lambda lines: not any(pair <= lines for pair in NEVER_TOGETHER)))
def test_lines_fit_in_their_order_whatever_else_does(lines: set[Reason]) -> None:
    facts = {name: value for line in lines for name, value in LINES[line].items()}
    assert reason(**facts) is next(line for line in LINES if line in lines or line is Reason.STRANGER)


@given(st.sets(st.sampled_from(list(LINES))))
def test_lines_before_an_answer_that_is_missing_decide_and_those_after_do_not(lines: set[Reason]) -> None:
    facts = {name: value for line in lines for name, value in LINES[line].items()}
    before = list(LINES)[: list(LINES).index(Reason.ANSWERS_USER)]
    for missing in ({"holds_sent": None}, {"written_to": None, "holds_sent": False}):
        found = reason(**(facts | missing))
        assert found is Reason.NOT_ANSWERED or found in before


TEXTS = st.text(max_size=30)


@given(
    senders=st.lists(TEXTS, max_size=3),
    fields=st.lists(TEXTS, max_size=3),
    rest=st.tuples(TEXTS, TEXTS, TEXTS),
    thread_id=st.none() | TEXTS,
)
def test_any_mail_has_a_verdict(
    senders: list[str], fields: list[str], rest: tuple[str, ...], thread_id: str | None
) -> None:
    list_id, content_type, subject = rest
    case = Case(
        senders=tuple(senders),
        auth=tuple(fields),
        list_id=list_id,
        content_type=content_type,
        subject=subject,
        thread_id=thread_id,
        let_through=("*.example", "list:x", "to:a@b"),
        lists={"x": ("Feed",)},
        own=("*@x",),
    )
    assert judge(case.mail, case.known).reason in Reason
