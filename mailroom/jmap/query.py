"""Searches: a /query and the /get that its ids feed, page by page (RFC 8620 §5.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Protocol, TypeVar

from mailroom.jmap.batch import Batch, Call, Slot
from mailroom.jmap.session import Limits
from mailroom.wire import FIRST_FAULT, Json, ReadReply, Wire, reader, reply_reader

Filter = Mapping[str, Json]


class _State(Wire):
    state: str


_read_state_of = reader(_State)
_read_state = reply_reader(lambda reply: _read_state_of(reply).state)


class HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=HasId)


MAX_OBJECTS_FOUND = 100_000
"""Of one search. 100,000 mails take 80 MB."""


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of object that can be searched for; `read_list` reads the reply of its /get.

    An account that has more than `most` of them is none that we can work on. Without a property to `sort` by, pages
    come in the server's own order, which must be stable (RFC 8620 §5.5).
    """

    name: str
    capability: str
    properties: tuple[str, ...]
    sort: str | None
    read_list: ReadReply[tuple[T, ...]]
    most: int = MAX_OBJECTS_FOUND

    def get(self, account_id: str, argument: str, ids: Json) -> Call[tuple[T, ...]]:
        """A /get whose ids are given (`argument` is `ids`) or come from an earlier call (`#ids`)."""
        arguments: dict[str, Json] = {"accountId": account_id, argument: ids, "properties": self.properties}
        return Call(f"{self.name}/get", arguments, self.capability, self.read_list)

    def get_all(self, account_id: str) -> Call[tuple[T, ...]]:
        """A /get of all there are (RFC 8620 §5.1); `Client.all_of` reads what doesn't fit into one."""
        return self.get(account_id, "ids", None)

    def get_state(self, account_id: str) -> Call[str]:
        """The state of all there are (RFC 8620 §5.1), and none of them."""
        arguments: dict[str, Json] = {"accountId": account_id, "ids": ()}
        return Call(f"{self.name}/get", arguments, self.capability, _read_state)


class QueryResult(Wire):
    """A page of ids; `total` is None where the server doesn't say."""

    ids: Annotated[tuple[str, ...], FIRST_FAULT]
    position: int = 0
    total: int | None = None

    @property
    def next_position(self) -> int | None:
        """Where the next page begins, or None after the last one.

        A server may cap a page below the limit asked for, so the end is where the total is reached or, without a
        total, an empty page.
        """
        end = self.position + len(self.ids)
        return None if not self.ids or (self.total is not None and end >= self.total) else end


read_query = reply_reader(reader(QueryResult))


@dataclass(frozen=True)
class Search(Generic[T]):
    """One page of a search: the query, and the objects that it found."""

    kind: Kind[T]
    account_id: str
    filter: Filter
    query: Slot[QueryResult]
    objects: Slot[tuple[T, ...]]


def search(
    batch: Batch, kind: Kind[T], account_id: str, limits: Limits, filter: Filter, *, position: int = 0
) -> Search[T]:
    """Find objects, from a position on: one page. `Client.all_found` reads the rest."""
    arguments: dict[str, Json] = {
        "accountId": account_id,
        "filter": filter,
        # Oldest first: what arrives while the pages are read moves none of the others.
        **({"sort": [{"property": kind.sort, "isAscending": True}]} if kind.sort else {}),
        "position": position,
        # More than a /get takes would fail the back-referenced one as a whole.
        "limit": limits.max_objects_in_get,
        "calculateTotal": True,
    }
    query = batch.add(Call(f"{kind.name}/query", arguments, kind.capability, read_query))
    objects = batch.add(kind.get(account_id, "#ids", query.result("/ids")))
    return Search(kind, account_id, filter, query, objects)


def any_of(filters: Sequence[Filter]) -> Filter:
    """A filter that is true where any of these is."""
    return filters[0] if len(filters) == 1 else {"operator": "OR", "conditions": filters}


def none_of(filters: Sequence[Filter]) -> Filter:
    """A filter that is true where none of these is."""
    return {"operator": "NOT", "conditions": filters}


def all_of(filters: Sequence[Filter]) -> Filter:
    """A filter that is true where all of these are."""
    return filters[0] if len(filters) == 1 else {"operator": "AND", "conditions": filters}
