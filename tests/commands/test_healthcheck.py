"""`mailroom healthcheck` against real HTTP servers on loopback."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from mailroom.commands import healthcheck
from tests.programs import command, run
from tests.real.processes import free_port

OK = (200, '{"status":"ok","last_poll_age_seconds":12.34}')
SCREENING = (200, '{"status":"ok","last_poll_age_seconds":3.2,"screening":"on","mails_waiting":14}')
TROUBLED = (
    200,
    '{"status":"ok","last_poll_age_seconds":3.2,"senders_failing":2,"mailboxes_missing":1,"server_rules":"old",'
    '"screening":"watch","mails_waiting":null}',
)
STRANGE = (
    200,
    '{"status":"ok","last_poll_age_seconds":3.2,"screening":["on"],"senders_failing":"2","server_rules":{}}',
)
STALE = (503, '{"status":"unhealthy","last_poll_age_seconds":130.2}')
FAILING = (
    503,
    '{"status":"unhealthy","last_poll_age_seconds":130.2,"last_poll_error":"https://x.org answered\\u001b HTTP 502"}',
)
SEVERAL = (200, '{"status":"ok","accounts":5,"accounts_unhealthy":0,"unhealthy":[],"version":"1"}')
SOME_ILL = (
    200,
    '{"status":"ok","accounts":30,"accounts_unhealthy":3,"unhealthy":["anna","b\\u001bert"],"version":"1"}',
)
ALL_ILL = (503, '{"status":"unhealthy","accounts":1,"accounts_unhealthy":1,"unhealthy":["anna"],"version":"1"}')
NEVER = (503, '{"status":"unhealthy","last_poll_age_seconds":null}')


class _V6Server(HTTPServer):
    address_family = socket.AF_INET6


@contextmanager
def answering(answer: tuple[int, str], host: str = "127.0.0.1") -> Iterator[int]:
    """A server whose `/healthz` gives this status and body; the value is its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer if self.path in ("/healthz", "/healthz/anna") else (404, "")
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with (_V6Server if ":" in host else HTTPServer)((host, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "status", "line"),
    [
        (OK, 0, "healthy: last successful pass 12 s ago\n"),
        (SCREENING, 0, "healthy: last successful pass 3 s ago; screening is on; mails in the Screener: 14\n"),
        (
            TROUBLED,
            0,
            "healthy: last successful pass 3 s ago; screening is watch; senders failing: 2; mailboxes missing: 1; "
            "rules on the mail server: old\n",
        ),
        (STRANGE, 0, "healthy: last successful pass 3 s ago\n"),
        (STALE, 1, "unhealthy: last successful pass 130 s ago\n"),
        (NEVER, 1, "unhealthy: no successful pass yet\n"),
        (
            FAILING,
            1,
            "unhealthy: last successful pass 130 s ago; the last pass failed: https://x.org answered? HTTP 502\n",
        ),
        (SEVERAL, 0, "healthy: 5 of 5 accounts are well\n"),
        (SOME_ILL, 0, "healthy: 27 of 30 accounts are well; not well: anna, b?ert and 1 more\n"),
        (ALL_ILL, 1, "unhealthy: 0 of 1 accounts are well; not well: anna\n"),
        ((200, STALE[1]), 1, "unhealthy: last successful pass 130 s ago\n"),
        ((503, OK[1]), 1, "unhealthy: last successful pass 12 s ago\n"),
    ],
)
def test_it_says_how_the_daemon_is(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, str],
    status: int,
    line: str,
) -> None:
    with answering(answer) as port:
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(port))
        assert healthcheck.run() == status
    assert capsys.readouterr().out == line


@pytest.mark.parametrize(
    ("name", "status", "line"),
    [
        ("anna", 0, "healthy: last successful pass 12 s ago\n"),
        ("b/../anna", 1, "unhealthy: the daemon serves no account b/../anna; `mailroom accounts` lists them\n"),
    ],
)
def test_it_asks_for_one_account_of_several(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, status: int, line: str
) -> None:
    with answering(OK) as port:
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(port))
        assert healthcheck.run(name) == status
    assert capsys.readouterr().out == line


