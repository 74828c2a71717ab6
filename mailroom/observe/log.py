"""Logging: structlog to standard output, JSON where no terminal reads it. One call of `set_up` per process."""

import logging
import os
import select
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from mailroom.observe.tracebacks import told
from mailroom.redaction import redacted

LogFormat = Literal["auto", "json", "console"]

PATIENCE_MILLISECONDS = 250
"""How long one line may wait for a reader that is slow, before lines are lost rather than the daemon held up."""

_TIME_FOR_PEOPLE = "%Y-%m-%dT%H:%M:%SZ"

_FIRST = ("event", "level", "timestamp", "component", "account")

# A pipe that poll() calls writable takes this much without blocking.
_SAFE_BYTES = select.PIPE_BUF


def set_up(level: str, log_format: LogFormat, *, fd: int | None = None) -> None:
    """Send the log of this package (from `level` up) and of all libraries (from warning up) to a file descriptor.

    `fd` None is standard output. Whatever happens to it (closed, full disk, a reader that stopped), logging neither
    raises nor blocks: the lines are lost, and their number is logged once it works again.
    """
    fd = _standard_output() if fd is None else fd
    as_json = log_format == "json" or (log_format == "auto" and not os.isatty(fd))
    writer = LineWriter(fd)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if as_json else _TIME_FOR_PEOPLE, utc=True),
            *(_json_processors() if as_json else _console_processors(colors=os.isatty(fd))),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        # Loggers are made when modules are imported, which is before this call.
        cache_logger_on_first_use=False,
    )
    _route_standard_library()


def _standard_output() -> int:
    # Python found descriptor 1 closed: by now it may be a connection to the mail server, so never write there.
    if sys.__stdout__ is None:
        return os.open(os.devnull, os.O_WRONLY)
    return 1


def _json_processors() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.ExceptionRenderer(lambda exc_info: told(exc_info[1])),
        _in_order,
        structlog.processors.JSONRenderer(),
    ]


def _console_processors(*, colors: bool) -> list[structlog.typing.Processor]:
    return [
        _printable,
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=_write_traceback, sort_keys=False),
    ]


def _write_traceback(to: TextIO, exc_info: ExcInfo) -> None:
    to.write("\n" + told(exc_info[1]))


def _in_order(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    first = {key: line[key] for key in _FIRST if key in line}
    return first | {key: value for key, value in line.items() if key not in first}


def _printable(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Keep escape sequences that a sender put into an address away from the terminal."""
    return {key: _escaped(value) if isinstance(value, str) else value for key, value in line.items()}


def _escaped(text: str) -> str:
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


class LineWriter:
    """Writes lines to a file descriptor, and loses them rather than wait for a reader that went away.

    It has the methods of a logger, as structlog wants them of the last in its chain.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._patience = PATIENCE_MILLISECONDS
        self._torn = b""
        self._lost = 0

    def msg(self, line: str) -> None:
        fresh = redacted(line).encode("utf-8", "backslashreplace") + b"\n"
        unwritten = self._write(self._torn + fresh)
        if not unwritten:
            self._patience = PATIENCE_MILLISECONDS
            self._torn = b""
            self._tell_losses()
            return
        self._patience = 0
        if 0 < len(unwritten) < len(fresh):
            # This line has begun; its end is owed, so that the next one starts on a line of its own.
            self._torn = unwritten
        else:
            self._torn = unwritten.removesuffix(fresh)
            self._lost += 1

    debug = info = warning = warn = error = critical = fatal = exception = log = msg

    def _write(self, data: bytes) -> bytes:
        """Write what can be written now, and return the rest."""
        try:
            while data and self._poll.poll(self._patience):
                data = data[os.write(self._fd, data[:_SAFE_BYTES]) :]
        except OSError:
            pass
        return data

    def _tell_losses(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            structlog.get_logger(component="log").warning("log_lines_lost", lines=lost)


class _ToStructlog(logging.Handler):
    """Passes on what libraries log through the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(component=record.name)
        standard_level = min(record.levelno // 10 * 10, logging.CRITICAL)
        log.log(standard_level, record.getMessage(), exc_info=record.exc_info)


def _route_standard_library() -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _ToStructlog)]:
        root.removeHandler(handler)
    root.addHandler(_ToStructlog())
    # Never below, whatever our own level: httpx tells every url, httpcore every header with the token in it.
    root.setLevel(logging.WARNING)
