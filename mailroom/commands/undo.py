"""`mailroom undo`: the last decision about a sender, or a whole domain or list, undone."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

from mailroom.account.servers import Servers
from mailroom.commands.terminal import open_console, printable, working
from mailroom.commands.with_servers import NotFinished, with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.decisions.undo import NoDecision, Subject, leaves_mail_to_others
from mailroom.errors import BadReply, BatchRefused, Unavailable
from mailroom.plural import plural
from mailroom.senders.undo import Undo, find_undo
from mailroom.senders.undo import undo as undo_it
from mailroom.triage.one_pass import Pass
from mailroom.triage.start_check import begin


async def dry_run(subject: Subject, settings: AccountSettings, scheme: Scheme) -> int:
    """Say what undoing would change about somebody. Raises `MailroomError`."""

    async def work(_: Pass, found: Undo) -> str:
        changes = "; ".join((_where(found), *_changes(found, found.mails, scheme)))
        return f"{_what(found)} would be undone: {changes}. Nothing is changed yet: without --dry-run it is."

    return await _with_undo(subject, settings, scheme, work)


async def undo(subject: Subject, settings: AccountSettings, scheme: Scheme) -> int:
    """Undo the last decision about somebody, and say what changed. Raises `MailroomError`."""

    async def work(run: Pass, found: Undo) -> str:
        try:
            mails = await undo_it(run, found)
        except (Unavailable, BadReply, BatchRefused) as outage:
            raise NotFinished(f"{outage}. {_how_to_go_on(subject, settings)}") from outage
        changes = "; ".join((_where(found), *_changes(found, mails, scheme)))
        return f"{_what(found)} is undone: {changes}. The same command again brings it back."

    status = await _with_undo(subject, settings, scheme, work)
    if status > 1:
        open_console(stderr=True).print(f"Stopped halfway: {_how_to_go_on(subject, settings)}.", soft_wrap=True)
    return status


def _how_to_go_on(subject: Subject, settings: AccountSettings) -> str:
    """Twice undone is as it was: who can't see how far it came has to look."""
    look = settings.names.command(f"mailroom history {printable(str(subject))}")
    return f"`{look}` shows whether it is done; if not, the same command does it"


async def _with_undo(
    subject: Subject, settings: AccountSettings, scheme: Scheme, act: Callable[[Pass, Undo], Awaitable[str]]
) -> int:
    async def work(servers: Servers) -> int:
        console = open_console()
        with working(console, f"Undoing the last decision about {printable(str(subject))}"):
            run = await begin(servers.client, await servers.contacts(), scheme, datetime.now(UTC))
            told = await act(run, await find_undo(run, subject))
        console.print(told, soft_wrap=True)
        return 0

    return await with_servers(settings, work)


def _what(found: Undo) -> str:
    return f"“{printable(str(found.undone))}”"


def _where(found: Undo) -> str:
    address = printable(found.who)
    if not leaves_mail_to_others(found.plan.sender, found.after):
        return f"{address} goes back to {printable(found.to)}"
    without = found.after if isinstance(found.after, NoDecision) else NoDecision()
    if without.domain is not None:
        by_list = ", what came by a decided list with that" if without.parts else ""
        return f"{address} goes with its whole domain, to {printable(without.domain.name)}{by_list}"
    if without.parts and found.plan.sender.whole is None:
        return f"what came by a decided list goes with that, and nothing else is decided about {address}"
    if without.parts:
        return f"mail of decided domains goes with these, and nothing is decided about {address}"
    return f"nothing is decided about {address}"


def _changes(found: Undo, mails: int, scheme: Scheme) -> Iterator[str]:
    plan = found.plan
    if mails:
        yield f"{plural(mails, 'mail')} {'moves' if mails == 1 else 'move'}{_to(found, mails)}"
    if joined := sorted(group.name for group in plan.change.join if group.name != scheme.provenance_group):
        yield f"the contact joins {printable(', '.join(joined))}"
    if left := sorted(group.name for group in plan.departure.leave):
        yield f"the contact leaves {printable(', '.join(left))}"


def _to(found: Undo, mails: int) -> str:
    """Where each part of the mail goes, the largest first; nothing where that is said already, or more came since."""
    if mails != found.mails or not leaves_mail_to_others(found.plan.sender, found.after):
        return ""
    if len(found.going) == 1:
        return f" to {printable(*found.going)}"
    parts = sorted(found.going.items(), key=lambda each: (-each[1], each[0]))
    return f" ({', '.join(f'{number} to {printable(place)}' for place, number in parts)})"
