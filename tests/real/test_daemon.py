"""The daemon as a process against Cyrus: contacts over CardDAV, no push, nothing but the poll."""

import signal

import httpx
import pytest

from tests.daemon_process import DaemonProcess, stops_at_once
from tests.proxy import Hold, proxy_to
from tests.real.contacts_app import ContactsApp
from tests.real.cyrus import laid_out_cyrus, serving
from tests.real.daemon import daemon_of, with_password
from tests.real.mail_app import MailApp, message
from tests.real.mailbox_user import MailboxUser, create_mailbox_user
from tests.real.processes import free_port

pytestmark = pytest.mark.real

ANN = "ann@shop.example"


def waiting(user: MailboxUser) -> None:
    """Three mails of one sender, one of them labelled, and a mail of a near namesake."""
    user.append("Screener", *(message(f"Ann's Parcels <{ANN}>", f"Parcel {n}") for n in range(1, 4)))
    user.append("Screener", message(f"Joann <jo{ANN}>", "Not a parcel"))
    with user.http() as http:
        MailApp(http, user).label("Parcel 1", "@ToTruck")


def assert_settled(user: MailboxUser) -> None:
    with user.http() as http:
        contacts = ContactsApp(http, user.book_url)
        parcels = {f"Parcel {n}": {"Truck", "Paper Trail"} for n in range(1, 4)}
        assert MailApp(http, user).places() == {**parcels, "Not a parcel": {"Screener"}}
        assert contacts.groups_of(ANN) == {"Truck", "Paper Trail", "Mailroom"}
        (note,) = contacts.notes()[ANN]
        assert note.startswith("— Mailroom —\nCreated by Mailroom\nTriaged to Truck on ")
        assert contacts.names() == {ANN: "Ann's Parcels"}


async def end_of_pass(daemon: DaemonProcess) -> None:
    """Wait for the end of the pass that is under way, or of the next one."""
    await daemon.logs("poll_completed", times=len(daemon.logged("poll_completed")) + 1)


@pytest.mark.parametrize(
    ("fixture", "login"),
    [("mailbox_user", "token"), ("indexed_mailbox_user", "password")],
    ids=["token-without-indexer", "password-with-indexer"],
)
async def test_the_poll_alone_files_a_sender_whose_mail_is_labelled(
    request: pytest.FixtureRequest, fixture: str, login: str
) -> None:
    user: MailboxUser = request.getfixturevalue(fixture)
    async with daemon_of(user, with_password(user) if login == "password" else {}) as daemon:
        await daemon.logs("poll_completed")
        waiting(user)
        triaged = await daemon.logs("sender_triaged")
        await end_of_pass(daemon)
        await daemon.logs("eventsource_not_available")
        async with httpx.AsyncClient() as http:
            health = (await http.get(daemon.health_url)).json()
        await stops_at_once(daemon)
    assert_settled(user)
    assert (triaged["sender"], triaged["category"], triaged["mails"]) == (ANN, "Truck", 3)
    assert (health["status"], health["last_poll_trigger"], health["senders_failing"]) == ("ok", "fallback", 0)
    assert health["eventsource"]["status"] == "not_started"
    assert "204" in health["eventsource"]["last_error"]
    assert len(daemon.logged("sender_triaged")) == 1
    secrets = (user.token, user.password)
    assert not any(secret in f"{daemon.lines}{daemon.errors}" for secret in secrets)


@pytest.mark.parametrize("login", ["token", "password"])
async def test_a_wrong_login_ends_it_with_2_and_says_what_to_renew(mailbox_user: MailboxUser, login: str) -> None:
    user = mailbox_user
    wrong = {"jmap_token": f"{user.token}x"} if login == "token" else with_password(user, f"{user.password}x")
    async with daemon_of(user, wrong) as daemon:
        assert await daemon.exit_status() == 2
    setting = "MAILROOM_JMAP_TOKEN" if login == "token" else "MAILROOM_JMAP_USERNAME and _PASSWORD"
    assert f"renew {setting}" in daemon.errors
    assert "Traceback" not in daemon.errors
    assert daemon.lines[-1]["event"] == "service_stopped"


