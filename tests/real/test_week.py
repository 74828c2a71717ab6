"""A user's week with Mailroom on Cyrus, in a mailbox of 400 mails: at its end they leave, and all is as it was before.

But for what they did themselves: the model below knows that, and nothing of how Mailroom works.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import trio

from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.decisions.keywords import ALL_MARKS
from mailroom.decisions.places import needed_mailboxes
from tests.commands.support import Ended, command
from tests.guard import GUARD_SECONDS
from tests.proxy import Course, Hold, proxy_to
from tests.real.contacts_app import ContactsApp
from tests.real.cyrus import Cyrus, NewMailbox
from tests.real.daemon import daemon_of
from tests.real.mail_app import MailApp, message
from tests.real.mailbox_user import ROLES, MailboxUser, group_card, put_card
from tests.real.processes import free_port
from tests.real.test_sieve import MINE, User

pytestmark = pytest.mark.real

MAILS = 400
OWN = ("Feed", "Jail", "Receipts")
"""Mailboxes that the user had before: two of them have the names of destinations."""

HOMES = (
    *[("Inbox", "Inbox", "Archive", "Receipts")] * 60,
    *[("Feed", "Feed", "Inbox", "Inbox")] * 20,
    *[("Jail", "Trash", "Sent", "Junk")] * 10,
    *[("Archive",) * 4] * 10,
)
"""Where the four mails of each sender are. Of those whose mail is in Feed or Jail the user judges nobody: what was
there before Mailroom can't be told from what it files there for a sender that it knows."""

FRIENDS = (0, 1, 2, 60, 61)
"""Senders with a card, which says all that Mailroom would fill in."""


def address(number: int) -> str:
    return f"s{number:02}@shop.example"


def subject(number: int, mail: int) -> str:
    return f"Mail {mail} of sender {number:02}"


