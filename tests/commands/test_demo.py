"""The demo: its script and its report alone, and the command as somebody runs it."""

import io
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trio
from rich.console import Console

from mailroom.commands.demo import settings_for
from mailroom.commands.demo_report import Filed, HealthAnswer, Summary, Teller, Who, console, rows
from mailroom.commands.demo_script import ACTS, PATIENCE_SECONDS, Act, User, play
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.sandbox import Sandbox, fill_sample
from mailroom.sandbox.faults import Endpoint
from mailroom.sandbox.sample import SENDERS
from tests.exhaustive import always, some_of
from tests.guard import GUARD_SECONDS
from tests.warm import mailroom

HURRIED = f"""
import sys, trio
from mailroom.commands import demo, demo_script
demo_script.PATIENCE_SECONDS = {GUARD_SECONDS}
sys.exit(trio.run(demo.run, {{keep_running}}, 0.0))
"""
"""The command with a user who never pauses, and has patience with a busy machine."""


def sample() -> Sandbox:
    sandbox = Sandbox()
    fill_sample(sandbox)
    return sandbox


def captured(**how: object) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    options = {"width": 200, "highlight": False} | how
    return Console(file=output, **options), output  # type: ignore[arg-type]  # a table of options


def make_user(sandbox: Sandbox) -> tuple[User, io.StringIO]:
    screen, output = captured()
    return User(sandbox, DEFAULT_SCHEME, Teller(screen)), output


# --- the report

HEALTH = HealthAnswer("http://127.0.0.1:1/healthz", 200, "ok", "connected", 1)
NOTHING = Summary(0, (), (), (), HEALTH, 0.5, 3.0)


def test_the_summary_tells_each_figure_with_its_unit() -> None:
    filed = (
        Filed("Loaf", 3, 0.61, was_contact=False, push_was_down=False),
        Filed("Loaf", 3, 0.72, was_contact=True, push_was_down=False),
        Filed("Marta", 2, 0.5, was_contact=True, push_was_down=False),
        Filed("Kino", 1, 1.5, was_contact=False, push_was_down=True),
    )
    requests = (Endpoint.SESSION, *[Endpoint.API] * 4, Endpoint.EVENT, Endpoint.EVENT)
    assert rows(Summary(5, filed, (0.6,), requests, HEALTH, 0.5, 3.0)) == [
        ("Taps answered", "4 of 5"),
        ("Senders filed", "3"),
        ("Contacts made", "2"),
        ("Mails moved", "9"),
        ("Out of the Inbox", "0.60 s"),
        ("Push to filed", "median 0.61 s, slowest 0.72 s"),
        ("of which debounce", "up to 0.5 s (default: 3 s)"),
        ("While push was down", "1.50 s, reconnecting included"),
        ("Reconnects", "1"),
        ("HTTP requests", "7 (4 JMAP, 2 event stream, 1 session)"),
        ("Health", "HTTP 200, status ok, event source connected"),
        ("", "http://127.0.0.1:1/healthz"),
    ]


def test_the_summary_says_so_when_nothing_was_filed() -> None:
    figures = dict(rows(NOTHING))
    assert figures["Push to filed"] == figures["While push was down"] == "nothing was filed"
    assert figures["Out of the Inbox"] == "nothing was screened"
    assert figures["HTTP requests"] == "none"


async def test_a_line_has_seconds_and_who_did_it_and_goes_on_below_its_own_column(
    autojump_clock: trio.testing.MockClock,
) -> None:
    screen, output = captured(width=40)
    teller = Teller(screen)
    await trio.sleep(12.34)
    teller.tell(Who.YOU, "put @ToFeed on “[red] 30 % off”")
    assert [line.rstrip() for line in output.getvalue().splitlines()] == [
        "12.3 s  you       put @ToFeed on “[red]",
        "                  30 % off”",
    ]


@pytest.mark.parametrize(("term", "has_colours"), [("xterm-256color", True), ("dumb", False)])
async def test_colours_only_where_the_terminal_has_them(
    monkeypatch: pytest.MonkeyPatch, term: str, has_colours: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", term)
    screen, output = captured(force_terminal=True)
    teller = Teller(screen)
    teller.title("Title")
    teller.tell(Who.MAILROOM, "filed in @ToFeed")
    teller.summarize(NOTHING)
    assert ("\x1b" in output.getvalue()) is has_colours


def test_a_character_that_the_output_cannot_show_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(octets, "ascii"))
    console().print("“30 %”")
    assert octets.getvalue() == b"?30 %?\n"


