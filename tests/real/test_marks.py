"""Marks on Cyrus, where a mailbox takes 100 keywords."""

import pytest

from tests.real.accounts import cyrus_account
from tests.real.mail_app import MailApp
from tests.real.mailbox_user import MailboxUser
from tests.screener import NOW, Wire

pytestmark = pytest.mark.real

ANN = "Ann <ann@shop.example>"
FULL = {f"keywords/word{number}": True for number in range(100)}
MARKS = {"keywords/mailroom-seen": True, "keywords/mailroom-waiting": True, "keywords/mailroom-from-inbox": True}


def mark(app: MailApp, subject: str, patch: dict[str, bool]) -> None:
    id = app.id_of(subject)
    assert app.call("Email/set", update={id: patch})["updated"] == {id: None}


async def test_a_mailbox_that_takes_no_further_keyword_takes_mail_all_the_same(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        account, app = cyrus_account(http, mailbox_user), MailApp(http, mailbox_user)
        app.deliver("Jail", "Zoe <zoe@shop.example>", "Full")
        mark(app, "Full", FULL)
        app.deliver("Inbox", ANN, "Labelled", "In the Inbox")
        app.deliver("Screener", ANN, "Waited")
        mark(app, "Waited", MARKS)
        app.label("Labelled", "@ToJail")
        wire = Wire()
        async with account.triage(wire) as triage:
            outcome = await triage.run(NOW)
            assert (outcome.senders_triaged, outcome.senders_failing) == (1, 0)
            jail = {title: {"Jail"} for title in ("Full", "Labelled", "In the Inbox", "Waited")}
            assert app.places() == jail
            requests = wire.requests
            await triage.run(NOW)
            assert (app.places(), wire.requests - requests) == (jail, 1)
