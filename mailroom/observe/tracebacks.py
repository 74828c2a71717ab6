"""Tracebacks that can be shown to anybody: where it happened and what, without values."""

import sys
import traceback
from collections.abc import Iterator
from types import TracebackType

from mailroom.errors import MailroomError


def told(error: BaseException) -> str:
    """The traceback of an error and of those behind it, the first one first, ends of lines included but the last.

    Neither local variables nor texts of foreign exceptions are in it: these quote the value that was wrong, such as a
    piece of mail. Our own texts hold none, and those of the operating system don't either.
    """
    return "".join(_lines(error, set())).rstrip("\n")


def show_no_values() -> None:
    """Let this process print the traceback of what ends it in this form, too."""
    sys.excepthook = _print


def _print(_type: type[BaseException], error: BaseException, _frames: TracebackType | None) -> None:
    print(told(error), file=sys.stderr)


def _lines(error: BaseException, told_already: set[int]) -> Iterator[str]:
    told_already.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in told_already:
        yield from _lines(before, told_already)
        yield "\nwhich led to:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    yield f"{kind}: {error}\n" if isinstance(error, MailroomError | OSError) else f"{kind}\n"
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield "\nin which:\n\n"
            yield from _lines(inner, told_already)
