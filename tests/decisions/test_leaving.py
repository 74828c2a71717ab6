"""Mail that leaves the Screener without a decision."""

import pytest

from mailroom.decisions.leaving import as_spam, cleared
from mailroom.jmap.mail import Email, Move
from tests.decisions.test_plan import PLACES, mail, places_of

SEEN, WAITING, FROM_INBOX = "mailroom-seen", "mailroom-waiting", "mailroom-from-inbox"


def gone(*add: str, remove: tuple[str, ...] = ("Screener",)) -> Move:
    return Move(frozenset(add), frozenset(remove), frozenset({SEEN}), frozenset({WAITING, FROM_INBOX}))


def clear(email: Email, to: str = "Archive") -> Move | None:
    return cleared([email], to, PLACES).get(email.id)


class TestClearing:
    def test_moves_what_waits(self) -> None:
        assert clear(mail("1", "Screener")) == gone("Archive")
        assert clear(mail("1", "Screener", "@MailroomWarning"), "Trash") == gone("Trash")

    def test_leaves_mail_elsewhere_alone(self) -> None:
        assert clear(mail("1", "Inbox")) is None

    def test_of_mail_with_another_home_ends_its_waiting_alone(self) -> None:
        assert clear(mail("1", "Screener", "Work")) == gone()
        assert clear(mail("1", "Screener", "Inbox"), "Trash") == gone()

    def test_into_the_inbox_is_for_all(self) -> None:
        assert clear(mail("1", "Screener", "Work"), "Inbox") == gone("Inbox")
        assert clear(mail("1", "Screener", "Inbox"), "Inbox") == gone()

    @pytest.mark.parametrize("label", ["@ToFeed", "@ToScreener", "@MailroomError"])
    def test_leaves_mail_with_a_label_to_the_label(self, label: str) -> None:
        assert clear(mail("1", "Screener", label)) is None

    @pytest.mark.parametrize("role", ["Trash", "Junk", "Drafts", "Sent"])
    def test_leaves_mail_in_trash_and_its_like_alone(self, role: str) -> None:
        assert clear(mail("1", "Screener", role)) is None

    def test_does_nothing_without_a_screener(self) -> None:
        assert cleared([mail("1", "Work")], "Archive", places_of(without=["Screener"])) == {}


class TestSpam:
    def spam(self, email: Email) -> Move | None:
        return as_spam([email], "Junk", PLACES).get(email.id)

    def test_goes_from_the_screener_into_junk_and_is_marked_as_such(self) -> None:
        assert self.spam(mail("1", "Screener", "@ToFeed", "@MailroomWarning")) == Move(
            frozenset({"Junk"}),
            frozenset({"Screener", "@ToFeed", "@MailroomWarning"}),
            frozenset({SEEN, "$junk"}),
            frozenset({WAITING, FROM_INBOX, "$notjunk"}),
        )

    def test_is_what_waits_alone(self) -> None:
        for where in (("Inbox",), ("Screener", "Trash"), ("Feed",)):
            assert self.spam(mail("1", *where)) is None
