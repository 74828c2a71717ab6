"""`mailroom demo`: the real daemon at work on a sandbox, over real HTTP, while a script plays the user."""

import gc
from dataclasses import replace
from functools import partial

import httpx
import trio
from pydantic import SecretStr
from rich.console import Console

from mailroom.commands.demo_report import HealthAnswer, Summary, Teller, Who, console
from mailroom.commands.demo_script import PATIENCE_SECONDS, User, play
from mailroom.config.account_settings import AccountConfig, AccountSettings
from mailroom.config.keys import VARIABLES
from mailroom.config.process_settings import ProcessSettings
from mailroom.config.scheme import DEFAULT_SCHEME
from mailroom.config.screening import Screening
from mailroom.daemon import process as daemon
from mailroom.observe.log import set_up
from mailroom.plural import plural
from mailroom.sandbox import Sandbox, fill_sample, serve
from mailroom.sandbox.command import exports
from mailroom.signals import run_until_signal

SCHEME = replace(DEFAULT_SCHEME, screening=Screening(mode="on"))
HOST = "127.0.0.1"
STANDARD_ERROR = 2

DEBOUNCE_SECONDS = 0.5
"""Shorter than by default: nobody changes their mind here, and everybody waits."""


async def run(keep_running: bool, pace: float = 1.0, output: Console | None = None) -> int:
    """Show everything, then a summary; returns the exit status: 0, or 1 if something didn't happen in time.

    SIGINT and SIGTERM end it at any moment. `pace` scales the user's pauses for thought; `output` takes the place of
    standard output. Run it in the main thread.
    """
    # Errors and crashes only, where they don't mix with what is told here.
    set_up("error", "console", fd=STANDARD_ERROR)
    sandbox = Sandbox()
    fill_sample(sandbox)
    user = User(sandbox, SCHEME, Teller(output or console()), pace)
    has_readers = True
    try:
        if await run_until_signal(partial(_show, user, keep_running)) is not None:
            user.teller.title("Stopped.")
    except* SystemExit:
        # How rich says that nobody reads the output any more.
        has_readers = False
    # The interpreter's last collection would walk all that was ever imported, and hold up whoever pressed Ctrl-C.
    gc.freeze()
    return 0 if has_readers and not user.late else 1


async def _show(user: User, keep_running: bool) -> None:
    teller, sandbox = user.teller, user.sandbox
    teller.title("Mailroom at work: about 20 seconds; nothing is faked but the mail and its reader")
    async with trio.open_nursery() as nursery:
        base_url = await nursery.start(serve, sandbox)
        waiting = len(sandbox.mails_in(user.scheme.screener))
        teller.tell(Who.SANDBOX, f"{plural(waiting, 'mail')} in the Screener, JMAP at {base_url}")
        # Port 0, which no setting may be, finds a free one.
        process = ProcessSettings(health_host=HOST).model_copy(update={"health_port": 0})
        account = AccountConfig(None, settings_for(sandbox, base_url), user.scheme)
        running = await nursery.start(daemon.serve, process, account)
        health_url = f"http://{HOST}:{running.health_port}/healthz"
        if await _push_connects(user):
            teller.tell(Who.MAILROOM, f"listens for push, and waits {DEBOUNCE_SECONDS:g} s after each for more of them")
            await play(user)
        summary = await _summary(user, health_url)
        teller.summarize(summary)
        if keep_running:
            teller.verbatim(_how_to_look_around(sandbox, base_url, health_url))
            await trio.sleep_forever()
        nursery.cancel_scope.cancel()


def settings_for(sandbox: Sandbox, base_url: str) -> AccountSettings:
    """The settings of the sandbox's account."""
    return AccountSettings(
        jmap_token=SecretStr(sandbox.token),
        jmap_session_url=f"{base_url}/jmap/session",
        debounce_seconds=DEBOUNCE_SECONDS,
    )


async def _push_connects(user: User) -> bool:
    with trio.move_on_after(PATIENCE_SECONDS):
        await user.sandbox.broadcaster.wait_for_stream()
        return True
    user.gives_up_on("connecting")
    return False


async def _summary(user: User, health_url: str) -> Summary:
    return Summary(
        taps=len(user.taps),
        filed=tuple(user.filed),
        screened=tuple(user.screened),
        requests=tuple(each.endpoint for each in user.sandbox.requests),
        health=await ask_health(health_url),
        debounce_seconds=DEBOUNCE_SECONDS,
        usual_debounce_seconds=AccountSettings.model_fields["debounce_seconds"].default,
    )


async def ask_health(url: str) -> HealthAnswer:
    """Ask as a monitor does."""
    with trio.fail_after(PATIENCE_SECONDS):
        # No proxy of the environment stands between two parts of one process.
        async with httpx.AsyncClient(trust_env=False) as http:
            response = await http.get(url)
    answer = response.json()
    push = answer["eventsource"]
    return HealthAnswer(url, response.status_code, answer["status"], push["status"], push["reconnect_count"])


def _how_to_look_around(sandbox: Sandbox, base_url: str, health_url: str) -> str:
    return (
        "\nStill running; Ctrl-C stops it. To look around, in another terminal:\n\n"
        f"curl {health_url}\n"
        f"{exports(sandbox, base_url, VARIABLES.bare)}\n"
        f'curl -H "Authorization: Bearer ${VARIABLES.bare("jmap_token")}" ${VARIABLES.bare("jmap_session_url")}'
    )
