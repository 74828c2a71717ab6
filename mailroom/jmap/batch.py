"""Method calls that travel together, and their typed replies (RFC 8620 §3.2-3.7).

A `Batch` collects calls; `add` gives a `Slot`, the typed claim ticket for the reply. A call may use the result of
an earlier one through `slot.result(path)`. The client cuts a batch into as few requests as the server's limits
allow; calls that refer to each other stay in one request.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, Protocol, TypeVar, cast

from mailroom.errors import BadReply, BatchRefused, ServerFailed, Unavailable
from mailroom.jmap.session import MOST_OBJECTS, Limits
from mailroom.wire import Json, ReadReply, plain_name

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
K = TypeVar("K")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One method call; `read` turns the arguments of its reply into a T."""

    name: str
    arguments: Mapping[str, Json]
    capability: str
    read: ReadReply[T]


@dataclass(frozen=True)
class Slot(Generic[T_co]):
    """The place of a call in its batch."""

    id: str
    name: str

    def result(self, path: str) -> Json:
        """A result reference to a part of this call's reply (RFC 8620 §3.7), for an argument named `#…`."""
        return {"resultOf": self.id, "name": self.name, "path": path}


_Placed = tuple[Slot[object], Call[object]]


@dataclass(frozen=True, slots=True)
class MethodError:
    """A call that failed as a whole (RFC 8620 §3.6.2). Its description may quote mail or contacts: not for the log."""

    type: str
    description: str = field(default="", repr=False, compare=False)

    def __str__(self) -> str:
        return plain_name(self.type)

    @property
    def is_about_the_account(self) -> bool:
        """Whether no smaller or other call of the kind would fare better."""
        return self.type in _ABOUT_THE_ACCOUNT


class Failure(Protocol):
    """What a method error and a SetError have in common."""

    @property
    def type(self) -> str: ...

    @property
    def description(self) -> str | None: ...


def raise_if_transient(error: Failure) -> None:
    """Raise `Unavailable` for what passes and is nobody's fault (RFC 8620 §3.6.2, §5.3)."""
    if error.type in ("serverFail", "serverPartialFail"):
        raise ServerFailed(f"the server answered {error}").saying(error.description or "")
    if error.type in ("rateLimit", "serverUnavailable"):
        raise Unavailable(f"the server answered {error}").saying(error.description or "")


_ABOUT_THE_ACCOUNT = frozenset({"accountNotFound", "accountNotSupportedByMethod", "accountReadOnly", "unknownMethod"})


class MethodFailed(BatchRefused):
    """A method error where a result was needed. What else the same request did has been done."""

    def __init__(self, name: str, error: MethodError) -> None:
        super().__init__(f"{name} failed: {error}")
        self.error = error
        self.saying(error.description)


class Batch:
    """Calls in the order in which the server runs them."""

    def __init__(self) -> None:
        self._calls: list[_Placed] = []

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, call: Call[T]) -> Slot[T]:
        slot = Slot[T](f"c{len(self._calls)}", call.name)
        self._calls.append((cast(Slot[object], slot), cast(Call[object], call)))
        return slot

    def requests(self, limits: Limits) -> Iterator["Request"]:
        """Cut into requests within `limits`, in order."""
        calls: list[_Placed] = []
        size, objects = _ENVELOPE_BYTES, 0
        for unit in _units(self._calls):
            unit_size = sum(_size_bytes(slot, call) for slot, call in unit)
            unit_objects = sum(_objects_in(call) for _, call in unit)
            full = len(calls) + len(unit) > limits.max_calls_in_request or size + unit_size > limits.max_size_request
            if calls and (full or (unit_objects and objects + unit_objects > MOST_OBJECTS)):
                yield Request(tuple(calls))
                calls, size, objects = [], _ENVELOPE_BYTES, 0
            calls += unit
            size += unit_size
            objects += unit_objects
        if calls:
            yield Request(tuple(calls))


def _objects_in(call: Call[object]) -> int:
    """How many objects a call asks for by id, or changes."""
    named = (call.arguments.get(name) for name in ("ids", "update"))
    return sum(len(each) for each in named if isinstance(each, list | tuple | dict))


def _units(calls: Sequence[_Placed]) -> Iterator[Sequence[_Placed]]:
    """Runs of calls that must share a request: a call that refers back joins all from the one it refers to."""
    index_of = {slot.id: index for index, (slot, _) in enumerate(calls)}
    starts: list[int] = []
    for index, (_, call) in enumerate(calls):
        earliest = min((index_of[id] for id in _referred_to(call)), default=index)
        while starts and starts[-1] > earliest:
            starts.pop()
        if earliest == index:
            starts.append(index)
    for start, end in pairwise([*starts, len(calls)]):
        yield calls[start:end]


