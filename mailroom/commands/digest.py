"""`mailroom digest`: today's digest on the terminal, or into the Inbox."""

from datetime import UTC, datetime, tzinfo
from functools import partial

from mailroom.account.servers import Servers
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.decisions.digest import BREAK
from mailroom.plural import plural
from mailroom.senders.digest import claim, compose, put

NOT_DAILY = 'No digest is written by itself: a table [digest] with at = "07:30" and timezone turns it on.'


async def show(settings: AccountSettings, scheme: Scheme) -> int:
    """Print today's digest. Raises `MailroomError`."""
    return await with_servers(settings, partial(_show, scheme))


async def send(settings: AccountSettings, scheme: Scheme) -> int:
    """Put today's digest into the Inbox, unless it is there. Raises `MailroomError`."""
    return await with_servers(settings, partial(_send, scheme))


async def _show(scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    with working(console, f"Reading {scheme.screener}"):
        composed = await compose(servers.client, scheme, _zone(scheme), _now(scheme).date())
    if composed is None:
        console.print(_nobody(scheme))
    else:
        # What a mail app would make a link of is none here.
        console.print(composed.letter.text.replace(BREAK, "").rstrip(), soft_wrap=True)
    if scheme.digest is None:
        console.print(NOT_DAILY, soft_wrap=True)
    return 0


async def _send(scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    now = _now(scheme)
    with working(console, "Writing the digest"):
        composed = await compose(servers.client, scheme, _zone(scheme), now.date())
        if composed is not None:
            await claim(servers.client, await servers.contacts(), scheme, now.date())
        is_new = composed is not None and await put(servers.client, composed, now)
    if composed is None:
        console.print(f"{_nobody(scheme)} There is nothing to send.")
    elif is_new:
        console.print(f"The digest is in the Inbox: {plural(composed.waits.senders, 'sender')}.")
    else:
        console.print("Today's digest is in the Inbox already.")
    return 0


def _nobody(scheme: Scheme) -> str:
    return f"Nobody waits in {printable(scheme.screener)}."


def _zone(scheme: Scheme) -> tzinfo:
    """The user's, or else this machine's."""
    if scheme.digest is not None:
        return scheme.digest.zone
    return datetime.now().astimezone().tzinfo or UTC


def _now(scheme: Scheme) -> datetime:
    return datetime.now(_zone(scheme))
