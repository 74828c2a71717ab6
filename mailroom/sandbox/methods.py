"""What the standard methods have in common: /get, /changes and /set (RFC 8620 sections 5.1 to 5.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from mailroom.sandbox.arguments import ChangesArguments, GetArguments, SetArguments
from mailroom.sandbox.collection import Collection
from mailroom.sandbox.errors import Json, MethodError, SetError
from mailroom.sandbox.flavour import Flavour, Limits
from mailroom.sandbox.store import Store

T = TypeVar("T")


@dataclass
class Context:
    """What the calls of one request share. `created_ids` maps creation ids to ids (RFC 8620 section 3.3).

    `referenced` are the arguments that the present call has from an earlier one's result.
    """

    store: Store
    limits: Limits
    flavour: Flavour
    identities: list[tuple[str, str]]
    set_errors: dict[str, SetError] = field(default_factory=dict)
    races: set[str] = field(default_factory=set)
    created_ids: dict[str, str] = field(default_factory=dict)
    referenced: frozenset[str] = frozenset()

    def real_id(self, given: str) -> str:
        """The id behind a creation reference such as `#new`; any other id as it is."""
        return self.created_ids.get(given[1:], given) if given.startswith("#") else given

    def real_ids(self, flags: Json) -> Json:
        """An id map such as mailboxIds with its creation references replaced."""
        return {self.real_id(given): flag for given, flag in flags.items()}


class Editor(Protocol):
    """How one type is written. Each method raises SetError for the object that it refuses."""

    def create(self, properties: Json) -> tuple[str, Json]:
        """The new id, and the properties that the client can't know."""

    def update(self, object_id: str, patch: Json) -> Json | None:
        """The properties that changed other than as asked, or None."""

    def destroy(self, object_id: str) -> None: ...


def run_get(
    context: Context,
    arguments: GetArguments,
    collection: Collection[T],
    known: Callable[[str], bool],
    default: Iterable[str],
    show: Callable[[T, list[str]], Json],
) -> Json:
    """`known` says whether a property exists; `show` gives an object's properties.

    Ids that came from an earlier call's result are answered as often as they come, as Cyrus does.
    """
    if arguments.ids is None:
        ids = list(collection.objects)
    else:
        ids = [context.real_id(given) for given in arguments.ids]
        if "ids" not in context.referenced:
            ids = list(dict.fromkeys(ids))
    if len(ids) > context.limits.max_objects_in_get:
        most = context.limits.max_objects_in_get
        raise MethodError("requestTooLarge", f"{len(ids)} objects asked for, maxObjectsInGet is {most}")
    properties = list(default) if arguments.properties is None else arguments.properties
    unknown = sorted(name for name in properties if not known(name))
    if unknown:
        raise MethodError("invalidArguments", f"properties: {', '.join(unknown)} unknown")
    names = ["id", *(name for name in properties if name != "id")]
    objects = collection.objects
    return {
        "accountId": arguments.account_id,
        "state": collection.state,
        "list": [show(objects[object_id], names) for object_id in ids if object_id in objects],
        "notFound": [object_id for object_id in ids if object_id not in objects],
    }


def run_changes(arguments: ChangesArguments, collection: Collection[T]) -> Json:
    changes = collection.changes(arguments.since_state, arguments.max_changes)
    return {"accountId": arguments.account_id, **changes}


def check_state(context: Context, collection: Collection[T], expected: str | None) -> Json:
    """The `oldState` of a /set. Raises MethodError stateMismatch if another one is expected (RFC 8620 section 5.3)."""
    if not context.flavour.checks_state:
        return {}
    if expected is not None and expected != collection.state:
        raise MethodError("stateMismatch", f"the state is {collection.state}, not {expected}")
    return {"oldState": collection.state}


def check_set_size(context: Context, count: int) -> None:
    most = context.limits.max_objects_in_set
    if count > most:
        raise MethodError("requestTooLarge", f"{count} objects to write, maxObjectsInSet is {most}")


