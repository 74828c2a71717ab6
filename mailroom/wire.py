"""What goes over the wire: JSON values, and models that read only what is needed and say what is wrong."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from mailroom.errors import BadReply

Json = Union[str, int, float, bool, None, Sequence["Json"], Mapping[str, "Json"]]  # noqa: UP007  recursive

T = TypeVar("T")

_NAME = re.compile(r"[\w/.:~-]{1,100}")


class Wire(BaseModel):
    """A JMAP object: camelCase on the wire, frozen, properties that we don't know are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


def _keys_that_are_true(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value  # already a set, or for the model to refuse
    return frozenset(key for key, present in value.items() if present)


IdSet = Annotated[frozenset[str], BeforeValidator(_keys_that_are_true)]
"""JMAP's `Id[Boolean]` map (RFC 8620 §1.2, §5.3), as the set of ids that are true."""


def reader(shape: type[T]) -> Callable[[object], T]:
    """A function that reads a decoded JSON value as `shape` (any type that pydantic knows).

    It raises `BadReply` that names the place and the fault, never the value: replies hold mail.
    """
    adapter = TypeAdapter[T](shape)

    def read(value: object) -> T:
        try:
            return adapter.validate_python(value)
        except ValidationError as invalid:
            raise BadReply(f"the server's answer is malformed at {_place(invalid)}", expected=_fault(invalid)) from None

    return read


def plain_name(text: str) -> str:
    """A server's name for something, for messages: anything longer or with spaces may be a piece of mail."""
    return text if _NAME.fullmatch(text) else "…"


def _place(invalid: ValidationError) -> str:
    location = invalid.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
    return "/".join(plain_name(str(step)) for step in location) or "the top"


def _fault(invalid: ValidationError) -> str:
    return invalid.errors(include_input=False, include_url=False, include_context=False)[0]["msg"].lower()
