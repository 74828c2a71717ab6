"""Human tests on Cyrus, where it makes a difference: contacts over CardDAV, mail over a server's own JMAP, no push."""

import pytest

from tests.human_scripts import FOLDER, NOT_RUN, PASS, run_script
from tests.real.contacts_app import ContactsApp
from tests.real.mail_app import MailApp, message
from tests.real.mailbox_user import MailboxUser

pytestmark = pytest.mark.real

WITHOUT_PUSH = "test_16_eventsource_push.py"
NEEDS_AN_IMAGE = "test_13_container.py"
NEEDS_AN_ADDRESS = "test_26_digest.py"

SCRIPTS = sorted({path.name for path in FOLDER.glob("test_*.py")} - {WITHOUT_PUSH, NEEDS_AN_IMAGE, NEEDS_AN_ADDRESS})


@pytest.mark.parametrize("name", SCRIPTS)
async def test_it_passes_and_leaves_nothing_but_mail_in_the_trash(name: str, mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        contacts, mail = ContactsApp(http, mailbox_user.book_url), MailApp(http, mailbox_user)
        contacts.join("Feed", contacts.add("ann@shop.example", "Ann"))
        mailbox_user.append("INBOX", message("Ann <ann@shop.example>", "Hello"))
        before, old = (cards(contacts), mail.mailbox_ids()), mail.places()
        ended = await run_script(name, "--auto", settings=settings_of(mailbox_user))
        assert ended.status == PASS, ended.output + ended.errors
        assert ended.errors == ""
        assert (cards(contacts), mail.mailbox_ids()) == before
        new = mail.places()
        assert all(new.pop(id) == places for id, places in old.items())
        assert all(places == {"Trash"} for places in new.values())


def cards(contacts: ContactsApp) -> dict[str, tuple[list[str], set[str]]]:
    """Names and members of all cards and groups, by url."""
    found = contacts.all()
    return {card.url: (card.values("fn"), set(card.values("x-addressbookserver-member"))) for card in found}


async def test_without_push_there_is_nothing_to_try_about_push(mailbox_user: MailboxUser) -> None:
    ended = await run_script(WITHOUT_PUSH, "--auto", settings=settings_of(mailbox_user))
    assert ended.status == NOT_RUN, ended.output + ended.errors
    assert "this server offers no push" in ended.output


async def test_without_an_address_of_ones_own_there_is_nobody_to_write_to(mailbox_user: MailboxUser) -> None:
    """This server names its identity with an empty address."""
    ended = await run_script(NEEDS_AN_ADDRESS, "--auto", settings=settings_of(mailbox_user))
    assert ended.status == NOT_RUN, ended.output + ended.errors
    assert "write it into own_addresses" in ended.output


def settings_of(user: MailboxUser) -> dict[str, str]:
    return {"jmap_session_url": user.server.session_url, "jmap_token": user.token}