# --- the script


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__.strip("_"))
async def test_without_mailroom_each_act_is_late_and_says_so(autojump_clock: trio.testing.MockClock, act: Act) -> None:
    user, output = make_user(sample())
    await act(user)
    assert user.filed == []
    assert output.getvalue().count("TOO LATE") == len(user.late) > 0


async def test_the_script_ends_with_the_first_act_that_is_late(autojump_clock: trio.testing.MockClock) -> None:
    user, output = make_user(sample())
    await play(user)
    assert user.late == ["screening Nils Berg"]
    assert output.getvalue().endswith("Something took too long: the rest is left out\n")


async def test_filed_means_mail_and_contact_and_label(autojump_clock: trio.testing.MockClock) -> None:
    sandbox = sample()
    user, output = make_user(sandbox)
    tap = user.tap("Truck", "Your bill for March")
    [one, other] = [mail.id for mail in sandbox.store.mails.objects.values() if "bill" in (mail.message.subject or "")]

    sandbox.move(one, "Truck", "Paper Trail")
    sandbox.move(other, "Truck", "Paper Trail", "@ToTruck")
    uid = sandbox.add_card("rechnung@cityenergy.example", "City Energy")
    for name in ("Truck", "Paper Trail"):
        join(sandbox, name, uid)
    await user.see_filed(tap)
    assert user.late == ["filing City Energy"]

    sandbox.unlabel(other, "@ToTruck")
    leave(sandbox, "Truck", uid)
    await user.see_filed(tap)
    assert user.late == ["filing City Energy"] * 2

    join(sandbox, "Truck", uid)
    await user.see_filed(tap)
    assert user.filed == [Filed("City Energy", 2, 2 * PATIENCE_SECONDS, was_contact=False, push_was_down=False)]
    assert "filed 2 mails of City Energy in Truck and Paper Trail after 20.00 s" in output.getvalue()


def join(sandbox: Sandbox, group: str, uid: str) -> None:
    sandbox.change_card(group_uid(sandbox, group), {"members": {uid: True}})


def leave(sandbox: Sandbox, group: str, uid: str) -> None:
    sandbox.change_card(group_uid(sandbox, group), {"members": {}})


def group_uid(sandbox: Sandbox, name: str) -> str:
    cards = sandbox.store.cards.objects.values()
    return next(card.uid for card in cards if card.kind == "group" and card.data["name"]["full"] == name)


def test_settings_of_whoever_runs_it_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_POLL_INTERVAL", "soon")
    Path(".env").write_text("MAILROOM_CONTACTS=carddav\nMAILROOM_HEALTH_PORT=80\n")
    settings = settings_for(Sandbox(), "http://127.0.0.1:1")
    assert (settings.poll_interval, settings.contacts) == (60, "auto")
    assert settings.jmap_session_url == "http://127.0.0.1:1/jmap/session"


# --- the command


@pytest.fixture
def demo() -> list[str]:
    return mailroom("demo")


