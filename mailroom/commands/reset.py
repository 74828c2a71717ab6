"""`mailroom reset`: undo what Mailroom did, as far as it can be told from what is the user's."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import click
import trio
from rich.console import Console
from rich.progress import Progress

from mailroom.account.servers import Servers
from mailroom.commands.reset_report import COMMAND, show_plan, what_stays
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import NotFinished, with_servers
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import Scheme
from mailroom.errors import BadReply, ConfigError, Unavailable
from mailroom.observe.running_daemon import ask_daemon
from mailroom.senders.reset import Found, look, undo_all


@dataclass(frozen=True, slots=True)
class Shown:
    """How looking ended (an exit status), and what was found; None if it was cut off."""

    status: int
    found: Found | None


async def dry_run(settings: AccountSettings, scheme: Scheme) -> int:
    """Print what would be undone, and what stays; writes nothing. Raises `MailroomError`."""
    shown, command = await _show(settings, scheme), settings.names.command(COMMAND)
    if shown.found is not None:
        console = open_console()
        if shown.found:
            console.print(f"Nothing is changed yet: `{command}` does all this.\n", soft_wrap=True)
        console.print(what_stays(shown.found, scheme))
    return shown.status


def apply(process: ProcessSettings, account: AccountConfig, confirm: Callable[[], bool]) -> int:
    """Show everything, undo it if `confirm` says so; returns 1 if some of it failed. Raises `MailroomError`.

    The prompt comes between two runs of trio: inside of one, Ctrl-C would not end it.
    """
    trio.run(_refuse_beside_a_daemon, process, account.name)
    shown = trio.run(_show, account.settings, account.scheme)
    if shown.status or not shown.found:
        return shown.status
    if not confirm():
        click.echo("Nothing was changed.")
        return 0
    trio.run(_refuse_beside_a_daemon, process, account.name)
    return trio.run(undo, account.settings, account.scheme)


def ask() -> bool:
    """Whether the user agrees, at the terminal."""
    return click.confirm("Undo all this?")


def agreed() -> bool:
    """They said so on the command line."""
    return True


async def undo(settings: AccountSettings, scheme: Scheme) -> int:
    """Undo all there is now; returns 1 if some of it failed, with a line for each. Raises `MailroomError`."""
    command = settings.names.command(COMMAND)
    status = await with_servers(settings, partial(_undo, command, scheme))
    if status > 1:
        open_console(stderr=True).print(f"Stopped halfway: `{command}` undoes the rest.", soft_wrap=True)
    return status


async def _refuse_beside_a_daemon(process: ProcessSettings, name: str | None) -> None:
    """Raises `ConfigError` if a daemon answers on the health port, and serves the account where it has several."""
    if (daemon := await ask_daemon(process, name)) is None:
        return
    where = f"{process.health_host} port {process.health_port}"
    if name is None:
        answers = f"a daemon (Mailroom {printable(daemon.version)}) answers on {where}"
        raise ConfigError([f"{answers}: stop it, or it triages anew"])
    raise ConfigError(
        [f"the daemon on {where} serves {name}: set `enabled = false` in {name}.toml, or it triages anew"]
    )


async def _show(settings: AccountSettings, scheme: Scheme) -> Shown:
    found: Found | None = None

    async def work(servers: Servers) -> int:
        nonlocal found
        console = open_console()
        found = await _look(console, servers, scheme)
        show_plan(console, found, scheme)
        return 0

    return Shown(await with_servers(settings, work), found)


async def _look(console: Console, servers: Servers, scheme: Scheme) -> Found:
    with working(console, "Looking for what there is to undo"):
        return await look(servers.client, await servers.contacts(), scheme)


async def _undo(command: str, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    try:
        found = await _look(console, servers, scheme)
        with Progress(console=console, transient=True, disable=not console.is_interactive) as progress:
            bar = progress.add_task("Undoing", total=found.steps)
            failures = await undo_all(found, partial(progress.advance, bar))
    except (Unavailable, BadReply) as outage:
        raise NotFinished(f"{outage}. `{command}` undoes the rest") from outage
    for reason in failures:
        console.print(f"✗ {printable(reason)}", style="red", soft_wrap=True)
    if failures:
        console.print(f"The rest is undone: `{command}` tries these again.\n", soft_wrap=True)
    else:
        console.print("All of it is undone.\n")
    console.print(what_stays(found, scheme))
    return 1 if failures else 0
