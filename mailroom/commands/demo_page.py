"""`mailroom demo --page`: the real page over the sample mailbox, for whoever wants to play its owner."""

import gc
import secrets

import trio
from pydantic import SecretStr
from rich.console import Console

from mailroom.commands.demo import HOST, SCHEME, STANDARD_ERROR, settings_for
from mailroom.commands.demo_report import Teller, Who, console
from mailroom.config.account_settings import AccountConfig
from mailroom.config.keys import VARIABLES
from mailroom.config.process_settings import ProcessSettings
from mailroom.daemon import process as daemon
from mailroom.observe.log import set_up
from mailroom.plural import plural
from mailroom.sandbox import Sandbox, fill_sample, serve
from mailroom.sandbox.sample import fill_inbox
from mailroom.serving.server import PortTaken, listen
from mailroom.signals import run_until_signal

SECONDS_BETWEEN_MAILS = 45.0
_VISITORS = (
    ("Nora Quist <nora@quist.example>", "We met at the lighthouse"),
    ("Tea & Leaves <letters@tealeaves.example>", "First flush is here"),
    ("Tram 12 <notices@tram12.example>", "Line 12 stops at night"),
)


async def run(output: Console | None = None) -> int:
    """Serve the page until Ctrl-C, and say where it is; now and then somebody new writes. Returns the exit status, 0.

    Run it in the main thread.
    """
    set_up("error", "console", fd=STANDARD_ERROR)
    teller = Teller(output or console())

    async def show() -> None:
        await show_page(teller)

    if await run_until_signal(show) is not None:
        teller.title("Stopped.")
    # The interpreter's last collection would walk all that was ever imported, and hold up whoever pressed Ctrl-C.
    gc.freeze()
    return 0


async def show_page(teller: Teller, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Until cancelled; reports once it is told where the page is."""
    sandbox = Sandbox()
    fill_sample(sandbox)
    password = secrets.token_urlsafe(12)
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, sandbox)
        # Port 0, which no setting may be, finds a free one.
        free = {"health_port": 0} if await _is_free(ProcessSettings().page_port) else {"health_port": 0, "page_port": 0}
        process = ProcessSettings(health_host=HOST, page_host=HOST).model_copy(update=free)
        settings = settings_for(sandbox, base_url).model_copy(update={"page_password": SecretStr(password)})
        running = await nursery.start(daemon.serve, process, AccountConfig(None, settings, SCHEME))
        await running.status.success_after(None)
        fill_inbox(sandbox)
        waiting = len(sandbox.mails_in(SCHEME.screener))
        teller.title("Mailroom's page, over a sample mailbox; nothing is faked but the mail")
        teller.tell(Who.SANDBOX, f"{plural(waiting, 'mail')} in the Screener, JMAP at {base_url}")
        teller.verbatim(f"\nOpen      http://localhost:{running.page_port}\nPassword  {password}\n\nCtrl-C stops it.")
        task_status.started()
        for sender, subject in _VISITORS:
            await trio.sleep(SECONDS_BETWEEN_MAILS)
            sandbox.deliver(sender, subject, ["Inbox"])
        await trio.sleep_forever()


async def _is_free(port: int) -> bool:
    try:
        listeners = await listen("page", HOST, port, VARIABLES.bare)
    except PortTaken:
        return False
    for listener in listeners:
        listener.socket.close()
    return True
