"""Moves and labels on conversations by mail apps on Cyrus, over IMAP and JMAP, one or two of them at once."""

import imaplib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from mailroom.triage.passes import Triage
from tests.new_mail import ON
from tests.real.accounts import Account
from tests.real.mail_app import MailApp
from tests.real.test_screening import ours
from tests.screener import NOW

pytestmark = pytest.mark.real

LATER = NOW + timedelta(minutes=20)
ANN, BOB = "From: Ann <ann@x.example>", "From: Bob <bob@x.example>"
ARRIVED = "Date: Thu, 05 Mar 2026 14:20:00 +0000"
ON_MINE = replace(ON, own_addresses=("me@own.example",))


class App:
    """A mail app over IMAP with one mailbox open."""

    def __init__(self, imap: imaplib.IMAP4, mailbox: str) -> None:
        self._imap = imap
        assert imap.select(quoted(mailbox))[0] == "OK"

    def uids(self) -> list[str]:
        return str(self._imap.uid("SEARCH", "ALL")[1][0], "ascii").split()

    def move(self, uid: str, mailbox: str) -> str:
        """RFC 6851."""
        return str(self._imap.uid("MOVE", uid, quoted(mailbox))[0])

    def copy(self, uid: str, mailbox: str) -> str:
        return str(self._imap.uid("COPY", uid, quoted(mailbox))[0])

    def delete(self, uid: str) -> None:
        assert self._imap.uid("STORE", uid, "+FLAGS", r"(\Deleted)")[0] == "OK"

    def expunge(self) -> None:
        assert self._imap.expunge()[0] == "OK"


def quoted(mailbox: str) -> str:
    return f'"{mailbox}"'


@contextmanager
def apps(account: Account, *mailboxes: str) -> Iterator[list[App]]:
    """A mail app for each of these mailboxes, all at once."""
    mail = account.mail
    assert isinstance(mail, MailApp)
    with ExitStack() as stack:
        server, name = mail.user.server, mail.user.name
        yield [App(stack.enter_context(server.imap(name)), each) for each in mailboxes]


async def screened(account: Account, triage: Triage, *mails: tuple[str, str]) -> None:
    """Mails that came, by subject and sender, and are in the Screener now."""
    for subject, sender in mails:
        account.mail.receive("Inbox", subject, sender, ARRIVED)
    await triage.run(LATER)
    places = account.mail.places()
    assert {subject: places[subject] for subject, _ in mails} == {subject: {"Screener"} for subject, _ in mails}


def last_lines(account: Account) -> dict[str, str]:
    """What the notes say last, without the minute, by address."""
    notes = account.contacts.notes().items()
    return {address: note[0].splitlines()[-1].partition(" on ")[0] for address, note in notes if note}


async def test_moves_by_imap_move_by_copy_and_delete_and_by_jmap(on_cyrus: Account) -> None:
    mail = on_cyrus.mail
    assert isinstance(mail, MailApp)
    senders = {name: f"From: {name} <{name}@x.example>" for name in ("moved", "copied", "placed", "alone")}
    async with on_cyrus.triage(scheme=ON) as triage:
        await screened(on_cyrus, triage, *senders.items())
        with apps(on_cyrus, "Screener") as (app,):
            assert len(app.uids()) == 4
            for uid, subject in zip(app.uids(), senders, strict=True):
                if subject == "moved":
                    assert app.move(uid, "Feed") == "OK"
                elif subject == "copied":
                    assert app.copy(uid, "Paper Trail") == "OK"
                    copied = uid
                elif subject == "alone":
                    assert app.move(uid, "Archive") == "OK"
            ids = mail.mailbox_ids()
            patch = {"mailboxIds": {ids["Imbox"]: True}}
            mail.call("Email/set", update={mail.id_of("placed"): patch})
            await triage.run(LATER)
            # It is in the Screener as well: nothing is said by that.
            assert mail.places()["copied"] == {"Screener", "Paper Trail"}
            assert "copied@x.example" not in last_lines(on_cyrus)
            app.delete(copied)
            app.expunge()
            await triage.run(LATER)
        assert mail.places() == {
            "moved": {"Feed"},
            "copied": {"Paper Trail"},
            "placed": {"Imbox", "Inbox"},
            "alone": {"Archive"},
        }
        assert {subject: ours(found) for subject, found in mail.keywords().items()} == {
            **{each: {"mailroom-seen", "mailroom-from-inbox"} for each in ("moved", "copied", "placed")},
            "alone": {"mailroom-seen"},
        }
        assert {name: last_lines(on_cyrus).get(f"{name}@x.example") for name in senders} == {
            "moved": "Moved to Feed",
            "copied": "Moved to Paper Trail",
            "placed": "Moved to Imbox",
            "alone": None,
        }


