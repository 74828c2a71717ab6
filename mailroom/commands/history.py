"""`mailroom history`: what was decided about whom, and when."""

import json
from collections.abc import Sequence
from datetime import datetime

from mailroom.account.servers import Servers
from mailroom.commands.table import Column, print_table
from mailroom.commands.terminal import local_time, open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.decisions.history import Entry
from mailroom.decisions.note import Verb
from mailroom.plural import plural
from mailroom.senders.history import expired, history


async def show(who: str | None, settings: AccountSettings, scheme: Scheme) -> int:
    """Print a table of all decisions, or of those about one sender. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        console = open_console()
        with working(console, "Reading the address book"):
            contacts = await servers.contacts()
            found = await history(contacts, who)
            expiries = await expired(servers.client, contacts) if who is None else ()
        if found:
            print_table(console, _columns(found, scheme))
        about = "" if who is None else f" about {printable(who)}"
        order = ", newest first" if len(found) > 1 else ""
        console.print(f"{plural(len(found), 'decision')}{about}{order}.", soft_wrap=True)
        for each in expiries:
            left = f"{local_time(each.when)}: {plural(each.mails, 'mail')} that had waited too long left"
            console.print(f"{left} {printable(scheme.screener)}.", soft_wrap=True)
        return 0

    return await with_servers(settings, work)


async def as_json(who: str | None, settings: AccountSettings, scheme: Scheme) -> int:
    """Print the same as a JSON array. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        found = await history(await servers.contacts(), who)
        # ASCII alone, so that no locale and no terminal can spoil it.
        open_console().print(json.dumps([_as_object(each) for each in found], indent=2), soft_wrap=True)
        return 0

    return await with_servers(settings, work)


def _columns(found: Sequence[Entry], scheme: Scheme) -> list[Column]:
    return [
        Column("When", [_local(each.when) for each in found], folds=False),
        Column("Who", [printable(", ".join(each.who)) or "(no address)" for each in found]),
        Column("Name", [printable(each.name) for each in found]),
        Column("From", [printable(each.before or "") for each in found]),
        Column("To", [printable(_to(each, scheme)) for each in found]),
    ]


def _to(entry: Entry, scheme: Scheme) -> str:
    if entry.after is not None:
        return entry.after
    return scheme.screener if entry.verb is Verb.BACK else "(no decision)"


def _local(when: str) -> str:
    """A minute in the user's time zone; a day stays one."""
    return local_time(datetime.fromisoformat(when)) if "T" in when else when


def _as_object(entry: Entry) -> dict[str, object]:
    return {
        "when": entry.when,
        "who": entry.who,
        "name": entry.name,
        "what": entry.verb.name.lower(),
        "from": entry.before,
        "to": entry.after,
    }
