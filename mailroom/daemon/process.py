"""The daemon: what runs, and how it ends."""

import gc
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
import trio

from mailroom.account.account import Account
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.errors import ConfigError, MailroomError, Refused, leaves, shortened
from mailroom.http_clients import shared_http
from mailroom.observe.health import serve_health
from mailroom.observe.log import set_up
from mailroom.observe.reports import OneAccount, Report
from mailroom.observe.running_daemon import ask_daemon
from mailroom.observe.status import Status
from mailroom.page.app import serve_page
from mailroom.page.owner import Owner
from mailroom.serving.server import PortTaken
from mailroom.signals import run_until_signal

log = structlog.get_logger(component="daemon")


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that is up: where its health app listens, and what it knows about itself.

    `page_port` is None where the page is off.
    """

    health_port: int
    status: Status
    page_port: int | None = None


async def run(process: ProcessSettings, work: Callable[[], Awaitable[None]]) -> int:
    """Be a daemon process that does `work` until SIGTERM or SIGINT; returns the exit status, 0. Sets up logging.

    Raises the `MailroomError` that ended it: `Refused` and `ConfigError` are for the user to mend, after any other
    a new start may help.
    """
    set_up(process.log_level, process.log_format)
    stopped_by: signal.Signals | None = None
    failure: MailroomError | None = None
    try:
        stopped_by = await run_until_signal(work)
    except* MailroomError as failures:
        failure = _most_telling(failures)
    finally:
        _tell_end(stopped_by, failure)
    # The interpreter's last collection would walk all that was ever imported: most of the time that an end takes.
    gc.freeze()
    if failure is not None:
        raise failure
    return 0


def _tell_end(stopped_by: signal.Signals | None, failure: MailroomError | None) -> None:
    if stopped_by is not None:
        log.info("service_stopped", reason=stopped_by.name)
    else:
        log.error("service_stopped", reason="crashed" if failure is None else str(failure))


async def serve(
    process: ProcessSettings,
    configured: AccountConfig,
    *,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve one account until cancelled; reports once the health app listens. No mail server has been asked by then.

    This is the root nursery: all that lives long starts here. Raises groups of `MailroomError`: `PortTaken`,
    `TooManyFailures`, `Refused`, `ConfigError`.
    """
    settings, scheme = configured.settings, configured.scheme
    async with shared_http() as http, trio.open_nursery() as root:
        page_url = process.page_url or ""
        account = Account(configured, http, page_url=page_url, standby_seconds=process.standby_seconds)
        port = await start_health(root, OneAccount(account), process)
        page_port = await _start_page(root, account, process, settings)
        task_status.started(Running(port, account.status, page_port))
        log.info(
            "service_started",
            poll_interval=settings.poll_interval,
            debounce_seconds=settings.debounce_seconds,
            health_port=port,
            page_port=page_port,
            push_enabled=await account.is_push_offered(),
            screening=scheme.screening.mode,
        )
        root.start_soon(account.run)


async def start_health(root: trio.Nursery, report: Report, process: ProcessSettings) -> int:
    """Start the health app; returns its port. Raises `PortTaken`, which tells if a Mailroom has the port."""
    try:
        port: int = await root.start(serve_health, report, process.health_host, process.health_port)
    except PortTaken as taken:
        if (daemon := await ask_daemon(process)) is None:
            raise
        raise PortTaken(
            f"a Mailroom ({shortened(daemon.version, 20)}) runs here already: it answers on port "
            f"{process.health_port}. Stop it first; only for another account set {process.key('health_port')}"
        ) from taken
    return port


async def _start_page(
    root: trio.Nursery, account: Account, process: ProcessSettings, settings: AccountSettings
) -> int | None:
    """Start the page where it has a login; returns its port. Raises `PortTaken`."""
    if settings.page_password is None and process.page_proxy_header is None:
        return None
    port: int = await root.start(serve_page, {"": Owner.of(account, settings)}, process)
    return port


def _most_telling(failures: ExceptionGroup[MailroomError]) -> MailroomError:
    """Of errors that came together, one that the user has to mend; it decides the exit status."""
    errors = [error for error in leaves(failures) if isinstance(error, MailroomError)]
    return next((error for error in errors if isinstance(error, Refused | ConfigError)), errors[0])
