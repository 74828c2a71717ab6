"""SieveScript methods (RFC 9661). Scripts are kept, not run: mail arrives where the sandbox is told to put it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from mailroom.sandbox.arguments import AccountArguments, GetArguments, SetArguments
from mailroom.sandbox.errors import Json, MethodError, SetError
from mailroom.sandbox.methods import Context, invalid, run_get, run_set
from mailroom.sandbox.store import Script

_PROPERTIES = ("id", "name", "blobId", "isActive")
_TOKEN = re.compile(r'\s+|#[^\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|:?[\w.]+|[\[\](){},;]', re.DOTALL)
_PAIRS = {"]": "[", ")": "(", "}": "{"}
_REQUIRE = re.compile(r'\brequire\s+(\[[^\]]*\]|"[^"]*")')


class ScriptSetArguments(SetArguments):
    on_success_activate_script: str | None = None
    on_success_deactivate_script: bool = False


class ValidateArguments(AccountArguments):
    blob_id: str


def get(context: Context, arguments: GetArguments) -> Json:
    def show(script: Script, names: list[str]) -> Json:
        properties: Json = {
            "id": script.id,
            "name": script.name,
            "blobId": script.blob_id,
            "isActive": script.id == context.store.active_script,
        }
        return {name: properties[name] for name in names}

    return run_get(context, arguments, context.store.scripts, _PROPERTIES.__contains__, _PROPERTIES, show)


def set_(context: Context, arguments: ScriptSetArguments) -> Json:
    answer = run_set(context, arguments, context.store.scripts, _ScriptEditor(context))
    refused = any(answer[name] for name in ("notCreated", "notUpdated", "notDestroyed"))
    if refused:
        return answer
    if arguments.on_success_deactivate_script:
        context.store.active_script = None
    if (wanted := arguments.on_success_activate_script) is not None:
        id = context.real_id(wanted)
        if id not in context.store.scripts.objects:
            raise MethodError("invalidArguments", "onSuccessActivateScript: there is no such script")
        context.store.active_script = id
    return {**answer, "newState": context.store.scripts.state}


def validate(context: Context, arguments: ValidateArguments) -> Json:
    data = context.store.blob(arguments.blob_id)
    if data is None:
        raise MethodError("blobNotFound", f"no blob {arguments.blob_id}")
    fault = _fault(data, context.flavour.sieve_extensions or ())
    error = None if fault is None else SetError("invalidSieve", fault).json()
    return {"accountId": arguments.account_id, "error": error}


class _ScriptEditor:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store

    def create(self, properties: Json) -> tuple[str, Json]:
        _only(properties, "name", "blobId")
        script = Script(self._store.scripts.new_id(), "", "")
        given = properties.get("name")
        name = script.id if given is None else self._name(given, but=None)
        script = replace(script, name=name, blob_id=self._valid_blob(properties.get("blobId")))
        self._store.scripts.add(script.id, script)
        return script.id, {"name": name, "isActive": False}

    def update(self, object_id: str, patch: Json) -> None:
        _only(patch, "name", "blobId")
        script = self._store.scripts.objects[object_id]
        if "name" in patch:
            script = replace(script, name=self._name(patch["name"], but=object_id))
        if "blobId" in patch:
            script = replace(script, blob_id=self._valid_blob(patch["blobId"]))
        self._store.scripts.change(object_id, script)

    def destroy(self, object_id: str) -> None:
        if object_id == self._store.active_script:
            raise SetError("sieveIsActive")
        self._store.scripts.remove(object_id)

    def _name(self, name: Any, but: str | None) -> str:
        if not isinstance(name, str) or not name:
            raise invalid("name", why="a string that is not empty is wanted")
        if any(script.name == name and script.id != but for script in self._store.scripts.objects.values()):
            raise SetError("alreadyExists")
        return name

    def _valid_blob(self, blob_id: Any) -> str:
        data = self._store.blob(blob_id) if isinstance(blob_id, str) else None
        if data is None:
            raise SetError("blobNotFound")
        most = self._context.limits.max_size_script
        if most is not None and len(data) > most:
            raise SetError("tooLarge", f"maxSizeScript is {most}")
        if (fault := _fault(data, self._context.flavour.sieve_extensions or ())) is not None:
            raise SetError("invalidSieve", fault)
        return str(blob_id)


def _only(properties: Json, *known: str) -> None:
    if unknown := sorted(properties.keys() - set(known)):
        raise invalid(*unknown, why="not a property that can be set")


def _fault(data: bytes, extensions: tuple[str, ...]) -> str | None:
    """Why this is no Sieve script, as far as its tokens, its brackets and its `require` tell; None if it may be."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    position, open_brackets = 0, ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return f"line {text.count(chr(10), 0, position) + 1}: syntax error"
        position = match.end()
        if match[0] in _PAIRS.values():
            open_brackets += match[0]
        elif match[0] in _PAIRS:
            if not open_brackets.endswith(_PAIRS[match[0]]):
                return f"line {text.count(chr(10), 0, position) + 1}: unexpected {match[0]}"
            open_brackets = open_brackets[:-1]
    if open_brackets:
        return f"{open_brackets[-1]} is never closed"
    required = {name for list_ in _REQUIRE.findall(text) for name in re.findall(r'"([^"]*)"', list_)}
    if unknown := sorted(required - set(extensions)):
        return f"unsupported: {', '.join(unknown)}"
    return None
