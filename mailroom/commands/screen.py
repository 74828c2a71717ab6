"""`mailroom screen`: what becomes of the mail in the Inbox, and why; with `--apply`, it becomes so."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.progress import Progress

from mailroom.account.servers import Servers
from mailroom.commands.screen_report import Report, apply_command
from mailroom.commands.terminal import open_console, working
from mailroom.commands.with_servers import NotFinished, with_servers
from mailroom.config.account_settings import AccountSettings
from mailroom.config.scheme import Scheme
from mailroom.errors import BadReply, BatchRefused, ConfigError, Unavailable
from mailroom.senders.screen import Advance, Findings, Unjudged, find_unjudged, judge_all, screen_all

Show = Callable[[Console, Report], None]
"""How a report is shown: as a table, explained, or as JSON."""


async def dry_run(days: int | None, show: Show, settings: AccountSettings, scheme: Scheme) -> int:
    """Show what would become of the mail of the last `days` (None: of what the daemon takes for new).

    Returns 1 if some of it can't be judged. Raises `MailroomError`.
    """

    async def work(servers: Servers) -> int:
        console = open_console()
        unjudged = await _find(console, days, settings, scheme, servers)
        findings = await _with_progress(console, "Judging", unjudged, judge_all)
        return _show(console, show, Report(scheme, unjudged, findings, days, False, settings.names))

    return await with_servers(settings, work)


async def apply(days: int | None, show: Show, settings: AccountSettings, scheme: Scheme) -> int:
    """Screen that mail, and show where it went; returns 1 if some of it failed. Raises `MailroomError`."""
    status = await with_servers(settings, partial(_apply, days, show, settings, scheme))
    if status > 1:
        rest = f"Stopped halfway: `{apply_command(days, settings.names)}` does the rest."
        open_console(stderr=True).print(rest, soft_wrap=True)
    return status


async def _apply(days: int | None, show: Show, settings: AccountSettings, scheme: Scheme, servers: Servers) -> int:
    console = open_console()
    unjudged = await _find(console, days, settings, scheme, servers)
    if days is None and unjudged.screening_since is None:
        # Nobody's old Inbox is ever emptied, unless they say so.
        back = scheme.screening.days
        how = f"`{apply_command(back, settings.names)}` screens the mail of the last {back} days"
        raise ConfigError([f"screening has not begun, so no mail is new yet: {how}"])
    try:
        findings = await _with_progress(console, "Screening", unjudged, screen_all)
    except (Unavailable, BadReply, BatchRefused) as outage:
        raise NotFinished(f"{outage}. `{apply_command(days, settings.names)}` does the rest") from outage
    return _show(console, show, Report(scheme, unjudged, findings, days, True, settings.names))


async def _find(
    console: Console, days: int | None, settings: AccountSettings, scheme: Scheme, servers: Servers
) -> Unjudged:
    with working(console, "Reading the Inbox"):
        contacts = await servers.contacts()
        now = datetime.now(UTC)
        return await find_unjudged(servers.client, contacts, scheme, settings.subject_code, days, now)


async def _with_progress(
    console: Console, what: str, unjudged: Unjudged, act: Callable[[Unjudged, Advance], Awaitable[Findings]]
) -> Findings:
    with Progress(console=console, transient=True, disable=not console.is_interactive) as progress:
        bar = progress.add_task(what, total=len(unjudged.ids))
        return await act(unjudged, partial(progress.advance, bar))


def _show(console: Console, show: Show, report: Report) -> int:
    show(console, report)
    return 0 if report.findings.is_whole else 1
