"""The log through real pipes, files and devices."""

import json
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from mailroom.errors import Unavailable
from mailroom.observe import log
from mailroom.observe.log import LineWriter

PIPE_BYTES = 65_536


pytestmark = pytest.mark.usefixtures("restored_logging")


class Pipe:
    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)

    def read(self) -> str:
        """All that waits in it."""
        parts = []
        with suppress(BlockingIOError):
            while part := os.read(self.read_end, 65_536):
                parts.append(part)
        return b"".join(parts).decode()

    def lines(self) -> list[str]:
        return self.read().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for end in (pipe.read_end, pipe.write_end):
        with suppress(OSError):
            os.close(end)


def test_what_is_no_terminal_gets_json_with_the_same_keys_first(pipe: Pipe) -> None:
    log.set_up("info", "auto", fd=pipe.write_end)
    structlog.get_logger(component="push").warning("eventsource_disconnected", attempt=2, error="gone")
    (line,) = [json.loads(line) for line in pipe.lines()]
    assert list(line) == ["event", "level", "timestamp", "component", "attempt", "error"]
    assert (line["event"], line["level"], line["component"]) == ("eventsource_disconnected", "warning", "push")
    assert line["timestamp"].endswith("Z")


def test_a_terminal_gets_lines_for_people() -> None:
    controller, terminal = pty.openpty()
    try:
        log.set_up("info", "auto", fd=terminal)
        structlog.get_logger(component="push").info("eventsource_connected")
        text = os.read(controller, 10_000).decode()
    finally:
        os.close(controller)
        os.close(terminal)
    assert "eventsource_connected" in text
    assert not text.startswith("{")


@pytest.mark.parametrize(("log_format", "is_json"), [("json", True), ("console", False)])
def test_the_format_can_be_chosen(log_format: log.LogFormat, is_json: bool, pipe: Pipe) -> None:
    log.set_up("info", log_format, fd=pipe.write_end)
    structlog.get_logger(component="push").info("eventsource_connected")
    assert pipe.read().startswith("{") is is_json


@pytest.mark.parametrize(
    ("log_format", "time"),
    [("json", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), ("console", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")],
)
def test_people_get_no_fractions_of_a_second(log_format: log.LogFormat, time: str, pipe: Pipe) -> None:
    log.set_up("info", log_format, fd=pipe.write_end)
    structlog.get_logger(component="push").info("eventsource_connected")
    (found,) = re.findall(r"\d{4}-\d\d-\d\dT[\d:.]+Z", pipe.read())
    assert re.fullmatch(time, found)


@pytest.mark.parametrize(("level", "told"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0), ("critical", 0)])
def test_the_level_is_where_the_log_begins(level: str, told: int, pipe: Pipe) -> None:
    log.set_up(level, "json", fd=pipe.write_end)
    logger = structlog.get_logger(component="push")
    logger.debug("a")
    logger.info("b")
    logger.warning("c")
    assert len(pipe.lines()) == told


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "hypercorn.error", "trio.serve_listeners"])
def test_libraries_are_heard_from_warning_up_and_never_below(name: str, pipe: Pipe) -> None:
    log.set_up("debug", "json", fd=pipe.write_end)
    library = logging.getLogger(name)
    library.debug("Authorization: Bearer s3cret")
    library.info("GET https://mail.example/?token=s3cret")
    library.warning("only %d left", 3)
    library.log(logging.ERROR + 5, "between two levels")
    lines = [json.loads(line) for line in pipe.lines()]
    assert [(line["event"], line["level"], line["component"]) for line in lines] == [
        ("only 3 left", "warning", name),
        ("between two levels", "error", name),
    ]


def test_setting_up_twice_does_not_tell_everything_twice(pipe: Pipe) -> None:
    for _ in range(2):
        log.set_up("info", "json", fd=pipe.write_end)
    logging.getLogger("httpx").warning("once")
    assert len(pipe.lines()) == 1


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_where_and_what_but_no_values(log_format: log.LogFormat, pipe: Pipe) -> None:
    log.set_up("info", log_format, fd=pipe.write_end)
    token = "s3" + "cret"
    try:
        try:
            raise KeyError(token)
        except KeyError as error:
            causes = [ValueError(token), Unavailable("no answer"), OSError(24, "Too many")]
            raise ExceptionGroup(token, causes) from error
    except ExceptionGroup:
        structlog.get_logger(component="triage").exception("poll_failed")
        logging.getLogger("mailroom.observe.health").exception("oops")
    text = pipe.read()
    for part in (
        "KeyError",
        "ExceptionGroup",
        "ValueError",
        "errors.Unavailable: no answer",
        "OSError: [Errno 24] Too",
    ):
        assert text.count(part) >= 2
    assert text.count("test_a_traceback_shows_where_and_what_but_no_values") >= 4
    assert "s3cret" not in text


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_senders_address_sends_nothing_to_the_terminal(log_format: log.LogFormat, pipe: Pipe) -> None:
    log.set_up("info", log_format, fd=pipe.write_end)
    structlog.get_logger(component="triage").info("sender_triaged", sender="a\x1b[2J\x9b\x07\nfake@x\udce4\u202e")
    text = pipe.read()
    assert text.count("\n") == 1
    assert all(character.isprintable() for character in text.rstrip("\n"))


def test_a_reader_that_went_away_is_no_error(pipe: Pipe) -> None:
    log.set_up("info", "json", fd=pipe.write_end)
    os.close(pipe.read_end)
    structlog.get_logger(component="push").info("eventsource_connected")


def test_a_full_disk_is_no_error() -> None:
    with Path("/dev/full").open("wb") as full:
        log.set_up("info", "json", fd=full.fileno())
        structlog.get_logger(component="push").info("eventsource_connected")


def test_a_reader_that_stalls_loses_lines_and_is_told_how_many(pipe: Pipe) -> None:
    log.set_up("info", "json", fd=pipe.write_end)
    logger = structlog.get_logger(component="push")
    for number in range(1000):
        logger.info("eventsource_connected", number=number)
    received = [json.loads(line) for line in pipe.read().split("\n")[:-1]]
    logger.info("eventsource_reconnected")
    rest = [json.loads(line) for line in pipe.lines() if line.startswith("{")]
    told = {line["event"]: line for line in rest}
    assert "eventsource_reconnected" in told
    lost = told["log_lines_lost"]["lines"]
    assert 0 <= 1000 - len(received) - lost <= 1  # one may have been torn, and finished after


def test_a_torn_line_is_finished_before_the_next_one(pipe: Pipe) -> None:
    writer = LineWriter(pipe.write_end)
    writer.msg("a" * (PIPE_BYTES + 100))
    writer.msg("lost")
    first = pipe.read()
    writer.msg("b")
    assert (first + pipe.read()).splitlines() == ["a" * (PIPE_BYTES + 100), "b"]


def test_standard_output_closed_from_the_start_is_no_error(tmp_path: Path) -> None:
    """Descriptor 1 is then whatever is opened next: a file here, a connection to the mail server elsewhere."""
    script = (
        "import os, structlog\n"
        "from mailroom.observe import log\n"
        f"fd = os.open({str(tmp_path / 'other')!r}, os.O_CREAT | os.O_WRONLY)\n"
        "assert fd == 1\n"
        "log.set_up('info', 'json')\n"
        "structlog.get_logger(component='x').info('hello')\n"
    )
    done = subprocess.run(  # noqa: S603  our own program
        ["/bin/sh", "-c", f'exec {sys.executable} -c "$0" >&-', script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "other").read_text() == ""
