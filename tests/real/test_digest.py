"""The digest and expiry on Cyrus, with contacts over CardDAV."""

import imaplib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailroom.account.servers import open_servers
from mailroom.config.daily import Expiry
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.senders.expiry import expire
from tests.real.mail_app import MailApp, message
from tests.real.mailbox_user import MailboxUser
from tests.real.test_commands import run, settings_of

CONFIG = """
own_addresses = ["robin@example.org"]
[digest]
at = "07:30"
timezone = "Europe/Berlin"
"""
EXPIRY = Expiry(30)
SCHEME = replace(DEFAULT_SCHEME, expire=EXPIRY)


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "mailroom.toml"
    file.write_text(CONFIG)
    return str(file)


async def test_a_digest_is_in_the_inbox_once_a_day_and_is_left_alone(mailbox_user: MailboxUser, config: str) -> None:
    with mailbox_user.http() as http:
        mail = MailApp(http, mailbox_user)
        mail.deliver("Screener", "Ann <ann@shop.example>", "Your order")
        sent = await run(mailbox_user, "digest", "--send", MAILROOM_CONFIG=config)
        assert (sent.status, sent.output) == (0, "The digest is in the Inbox: 1 sender.\n"), sent.errors
        again = await run(mailbox_user, "digest", "--send", MAILROOM_CONFIG=config)
        assert (again.status, again.output) == (0, "Today's digest is in the Inbox already.\n"), again.errors
        screened = await run(mailbox_user, "screen", "--since", "7", "--apply", MAILROOM_CONFIG=config)
        assert screened.status == 0, screened.errors
        subject = "1 sender waits in Screener"
        assert mail.places()[subject] == {"Inbox"}
        assert mail.keywords()[subject] == {"mailroom-digest", "mailroom-seen"}
        (read,) = mail.call(
            "Email/get",
            ids=[mail.id_of(subject)],
            properties=["from", "to", "textBody", "htmlBody"],
            bodyProperties=["type"],
        )["list"]
        assert read["from"] == read["to"] == [{"name": "Mailroom", "email": "robin@example.org"}]
        assert (read["textBody"], read["htmlBody"]) == ([{"type": "text/plain"}], [{"type": "text/html"}])


async def test_mail_that_waits_too_long_is_told_of_and_leaves_a_day_later(mailbox_user: MailboxUser) -> None:
    now = datetime.now(UTC)
    with mailbox_user.http() as http:
        mail = MailApp(http, mailbox_user)
        with mailbox_user.server.imap(mailbox_user.name) as imap:
            for subject, days, flags in (("Old", 40, ""), ("Flagged", 40, r"\Flagged"), ("New", 20, "")):
                arrived = imaplib.Time2Internaldate(now - timedelta(days=days))
                imap.append("Screener", flags, arrived, message("Ann <ann@shop.example>", subject))
        async with open_servers(settings_of(mailbox_user)) as servers:
            for days in (0, 1):
                assert {place for each in mail.places().values() for place in each} == {"Screener"}
                contacts = await servers.contacts()
                moved = await expire(servers.client, contacts, SCHEME, EXPIRY, now + timedelta(days=days))
                assert moved == days
        assert mail.places() == {"Old": {"Archive"}, "Flagged": {"Screener"}, "New": {"Screener"}}
