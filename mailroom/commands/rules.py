"""`mailroom rules`: print the rules for mail yet to come, install them as a Sieve script, or remove that again."""

import sys
from functools import partial

from mailroom.account.servers import Servers, is_fastmail
from mailroom.commands.terminal import printable
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.decisions.routes import warnings
from mailroom.decisions.splits import split_warnings
from mailroom.decisions.wide_routes import wide_routes, wide_warnings
from mailroom.errors import ConfigError
from mailroom.rules import fastmail, found_script, sieve
from mailroom.rules.sieve import Server
from mailroom.senders.server_rules import script_text, sieve_of
from mailroom.senders.sieve_script import (
    Installed,
    after_removal,
    find_installed,
    install,
    obstacles,
    remove,
    users_text,
)

UNKNOWN = Server(frozenset({sieve.NEEDED, "copy"}))
"""What is taken for granted where the server doesn't say what it can do."""


BY_HAND = (
    "Save what `mailroom rules --format sieve` prints as a script on the server, in its web interface or with a "
    "ManageSieve client (RFC 5804) such as sieveshell, and make it the active one; if you have one already, add it to "
    "the end of yours. The addresses in it are those of today: do it again after you have settled more senders"
)
REMOVE_BY_HAND = "the server offers no Sieve scripts over JMAP (RFC 9661): take out the rules where you put them in"


async def print_fastmail(settings: AccountSettings, scheme: Scheme) -> int:
    """Print the JSON array; what to do with it goes to standard error. Raises `MailroomError`."""
    return await with_servers(settings, partial(_print_fastmail, scheme))


async def _print_fastmail(scheme: Scheme, servers: Servers) -> int:
    wide = wide_routes((await (await servers.contacts()).read_all()).book, scheme)
    print(fastmail.as_json(fastmail.rules(scheme, wide.routes)))
    _warn(*warnings(scheme), *split_warnings(scheme), *wide_warnings(wide))
    if wide.routes:
        _say("Import it again after decisions about whole domains and lists: Fastmail knows those of today.")
    _say(
        "Save this as mailrules.json and import it on Fastmail, at Settings → Filters & Rules; the mailboxes and "
        f"contact groups must be there first (`mailroom setup`). {_about_strangers(scheme)} A mail with several "
        "addresses in From is taken to be from each of them: Fastmail's rules can't tell it apart."
    )
    return 0


def _about_strangers(scheme: Scheme) -> str:
    if scheme.screening.is_on:
        return (
            f"None of them is for the {scheme.screener}, since the daemon screens new mail itself: delete the one "
            f"called “{fastmail.name_of_catch_all(scheme)}” there, if you have imported it before."
        )
    return (
        f"If you write to yourself, put yourself into one of the groups, or such mail waits in the {scheme.screener}."
    )


def apply_fastmail() -> int:
    """There is no such thing. Raises `ConfigError`."""
    raise ConfigError(
        [
            "Fastmail's rules can't be installed from outside: leave --apply out, and import what "
            "`mailroom rules --format fastmail` prints at Settings → Filters & Rules"
        ]
    )


def remove_fastmail() -> int:
    """There is no such thing. Raises `ConfigError`."""
    raise ConfigError([fastmail.REMOVE_BY_HAND])


async def print_sieve(settings: AccountSettings, scheme: Scheme) -> int:
    """Print the script that `apply_sieve` installs. Raises `ConfigError` if that is going to refuse."""
    return await with_servers(settings, partial(_print_sieve, settings, scheme))


async def apply_sieve(settings: AccountSettings, scheme: Scheme) -> int:
    """Install the script and have the server run it. Raises `ConfigError` rather than overwrite what is the user's."""
    return await with_servers(settings, partial(_apply_sieve, scheme))


async def remove_sieve(settings: AccountSettings) -> int:
    """Remove the script, and have the server run the user's own again. Raises `ConfigError` where it can't be."""
    return await with_servers(settings, partial(_remove_sieve, settings))


async def _print_sieve(settings: AccountSettings, scheme: Scheme, servers: Servers) -> int:
    client, contacts = servers.client, await servers.contacts()
    access = (await client.session()).sieve
    if access is None:
        print(await script_text(client, contacts, scheme, UNKNOWN), end="")
        _warn(*warnings(scheme), *split_warnings(scheme), *sieve.warnings(UNKNOWN))
        _say(f"The server offers no Sieve scripts over JMAP (RFC 9661). {BY_HAND}.")
        return 0
    installed, server = await find_installed(client, access), sieve_of(access)
    print(await script_text(client, contacts, scheme, server, installed.include), end="")
    _warn(
        *warnings(scheme),
        *split_warnings(scheme),
        *sieve.warnings(server),
        *found_script.warnings_about(scheme, await users_text(client, access, installed)),
    )
    if problems := obstacles(access, installed):
        raise ConfigError(problems)
    _say(f"Nothing is changed yet: `{settings.names.command(sieve.INSTALL)}` installs this script.")
    return 0


async def _apply_sieve(scheme: Scheme, servers: Servers) -> int:
    client = servers.client
    access = (await client.session()).sieve
    if access is None:
        raise ConfigError([f"the server offers no Sieve scripts over JMAP (RFC 9661). {BY_HAND}"])
    installed, server = await find_installed(client, access), sieve_of(access)
    if problems := obstacles(access, installed):
        raise ConfigError(problems)
    text = await script_text(client, await servers.contacts(), scheme, server, installed.include)
    _warn(
        *warnings(scheme),
        *split_warnings(scheme),
        *sieve.warnings(server),
        *found_script.warnings_about(scheme, await users_text(client, access, installed)),
    )
    if installed.runs and installed.own_text == text:
        _say(f"Nothing to do: the script {installed.name} is installed and up to date.")
    else:
        await install(client, access, installed, text)
        _say(_what_was_done(installed, text))
    if sieve.grows_old(server):
        _say("The addresses in it are those of today: run this again after you have settled more senders.")
    return 0


def _what_was_done(installed: Installed, text: str) -> str:
    state = "installed" if installed.own is None else "up to date" if installed.own_text == text else "replaced"
    written = f"The script {installed.name} is {state}"
    if installed.includes_own and installed.active is not None:
        return f"{written}; your script {installed.active.name or ''} stays the active one and runs it."
    if installed.include is not None:
        return f"{written} and active; it runs your script {installed.include} first."
    return f"{written} and active."


async def _remove_sieve(settings: AccountSettings, servers: Servers) -> int:
    access = (await servers.client.session()).sieve
    if access is None:
        raise ConfigError([fastmail.REMOVE_BY_HAND if is_fastmail(settings) else REMOVE_BY_HAND])
    installed = await find_installed(servers.client, access)
    if not installed.is_mailrooms:
        _say("Nothing to do: the server has no script that Mailroom wrote.")
        return 0
    await remove(servers.client, access, installed)
    _say(f"The script {installed.name} is removed; {after_removal(installed)}.")
    return 0


def _warn(*found: str) -> None:
    for warning in found:
        _say(f"Warning: {warning}.")


def _say(text: str) -> None:
    """Standard output is for the rules alone."""
    print(f"mailroom: {printable(text)}", file=sys.stderr)
