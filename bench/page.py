"""How long the page takes: the list at several sizes, and a tap until it is filed, beside the same by a label; and how
much memory it adds."""

import re
import time
from dataclasses import dataclass
from statistics import median

import httpx
import trio
from pydantic import SecretStr

from bench.daemon_figures import memory_mb
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.daemon import process as daemon
from mailroom.observe.log import set_up
from mailroom.sandbox import Sandbox, serve
from mailroom.sandbox.sample import create_folders
from tests.daemon_process import daemon_process
from tests.real.processes import free_port

PASSWORD = "twelve characters"  # noqa: S105  of a sandbox
SIZES = ((20, 5), (200, 5), (2_000, 5), (10_000, 1))
"""Senders, and mails of each."""
LOADS = 5
MORE_LOADS = 20
TAPS = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """The list of so many senders: median seconds, JMAP requests, and bytes sent, compressed."""

    senders: int
    seconds: float
    requests: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Filed:
    """Median seconds from a tap on the page, and from a label, until the mail is filed; one after the other in turn,
    without a debounce."""

    by_page: float
    by_label: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident MB (1,000,000 bytes) of two daemons over the same account after their first pass: one without the page,
    and one whose page was read again and again."""

    without: float
    with_page: float


def filled(senders: int, mails_each: int) -> Sandbox:
    """So many who wait."""
    sandbox = Sandbox()
    create_folders(sandbox)
    for number in range(senders):
        for mail in range(mails_each):
            sandbox.deliver(f"Sender {number} <s{number}@example.org>", f"Mail {mail}", ["Screener"])
    return sandbox


async def measure(senders: int, mails_each: int) -> tuple[Shown, Filed]:
    """One daemon over one sandbox, both in this process: what is measured is everybody's work together."""
    sandbox = filled(senders, mails_each)
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, sandbox)
        settings = AccountSettings(
            jmap_token=SecretStr(sandbox.token),
            jmap_session_url=f"{base_url}/jmap/session",
            debounce_seconds=0,
            page_password=SecretStr(PASSWORD),
        )
        process = ProcessSettings().model_copy(update={"health_port": 0, "page_port": 0})
        running = await nursery.start(daemon.serve, process, AccountConfig(None, settings, DEFAULT_SCHEME))
        await running.status.success_after(None)
        url = f"http://127.0.0.1:{running.page_port}"
        async with httpx.AsyncClient(base_url=url, timeout=60, headers={"Origin": url}) as http:
            await http.post("/login", data={"password": PASSWORD})
            shown = await _show(http, sandbox, senders)
            filed = await _file(http, sandbox)
        nursery.cancel_scope.cancel()
    return shown, filed


async def _show(http: httpx.AsyncClient, sandbox: Sandbox, senders: int) -> Shown:
    seconds: list[float] = []
    size = 0
    before = len(sandbox.requests)
    for _ in range(LOADS):
        began = time.perf_counter()
        async with http.stream("GET", "/") as response:
            size = sum([len(part) async for part in response.aiter_raw()])
        seconds.append(time.perf_counter() - began)
    return Shown(senders, median(seconds), (len(sandbox.requests) - before) // LOADS, size)


async def _file(http: httpx.AsyncClient, sandbox: Sandbox) -> Filed:
    page = (await http.get("/")).text
    token = re.findall(r'<meta name="token" content="(\w+)">', page)[0]
    by_page: list[float] = []
    by_label: list[float] = []
    senders = re.findall(r'name="sender" value="(s\d+@[^"]+)">\n<input type="hidden" name="called"', page)
    for number, sender in enumerate(senders[: 2 * TAPS]):
        _, _, card = page.partition(f'type="hidden" name="sender" value="{sender}"')
        mails = re.findall(r'name="mail" value="([^"]*)"', card.partition("</form>")[0])
        began = time.perf_counter()
        if number % 2:
            sandbox.label(mails[0], "@ToFeed")
        else:
            form = {"token": token, "sender": sender, "called": "", "mail": mails, "category": "Feed"}
            await http.post("/decide", data=form, headers={"HX-Request": "true"})
        while sandbox.mailboxes_of(mails[0]) != {"Feed"}:  # noqa: ASYNC110  the sandbox tells nobody of that
            await trio.sleep(0.001)
        (by_label if number % 2 else by_page).append(time.perf_counter() - began)
        # The echo of what was filed is over then.
        await trio.sleep(0.3)
    return Filed(median(by_page), median(by_label))


async def measure_memory(senders: int, mails_each: int) -> Memory:
    """The daemons are processes of their own, side by side."""
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, filled(senders, mails_each))
        session_url, port = f"{base_url}/jmap/session", free_port()
        async with (
            daemon_process(session_url) as without,
            daemon_process(session_url, page_password=PASSWORD, page_port=str(port)) as with_page,
        ):
            for daemon in (without, with_page):
                await daemon.logs("poll_completed")
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(base_url=url, timeout=60, headers={"Origin": url}) as http:
                await http.post("/login", data={"password": PASSWORD})
                for _ in range(MORE_LOADS):
                    for path in ("/", "/decided", "/history", "/health"):
                        await http.get(path)
            found = Memory(*(memory_mb(each.process.pid, "VmRSS") for each in (without, with_page)))
        nursery.cancel_scope.cancel()
    return found


async def main() -> None:
    """Print a line for each size. Ratios are worth keeping; what it takes depends on the machine."""
    set_up("error", "console", fd=2)
    for senders, mails_each in ((0, 0), *SIZES):
        memory = await measure_memory(senders, mails_each)
        print(
            f"{senders:>6,} senders: {memory.without:.1f} MB without the page, with it {memory.with_page:.1f} MB: "
            f"+{memory.with_page - memory.without:.1f} MB after {MORE_LOADS} rounds"
        )
    for senders, mails_each in SIZES:
        shown, filed = await measure(senders, mails_each)
        print(
            f"{senders:>6,} senders, {senders * mails_each:,} mails: {shown.seconds * 1_000:.0f} ms, "
            f"{shown.requests} requests, {shown.size_bytes / 1_000:.0f} kB; "
            f"tap to filed {filed.by_page * 1_000:.0f} ms, label to filed {filed.by_label * 1_000:.0f} ms"
        )


if __name__ == "__main__":
    trio.run(main)
