"""Mailroom's script among the user's on a server: what is there, what speaks against installing, installing."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailroom.commands.terminal import printable
from mailroom.errors import ConfigError
from mailroom.jmap.batch import Batch, Call
from mailroom.jmap.client import Client
from mailroom.jmap.session import SieveAccess
from mailroom.jmap.set import SetError, SetResult
from mailroom.jmap.sieve import (
    CONTENT_TYPE,
    Script,
    create_and_activate_script,
    create_script,
    get_scripts,
    replace_and_activate_script,
    replace_script,
    validate_script,
)
from mailroom.rules import sieve

SCRIPT_NAME = "mailroom"


@dataclass(frozen=True, slots=True)
class Installed:
    """The scripts that matter. `text` is that of `own`, lines ending in LF.

    `includes_own` says that the active script is the user's and runs Mailroom's; `kept` is the user's script that
    Mailroom's runs, if it still exists.
    """

    own: Script | None
    text: str
    active: Script | None
    includes_own: bool
    kept: str | None

    @property
    def is_active(self) -> bool:
        return self.own is not None and self.own == self.active

    @property
    def runs(self) -> bool:
        """Whether Mailroom's script runs at delivery."""
        return self.own is not None and (self.is_active or self.includes_own)

    @property
    def include(self) -> str | None:
        """The user's script that Mailroom's has to run: the active one, or the one that it runs already."""
        if self.is_active:
            return self.kept
        return None if self.active is None or self.includes_own else self.active.name


async def find_installed(client: Client, access: SieveAccess) -> Installed:
    """Read the scripts of an account."""
    batch = Batch()
    slot = batch.add(get_scripts(access.account_id, access.capability))
    scripts = (await client.send(batch))[slot]
    own = next((script for script in scripts if script.name == SCRIPT_NAME), None)
    active = next((script for script in scripts if script.is_active), None)
    text = "" if own is None else await _read(client, access, own)
    theirs = "" if active is None or active == own else await _read(client, access, active)
    kept = sieve.included(text)
    return Installed(
        own=own,
        text=text,
        active=active,
        includes_own=sieve.runs(theirs, SCRIPT_NAME),
        kept=kept if kept in {script.name for script in scripts} else None,
    )


async def _read(client: Client, access: SieveAccess, script: Script) -> str:
    data = await client.download(access.account_id, script.blob_id, CONTENT_TYPE)
    return data.decode(errors="replace").replace("\r\n", "\n")


def obstacles(access: SieveAccess, installed: Installed) -> list[str]:
    """Why Mailroom's script can't be installed without harm to the user's, one line each."""
    return list(_obstacles(access, installed))


def _obstacles(access: SieveAccess, installed: Installed) -> Iterator[str]:
    if sieve.NEEDED not in access.extensions:
        yield f"the server's Sieve can't file mail: it lacks the extension {sieve.NEEDED}"
    if installed.own is not None and not sieve.is_made_by_mailroom(installed.text):
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
            f"the script {printable(installed.active.name)} is active, and the server can't run a second one (it lacks "
            "the extension include): add what `mailroom rules --format sieve` prints to the end of it"
        )


async def install(client: Client, access: SieveAccess, installed: Installed, text: str) -> None:
    """Put the script on the server, once it is found valid, and have it run. Raises `ConfigError` where refused."""
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
    batch = Batch()
    written = batch.add(_writing(access, installed, blob_id))
    for error in (await client.send(batch))[written].errors().values():
        raise ConfigError([f"the server refuses the script {SCRIPT_NAME}: {_told(error)}"])


def _told(error: SetError) -> str:
    """With the server's words: they are about a script that holds neither mail nor secrets, and go to no log."""
    return printable(f"{error}: {error.description}" if error.description else str(error))


def _writing(access: SieveAccess, installed: Installed, blob_id: str) -> Call[SetResult]:
    """The call that writes the script; a script of the user's that runs it stays the active one."""
    if installed.own is None:
        create = create_script if installed.includes_own else create_and_activate_script
        return create(access, SCRIPT_NAME, blob_id)
    replace = replace_script if installed.includes_own else replace_and_activate_script
    return replace(access, installed.own.id, blob_id)
