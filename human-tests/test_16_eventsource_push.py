"""16. EventSource push: a label that you put on is acted on within seconds, without polling.

Proves: the daemon is told of a label by push and files the mail in less than 10 seconds, by a pass whose trigger is
  push, and then comes to rest: its own changes cause no stream of passes.
Needs: `mailroom setup --apply` was run, no daemon runs on the account, and the server has an EventSource.
  MAILROOM_DEBOUNCE_SECONDS below 8: that time is a part of the 10 seconds.
Steps:
  1. Check that the session names an EventSource url. Start the daemon with a poll interval of an hour, so that polling
     can't help, and show the `eventsource` object of its `/healthz`.
  2. A mail of an invented sender comes to lie in the Screener. Wait until the daemon is at rest.
  3. You put a label on the mail. From here on every pass that `/healthz` shows is printed with its trigger and with
     the time since the label came on. With --auto that is counted from before the label is sent to the server; by
     hand, from the last look at the mail that found no label on it.
  4. Watch on until the daemon is at rest: no more than 3 further passes may follow the one that filed the mail.
Cleans up: the mail goes to the Trash, the contact card is deleted, the daemon is stopped.
"""

import json
from dataclasses import asdict, dataclass

import trio
from account import Account, Mail, Sender, category_of, open_account
from daemon import Daemon, running_daemon
from support import Failed, Run, Unmet, main, say

from mailroom.config.scheme import Category
from mailroom.observe.status import Trigger

LIMIT_SECONDS = 10.0
LONGEST_DEBOUNCE_SECONDS = 8.0
MOST_PASSES = 4
WATCH_AGAIN_SECONDS = 0.2

SAME_PASS_SECONDS = 0.25
"""`/healthz` gives ages in tenths of seconds: two answers about one pass may differ by that and by their own time."""

PIA = Sender("Pia Push", "pia.push")


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass; `ended` is trio's time."""

    ended: float
    trigger: Trigger


@dataclass(frozen=True, slots=True)
class Watched:
    """What came of one label: seconds until the mail was seen filed, and the passes from the label on."""

    seconds: float
    passes: tuple[Pass, ...]


class Watch:
    """Tells passes apart by `/healthz` alone: where the age of the last pass falls back, there was a new one."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._last_end = 0.0

    async def look(self) -> Pass | None:
        """The pass that ended since the last look, if there was one; the first look shows the last pass so far."""
        asked = trio.current_time()
        health = await self._daemon.health()
        if health is None:
            raise Failed("the daemon doesn't answer on its health port any more")
        ended = asked - health.last_poll_age_seconds
        if health.last_poll_trigger is None or ended < self._last_end + SAME_PASS_SECONDS:
            return None
        self._last_end = ended
        return Pass(ended, health.last_poll_trigger)

    async def rest(self, seconds: float) -> None:
        """Wait until no pass has ended for so long."""
        await self.look()
        while not self.is_at_rest(seconds):
            await trio.sleep(WATCH_AGAIN_SECONDS)
            await self.look()

    def is_at_rest(self, seconds: float) -> bool:
        """Whether the last pass that was seen ended so long ago."""
        return trio.current_time() >= self._last_end + seconds


async def steps(run: Run) -> str:
    url = (await run.servers.client.session()).event_source_url
    if url is None:
        raise Unmet("the session names no EventSource url: this server has no push, and Mailroom polls")
    say(f"  • EventSource url: {url}")
    if run.settings.debounce_seconds >= LONGEST_DEBOUNCE_SECONDS:
        raise Unmet(f"set MAILROOM_DEBOUNCE_SECONDS below {LONGEST_DEBOUNCE_SECONDS:g} for this test")
    category = category_of(run, "company")
    account = await open_account(run, PIA)
    async with running_daemon(run, poll_interval="3600") as daemon:
        await connect(run, daemon)
        (mail,) = await account.receive(PIA, "Mailroom human test 16: push")
        watch = Watch(daemon)
        await watch.rest(quiet_seconds(run))
        say(f"  • the daemon is at rest: no pass for {quiet_seconds(run):g} s")
        watched = await watch_passes(watch, account, category, mail)
    run.check(
        "passes came, and each of them was triggered by push", {each.trigger for each in watched.passes} == {"push"}
    )
    text = f"{len(watched.passes)} of them in all: no stream of repeats"
    run.check(text, len(watched.passes) <= MOST_PASSES)
    figure = f"{watched.seconds:.1f} s from label to filed"
    run.check(f"{figure}; the limit is {LIMIT_SECONDS:g} s", watched.seconds < LIMIT_SECONDS)
    return f"({figure})"


async def connect(run: Run, daemon: Daemon) -> None:
    """Wait for the event stream, and show what `/healthz` says of it. Raises `Unmet` if the server has no push."""

    async def is_decided() -> bool:
        health = await daemon.health()
        push = health.eventsource if health else None
        return push is not None and (push.status == "connected" or push.last_error is not None)

    await daemon.sees("/healthz has something to say of the event stream", is_decided)
    health = await daemon.health()
    if health is None:
        raise Failed("the daemon doesn't answer on its health port any more")
    say(f"    {json.dumps(asdict(health.eventsource))}")
    if health.eventsource.status == "not_started":
        raise Unmet(f"this server offers no push ({health.eventsource.last_error}): Mailroom polls")
    run.check("the event stream is connected", health.eventsource.status == "connected")


async def watch_passes(watch: Watch, account: Account, category: Category, mail: Mail) -> Watched:
    """Tell of every pass, until the mail is filed and a while after that. Raises `Failed` if it never is."""
    tapped = trio.current_time()
    await account.put_label(category.label, mail)
    passes: list[Pass] = []
    with trio.move_on_after(account.run.patience_seconds):
        while True:
            passes += await told(watch, tapped)
            looked = trio.current_time()
            if await account.is_filed(category, mail):
                break
            if not account.run.auto and not await account.has(category.label, mail):
                tapped = looked
            await trio.sleep(WATCH_AGAIN_SECONDS)
        seconds = trio.current_time() - tapped
        say(f"  • {seconds:5.1f} s: the mail is filed")
        # The mail may be seen filed before /healthz is asked about the pass that did it.
        while not (passes and watch.is_at_rest(quiet_seconds(account.run))):
            passes += await told(watch, tapped)
            await trio.sleep(WATCH_AGAIN_SECONDS)
        return Watched(seconds, tuple(each for each in passes if each.ended >= tapped))
    raise Failed(f"not filed, or no end of passes, after {account.run.patience_seconds:.0f} s")


async def told(watch: Watch, tapped: float) -> list[Pass]:
    """The pass that has ended since the last look, if there was one, and a line about it."""
    seen = await watch.look()
    if seen is None:
        return []
    say(f"  • {seen.ended - tapped:5.1f} s: a pass, trigger {seen.trigger}")
    return [seen]


def quiet_seconds(run: Run) -> float:
    """A daemon that has done no pass for so long has none ahead."""
    return run.settings.debounce_seconds + 1


if __name__ == "__main__":
    raise SystemExit(main(__doc__, steps))
