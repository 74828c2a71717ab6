"""Human tests on Cyrus, where it makes a difference: contacts over CardDAV, mail over a server's own JMAP, no push."""

import pytest

from tests.human_scripts import NOT_RUN, PASS, PYTEST_SECONDS, run_script
from tests.real.contacts_app import ContactsApp
from tests.real.mail_app import MailApp
from tests.real.mailbox_user import MailboxUser

pytestmark = [pytest.mark.real_server, pytest.mark.timeout(PYTEST_SECONDS)]

SCRIPTS = (
    "test_04_carddav_auth.py",
    "test_05_contacts.py",
    "test_10_retry_safety.py",
    "test_18_reset.py",
)


@pytest.mark.parametrize("name", SCRIPTS)
async def test_it_passes_and_leaves_nothing_but_mail_in_the_trash(name: str, mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        contacts, mail = ContactsApp(http, mailbox_user.book_url), MailApp(http, mailbox_user)
        contacts.join("Feed", contacts.add("ann@shop.example", "Ann"))
        before = cards(contacts), mail.mailbox_ids()
        ended = await run_script(name, "--auto", settings=settings_of(mailbox_user))
        assert ended.status == PASS, ended.output + ended.errors
        assert ended.errors == ""
        assert (cards(contacts), mail.mailbox_ids()) == before
        assert all(places == {"Trash"} for places in mail.places().values())


def cards(contacts: ContactsApp) -> dict[str, tuple[list[str], set[str]]]:
    """Names and members of all cards and groups, by url."""
    found = contacts.all()
    return {card.url: (card.values("fn"), set(card.values("x-addressbookserver-member"))) for card in found}


async def test_without_push_there_is_nothing_to_try_about_push(mailbox_user: MailboxUser) -> None:
    ended = await run_script("test_16_eventsource_push.py", "--auto", settings=settings_of(mailbox_user))
    assert ended.status == NOT_RUN, ended.output + ended.errors
    assert "this server offers no push" in ended.output


def settings_of(user: MailboxUser) -> dict[str, str]:
    return {"jmap_session_url": user.server.session_url, "jmap_token": user.token}
