"""`mailroom spam ADDRESS`: what waits of a sender goes to Junk."""

from mailroom.account.servers import Servers
from mailroom.commands.clear import tell_failures
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import NotFinished, with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.errors import BadReply, BatchRefused, Unavailable
from mailroom.plural import plural
from mailroom.senders.spam import report_spam


async def spam(address: str, settings: AccountSettings, scheme: Scheme) -> int:
    """Put the waiting mail of a sender (a canonical address) into Junk; returns 1 if some of it could not be.

    Raises `MailroomError`.
    """
    command = settings.names.command(f"mailroom spam {printable(address)}")

    async def work(servers: Servers) -> int:
        console = open_console()
        with working(console, f"Moving mail of {printable(address)}"):
            try:
                changed = await report_spam(servers.client, scheme, address)
            except (Unavailable, BadReply, BatchRefused) as outage:
                raise NotFinished(f"{outage}. `{command}` does the rest") from outage
        who = f"of {printable(address)} went to Junk, marked as junk"
        console.print(f"{plural(changed.mails, 'mail')} {who}; no contact was made.", soft_wrap=True)
        return tell_failures(console, changed, command)

    return await with_servers(settings, work)
