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

log = structlog.get_logger(component="daemon")


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
            if process.page_proxy_header is not None or any(owner.password for owner in accounts.owners.values()):
                await root.start(serve_page, accounts.owners, process)
            task_status.started(port)
            shard = None if process.shard is None else str(process.shard)
            log.info("service_started", accounts=len(accounts), shard=shard, health_port=port)
            root.start_soon(accounts.keep_collecting_cheap)
            root.start_soon(follow, files, accounts, hangups, seen)