@contextmanager
def started(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:  # noqa: S603  our own program
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What it prints up to and with the line that has the text."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return printed
    raise AssertionError(f"it ended before it printed {text!r}: {printed}{process.communicate()}")


# Who is connected again looks first, and may be done before anybody has seen that it is connected.
IN_EITHER_ORDER = "(?s:{one}.*{other}|{other}.*{one})"

TOLD = [
    r"\d\.\d s  sandbox   32 mails in the Screener, JMAP at http://127\.0\.0\.1:\d+$",
    r"mailroom  listens for push",
    r"mail      a mail of Nils Berg, a stranger, arrives in the Inbox$",
    r"mail      a mail of Marta Kowalska, a friend, arrives in the Inbox$",
    r"mailroom  put the mail of Nils Berg into the Screener after \d+\.\d\d s$",
    r"mailroom  left the mail of Marta Kowalska in the Inbox$",
    r"filed 1 mail of Nils Berg in Person and Imbox and the Inbox",
    r"you       put @ToFeed on a mail of The Daily Loaf$",
    r"mailroom  filed 3 mails of The Daily Loaf in Feed after \d+\.\d\d s$",
    r"filed 3 mails of Paketdienst Nord in Truck and Paper Trail",
    r"you       move a mail of City Energy from the Screener to Paper Trail$",
    r"filed 2 mails of City Energy in Paper Trail after",
    r"filed 3 mails of Marta Kowalska in Imbox and the Inbox after .* s, contact kept$",
    r"marked it @MailroomError",
    r"you       take @ToFeed off again",
    r"filed 2 mails of Trailhead Outdoor in Billboard and Paper Trail",
    r"filed 3 mails of The Daily Loaf in Imbox after .* s, contact moved from Feed$",
    r"network   drops the event stream$",
    r"you       put @ToFeed on a mail of Kiosk Weekly$",
    IN_EITHER_ORDER.format(
        one=r"mailroom  is connected again after \d+\.\d\d s\n", other="filed 2 mails of Kiosk Weekly in Feed"
    ),
    r"^Summary$",
    r"Taps answered +9 of 9$",
    r"Out of the Inbox +\d+\.\d\d s$",
    r"Push to filed +median \d+\.\d\d s, slowest \d+\.\d\d s$",
    r"Reconnects +1$",
    r"Health +HTTP 200, status ok, event source connected$",
]


HURRIEDLY = [sys.executable, "-c", HURRIED.format(keep_running=False)]


@pytest.mark.parametrize("at_a_persons_pace", always(1, [False, True]), ids=["hurriedly", "as people do"])
def test_it_tells_all_in_order_and_exits_0(
    at_a_persons_pace: bool, monkeypatch: pytest.MonkeyPatch, demo: list[str]
) -> None:
    """Where the environment has settings and a proxy that would break the daemon, too."""
    monkeypatch.setenv("MAILROOM_POLL_INTERVAL", "soon")
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    result = subprocess.run(  # noqa: S603  our own program
        demo if at_a_persons_pace else HURRIEDLY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=GUARD_SECONDS,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    position = 0
    for pattern in TOLD:
        found = re.compile(pattern, re.MULTILINE).search(result.stdout, position)
        assert found, f"no {pattern!r} in {result.stdout[position:]}"
        position = found.end()
    assert "\x1b" not in result.stdout
    subjects = {subject for sender in SENDERS for subject in sender.subjects} | {"Boat shed keys", "Lunch on Sunday?"}
    assert not [secret for secret in ("sandbox-token", *subjects) if secret in result.stdout]


@pytest.mark.exhaustive
def test_it_keeps_running_until_ctrl_c() -> None:
    with started([sys.executable, "-c", HURRIED.format(keep_running=True)]) as process:
        printed = read_until(process, "curl -H")
        assert re.search(r"Taps answered +9 of 9\n", printed), printed
        health_url = re.findall(r"^curl (\S+/healthz)$", printed, re.MULTILINE)[0]
        settings = dict(re.findall(r"^export (\w+)=(\S+)$", printed, re.MULTILINE))
        session_url = settings["MAILROOM_JMAP_SESSION_URL"]
        headers = {"Authorization": f"Bearer {settings['MAILROOM_JMAP_TOKEN']}"}
        assert httpx.get(health_url, timeout=GUARD_SECONDS).json()["status"] == "ok"
        assert httpx.get(session_url, headers=headers, timeout=GUARD_SECONDS).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(GUARD_SECONDS) == 0
        assert process.communicate() == ("\nStopped.\n", "")
    for url in (health_url, session_url):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", httpx.URL(url).port))


@some_of("signals", {"SIGTERM": [signal.SIGTERM], "two SIGINTs": [signal.SIGINT, signal.SIGINT]}, "two SIGINTs")
def test_a_signal_ends_it_at_once(demo: list[str], signals: list[signal.Signals]) -> None:
    with started(demo) as process:
        read_until(process, "listens for push")
        for number in signals:
            process.send_signal(number)
        assert process.wait(GUARD_SECONDS) == 0
        assert process.communicate() == ("\nStopped.\n", "")


def test_it_ends_quietly_when_nobody_reads_on(demo: list[str]) -> None:
    with started(demo) as process:
        read_until(process, "listens for push")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(GUARD_SECONDS) == 1
        assert process.stderr.read() == ""


@pytest.mark.exhaustive
def test_it_exits_1_when_something_is_late() -> None:
    no_patience = HURRIED.format(keep_running=False).replace(f"SECONDS = {GUARD_SECONDS}", "SECONDS = 0")
    with started([sys.executable, "-c", no_patience]) as process:
        output, errors = process.communicate(timeout=GUARD_SECONDS)
    assert (process.returncode, errors) == (1, "")
    assert "TOO LATE: screening Nils Berg took more than 0 s" in output
    assert re.search(r"Taps answered +0 of 0\n", output)
