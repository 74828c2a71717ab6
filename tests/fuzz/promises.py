"""What the daemon promises about any input."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass

import httpx
from pydantic import BaseModel

from mailroom.errors import LONGEST_MESSAGE, ConfigError, MailroomError

MARK = "Zebrafish"
"""Stands in the valid inputs wherever mail, contacts or secrets do; no error may repeat it."""


@contextmanager
def a_value_or_a_clear_error() -> Iterator[None]:
    """The block succeeds, or raises an error of the tree whose text can be shown."""
    try:
        yield
    except MailroomError as error:
        _assert_clear_error(error)


def _assert_clear_error(error: MailroomError) -> None:
    if isinstance(error, ConfigError):
        assert error.problems
        for problem in error.problems:  # of any length: it names what is in the user's own file
            assert_clear(problem)
    else:
        assert_clear(str(error))
        assert len(str(error)) <= LONGEST_MESSAGE


def assert_clear(text: str) -> None:
    """One line without mail or secrets that any log can take."""
    assert text.strip()
    assert MARK.casefold() not in text.casefold()
    assert "\n" not in text
    text.encode()


def assert_sane(value: object) -> None:
    """Made of frozen things that we know, and text that can be sent to a server."""
    match value:
        case None | bool() | int() | httpx.URL():
            pass
        case str():
            value.encode()
        case float():
            assert math.isfinite(value)
        case tuple() | frozenset() | list():
            for each in value:
                assert_sane(each)
        case Mapping():
            for key, each in value.items():
                assert_sane(key)
                assert_sane(each)
        case BaseModel():
            assert_sane([getattr(value, name) for name in type(value).model_fields])
        case _:
            assert is_dataclass(value), type(value)
            assert_sane([getattr(value, field.name) for field in fields(value)])
