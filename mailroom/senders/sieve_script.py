"""Mailroom's script among the user's on a server: what is there, what speaks against a change, installing, removing."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch, Call
from mailroom.jmap.client import Client
from mailroom.jmap.session import SieveAccess
from mailroom.jmap.set import SetError, SetResult, merged_errors
from mailroom.jmap.sieve import (
    CONTENT_TYPE,
    Script,
    activate_script,
    create_and_activate_script,
    create_script,
    deactivate_scripts,
    destroy_script,
    get_scripts,
    replace_and_activate_script,
    replace_script,
    validate_script,
)
from mailroom.rules import found_script, sieve

SCRIPT_NAME = "mailroom"


@dataclass(frozen=True, slots=True)
class Installed:
    """The scripts that matter. The texts are those of `own` and `active`, lines ending in LF.

    `own` has Mailroom's name, or is the active one if Mailroom wrote that under another name. `kept` is the user's
    script that Mailroom's runs, if it still exists.
    """

    own: Script | None
    own_text: str
    active: Script | None
    active_text: str
    kept: Script | None

    @property
    def name(self) -> str:
        """What Mailroom's script is called, or will be."""
        return SCRIPT_NAME if self.own is None or self.own.name is None else self.own.name

    @property
    def is_mailrooms(self) -> bool:
        """Whether `own` is there and Mailroom wrote it."""
        return self.own is not None and found_script.is_made_by_mailroom(self.own_text)

    @property
    def includes_own(self) -> bool:
        """Whether the active script is the user's and runs Mailroom's."""
        return not self.is_active and found_script.runs(self.active_text, SCRIPT_NAME)

    @property
    def is_active(self) -> bool:
        return self.own is not None and self.own == self.active

    @property
    def runs(self) -> bool:
        """Whether Mailroom's script runs at delivery."""
        return self.own is not None and (self.is_active or self.includes_own)

    @property
    def running_text(self) -> str:
        """What of Mailroom's and the active script runs at delivery."""
        return f"{self.active_text}\n{self.own_text}" if self.includes_own else self.active_text

    @property
    def include(self) -> str | None:
        """The user's script that Mailroom's has to run: the active one, or the one that it runs already."""
        if self.is_active:
            return None if self.kept is None else self.kept.name
        return None if self.active is None or self.includes_own else self.active.name


async def find_installed(client: Client, access: SieveAccess) -> Installed:
    """Read the scripts of an account."""
    batch = Batch()
    slot = batch.add(get_scripts(access.account_id, access.capability))
    scripts = (await client.send(batch))[slot]
    active = next((script for script in scripts if script.is_active), None)
    active_text = "" if active is None else await read(client, access, active)
    own = next((script for script in scripts if script.name == SCRIPT_NAME), None)
    if own is None and found_script.is_made_by_mailroom(active_text):
        own = active
    own_text = active_text if own == active else "" if own is None else await read(client, access, own)
    kept = found_script.included(own_text)
    return Installed(
        own=own,
        own_text=own_text,
        active=active,
        active_text=active_text,
        kept=next((script for script in scripts if script.name == kept), None),
    )


async def read(client: Client, access: SieveAccess, script: Script) -> str:
    """The text of a script, lines ending in LF."""
    data = await client.download(access.account_id, script.blob_id, CONTENT_TYPE)
    return data.decode(errors="replace").replace("\r\n", "\n")


async def users_text(client: Client, access: SieveAccess, installed: Installed) -> str:
    """The text of the user's script that is to run with Mailroom's; empty if there is none."""
    if not installed.is_active:
        return installed.active_text
    return "" if installed.kept is None else await read(client, access, installed.kept)


def obstacles(access: SieveAccess, installed: Installed) -> list[str]:
    """Why Mailroom's script can't be installed without harm to the user's, one line each."""
    return list(_obstacles(access, installed))


def _obstacles(access: SieveAccess, installed: Installed) -> Iterator[str]:
    if sieve.NEEDED not in access.extensions:
        yield f"the server's Sieve can't file mail: it lacks the extension {sieve.NEEDED}"
    if installed.own is not None and not installed.is_mailrooms:
        yield (
            f"the server has a script {SCRIPT_NAME} that Mailroom did not write, and leaves alone: give it another "
            "name, and try again"
        )
    if installed.active is None or installed.is_active or installed.includes_own:
        return
    if installed.active.name is None:
        yield "the active script has no name, so that no other one can run it: give it one, and try again"
    elif "include" not in access.extensions:
        yield (
            f"the script {installed.active.name} is active, and the server can't run a second one (it lacks "
            "the extension include): add what `mailroom rules --format sieve` prints to the end of it"
        )


