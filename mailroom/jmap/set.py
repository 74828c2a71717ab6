"""Replies to /set calls (RFC 8620 §5.3)."""

from collections.abc import Iterable, Mapping
from typing import Any

from mailroom.errors import shortened
from mailroom.jmap.batch import raise_if_transient
from mailroom.wire import Wire, plain_name, reader


class SetError(Wire):
    """Why one object was not created, updated or destroyed.

    As text it is type and properties: the server's description may quote mail or contacts, and goes into no log.
    """

    type: str
    description: str | None = None
    properties: tuple[str, ...] | None = None
    existing_id: str | None = None

    def __str__(self) -> str:
        properties = ", ".join(map(plain_name, self.properties or ()))
        return shortened(f"{plain_name(self.type)} ({properties})" if properties else plain_name(self.type))


class SetResult(Wire):
    """The objects that were made, and those that were not; keys are creation ids or ids."""

    created: Mapping[str, Any] | None = None
    updated: Mapping[str, Any] | None = None
    not_created: Mapping[str, SetError] | None = None
    not_updated: Mapping[str, SetError] | None = None
    not_destroyed: Mapping[str, SetError] | None = None

    def errors(self) -> dict[str, SetError]:
        return {**(self.not_created or {}), **(self.not_updated or {}), **(self.not_destroyed or {})}


_read = reader(SetResult)


def read_set_result(reply: object) -> SetResult:
    """Raises `Unavailable` where an object failed for a passing reason: that is nobody's fault."""
    result = _read(reply)
    for error in result.errors().values():
        raise_if_transient(error)
    return result


def merged_errors(results: Iterable[SetResult]) -> dict[str, SetError]:
    """The errors of a /set that was cut into several calls."""
    return {id: error for result in results for id, error in result.errors().items()}