def _referred_to(call: Call[object]) -> Iterator[str]:
    """The ids of the slots whose results a call uses."""
    for name, value in call.arguments.items():
        if name.startswith("#") and isinstance(value, Mapping):
            yield str(value["resultOf"])


_ENVELOPE_BYTES = 1_000  # `using`, brackets, commas


def _size_bytes(slot: Slot[object], call: Call[object]) -> int:
    return len(json.dumps([call.name, call.arguments, slot.id])) + 1


@dataclass(frozen=True, slots=True)
class Request:
    """The calls of one HTTP request."""

    calls: tuple[_Placed, ...]

    @property
    def using(self) -> tuple[str, ...]:
        return tuple(sorted({call.capability for _, call in self.calls}))

    @property
    def method_calls(self) -> list[Json]:
        return [[call.name, call.arguments, slot.id] for slot, call in self.calls]

    def halves(self) -> tuple["Request", ...]:
        """The same calls in two requests; none if they can't be parted, or change something, which is done by now."""
        units = list(_units(self.calls))
        if len(units) < 2 or not all(call.name.endswith(("/get", "/query")) for _, call in self.calls):
            return ()
        middle = sum(map(len, units[: len(units) // 2]))
        return Request(self.calls[:middle]), Request(self.calls[middle:])

    async def read(self, responses: Sequence[tuple[str, object, str]]) -> dict[str, object]:
        """Typed results by slot id: each a T of its call or a `MethodError`. Raises `BadReply`."""
        results: dict[str, object] = {}
        for slot, call in self.calls:
            name, arguments = _response_of(slot, responses)
            results[slot.id] = _read_error(arguments) if name == "error" else await call.read(arguments)
        return results


def _response_of(slot: Slot[object], responses: Sequence[tuple[str, object, str]]) -> tuple[str, object]:
    for name, arguments, id in responses:
        if id == slot.id and name in (slot.name, "error"):
            return name, arguments
    raise BadReply(f"{slot.name} was not answered", expected="a response for every call")


def _read_error(arguments: object) -> MethodError:
    if not isinstance(arguments, Mapping) or not isinstance(arguments.get("type"), str):
        raise BadReply("a method error has no type", expected="an object with a type")
    description = arguments.get("description")
    return MethodError(arguments["type"], description if isinstance(description, str) else "")


class Replies:
    """The replies to a batch, by slot."""

    def __init__(self, results: Mapping[str, object]) -> None:
        self._results = results

    def __getitem__(self, slot: Slot[T]) -> T:
        """The result. Raises `MethodFailed` if the call failed, `BadReply` if none of its kind can succeed."""
        result = self._results[slot.id]
        if isinstance(result, MethodError):
            if result.is_about_the_account:
                raise BadReply(
                    f"{slot.name} failed: {result}",
                    expected="an account that this login may read and write; does the token allow it?",
                ).saying(result.description)
            raise MethodFailed(slot.name, result)
        return cast(T, result)

    def error(self, slot: Slot[T]) -> MethodError | None:
        """The method error, or None if the call succeeded."""
        result = self._results[slot.id]
        return result if isinstance(result, MethodError) else None


def chunks(items: Mapping[str, Json], limits: Limits) -> Iterator[dict[str, Json]]:
    """Cut the objects of a /set call so that each part fits into one request."""
    # Half of the size limit leaves room for the other calls that travel in the same request.
    budget = limits.max_size_request // 2
    for keys in slices(items, limits.max_objects_in_set):
        yield from _fitting(items, keys, budget)


def _fitting(items: Mapping[str, Json], keys: Sequence[str], budget: int) -> Iterator[dict[str, Json]]:
    """Those with these keys, in halves where they are too large. To measure all at once is 3 times as fast as each."""
    part = {key: items[key] for key in keys}
    if len(part) == 1 or len(json.dumps(part)) <= budget:
        yield part
        return
    middle = len(keys) // 2
    yield from _fitting(items, keys[:middle], budget)
    yield from _fitting(items, keys[middle:], budget)


def slices(items: Iterable[K], size: int) -> Iterator[tuple[K, ...]]:
    """Cut a list into tuples of at most `size` items."""
    rest = tuple(items)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]
