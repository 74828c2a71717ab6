"""The command line: help, errors and exit statuses, and signals that come before the daemon is ready."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mailroom import __version__
from tests import warm
from tests.exhaustive import always
from tests.guard import GUARD_SECONDS
from tests.programs import command, run
from tests.real.processes import free_port


@pytest.fixture
def mailroom() -> list[str]:
    return warm.mailroom()


@pytest.fixture
def daemons(tmp_path: Path) -> dict[str, list[str]]:
    """Every way to start the daemon."""
    mailroom = command(tmp_path / "bin", "mailroom")
    return {
        "mailroom": mailroom,
        "mailroom run": [*mailroom, "run"],
        "python -m mailroom": [sys.executable, "-m", "mailroom"],
        "trio-run mailroom": [*command(tmp_path / "bin", "trio-run"), "mailroom"],
    }


DAEMONS = ["mailroom", "mailroom run", "python -m mailroom", "trio-run mailroom"]


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(mailroom: list[str], option: str) -> None:
    result = run([*mailroom, option])
    assert (result.returncode, result.stdout, result.stderr) == (0, f"mailroom {__version__}\n", "")


def test_python_m_is_the_same_command() -> None:
    assert run([sys.executable, "-m", "mailroom", "--version"]).stdout == f"mailroom {__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_every_command_in_full(mailroom: list[str], option: str) -> None:
    result = run([*mailroom, option])
    assert result.returncode == 0
    assert result.stdout.startswith("Usage: mailroom ")
    for name in ("demo", "healthcheck", "rules", "run", "sandbox"):
        assert f"\n  {name} " in result.stdout
    assert "..." not in result.stdout.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    always(
        4,
        [
            (["sandbx"], "No such command 'sandbx'; did you mean sandbox?"),
            (["--frobnicate"], "No such option"),
            (["run", "now"], "unexpected extra argument"),
            (["sandbox", "--flavour", "vanilla"], "'vanilla' is not one of 'fastmail', 'cyrus', 'james', 'stalwart'"),
            (["triage", "ann@example.org"], "and then a category: mailroom triage ann@example.org Feed"),
            (["frobnicate"], "No such command 'frobnicate'"),
            (["healthcheck", "now"], "unexpected extra argument"),
            (["triage"], "and then a category"),
            (["sandbox", "--port", "65536"], "65536 is not in the range"),
        ],
    ),
)
def test_wrong_use_exits_2_and_says_what_is_wrong(mailroom: list[str], arguments: list[str], said: str) -> None:
    result = run([*mailroom, *arguments])
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("way", always(1, DAEMONS))
def test_bad_settings_exit_2_with_every_problem_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, daemons: dict[str, list[str]], way: str
) -> None:
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "s3cret s3cret")
    monkeypatch.setenv("MAILROOM_POLL_INTERVAL", "soon")
    result = run(daemons[way])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "mailroom: 2 things to mend:\n"
        "  • MAILROOM_JMAP_TOKEN holds characters that no token has (spaces, control or non-ASCII characters); "
        "copy it again\n"
        "  • MAILROOM_POLL_INTERVAL must be a number of seconds from 1 to 86400\n"
    )


def test_one_problem_is_one_line(mailroom: list[str]) -> None:
    result = run(mailroom)
    assert result.returncode == 2
    assert result.stderr.startswith("mailroom: MAILROOM_JMAP_TOKEN is missing. On Fastmail, make an API token ")
    assert result.stderr.count("\n") == 1


def test_bad_categories_exit_2(monkeypatch: pytest.MonkeyPatch, mailroom: list[str]) -> None:
    Path("mine.toml").write_text('categories = ["Feed", "Inbox"]\nerror_lable = "x"\n')
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "x")
    monkeypatch.setenv("MAILROOM_CONFIG", "mine.toml")
    result = run(mailroom)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "mailroom: 2 things to mend:\n"
        "  • mine.toml: error_lable is not a key here; did you mean error_label?\n"
        "  • mine.toml: category Inbox: destination_mailbox can't be the Inbox; use add_to_inbox = true\n"
    )


def test_trio_run_mailroom_runs_the_daemon_only(daemons: dict[str, list[str]]) -> None:
    result = run([*daemons["trio-run mailroom"], "sandbox", "--port", "0"])
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "mailroom: trio-run mailroom takes no arguments; use the command `mailroom sandbox --port 0`\n"
    )


# --- the sandbox


def test_the_sandbox_prints_settings_and_stops_on_a_signal(mailroom: list[str]) -> None:
    port = free_port()
    with subprocess.Popen(  # noqa: S603  our own program
        [*mailroom, "sandbox", "--port", str(port), "--flavour", "cyrus"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while not lines[-1].startswith("export MAILROOM_JMAP_TOKEN="):
            assert lines[-1] != "", process.communicate()
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=GUARD_SECONDS)
    assert f"export MAILROOM_JMAP_SESSION_URL=http://127.0.0.1:{port}/jmap/session\n" in lines
    assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_said_without_a_traceback(mailroom: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run([*mailroom, "sandbox", "--port", str(port)])
    assert (result.returncode, result.stdout) == (2, "")
    assert str(port) in result.stderr
    assert "Traceback" not in result.stderr


# --- signals during the imports

BLOCKER = """\
import os, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["BLOCK_IMPORT_OF"]:
            print("importing", name, flush=True)
            while True:
                pass

sys.meta_path.insert(0, Blocker())
"""

# At the first import and at one of the last.
ALWAYS = {("mailroom", "click"), ("trio-run mailroom", "pydantic")}


@pytest.mark.parametrize(
    ("way", "module", "number"),
    [
        pytest.param(way, module, number, marks=() if (way, module) in ALWAYS else pytest.mark.exhaustive)
        for way, module, number in (
            *(
                (way, module, number)
                for way in ("mailroom", "trio-run mailroom")
                for module, number in (
                    ("click", signal.SIGTERM),
                    ("trio", signal.SIGINT),
                    ("pydantic", signal.SIGTERM),
                    ("mailroom.daemon.process", signal.SIGINT),
                    ("mailroom.daemon.process", signal.SIGTERM),
                )
            ),
            # These come through the same door as the first.
            ("python -m mailroom", "click", signal.SIGTERM),
            ("mailroom run", "mailroom.daemon.process", signal.SIGINT),
        )
    ],
)
def test_a_signal_during_the_imports_ends_the_daemon_quietly(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    daemons: dict[str, list[str]],
    way: str,
    module: str,
    number: signal.Signals,
) -> None:
    """An import hook stops the process in the middle of an import, so that the signal surely comes then."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(BLOCKER)
    monkeypatch.setenv("PYTHONPATH", str(hook), prepend=":")
    monkeypatch.setenv("BLOCK_IMPORT_OF", module)
    monkeypatch.setenv("MAILROOM_JMAP_TOKEN", "x")
    with subprocess.Popen(daemons[way], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603  our own program
        assert process.stdout is not None
        assert process.stdout.readline() == f"importing {module}\n"
        process.send_signal(number)
        output, errors = process.communicate(timeout=GUARD_SECONDS)
    assert (process.returncode, output, errors) == (0, "", "")
