"""A contact card: JSContact (RFC 9553) with the id and address books of RFC 9610."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailroom.sandbox.errors import Json, SetError

_OBJECT_MAPS = frozenset(
    [
        "relatedTo",
        "nicknames",
        "organizations",
        "titles",
        "emails",
        "onlineServices",
        "phones",
        "preferredLanguages",
        "calendars",
        "schedulingAddresses",
        "addresses",
        "cryptoKeys",
        "directories",
        "links",
        "media",
        "localizations",
        "anniversaries",
        "notes",
        "personalInfo",
        "name",
    ]
)
_SETS = frozenset({"members", "keywords", "addressBookIds"})
_TEXTS = frozenset({"@type", "version", "created", "kind", "language", "prodId", "uid", "updated", "id"})
_KINDS = frozenset({"individual", "group", "org", "location", "device", "application"})
_REQUIRED_TEXT = {"emails": "address", "notes": "note", "phones": "number"}
PROPERTIES = _OBJECT_MAPS | _SETS | _TEXTS | {"speakToAs"}


@dataclass(frozen=True)
class Card:
    """`data` is the whole card as /get shows it; the other fields are what searches look at, lower case."""

    id: str
    uid: str
    data: Json
    addresses: str
    emails: str
    names: str

    @property
    def kind(self) -> str:
        return str(self.data.get("kind", "individual"))

    @property
    def members(self) -> frozenset[str]:
        """The uids of a group's members."""
        return frozenset(self.data.get("members", ()))


def make_card(data: Json) -> Card:
    """The card of checked data. Raises SetError invalidProperties that names every bad property."""
    bad = tuple(sorted(name for name, value in data.items() if not _valid(name, value)))
    if "members" in data and data.get("kind") != "group":
        bad += ("members",)
    if not data.get("addressBookIds"):
        bad += ("addressBookIds",)
    if bad:
        raise SetError("invalidProperties", "not as RFC 9553 and RFC 9610 want them", properties=bad)
    return Card(
        id=data["id"],
        uid=data["uid"],
        data=data,
        addresses=texts(data, "emails", "address"),
        emails="\n".join((texts(data, "emails", "address"), texts(data, "emails", "label"))),
        names="\n".join(_names(data)).lower(),
    )


def texts(data: Json, name: str, key: str) -> str:
    """The `key` of each object in a property such as `emails`, one per line, lower case."""
    return "\n".join(str(entry.get(key, "")) for entry in data.get(name, {}).values()).lower()


def components(data: Json, name: str) -> str:
    """The values of the components of each object in a property such as `addresses`, lower case."""
    parts = [
        part
        for entry in data.get(name, {}).values()
        if isinstance(entry.get("components"), list)
        for part in entry["components"]
        if isinstance(part, dict)
    ]
    return "\n".join(str(part.get("value", "")) for part in parts).lower()


def name_component(data: Json, kind: str) -> str:
    """The parts of the name that are of this kind, for example `given` (RFC 9553 section 2.2.1)."""
    components = data.get("name", {}).get("components", ())
    return "\n".join(part["value"] for part in components if part["kind"] == kind).lower()


def _names(data: Json) -> list[str]:
    name = data.get("name", {})
    return [str(name.get("full", "")), *(part["value"] for part in name.get("components", ()))]


def _valid(name: str, value: Any) -> bool:
    if ":" in name:
        return True
    if name in _TEXTS:
        return isinstance(value, str) and value != "" and _valid_text(name, value)
    if name in _SETS:
        return isinstance(value, dict) and all(flag is True for flag in value.values())
    if name == "speakToAs":
        return isinstance(value, dict)
    if name == "name":
        return isinstance(value, dict) and _valid_name(value)
    return name in _OBJECT_MAPS and _valid_entries(value, _REQUIRED_TEXT.get(name))


def _valid_text(name: str, value: str) -> bool:
    fixed = {"@type": {"Card"}, "version": {"1.0"}, "kind": _KINDS}
    return name not in fixed or value in fixed[name]


def _valid_entries(value: Any, required: str | None) -> bool:
    if not isinstance(value, dict) or not all(isinstance(entry, dict) for entry in value.values()):
        return False
    return required is None or all(isinstance(entry.get(required), str) for entry in value.values())


def _valid_name(name: Json) -> bool:
    components = name.get("components", [])
    return (
        isinstance(name.get("full", ""), str)
        and isinstance(components, list)
        and all(isinstance(p, dict) and _is_component(p) for p in components)
        and ("full" in name or bool(components))
    )


def _is_component(part: Json) -> bool:
    return isinstance(part.get("kind"), str) and isinstance(part.get("value"), str)
