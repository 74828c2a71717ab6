"""The daemon with many accounts: each on its own, and none of them can end it."""

import signal

import structlog
import trio

from mailroom.config.account_files import AccountFiles
from mailroom.config.process_settings import ProcessSettings
from mailroom.daemon.accounts import Accounts
from mailroom.daemon.descriptors import make_room
from mailroom.daemon.process import start_health
from mailroom.daemon.reload import follow
from mailroom.http_clients import shared_http
from mailroom.observe.reports import ManyAccounts, ManyAccountsSummed, Part
from mailroom.page.app import serve_page
from mailroom.serving.server import PortTaken

log = structlog.get_logger(component="daemon")

PORT_AGAIN_SECONDS = 300.0
"""After the page's port was found taken by something else."""


async def serve_many(
    process: ProcessSettings, files: AccountFiles, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve the accounts of these files until cancelled, and follow what changes in them.

    Reports the port of the health app once it listens. Raises groups of `PortTaken`, and of `ConfigError` where there
    is nothing to begin with.
    """
    with trio.open_signal_receiver(signal.SIGHUP) as hangups:
        async with shared_http() as http, trio.open_nursery() as root:
            seen = await trio.to_thread.run_sync(files.look)
            reading = await trio.to_thread.run_sync(files.read)
            accounts = Accounts(http, root, process)
            kind = ManyAccounts if process.metrics_accounts else ManyAccountsSummed
            report = kind(accounts, Part.of(process))
            port = await start_health(root, report, process)
            make_room([each.settings.jmap_session_url for each in reading.accounts.values() if each.enabled])
            accounts.take(reading)
            report.begin()
            page_port = await _start_page(root, accounts, process)
            task_status.started(port)
            shard = None if process.shard is None else str(process.shard)
            log.info("service_started", accounts=len(accounts), shard=shard, health_port=port, page_port=page_port)
            root.start_soon(accounts.keep_collecting_cheap)
            root.start_soon(follow, files, accounts, hangups, seen)


async def _start_page(root: trio.Nursery, accounts: Accounts, process: ProcessSettings) -> int | None:
    """Start the page where the process is told of one, or an owner has a password; returns its port.

    In a shard nobody may have one yet: told of a page, it answers those whom the proxy leads here all the same. A
    household that is told of none gets no open port before there is a password. Raises `PortTaken`.
    """
    if process.page_url or process.page_proxy_header or accounts.password_given.is_set():
        port: int = await root.start(serve_page, accounts.owners, process)
        return port
    root.start_soon(_start_page_later, root, accounts, process)
    return None


async def _start_page_later(root: trio.Nursery, accounts: Accounts, process: ProcessSettings) -> None:
    """With the first password that comes. A port that is taken by then ends no account."""
    await accounts.password_given.wait()
    while True:
        try:
            port = await root.start(serve_page, accounts.owners, process)
        except PortTaken as taken:
            log.error("page_not_started", error=str(taken), retry_in=PORT_AGAIN_SECONDS)
            await trio.sleep(PORT_AGAIN_SECONDS)
        else:
            log.info("page_started", page_port=port)
            return