@dataclass
class Week:
    """The account as its user sees it; `final` is where each mail has to be once they have left, by subject."""

    user: MailboxUser
    http: httpx.Client
    scripts: User
    config: Path
    final: dict[str, set[str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    _labels: Iterator[str] = field(default_factory=lambda: itertools.cycle(sorted(DEFAULT_SCHEME.labels)))

    @property
    def mail(self) -> MailApp:
        return MailApp(self.http, self.user)

    @property
    def contacts(self) -> ContactsApp:
        return ContactsApp(self.http, self.user.book_url)

    async def run(self, *arguments: str) -> Ended:
        settings = self.scripts.settings.model_copy(update={"health_port": free_port()})
        with trio.fail_after(GUARD_SECONDS):
            return await command(settings, *arguments, **self.variables)

    def receives(self, sender: str, title: str, lands: str, *, final: str) -> None:
        """A mail arrives over LMTP."""
        assert self.scripts.receive(sender, title) == set(lands.split(" + ")), title
        self.final[title] = {final}

    def labels(self, *numbers: int, label: str | None = None) -> None:
        """A label on the first mail of each sender; None: one after the other."""
        for number in numbers:
            self.mail.label(subject(number, 0), label or next(self._labels))

    def puts(self, title: str, *mailboxes: str) -> None:
        """A mail app that knows only folders puts a mail there, out of all others."""
        id = self.mail.id_of(title)
        ids = self.mail.mailbox_ids()
        where = {ids[name]: True for name in mailboxes}
        assert self.mail.call("Email/set", update={id: {"mailboxIds": where}})["updated"] == {id: None}

    def renames(self, old: str, new: str) -> None:
        with self.user.server.imap(self.user.name) as imap:
            assert imap.rename(f'"{old}"', f'"{new}"')[0] == "OK"


@dataclass(frozen=True)
class Seen:
    """What the account is like, beside its mail."""

    mailboxes: set[str]
    scripts: dict[str, bool]
    cards: dict[str, list[str]]
    friends: set[str]


def look(week: Week) -> Seen:
    return Seen(
        set(week.mail.mailbox_ids()),
        week.scripts.scripts(),
        {who: week.contacts.lines_of(who) for who in week.contacts.names()},
        week.contacts.members("Friends"),
    )


@pytest.fixture
def week(cyrus: Cyrus, tmp_path: Path) -> Iterator[Week]:
    user = MailboxUser(cyrus, "week")
    cyrus.create_user(user.name)
    cyrus.create_mailboxes(user.name, (*ROLES, *map(NewMailbox, OWN)))
    for home in {home for homes in HOMES for home in homes}:
        there = [(n, k) for n, homes in enumerate(HOMES) for k, each in enumerate(homes) if each == home]
        user.append(home, *(message(f"Shop {n} <{address(n)}>", subject(n, k)) for n, k in there))
    with user.http() as http:
        contacts = ContactsApp(http, user.book_url)
        put_card(http, user.book_url, group_card("Friends"))
        for n in FRIENDS:
            uid = contacts.add(address(n), f"Shop {n}", f"ORG:Shop {n}", "TEL:+49 170 1", "NOTE:Met in Porto.")
            contacts.join("Friends", uid)
        scripts = User(user, http)
        scripts.put("my rules", MINE)
        yield Week(user, http, scripts, tmp_path / "mailroom.toml")


@pytest.mark.timeout(600)
async def test_a_week_that_ends_with_a_reset_leaves_only_what_the_user_did(week: Week) -> None:
    before = look(week)
    week.final |= {subject(n, k): {home} for n, homes in enumerate(HOMES) for k, home in enumerate(homes)}
    assert week.mail.places() == week.final
    assert len(week.final) == MAILS
    for day in (monday, tuesday, wednesday, thursday, friday, saturday, saturday_evening, sunday):
        await day(week)

    assert week.mail.places() == week.final
    assert not [id for keyword in sorted(ALL_MARKS) for id in week.mail.ids(hasKeyword=keyword)]
    after = look(week)
    made = needed_mailboxes(DEFAULT_SCHEME) | DEFAULT_SCHEME.optional_labels
    assert after.mailboxes == before.mailboxes | made
    assert (after.scripts, after.friends) == (before.scripts, before.friends)
    # The user gave the card of this one a telephone number.
    assert after.cards.keys() - before.cards.keys() == {address(5)}
    assert {who: after.cards[who] for who in before.cards} == before.cards
    groups = [week.contacts.members(name) for name in (*DEFAULT_SCHEME.groups, DEFAULT_SCHEME.provenance_group)]
    assert not any(groups)
    week.receives("who@example.net", "After it", "Inbox", final="Inbox")
    assert "Nothing to undo" in (await week.run("reset")).output


async def monday(week: Week) -> None:
    """Set up, and settle the first senders."""
    shown = await week.run("setup")
    assert [" ".join(line.split()) for line in shown.output.splitlines() if "holds" in line] == [
        "destination Feed exists, holds 40 mails",
        "destination Jail exists, holds 10 mails",
    ]
    assert (await week.run("setup", "--apply")).status == 0
    assert (await week.run("rules", "--format", "sieve", "--apply")).status == 0
    for n in range(6):
        week.receives(f"New <n{n}@news.example>", f"News {n}", "Screener", final="Screener")
    week.receives("n0@news.example", "a bill", "Archive", final="Archive")
    async with daemon_of(week.user) as daemon:
        week.labels(0, 3, 4, 5, 6, 7, 90)
        week.mail.label("News 0", "@ToFeed")
        week.mail.label("News 1", "@ToImbox")
        week.final["News 1"] = {"Inbox"}
        week.puts("News 2", "@ToJail")
        await daemon.logs("sender_triaged", times=10)
    week.receives("n0@news.example", "News 0 again", "Feed", final="Screener")
    week.receives("n1@news.example", "News 1 again", "Imbox + Inbox", final="Inbox")
    week.receives("n0@news.example, n1@news.example", "News of two", "Screener", final="Screener")


async def tuesday(week: Week) -> None:
    """Other settings, a change of mind, and three kills within one pass."""
    week.config.write_text('warnings_enabled = false\ncategories = ["Feed", "Jail", "Imbox", "Paper Trail"]\n')
    week.variables["MAILROOM_CONFIG"] = str(week.config)
    settings = {"config": str(week.config)}
    async with daemon_of(week.user, settings) as daemon:
        week.labels(3, label="@ToJail")
        week.mail.label(subject(8, 0), "@ToFeed")
        week.mail.label(subject(8, 1), "@ToJail")
        await daemon.logs("conflict_detected")
        await daemon.logs("sender_triaged")
    week.labels(1, 10, 11, 12, label="@ToPaperTrail")
    for hold, course in courses():
        async with (
            proxy_to(week.user.server.http_port, course) as proxy,
            daemon_of(week.user, settings, port=proxy.port) as daemon,
        ):
            await hold.held.wait()
            daemon.process.kill()
            await daemon.exit_status()
    del week.variables["MAILROOM_CONFIG"]
    async with daemon_of(week.user) as daemon:
        await daemon.logs("poll_completed")
    assert all("Paper Trail" in week.mail.places()[subject(n, 0)] for n in (1, 10, 11, 12))


def courses() -> Iterator[tuple[Hold, Course]]:
    """Before a card is written, before mail moves, and after it moved."""
    for text in (b"PUT ", b'"Email/set"'):
        hold = Hold()
        yield hold, hold.request(text)
    hold = Hold()
    yield hold, hold.answer(b'"Email/set"')


async def wednesday(week: Week) -> None:
    """Mail is moved beside the daemon, and a mailbox renamed."""
    async with daemon_of(week.user) as daemon:
        await daemon.logs("poll_completed")
        week.renames("Paper Trail", "Papers")
        told = await daemon.logs("mailbox_missing")
        assert told["hint"] == "Paper Trail is now called Papers: rename it back, or set destination_mailbox"
        shown = await week.run("setup", "--apply")
        assert (shown.status, "Paper Trail is now called Papers" in shown.output) == (1, True)
        week.renames("Papers", "Paper Trail")
        await daemon.logs("poll_completed", times=len(daemon.logged("poll_completed")) + 2)
        for title, to in ((subject(10, 0), "Archive"), ("News 3", "Archive"), ("News 0", "Receipts")):
            week.puts(title, to)
            week.final[title] = {to}
        week.mail.label("News 1", "Archive")
        week.final["News 1"] = {"Inbox", "Archive"}
        week.labels(20, 21, 2, label="@ToTruck")
        await daemon.logs("sender_triaged", times=3)


async def thursday(week: Week) -> None:
    """A contact group is deleted by mistake."""
    members = week.contacts.members("Feed")
    assert members
    week.contacts.delete_groups("Feed")
    made = await week.run("setup", "--apply")
    assert f"Back in Feed, as their notes say: {len(members)} of your contacts." in made.output
    assert week.contacts.members("Feed") == members
    assert (await rules_seen_by_doctor(week)) == "warning"
    assert "is replaced and active" in (await week.run("rules", "--format", "sieve", "--apply")).errors
    assert (await rules_seen_by_doctor(week)) == "ok"
    week.receives("n0@news.example", "News 0 on Thursday", "Feed", final="Screener")


async def rules_seen_by_doctor(week: Week) -> str:
    document = json.loads((await week.run("doctor", "--read-only", "--json")).output)
    found: Mapping[str, str] = {check["check"]: check["status"] for check in document["checks"]}
    return found["rules"]


async def friday(week: Week) -> None:
    """The user makes their own script the active one again, and the screener is off."""
    (mine,) = [each["id"] for each in week.scripts.sieve("SieveScript/get")["list"] if each["name"] == "my rules"]
    week.scripts.sieve("SieveScript/set", onSuccessActivateScript=mine)
    week.receives("n4@news.example", "Unscreened", "Inbox", final="Inbox")
    assert await rules_seen_by_daemon(week) == "replaced"
    assert (await week.run("rules", "--format", "sieve", "--apply")).status == 0
    assert await rules_seen_by_daemon(week) == "current"


async def rules_seen_by_daemon(week: Week) -> str:
    async with daemon_of(week.user) as daemon, httpx.AsyncClient() as http:
        await daemon.logs("poll_completed", times=3)
        while (seen := str((await http.get(daemon.health_url)).json()["server_rules"])) == "unknown":
            await daemon.logs("poll_completed", times=len(daemon.logged("poll_completed")) + 1)
        assert [line["server_rules"] for line in daemon.logged("rules_changed")] == ["replaced"] * (seen == "replaced")
    return seen


async def saturday(week: Week) -> None:
    """Tidying up: mail into the Trash and out of the world, a contact edited."""
    for title in (subject(4, 0), subject(20, 1), subject(60, 0)):
        week.puts(title, "Trash")
        week.final[title] = {"Trash"}
    for title in (subject(5, 1), subject(61, 1)):
        assert week.mail.call("Email/set", destroy=[week.mail.id_of(title)])["destroyed"]
        del week.final[title]
    week.contacts.add_lines(address(5), "TEL:+49 170 2")


async def saturday_evening(week: Week) -> None:
    """The daemon screens new mail from now on, and the rules leave strangers to it."""
    week.variables["MAILROOM_SCREENING"] = "on"
    assert (await week.run("rules", "--format", "sieve", "--apply")).status == 0
    async with daemon_of(week.user, {"screening": "on"}) as daemon:
        await daemon.logs("screening_begins")
        for sender, title, final in (
            ("Who <who@strange.example>", "From a stranger", "Inbox"),
            ("He <he@strange.example>", "Put away", "Archive"),
            (f"Shop 60 <{address(60)}>", "From a friend", "Inbox"),
            ("She <she@strange.example>", "Put into Jail", "Inbox"),
        ):
            # The daemon may be as fast as the look after it.
            week.scripts.receive(sender, title)
            week.final[title] = {final}
        await daemon.logs("poll_completed", times=len(daemon.logged("poll_completed")) + 2)
        places = week.mail.places()
        assert [places[title] for title in ("From a stranger", "Put away")] == [{"Screener"}] * 2
        assert places["From a friend"] == {"Inbox"}
        week.puts("Put away", "Archive")
        week.mail.label("Put into Jail", "@ToJail")
        await daemon.logs("sender_triaged")
        # A pass that began after the move has seen it.
        await daemon.logs("poll_completed", times=len(daemon.logged("poll_completed")) + 2)
    # What is in the Screener while the daemon screens is new mail by now, whatever put it there.
    waiting = [title for title, places in week.mail.places().items() if places == {"Screener"}]
    week.final |= {title: {"Inbox"} for title in waiting}


async def sunday(week: Week) -> None:
    """Labels that nobody acted on yet, and good-bye."""
    week.labels(30, 70, label="@ToFeed")
    week.puts("News 5", "@ToFeed")
    shown = await week.run("reset")
    assert shown.output.startswith("The Sieve script goes first; your script my rules is active again.\n")
    rows = [" ".join(line.split()) for line in shown.output.splitlines()]
    assert "Stays: not Mailroom's Feed 38 mails" in rows
    assert "Stays: not Mailroom's Jail 10 mails" in rows
    assert "• Screening is on in your settings" in shown.output
    done = await week.run("reset", "--apply", "--yes")
    assert (done.status, done.errors) == (0, ""), done.output