async def test_what_is_missing_ends_it_with_2_and_one_message_that_names_all(mailbox_user: MailboxUser) -> None:
    with mailbox_user.http() as http:
        ContactsApp(http, mailbox_user.book_url).delete_groups("Jail", "Truck")
        mail = MailApp(http, mailbox_user)
        gone = [mail.mailbox_ids()[name] for name in ("Screener", "Feed")]
        assert mail.call("Mailbox/set", destroy=gone)["destroyed"]
    async with daemon_of(mailbox_user) as daemon:
        assert await daemon.exit_status() == 2
    missing = "missing mailboxes: Feed, Screener; contact groups: Jail, Truck"
    assert daemon.errors == f"mailroom: {missing}. `mailroom setup --apply` creates them\n"


async def test_it_outlives_an_outage_and_files_what_waits_afterwards() -> None:
    with laid_out_cyrus() as server:
        with serving(server):
            user = create_mailbox_user(server, "user")
            waiting(user)
        async with daemon_of(user) as daemon:
            await daemon.logs("poll_failed")
            with serving(server):
                await daemon.logs("poll_completed")
                assert_settled(user)
            failures = len(daemon.logged("poll_failed"))
            await daemon.logs("poll_failed", times=failures + 1)
            with serving(server):
                await end_of_pass(daemon)
                await stops_at_once(daemon)
    assert {line["level"] for line in daemon.logged("poll_failed")} == {"warning"}


@pytest.mark.parametrize(
    ("number", "where"),
    [(signal.SIGTERM, b"PUT "), (signal.SIGINT, b'"Email/set"')],
    ids=["SIGTERM-before-a-card", "SIGINT-before-mail"],
)
async def test_a_signal_in_the_middle_of_a_pass_ends_it_and_the_next_start_finishes(
    mailbox_user: MailboxUser, number: signal.Signals, where: bytes
) -> None:
    waiting(mailbox_user)
    hold = Hold()
    async with (
        proxy_to(mailbox_user.server.http_port, hold.request(where)) as proxy,
        daemon_of(mailbox_user, port=proxy.port) as daemon,
    ):
        await hold.held.wait()
        await stops_at_once(daemon, number)
    assert_unfinished(mailbox_user)
    await finish(mailbox_user)


async def test_a_signal_during_the_start_ends_it(mailbox_user: MailboxUser) -> None:
    hold = Hold()
    async with (
        proxy_to(mailbox_user.server.http_port, hold.request(b"GET /jmap/")) as proxy,
        daemon_of(mailbox_user, port=proxy.port) as daemon,
    ):
        await hold.held.wait()
        await stops_at_once(daemon, signal.SIGINT)


async def test_a_signal_during_a_back_off_ends_it(mailbox_user: MailboxUser) -> None:
    async with daemon_of(mailbox_user, {"poll_interval": "60"}, port=free_port()) as daemon:
        await daemon.logs("poll_failed")
        await stops_at_once(daemon)


@pytest.mark.parametrize("where", [b"PUT ", b'"Email/set"'], ids=["a-card", "mail"])
async def test_a_kill_after_a_write_whose_answer_is_not_read_is_made_good_by_the_next_start(
    mailbox_user: MailboxUser, where: bytes
) -> None:
    waiting(mailbox_user)
    hold = Hold()
    async with (
        proxy_to(mailbox_user.server.http_port, hold.answer(where)) as proxy,
        daemon_of(mailbox_user, port=proxy.port) as daemon,
    ):
        await hold.held.wait()
        daemon.process.kill()
        assert await daemon.exit_status() == -signal.SIGKILL
    assert_unfinished(mailbox_user)
    await finish(mailbox_user)


def assert_unfinished(user: MailboxUser) -> None:
    with user.http() as http:
        assert "@ToTruck" in MailApp(http, user).places()["Parcel 1"]


async def finish(user: MailboxUser) -> None:
    """Start the daemon again for one pass."""
    async with daemon_of(user) as daemon:
        await daemon.logs("poll_completed")
        await stops_at_once(daemon)
    assert_settled(user)