@pytest.mark.parametrize(
    "body",
    [
        '{"status":"ok","accounts":"x"}',
        "<html>",
        "[]",
        "5",
        '"ok"',
        "{}",
        '{"status":"ok","last_poll_age_seconds":"x"}',
        "",
    ],
)
def test_another_program_on_the_port_is_not_a_healthy_daemon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    with answering((200, body)) as port:
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(port))
        assert healthcheck.run() == 1
    assert capsys.readouterr().out == (
        f"unhealthy: http://127.0.0.1:{port}/healthz answers 200, but not as Mailroom does; "
        "does another program use the port?\n"
    )


def test_nothing_listens(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(port))
    assert healthcheck.run() == 1
    assert capsys.readouterr().out == (
        f"unhealthy: no answer from http://127.0.0.1:{port}/healthz (Connection refused); "
        "does the daemon run, with the same settings?\n"
    )


def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(healthcheck, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(server.getsockname()[1]))
        assert healthcheck.run() == 1
    assert "(timed out after 0.05 s)" in capsys.readouterr().out


def test_a_server_that_does_not_speak_http(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(server.getsockname()[1]))

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"220 mail.example.com ESMTP\r\n")

        thread = Thread(target=greet)
        thread.start()
        assert healthcheck.run() == 1
        thread.join()
    assert capsys.readouterr().out.startswith("unhealthy: no answer from http://127.0.0.1:")


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8080.5", "²"])
def test_a_port_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str) -> None:
    monkeypatch.setenv("MAILROOM_HEALTH_PORT", port)
    assert healthcheck.run() == 1
    assert capsys.readouterr().out == "unhealthy: MAILROOM_HEALTH_PORT must be a whole number from 1 to 65535\n"


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104  asked, not bound to
        ("::", "::1"),
        ("::1", "::1"),
        ("localhost", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_which_host_is_asked(monkeypatch: pytest.MonkeyPatch, host: str, asked: str) -> None:
    with answering(OK, asked) as port:
        monkeypatch.setenv("MAILROOM_HEALTH_HOST", host)
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(port))
        assert healthcheck.run() == 0


@pytest.mark.parametrize(
    "line",
    [
        "MAILROOM_HEALTH_PORT={port}",
        "export MAILROOM_HEALTH_PORT = '{port}'  # where health is",
        'mailroom_health_port="{port}"',
        "\ufeffMAILROOM_HEALTH_PORT={port}",
    ],
)
def test_dotenv_in_the_current_folder(line: str) -> None:
    with answering(OK) as port:
        Path(".env").write_text(f"{line.format(port=port)}\n# MAILROOM_HEALTH_PORT=1\n\nnonsense\n", encoding="utf-8")
        assert healthcheck.run() == 0


def test_the_environment_wins_over_dotenv_unless_it_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(OK) as port:
        Path(".env").write_text(f"MAILROOM_HEALTH_PORT={port}\nMAILROOM_HEALTH_HOST=nowhere.invalid\n")
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", "")
        monkeypatch.setenv("MAILROOM_HEALTH_HOST", "127.0.0.1")
        assert healthcheck.run() == 0


def test_a_port_that_a_cluster_sets_beside_a_service_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(OK) as port:
        Path(".env").write_text(f"MAILROOM_HEALTH_PORT={port}\n")
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", "tcp://10.96.0.12:8080")
        assert healthcheck.run() == 0


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mailroom = command(tmp_path / "bin", "mailroom")
    with answering(OK) as port:
        monkeypatch.setenv("MAILROOM_HEALTH_PORT", str(port))
        for started in (mailroom, [sys.executable, "-m", "mailroom"]):
            result = run([*started, "healthcheck"])
            assert (result.returncode, result.stdout, result.stderr) == (
                0,
                "healthy: last successful pass 12 s ago\n",
                "",
            )


def test_it_imports_nothing_beyond_the_standard_library() -> None:
    """It runs every 30 s in a container; click, pydantic and trio would cost more than the check itself."""
    program = """
import sys
before = set(sys.modules)
sys.argv = ["mailroom", "healthcheck"]
from mailroom.__main__ import entry
entry()
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(names - sys.stdlib_module_names))
"""
    assert run([sys.executable, "-c", program]).stdout.splitlines()[-1] == "['mailroom']"