async def test_two_apps_at_once_make_one_decision_which_undo_takes_back(on_cyrus: Account) -> None:
    mail = on_cyrus.mail
    async with on_cyrus.triage(scheme=ON) as triage:
        await screened(on_cyrus, triage, ("mail", ANN))
        with apps(on_cyrus, "Screener", "Screener") as (one, other):
            (uid,) = one.uids()
            assert other.uids() == [uid]
            # One labels, the other moves, and then the first, which has not heard of it, moves as well.
            assert one.copy(uid, "@ToFeed") == "OK"
            assert other.move(uid, "Feed") == "OK"
            one.move(uid, "Feed")
        await triage.run(LATER)
        assert mail.places() == {"mail": {"Feed"}}
        assert on_cyrus.contacts.groups_of("ann@x.example") == {"Feed", "Mailroom"}
        assert last_lines(on_cyrus)["ann@x.example"] == "Triaged to Feed"
        mail.label("mail", "@ToScreener")
        await triage.run(LATER)
        assert mail.places() == {"mail": {"Screener"}}
        assert on_cyrus.contacts.groups_of("ann@x.example") == {"Mailroom"}
        with apps(on_cyrus, "Screener") as (app,):
            (uid,) = app.uids()
            assert app.move(uid, "Jail") == "OK"
        await triage.run(LATER)
        assert last_lines(on_cyrus)["ann@x.example"] == "Moved to Jail"
        assert on_cyrus.contacts.groups_of("ann@x.example") == {"Jail", "Mailroom"}


async def test_the_place_where_the_second_app_puts_it_counts(on_cyrus: Account) -> None:
    async with on_cyrus.triage(scheme=ON) as triage:
        await screened(on_cyrus, triage, ("mail", ANN))
        with apps(on_cyrus, "Screener", "Feed") as (one, other):
            (uid,) = one.uids()
            assert one.move(uid, "Feed") == "OK"
            other.expunge()
            (uid,) = other.uids()
            assert other.move(uid, "Jail") == "OK"
        await triage.run(LATER)
        assert on_cyrus.mail.places() == {"mail": {"Jail"}}
        assert on_cyrus.contacts.groups_of("ann@x.example") == {"Jail", "Mailroom"}


async def test_a_label_on_a_conversation_over_imap_means_who_waits(on_cyrus: Account) -> None:
    mail = on_cyrus.mail
    on_cyrus.contacts.join("Imbox", on_cyrus.contacts.add("ann@x.example", "Ann"))
    head = ("References: <1@thread.example>", ARRIVED)
    mail.receive("Archive", "Plans", ANN, "Message-ID: <1@thread.example>", ARRIVED)
    mail.receive("Screener", "Re: Plans", BOB, "Message-ID: <2@thread.example>", *head)
    mail.receive("Sent", "Re: Re: Plans", "From: Me <me@own.example>", "Message-ID: <3@thread.example>", *head)
    async with on_cyrus.triage(scheme=ON_MINE) as triage:
        with apps(on_cyrus, "Archive", "Screener", "Sent") as each:
            for app in each:
                (uid,) = app.uids()
                assert app.copy(uid, "@ToFeed") == "OK"
        await triage.run(LATER)
        assert mail.places() == {"Plans": {"Archive"}, "Re: Plans": {"Feed"}, "Re: Re: Plans": {"Sent"}}
        assert on_cyrus.contacts.groups_of("ann@x.example") == {"Imbox"}
        assert on_cyrus.contacts.groups_of("bob@x.example") == {"Feed", "Mailroom"}