async def install(client: Client, access: SieveAccess, installed: Installed, text: str) -> None:
    """Put the script on the server, once it is found valid, and have it run. Raises `ConfigError` where refused."""
    if installed.own is not None and installed.own_text == text:
        # Cyrus fails at writing a text that it has already (seen on 3.6.1); it has only to run again.
        call = activate_script(access, installed.own.id)
    else:
        call = _writing(access, installed, await _valid_blob(client, access, text))
    batch = Batch()
    written = batch.add(call)
    for error in (await client.send(batch))[written].errors().values():
        raise ConfigError([f"the server refuses the script {installed.name}: {_told(error)}"])


async def _valid_blob(client: Client, access: SieveAccess, text: str) -> str:
    """The id of the uploaded script. Raises `ConfigError` where it is too large or invalid."""
    data = text.replace("\n", "\r\n").encode()
    if access.max_size is not None and len(data) > access.max_size:
        raise ConfigError(
            [
                f"the script has {len(data)} bytes, and the server takes {access.max_size}: there are too many "
                "addresses in the contact groups for rules of this form"
            ]
        )
    blob_id = await client.upload(access.account_id, data, CONTENT_TYPE)
    batch = Batch()
    validation = batch.add(validate_script(access, blob_id))
    error = (await client.send(batch))[validation]
    if error is not None:
        raise ConfigError([f"the server finds the script invalid, and nothing is changed: {_told(error)}"])
    return blob_id


def _told(error: SetError) -> str:
    """With the server's words: they are about a script that holds neither mail nor secrets, and go to no log."""
    return f"{error}: {error.description}" if error.description else str(error)


def _writing(access: SieveAccess, installed: Installed, blob_id: str) -> Call[SetResult]:
    """The call that writes the script; a script of the user's that runs it stays the active one."""
    if installed.own is None:
        create = create_script if installed.includes_own else create_and_activate_script
        return create(access, SCRIPT_NAME, blob_id)
    replace = replace_script if installed.includes_own else replace_and_activate_script
    return replace(access, installed.own.id, blob_id)


def why_it_stays(installed: Installed) -> str:
    """What the user has to do before Mailroom's script can be removed; empty if it can be."""
    if installed.includes_own and found_script.needs(installed.active_text, SCRIPT_NAME):
        name = "" if installed.active is None else installed.active.name or ""
        return (
            f"your script {name} needs the script {SCRIPT_NAME}: take the line that includes it out of yours, then run "
            "`mailroom rules --remove`"
        )
    return ""


def after_removal(installed: Installed) -> str:
    """What runs at delivery once Mailroom's script is gone."""
    if installed.is_active:
        return f"your script {installed.kept.name} is active again" if installed.kept else "no script is active now"
    if installed.active is None:
        return "no script is active, as before"
    name = installed.active.name or installed.active.id
    line = "; its line that includes Mailroom's does nothing any more" if installed.includes_own else ""
    return f"your script {name} stays the active one{line}"


async def remove(client: Client, access: SieveAccess, installed: Installed) -> None:
    """Make the user's former script the active one again, and remove Mailroom's. Raises `ConfigError` where refused.

    Nothing happens to a script that Mailroom did not write.
    """
    if installed.own is None or not installed.is_mailrooms:
        return
    if reason := why_it_stays(installed):
        raise ConfigError([reason])
    batch = Batch()
    calls = [destroy_script(access, installed.own.id)]
    if installed.is_active:
        # In a call of its own, as a server doesn't remove the active script (RFC 9661 §2.4).
        calls.insert(0, activate_script(access, installed.kept.id) if installed.kept else deactivate_scripts(access))
    slots = [batch.add(call) for call in calls]
    replies = await client.send(batch)
    for error in merged_errors(replies[slot] for slot in slots).values():
        if error.type != "notFound":
            raise ConfigError(
                [f"the server refuses to remove the script {installed.name}: {_told(error)}. Remove it there"]
            )
