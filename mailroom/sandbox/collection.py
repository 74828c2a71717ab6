"""The objects of one JMAP type, with a state string and the log behind /changes (RFC 8620 section 5.2)."""

from __future__ import annotations

from typing import Generic, TypeVar

from mailroom.sandbox.errors import Json, MethodError

T = TypeVar("T")


class Collection(Generic[T]):
    """The objects of one JMAP type, oldest first, with a state string and the log behind /changes."""

    def __init__(self, type_name: str, id_prefix: str) -> None:
        self.type_name = type_name
        self.objects: dict[str, T] = {}
        self._id_prefix = id_prefix
        self._ids_given = 0
        self._log: list[tuple[str, str]] = []

    @property
    def state(self) -> str:
        return f"{self.type_name}-{len(self._log)}"

    def new_id(self) -> str:
        self._ids_given += 1
        return f"{self._id_prefix}{self._ids_given}"

    def add(self, object_id: str, value: T) -> None:
        self.objects[object_id] = value
        self._log.append(("created", object_id))

    def change(self, object_id: str, value: T) -> None:
        """Replace the object; one that stays as it was leaves the state."""
        if self.objects[object_id] != value:
            self.objects[object_id] = value
            self.touch(object_id)

    def touch(self, object_id: str) -> None:
        """Note a change of what the object shows, for example a mailbox's counts."""
        self._log.append(("updated", object_id))

    def remove(self, object_id: str) -> T:
        value = self.objects.pop(object_id)
        self._log.append(("destroyed", object_id))
        return value

    def changes(self, since: str, most: int | None) -> Json:
        """The answer of /changes (RFC 8620 section 5.2). Raises MethodError cannotCalculateChanges."""
        kind, _, number = since.rpartition("-")
        if kind != self.type_name or not number.isdigit() or int(number) > len(self._log):
            raise MethodError("cannotCalculateChanges", f"{since!r} is no state of {self.type_name}")
        fates: dict[str, str] = {}
        position = int(number)
        for event, object_id in self._log[position:]:
            if object_id not in fates and most is not None and len(fates) == most:
                break
            position += 1
            fates[object_id] = _merge(fates.get(object_id), event)
        return {
            "oldState": since,
            "newState": f"{self.type_name}-{position}",
            "hasMoreChanges": position < len(self._log),
            **{fate: [i for i, f in fates.items() if f == fate] for fate in ("created", "updated", "destroyed")},
        }


def _merge(earlier: str | None, event: str) -> str:
    if earlier == "created":
        return "created" if event == "updated" else "gone"
    return event
