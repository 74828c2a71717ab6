"""Replies to /set calls (RFC 8620 §5.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic.alias_generators import to_camel

from mailroom.errors import shortened
from mailroom.jmap.batch import raise_if_transient
from mailroom.wire import FIRST_FAULT, Reader, Wire, plain_name, read_each, reader


class SetError(Wire):
    """Why one object was not created, updated or destroyed.

    As text it is type and properties: the server's description may quote mail or contacts, and goes into no log.
    """

    type: str
    description: str | None = None
    properties: Annotated[tuple[str, ...] | None, FIRST_FAULT] = None
    existing_id: str | None = None

    def __str__(self) -> str:
        properties = ", ".join(map(plain_name, self.properties or ()))
        return shortened(f"{plain_name(self.type)} ({properties})" if properties else plain_name(self.type))


class _Reply(Wire):
    old_state: str | None = None
    new_state: str | None = None
    created: Mapping[str, Any] | None = None
    updated: Mapping[str, Any] | None = None
    not_created: Mapping[str, Any] | None = None
    not_updated: Mapping[str, Any] | None = None
    not_destroyed: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SetResult:
    """The objects that were made, the ids of those that were changed, and why others were not made, changed or
    destroyed; by creation id or id. The states of all objects of the type, before and after, are empty where not told.
    """

    created: Mapping[str, Any]
    updated: frozenset[str]
    failed: Mapping[str, SetError]
    old_state: str = ""
    new_state: str = ""

    def errors(self) -> dict[str, SetError]:
        return dict(self.failed)


_read = reader(_Reply)
_read_error = reader(SetError)


async def read_set_result(reply: object) -> SetResult:
    """Raises `Unavailable` where an object failed for a passing reason: that is nobody's fault."""
    return await _result(reply, _read_passing_none)


async def read_set_errors(reply: object) -> SetResult:
    """As `read_set_result`, but a passing reason is the object's own failure, like any other."""
    return await _result(reply, _read_error)


async def _result(reply: object, read_error: Reader[SetError]) -> SetResult:
    read = _read(reply)
    failed: dict[str, SetError] = {}
    for name in ("not_created", "not_updated", "not_destroyed"):
        failed |= await read_each(read_error, (getattr(read, name) or {}).items(), to_camel(name))
    updated = frozenset(read.updated or ())
    return SetResult(read.created or {}, updated, failed, read.old_state or "", read.new_state or "")


def _read_passing_none(value: object, *at: object) -> SetError:
    error = _read_error(value, *at)
    raise_if_transient(error)
    return error


def merged_errors(results: Iterable[SetResult]) -> dict[str, SetError]:
    """The errors of a /set that was cut into several calls."""
    return {id: error for result in results for id, error in result.errors().items()}
