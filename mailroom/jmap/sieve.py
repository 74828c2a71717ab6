"""Sieve scripts over JMAP (RFC 9661)."""

from mailroom.jmap.batch import Call
from mailroom.jmap.session import CYRUS_SIEVE, SIEVE, SieveAccess
from mailroom.jmap.set import SetError, SetResult, read_set_result
from mailroom.wire import Json, Wire, list_reader, reader, reply_reader

CONTENT_TYPE = "application/sieve"
_NEW = "script"


class Script(Wire):
    """A script on the server (RFC 9661 §2); at most one is active."""

    id: str
    name: str | None = None
    is_active: bool = False
    blob_id: str = ""


class _Validation(Wire):
    error: SetError | None = None


_read_scripts = list_reader(reader(Script))
_read_error = reader(_Validation)
_read_validation = reply_reader(lambda reply: _read_error(reply).error)


def get_scripts(account_id: str, capability: str = SIEVE) -> Call[tuple[Script, ...]]:
    """All scripts."""
    arguments: dict[str, Json] = {
        "accountId": account_id,
        "ids": None,
        "properties": ("id", "name", "isActive", "blobId"),
    }
    return Call("SieveScript/get", arguments, capability, _read_scripts)


def validate_script(sieve: SieveAccess, blob_id: str) -> Call[SetError | None]:
    """What the server finds wrong with an uploaded script, or None (RFC 9661 §2.6)."""
    arguments: dict[str, Json] = {"accountId": sieve.account_id, "blobId": blob_id}
    return Call("SieveScript/validate", arguments, sieve.capability, _read_validation)


def create_script(sieve: SieveAccess, name: str, blob_id: str) -> Call[SetResult]:
    """Make an uploaded script one of the user's, and leave the active one as it is."""
    return _set(sieve, {"create": {_NEW: {"name": name, "blobId": blob_id}}})


def create_and_activate_script(sieve: SieveAccess, name: str, blob_id: str) -> Call[SetResult]:
    """Make an uploaded script one of the user's, and the active one."""
    return _set(sieve, {"create": {_NEW: {"name": name, "blobId": blob_id}}, "onSuccessActivateScript": f"#{_NEW}"})


def replace_script(sieve: SieveAccess, id: str, blob_id: str) -> Call[SetResult]:
    """Give a script another text; the active one stays active, whichever it is."""
    return _set(sieve, {"update": {id: {"blobId": blob_id}}})


def replace_and_activate_script(sieve: SieveAccess, id: str, blob_id: str) -> Call[SetResult]:
    """Give a script another text and make it the active one."""
    return _set(sieve, {"update": {id: {"blobId": blob_id}}, "onSuccessActivateScript": id})


def activate_script(sieve: SieveAccess, id: str) -> Call[SetResult]:
    """Make a script the active one."""
    return _set(sieve, {"onSuccessActivateScript": id})


def deactivate_scripts(sieve: SieveAccess) -> Call[SetResult]:
    """Have no script active. Cyrus's draft has another argument for it (seen on 3.6.1)."""
    if sieve.capability == CYRUS_SIEVE:
        return _set(sieve, {"onSuccessActivateScript": None})
    return _set(sieve, {"onSuccessDeactivateScript": True})


def destroy_script(sieve: SieveAccess, id: str) -> Call[SetResult]:
    """Remove a script, which must not be the active one."""
    return _set(sieve, {"destroy": (id,)})


def _set(sieve: SieveAccess, arguments: dict[str, Json]) -> Call[SetResult]:
    return Call("SieveScript/set", {"accountId": sieve.account_id, **arguments}, sieve.capability, read_set_result)
