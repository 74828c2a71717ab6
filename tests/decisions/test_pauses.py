"""Mail with the error label: what it asks, and when that is gone."""

import pytest

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.decisions.filing import Filing, sweep
from mailroom.decisions.pauses import question, released, standing_conflicts
from mailroom.jmap.mail import Email, Move
from tests.decisions.test_plan import ANN, PLACES, mail, places_of, sender

ERROR = "@MailroomError"
OFF = Move(remove=frozenset({ERROR}))


def waits(id: str, *mailboxes: str, of: str | None = ANN) -> Email:
    return mail(id, *mailboxes, ERROR, sender=of)


class TestTheErrorLabelGoesOff:
    def test_where_no_triage_label_is_left(self) -> None:
        mails = [waits("1", "Screener"), waits("2", "Screener", of=None), mail("3", "Screener", "@ToFeed")]
        assert released(mails, PLACES, ()) == {"1": OFF, "2": OFF}

    def test_and_leaves_no_mail_without_a_mailbox(self) -> None:
        assert released([waits("1")], PLACES, ()) == {"1": Move(frozenset({"Screener"}), frozenset({ERROR}))}

    def test_where_the_labels_of_a_conflict_no_longer_differ(self) -> None:
        conflict = frozenset({"1", "2", "gone"})
        one, two = waits("1", "Screener", "@ToFeed"), waits("2", "Screener", "@ToJail")
        assert released([one, two], PLACES, [conflict]) == {}
        assert released([one, waits("2", "Screener")], PLACES, [conflict]) == {"1": OFF, "2": OFF}
        assert released([one], PLACES, [conflict]) == {"1": OFF}
        assert released([one, mail("2", "Screener", "@ToFeed")], PLACES, [conflict]) == {"1": OFF}

    def test_where_several_conflicts_end_at_once(self) -> None:
        mails = [waits("1", "Screener", "@ToFeed"), waits("2", "Screener", "@ToJail", of="bob@x.org")]
        conflicts = [frozenset({"1", "gone"}), frozenset({"2", "gone"})]
        assert released(mails, PLACES, conflicts) == {"1": OFF, "2": OFF}

    def test_not_where_the_other_mail_is_released_by_the_user_and_decides(self) -> None:
        one, two = waits("1", "Screener", "@ToFeed"), mail("2", "Screener", "@ToJail")
        assert released([one, two], PLACES, [frozenset({"1", "2"})]) == {}

    def test_not_where_one_label_may_have_failed(self) -> None:
        assert released([waits("1", "Screener", "@ToFeed")], PLACES, ()) == {}

    def test_not_where_there_is_none(self) -> None:
        assert released([mail("1", "Screener")], places_of(without=[ERROR]), ()) == {}


class TestStandingConflicts:
    def test_are_mails_of_one_sender_that_wait_with_different_labels(self) -> None:
        mails = [
            waits("1", "@ToFeed"),
            waits("2", "@ToJail"),
            waits("3", "Screener"),
            mail("4", "@ToTruck"),
            waits("5", "@ToFeed", of="bob@x.org"),
            waits("6", "@ToFeed", of=None),
            waits("7", "@ToJail", of=None),
            waits("8", "@ToFeed", "@ToJail", of="cy@x.org"),
        ]
        assert standing_conflicts(mails, PLACES) == {frozenset({"1", "2"}), frozenset({"8"})}


class TestTheQuestion:
    @pytest.mark.parametrize(
        ("who", "mails", "asked"),
        [
            (
                ANN,
                [waits("1", "@ToFeed"), waits("2", "@ToJail", "@ToTruck")],
                "asks you: @ToFeed, @ToJail and @ToTruck",
            ),
            (ANN, [waits("1", "@ToFeed", "@ToJail"), mail("2", "@ToTruck")], "asks you: @ToFeed and @ToJail"),
            (ANN, [waits("1", "Screener"), mail("2", "@ToFeed")], None),
            (None, [waits("1", "@ToFeed")], "no usable sender"),
            ("me@x.org", [waits("1", "@ToFeed")], "your own address"),
        ],
    )
    def test_in_a_few_words(self, who: str | None, mails: list[Email], asked: str | None) -> None:
        assert question(who, mails, PLACES, frozenset({"me@x.org"})) == asked

    def test_of_a_single_label_is_what_the_log_tells(self) -> None:
        asked = question(ANN, [waits("1", "@ToFeed")], PLACES, frozenset())
        assert asked is not None
        assert asked.startswith(
            "asks you: @ToFeed failed, or another address of the contact has another label, or others"
        )


def test_what_waited_is_filed_with_its_sender_once_that_is_settled_otherwise() -> None:
    mails = [waits("2", "Screener", "@ToJail"), waits("3", "Archive"), waits("4", "Trash", "@ToJail")]
    feed = frozenset({"Feed"})
    who = sender()
    assert sweep(who, mails, Filing(DEFAULT_SCHEME.by_name["Feed"], feed), PLACES) == {
        "2": Move(feed, frozenset({"Screener", "@ToJail", ERROR})),
        "3": Move(feed, frozenset({ERROR})),
        "4": Move(remove=frozenset({"@ToJail", ERROR})),
    }
