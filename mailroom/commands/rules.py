"""`mailroom rules`: print the rules for mail yet to come, or install them as a Sieve script."""

import sys
from functools import partial

from mailroom.account.servers import Servers
from mailroom.commands.sieve_script import SCRIPT_NAME, Installed, find_installed, install, obstacles
from mailroom.commands.terminal import printable
from mailroom.commands.with_servers import with_servers
from mailroom.config.scheme import Scheme
from mailroom.config.settings import Settings
from mailroom.contacts.base import AddressBook
from mailroom.decisions.routes import warnings
from mailroom.errors import ConfigError
from mailroom.jmap.session import SieveAccess
from mailroom.rules import fastmail, sieve
from mailroom.rules.sieve import ScriptNames, Server
from mailroom.triage.start_check import check_account

UNKNOWN = Server(frozenset({sieve.NEEDED, "copy"}))
"""What is taken for granted where the server doesn't say what it can do."""

COMMAND = "mailroom rules --format sieve --apply"

BY_HAND = (
    "Save what `mailroom rules --format sieve` prints as a script on the server, in its web interface or with a "
    "ManageSieve client (RFC 5804) such as sieveshell, and make it the active one; if you have one already, add it to "
    "the end of yours. The addresses in it are those of today: do it again after you have settled more senders"
)


def print_fastmail(scheme: Scheme) -> int:
    """Print the JSON array; what to do with it goes to standard error."""
    print(fastmail.as_json(fastmail.rules(scheme)))
    _warn(scheme)
    _say(
        "Save this as mailrules.json and import it on Fastmail, at Settings → Filters & Rules; the mailboxes and "
        "contact groups must be there first (`mailroom setup`). If you write to yourself, put yourself into one of "
        f"the groups, or such mail waits in the {scheme.screener}."
    )
    return 0


def apply_fastmail() -> int:
    """There is no such thing. Raises `ConfigError`."""
    raise ConfigError(
        [
            "Fastmail's rules can't be installed from outside: leave --apply out, and import what "
            "`mailroom rules --format fastmail` prints at Settings → Filters & Rules"
        ]
    )


async def print_sieve(settings: Settings, scheme: Scheme) -> int:
    """Print the script that `apply_sieve` installs. Raises `ConfigError` if that is going to refuse."""
    return await with_servers(settings, partial(_print_sieve, scheme))


async def apply_sieve(settings: Settings, scheme: Scheme) -> int:
    """Install the script and have the server run it. Raises `ConfigError` rather than overwrite what is the user's."""
    return await with_servers(settings, partial(_apply_sieve, scheme))


async def _print_sieve(scheme: Scheme, servers: Servers) -> int:
    access = (await servers.client.session()).sieve
    names = await _script_names(servers, scheme)
    if access is None:
        print(sieve.script(scheme, names, UNKNOWN), end="")
        _warn(scheme)
        _say(f"The server offers no Sieve scripts over JMAP (RFC 9661). {BY_HAND}.")
        return 0
    installed = await find_installed(servers.client, access)
    print(sieve.script(scheme, names, _server(access), installed.include), end="")
    _warn(scheme)
    if problems := obstacles(access, installed):
        raise ConfigError(problems)
    _say(f"Nothing is changed yet: `{COMMAND}` installs this script.")
    return 0


async def _apply_sieve(scheme: Scheme, servers: Servers) -> int:
    access = (await servers.client.session()).sieve
    if access is None:
        raise ConfigError([f"the server offers no Sieve scripts over JMAP (RFC 9661). {BY_HAND}"])
    installed = await find_installed(servers.client, access)
    if problems := obstacles(access, installed):
        raise ConfigError(problems)
    server = _server(access)
    text = sieve.script(scheme, await _script_names(servers, scheme), server, installed.include)
    _warn(scheme)
    if installed.runs and installed.text == text:
        _say(f"Nothing to do: the script {SCRIPT_NAME} is installed and up to date.")
    else:
        await install(servers.client, access, installed, text)
        _say(_what_was_done(installed))
    if sieve.grows_old(server):
        _say("The addresses in it are those of today: run this again after you have settled more senders.")
    return 0


def _what_was_done(installed: Installed) -> str:
    written = f"The script {SCRIPT_NAME} is {'installed' if installed.own is None else 'up to date'}"
    if installed.includes_own and installed.active is not None:
        return f"{written}; your script {printable(installed.active.name or '')} stays the active one and runs it."
    if installed.include is not None:
        return f"{written} and active; it runs your script {printable(installed.include)} first."
    return f"{written} and active."


def _server(access: SieveAccess) -> Server:
    return Server(access.extensions, access.external_lists)


async def _script_names(servers: Servers, scheme: Scheme) -> ScriptNames:
    """What the script says of the account. Raises `ConfigError` where mailboxes or groups are missing."""
    contacts = await servers.contacts()
    checked = await check_account(servers.client, contacts, scheme)
    book = (await contacts.read_all()).book
    screener = {} if checked.places.screener is None else {scheme.screener: checked.places.screener}
    return ScriptNames(
        mailbox_ids={**checked.places.destinations, **screener},
        # Of several groups of one name triage writes to the first by ref.
        group_uids={group.name: group.uid for group in reversed(book.groups)},
        members={name: _addresses(book, name) for name in scheme.groups},
        own=checked.own,
    )


def _addresses(book: AddressBook, group_name: str) -> frozenset[str]:
    """The addresses of everybody in the groups of this name."""
    members = frozenset[str]().union(*(group.members for group in book.groups if group.name == group_name))
    return frozenset(address for card in book.cards if card.uid in members for address in card.addresses)


def _warn(scheme: Scheme) -> None:
    for warning in warnings(scheme):
        _say(f"Warning: {warning}.")


def _say(text: str) -> None:
    """Standard output is for the rules alone."""
    print(f"mailroom: {text}", file=sys.stderr)
