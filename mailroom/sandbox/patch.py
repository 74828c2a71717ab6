"""PatchObject: changes named by JSON pointers without the leading slash (RFC 8620 section 5.3)."""

from __future__ import annotations

from typing import Any

from mailroom.sandbox.errors import Json, SetError


def split_pointer(pointer: str) -> list[str]:
    """`members/a~1b` → ["members", "a/b"] (RFC 6901)."""
    tokens = pointer.split("/")
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens] if "~" in pointer else tokens


def apply_patch(value: Json, patch: Json) -> Json:
    """A patched copy of `value`, which stays as it is; only what changes is copied.

    Raises SetError invalidPatch when a pointer leads through something missing or into an array, or when
    one pointer is the prefix of another.
    """
    _refuse_overlaps(patch)
    result = dict(value)
    owned = {""}
    for pointer, new in patch.items():
        parent, last = _parent(result, pointer, owned)
        if new is None:
            parent.pop(last, None)
        else:
            parent[last] = new
    return result


def _refuse_overlaps(patch: Json) -> None:
    for pointer in patch:
        head = pointer
        while "/" in head:
            head = head.rpartition("/")[0]
            if head in patch:
                raise SetError("invalidPatch", f"{head!r} and {pointer!r} overlap: keep one of them")


def _parent(result: Json, pointer: str, owned: set[str]) -> tuple[Json, str]:
    """The object that holds the pointer's last token, copied on the way unless in `owned`."""
    *path, last = split_pointer(pointer)
    parent: Json = result
    walked = ""
    for token in path:
        child: Any = parent.get(token)
        if not isinstance(child, dict):
            raise SetError("invalidPatch", f"{pointer!r} leads through {token!r}, which is no object here")
        walked += "/" + token.replace("~", "~0").replace("/", "~1")
        if walked not in owned:
            child = dict(child)
            parent[token] = child
            owned.add(walked)
        parent = child
    return parent, last
