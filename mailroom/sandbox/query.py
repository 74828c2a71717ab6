"""What the /query methods have in common: filters, sort and the window (RFC 8620 section 5.5)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from mailroom.sandbox.arguments import QueryArguments
from mailroom.sandbox.errors import Json, MethodError
from mailroom.sandbox.matching import Finds, part_of
from mailroom.sandbox.methods import Context

T = TypeVar("T")
Predicate = Callable[[T], bool]
TextOf = Callable[[T], str]

MAX_ALTERNATIVES = 499
"""As many as Cyrus takes within an AND: more would make it write the filter out as over 1,000 terms."""


@dataclass(frozen=True)
class Contains(Generic[T]):
    """A text condition: one of `needles` (lower case) is found in the text of the object, as `finds` says.

    Senders repeat over thousands of mails, so the verdict on a text is kept.
    """

    text_of: TextOf[T]
    needles: tuple[str, ...]
    finds: Finds = part_of
    _known: dict[str, bool] = field(default_factory=dict)

    def __call__(self, value: T) -> bool:
        text = self.text_of(value)
        verdict = self._known.get(text)
        if verdict is None:
            verdict = self.finds(text, self.needles)
            self._known[text] = verdict
        return verdict


def compile_filter(given: Json | None, condition: Callable[[str, Any], Predicate[T]]) -> Predicate[T]:
    """One function for the whole filter; `condition(name, value)` compiles one named condition.

    Raises MethodError invalidArguments for an operator or a shape that the standard doesn't know, unsupportedFilter
    for more than MAX_ALTERNATIVES within an AND.
    """
    if not given:
        return lambda value: True
    if "operator" not in given:
        return _all_of([condition(name, value) for name, value in given.items()])
    operator, conditions = given.get("operator"), given.get("conditions")
    if given.keys() != {"operator", "conditions"} or not isinstance(conditions, list):
        raise MethodError("invalidArguments", "filter: an operator has exactly `operator` and `conditions`")
    if not all(isinstance(entry, dict) for entry in conditions):
        raise MethodError("invalidArguments", "filter: every condition is an object")
    predicates = [compile_filter(entry, condition) for entry in conditions]
    match operator:
        case "AND":
            if math.prod(map(_alternatives, conditions)) > MAX_ALTERNATIVES:
                raise MethodError("unsupportedFilter", "search too complex")
            return _all_of(predicates)
        case "OR":
            return _any_of(predicates)
        case "NOT":
            some = _any_of(predicates)
            return lambda value: not some(value)
        case _:
            raise MethodError("invalidArguments", f"filter: operator {operator!r} is not AND, OR or NOT")


def _alternatives(given: Json) -> int:
    """In how many ways a filter can be true, written out as an OR of ANDs; a NOT counts as one."""
    ways = map(_alternatives, given.get("conditions", ()))
    match given.get("operator"):
        case "AND":
            return math.prod(ways)
        case "OR":
            return sum(ways)
        case _:
            return 1


def _all_of(predicates: list[Predicate[T]]) -> Predicate[T]:
    if len(predicates) == 1:
        return predicates[0]
    return lambda value: all(predicate(value) for predicate in predicates)


def _any_of(predicates: list[Predicate[T]]) -> Predicate[T]:
    """A big OR of text conditions on one header becomes one look-up per distinct text."""
    grouped: dict[tuple[TextOf[T], Finds], dict[str, None]] = {}
    rest: list[Predicate[T]] = []
    for predicate in predicates:
        if isinstance(predicate, Contains):
            grouped.setdefault((predicate.text_of, predicate.finds), {}).update(dict.fromkeys(predicate.needles))
        else:
            rest.append(predicate)
    joined: list[Predicate[T]] = [
        Contains(text_of, tuple(needles), finds) for (text_of, finds), needles in grouped.items()
    ]
    joined += rest
    if len(joined) == 1:
        return joined[0]
    return lambda value: any(predicate(value) for predicate in joined)


COLLATIONS = ("i;ascii-casemap",)
_UTC_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d*[1-9])?Z")


def sorted_objects(objects: Iterable[T], sort: list[Json] | None, keys: Mapping[str, Callable[[T], Any]]) -> list[T]:
    """Sort by each comparator; equal ones stay in the order they came.

    Raises MethodError invalidArguments, unsupportedSort for a property or a collation that isn't known.
    """
    result = list(objects)
    for comparator in reversed(sort or []):
        name = comparator.get("property")
        ascending = comparator.get("isAscending", True)
        if not isinstance(name, str) or not isinstance(ascending, bool):
            raise MethodError("invalidArguments", "sort: a comparator is {property, isAscending}")
        if name not in keys:
            raise MethodError("unsupportedSort", f"sort by one of {', '.join(sorted(keys))}")
        if comparator.get("collation") not in (None, *COLLATIONS):
            raise MethodError("unsupportedSort", f"the collation is one of {', '.join(COLLATIONS)}")
        result.sort(key=keys[name], reverse=not ascending)
    return result


def window(context: Context, arguments: QueryArguments, ids: list[str], state: str) -> Json:
    """The slice of `ids` that position or anchor, and limit, ask for."""
    start = arguments.position
    if arguments.anchor is not None:
        if arguments.anchor not in ids:
            raise MethodError("anchorNotFound")
        start = max(0, ids.index(arguments.anchor) + arguments.anchor_offset)
    elif start < 0:
        start = max(0, len(ids) + start)
    caps = [n for n in (arguments.limit, context.limits.max_query_page) if n is not None]
    page = ids[start : start + min(caps)] if caps else ids[start:]
    answer: Json = {
        "accountId": arguments.account_id,
        "queryState": state,
        "canCalculateChanges": False,
        "position": start,
        "ids": page,
    }
    if arguments.calculate_total and context.flavour.gives_total:
        answer["total"] = len(ids)
    if caps and min(caps) != arguments.limit:
        answer["limit"] = min(caps)
    return answer


def text(name: str, value: Any) -> str:
    """A condition's text, lower case. Raises MethodError invalidArguments unless it is a string."""
    if not isinstance(value, str):
        raise MethodError("invalidArguments", f"filter/{name}: a string is wanted")
    return value.lower()


def boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise MethodError("invalidArguments", f"filter/{name}: true or false is wanted")
    return value


def utc_date(name: str, value: Any) -> datetime:
    """A condition's UTCDate. Raises MethodError invalidArguments."""
    try:
        if isinstance(value, str) and _UTC_DATE.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:
        pass  # a month 13, for example
    raise MethodError("invalidArguments", f"filter/{name}: a UTCDate is wanted, for example 2026-03-05T07:00:00Z")


def unknown_condition(name: str) -> MethodError:
    return MethodError("invalidArguments", f"filter/{name}: there is no such condition")
