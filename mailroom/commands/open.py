"""`mailroom open 15m|off`: for a while everybody's mail stays in the Inbox."""

from datetime import UTC, datetime, timedelta

from mailroom.account.servers import Servers
from mailroom.commands.terminal import local_time, open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.senders.opening import open_until

IS_NOT_ON = (
    "By the settings here screening is {}: nobody's mail leaves the Inbox anyway, and this counts once it is on. "
    "{} turns it on."
)


async def open_for(duration: timedelta, settings: AccountSettings, scheme: Scheme) -> int:
    """Open screening for so long from now on, and say until when. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        console = open_console()
        until = (datetime.now(UTC) + duration).replace(microsecond=0)
        with working(console, "Opening"):
            await open_until(servers.client, await servers.contacts(), scheme, until)
        off = settings.names.command("mailroom open off")
        stays = f"new mail stays in the Inbox, whoever sends it. `{off}` closes it"
        console.print(f"Screening is open until {local_time(until)}: {stays}.", soft_wrap=True)
        if not scheme.screening.is_on:
            how = {"watch": "only watching"}.get(scheme.screening.mode, "off")
            console.print(IS_NOT_ON.format(how, settings.names.assigned("screening", "on")))
        return 0

    return await with_servers(settings, work)


async def close(settings: AccountSettings, scheme: Scheme) -> int:
    """Close screening, and say whether it was open. Raises `MailroomError`."""

    async def work(servers: Servers) -> int:
        console = open_console()
        with working(console, "Closing"):
            was_open_until = await open_until(servers.client, await servers.contacts(), scheme, None)
        if was_open_until is None or was_open_until <= datetime.now(UTC):
            console.print("Screening was not open.")
        else:
            console.print(f"Screening is closed: new mail of strangers goes to {printable(scheme.screener)}.")
        return 0

    return await with_servers(settings, work)
