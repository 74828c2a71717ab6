"""What goes over the wire: JSON values, and models that read only what is needed and say what is wrong."""

import codecs
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Protocol, TypeVar, Union

import trio
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from mailroom.errors import BadReply, TooLarge

Json = Union[str, int, float, bool, None, Sequence["Json"], Mapping[str, "Json"]]  # noqa: UP007  recursive

T = TypeVar("T")
K = TypeVar("K")
T_co = TypeVar("T_co", covariant=True)

MAX_JSON_VALUES = 200_000
"""In one document. 4,096 mails have 45,000; the 5,000,000 empty lists of 16 MB would take 500 MB and 1.7 s."""

FIRST_FAULT = FailFast()
"""For a field of many: the first fault tells enough, and all of them would take 1 kB each."""

_ITEMS_A_TURN = 500
_MAX_HALVES = 10_000
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# Half of a surrogate pair, in a document without escaped backslashes.
_HALF = re.compile(rb"\\u[dD][89a-fA-F]..(?:(?<=%b)(?!%b)|(?<=%b)(?<!%b%b))" % (_HIGH, _LOW, _LOW, _HIGH, _LOW))

_NAME = re.compile(r"[\w/.:~+-]{1,100}")


WIRE = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")
"""JMAP objects: camelCase on the wire, properties that we don't know are ignored."""


class Wire(BaseModel):
    """A JMAP object, frozen. What there are tens of thousands of is a dataclass of pydantic's, by `WIRE`: a model
    takes 1 kB more."""

    model_config = ConfigDict(**WIRE, frozen=True)


_MOST_SHARED = 4
_LONGEST_SHARED = 400


def _keys_that_are_true(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value  # already a set, or for the model to refuse
    return [key for key, present in value.items() if present]


def _shared(ids: frozenset[str]) -> frozenset[str]:
    """The same set for all that are equal, unless it is large: thousands of mails lie in the same few mailboxes."""
    return _remembered(ids) if len(ids) <= _MOST_SHARED and sum(map(len, ids)) <= _LONGEST_SHARED else ids


@lru_cache(1_000)
def _remembered(ids: frozenset[str]) -> frozenset[str]:
    return ids


def utc_date(moment: datetime) -> str:
    """A moment that knows its time zone as a UTCDate, to the second (RFC 8620 §1.4)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


IdSet = Annotated[frozenset[str], BeforeValidator(_keys_that_are_true), AfterValidator(_shared)]
"""JMAP's `Id[Boolean]` map (RFC 8620 §1.2, §5.3), as the set of ids that are true."""


def parsed(document: bytes | str) -> object:
    """The value of a JSON document. Raises `TooLarge`, and `ValueError` if it is none."""
    raw = document.encode() if isinstance(document, str) else document.removeprefix(codecs.BOM_UTF8)
    # Whatever a value is, one of these stands before it; those in texts are counted along, which is cheaper than not.
    if sum(raw.count(mark) for mark in (b",", b"{", b"[")) > MAX_JSON_VALUES:
        raise TooLarge("the server's answer holds too much", expected=f"at most {MAX_JSON_VALUES:,} values at once")
    value: object = from_json(raw, allow_inf_nan=False)
    return value


async def decoded(document: bytes) -> object:
    """As `parsed`, with each half of a surrogate pair replaced, and time for other tasks between the steps.

    Such a half can't be sent back to any server: no I-JSON holds one (RFC 8620 §1.5), and yet names have been seen
    that do.
    """
    try:
        value = parsed(document)
        await trio.lowlevel.checkpoint()
        return value
    except ValueError:
        if not re.search(rb"\\u[dD]", document) or b"\0" in document:
            raise
    # The second of two backslashes begins no escape.
    unescaped = document.replace(rb"\\", b"\0\0")
    await trio.lowlevel.checkpoint()
    whole = _HALF.sub(rb"\\ufffd", unescaped, _MAX_HALVES)
    await trio.lowlevel.checkpoint()
    escaped = whole.replace(b"\0\0", rb"\\")
    await trio.lowlevel.checkpoint()
    return parsed(escaped)


class Reader(Protocol[T_co]):
    """Reads a decoded JSON value as a T.

    It raises `BadReply` that names the place (`at` leads there) and the fault, never the value: replies hold mail.
    """

    def __call__(self, value: object, /, *at: object) -> T_co: ...


def reader(shape: type[T]) -> Reader[T]:
    """For any type that pydantic knows."""
    adapter = TypeAdapter[T](shape)

    def read(value: object, *at: object) -> T:
        try:
            return adapter.validate_python(value)
        except ValidationError as invalid:
            place, fault = _first(invalid)
            where = "/".join(plain_name(str(step)) for step in (*at, *place)) or "the top"
            raise BadReply(f"the server's answer is malformed at {where}", expected=fault) from None

    return read


ReadReply = Callable[[object], Awaitable[T]]
"""Reads the arguments of a reply, and lets other tasks have their turn meanwhile. Raises `BadReply`."""


def reply_reader(read: Callable[[object], T]) -> ReadReply[T]:
    """For a reply of a few values."""

    async def read_reply(reply: object) -> T:
        return read(reply)

    return read_reply


def list_reader(read: Reader[T]) -> ReadReply[tuple[T, ...]]:
    """For the `list` of a /get (RFC 8620 §5.1), of whatever length."""

    async def read_reply(reply: object) -> tuple[T, ...]:
        found = await read_each(read, enumerate(_read_list(reply).list), "list")
        return tuple(found.values())

    return read_reply


async def read_each(read: Reader[T], items: Iterable[tuple[K, object]], name: str) -> dict[K, T]:
    """What each of these values is, by its key; `name` is what holds them. Other tasks have their turn in between."""
    found: dict[K, T] = {}
    for count, (key, item) in enumerate(items):
        if count % _ITEMS_A_TURN == 0:
            await trio.lowlevel.checkpoint()
        found[key] = read(item, name, key)
    return found


def plain_name(text: str) -> str:
    """A server's own words, for messages: anything longer than a name, or with spaces, may be a piece of mail."""
    return text if _NAME.fullmatch(text) else "…"


def _first(invalid: ValidationError) -> tuple[tuple[int | str, ...], str]:
    """Place and text of the first fault."""
    fault = invalid.errors(include_input=False, include_url=False, include_context=False)[0]
    return fault["loc"], fault["msg"].lower()


class _List(Wire):
    list: tuple[Any, ...]


_read_list = reader(_List)