def run_set(context: Context, arguments: SetArguments, collection: Collection[T], editor: Editor) -> Json:
    """Create, update, destroy, in this order; each object succeeds or fails alone."""
    create, update, destroy = arguments.create or {}, arguments.update or {}, arguments.destroy or []
    check_set_size(context, len(create) + len(update) + len(destroy))
    old_state = check_state(context, collection, arguments.if_in_state)
    created, not_created = _create_all(context, create, editor)
    updated: dict[str, Json | None] = {}
    not_updated: dict[str, Json] = {}
    for given, patch in update.items():
        try:
            object_id = _writable(context, collection, given)
            if object_id in map(context.real_id, destroy):
                raise SetError("willDestroy", "the same call destroys it")
            updated[object_id] = editor.update(object_id, patch)
        except SetError as error:
            not_updated[given] = error.json()
    destroyed: list[str] = []
    not_destroyed: dict[str, Json] = {}
    for given in destroy:
        try:
            object_id = _writable(context, collection, given)
            editor.destroy(object_id)
            destroyed.append(object_id)
        except SetError as error:
            not_destroyed[given] = error.json()
    return {
        "accountId": arguments.account_id,
        **old_state,
        "newState": collection.state,
        "created": created or None,
        "updated": updated or None,
        "destroyed": destroyed or None,
        "notCreated": not_created or None,
        "notUpdated": not_updated or None,
        "notDestroyed": not_destroyed or None,
    }


def _create_all(context: Context, create: dict[str, Json], editor: Editor) -> tuple[dict[str, Json], dict[str, Json]]:
    created: dict[str, Json] = {}
    refused: dict[str, Json] = {}
    for creation_id in _referred_first(create):
        properties = create[creation_id]
        try:
            if creation_id in context.set_errors:
                raise context.set_errors[creation_id]
            object_id, server_set = editor.create(properties)
        except SetError as error:
            refused[creation_id] = error.json()
        else:
            context.created_ids[creation_id] = object_id
            created[creation_id] = {"id": object_id, **server_set}
    return created, refused


def _referred_first(create: dict[str, Json]) -> list[str]:
    """The creation ids in an order in which each comes after those that it refers to (RFC 8620 section 5.3)."""
    ordered: dict[str, None] = {}
    begun: set[str] = set()
    waiting = list(reversed(create))
    while waiting:
        creation_id = waiting.pop()
        if creation_id in begun:
            ordered[creation_id] = None
        else:
            begun.add(creation_id)
            referred = [name for name in _references(create[creation_id]) if name in create and name not in begun]
            waiting += [creation_id, *referred]
    return list(ordered)


def _references(properties: Json) -> Iterator[str]:
    """The creation ids that a property, or a member of one, is or is named by: `parentId`, `mailboxIds`."""
    for value in properties.values():
        for text in (value,) if isinstance(value, str) else value if isinstance(value, dict) else ():
            if isinstance(text, str) and text.startswith("#"):
                yield text[1:]


def _writable(context: Context, collection: Collection[T], given: str) -> str:
    object_id = context.real_id(given)
    if object_id in context.set_errors:
        raise context.set_errors[object_id]
    if object_id not in collection.objects:
        raise SetError("notFound")
    if object_id in context.races:
        context.races.remove(object_id)
        if context.flavour.race_error is not None:
            raise SetError(context.flavour.race_error, "somebody else writes it at this moment: try again")
    return object_id


def invalid(*properties: str, why: str | None = None) -> SetError:
    return SetError("invalidProperties", why, properties=tuple(properties))


@contextmanager
def noted(problems: dict[str, str | None]) -> Iterator[None]:
    """Keep what an invalidProperties error of the block says, so that one error can name them all."""
    try:
        yield
    except SetError as error:
        if error.kind != "invalidProperties":
            raise
        problems.update(dict.fromkeys(error.properties, error.description))


def refuse(problems: dict[str, str | None]) -> None:
    """Raise SetError invalidProperties if there are any problems; they map a property to what is wrong with it."""
    if problems:
        whys = dict.fromkeys(why for why in problems.values() if why is not None)
        raise invalid(*sorted(problems), why="; ".join(whys) or None)


def is_sort_order(value: object) -> bool:
    """Whether the value is a sortOrder (RFC 8621 section 2, RFC 9610 section 2.1)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
