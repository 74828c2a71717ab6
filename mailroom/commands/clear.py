"""`mailroom clear`: mail that waits leaves the Screener, and nobody is decided about."""

from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.progress import Progress

from mailroom.account.servers import Servers
from mailroom.commands.senders import print_senders
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import NotFinished, with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.errors import BadReply, BatchRefused, Unavailable
from mailroom.plural import plural
from mailroom.senders.clear import Clearable, To, clear, find_clearable
from mailroom.senders.parts import Changed


async def dry_run(to: To, older_days: int | None, settings: AccountSettings, scheme: Scheme) -> int:
    """Show whose mail would leave the Screener. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        console = open_console()
        found = await _find(console, to, older_days, servers, scheme)
        print_senders(console, found.senders)
        if not found.ids:
            console.print(_nothing(older_days, scheme), soft_wrap=True)
            return 0
        mails = f"{plural(len(found.ids), 'mail')} of {plural(len(found.senders), 'sender')}"
        how = f"`{_command(to, older_days, settings)}` does it, and decides about nobody"
        console.print(f"Nothing is changed yet: {mails} would go to {_name(to)}. {how}.", soft_wrap=True)
        return 0

    return await with_servers(settings, work)


async def apply(to: To, older_days: int | None, settings: AccountSettings, scheme: Scheme) -> int:
    """Move that mail; returns 1 if some of it could not be. Raises `MailroomError`."""
    status = await with_servers(settings, partial(_apply, to, older_days, settings, scheme))
    if status > 1:
        rest = f"Stopped halfway: `{_command(to, older_days, settings)}` does the rest."
        open_console(stderr=True).print(rest, soft_wrap=True)
    return status


async def _apply(to: To, older_days: int | None, settings: AccountSettings, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    try:
        found = await _find(console, to, older_days, servers, scheme)
        with Progress(console=console, transient=True, disable=not console.is_interactive) as progress:
            bar = progress.add_task("Clearing", total=len(found.ids))
            changed = await clear(found, partial(progress.advance, bar))
    except (Unavailable, BadReply, BatchRefused) as outage:
        raise NotFinished(f"{outage}. `{_command(to, older_days, settings)}` does the rest") from outage
    if not found.ids:
        console.print(_nothing(older_days, scheme), soft_wrap=True)
        return 0
    went = f"{plural(changed.mails, 'mail')} went from {printable(scheme.screener)} to {_name(to)}"
    console.print(f"{went}; nobody is decided about.", soft_wrap=True)
    return tell_failures(console, changed, _command(to, older_days, settings))


def tell_failures(console: Console, changed: Changed, command: str) -> int:
    """A line for each reason why mails were not moved; 1 if there is any."""
    for reason, mails in sorted(changed.failed.items()):
        stays = f"✗ {plural(mails, 'mail')} could not be moved: {printable(reason)}. `{command}` tries again."
        console.print(stays, style="red", soft_wrap=True)
    return 1 if changed.failed else 0


async def _find(console: Console, to: To, older_days: int | None, servers: Servers, scheme: Scheme) -> Clearable:
    with working(console, f"Reading {printable(scheme.screener)}"):
        return await find_clearable(servers.client, scheme, to, older_days, datetime.now(UTC))


def _nothing(older_days: int | None, scheme: Scheme) -> str:
    older = "" if older_days is None else f" for longer than {plural(older_days, 'day')}"
    return f"Nothing waits in {printable(scheme.screener)}{older}, but what carries a label."


def _name(to: To) -> str:
    """What the option calls it."""
    return f"the {to.value.title()}"


def _command(to: To, older_days: int | None, settings: AccountSettings) -> str:
    older = "" if older_days is None else f" --older {older_days}"
    where = "" if to is To.ARCHIVE else f" --to {to.value.title()}"
    return settings.names.command(f"mailroom clear{older}{where} --apply")
