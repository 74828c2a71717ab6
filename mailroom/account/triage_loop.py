"""The triage loop: when a pass runs, and what happens after one that failed."""

import time
from collections.abc import Awaitable, Callable
from typing import Never

import structlog
import trio

from mailroom.account.rhythm import Look, Rhythm
from mailroom.account.ring import TAP, Ring
from mailroom.backoff import backoff
from mailroom.errors import BadReply, ConfigError, MailroomError, Refused, Unavailable, leaves
from mailroom.observe.outcome import PassOutcome
from mailroom.observe.status import Status, Trigger

log = structlog.get_logger(component="triage")

PATIENCE_SECONDS = 15 * 60.0
"""However many passes fail, the daemon goes on this long after the last success: an outage is not its fault."""

LONGEST_RETRY_AFTER_SECONDS = 15 * 60.0
"""The most that a server's Retry-After may hold up the next pass."""

LONGEST_PASS_SECONDS = 60 * 60.0
"""A pass that takes longer is one of a server that never comes to an end; what it wrote stays."""

RunPass = Callable[[], Awaitable[PassOutcome]]


class TooManyFailures(MailroomError):
    """Pass after pass failed for long enough; a new start may help."""


class TriageLoop:
    """Runs passes one after the other: at the start, after rings, and every `poll_interval` without one.

    Rings that come during a pass wait in the channel and cause the next one.
    """

    def __init__(
        self, run_pass: RunPass, rings: trio.MemoryReceiveChannel[Ring], status: Status, rhythm: Rhythm
    ) -> None:
        self._run_pass = run_pass
        self._rings = rings
        self._status = status
        self._rhythm = rhythm
        self._last_did_something = False
        self._began = trio.current_time()
        self._rung: float | None = None

    async def run(self) -> Never:
        """Raises `TooManyFailures`, and what no later pass can mend: `ConfigError`, and `Refused` that lasts."""
        trigger: Trigger = "startup"
        # What rang before the first pass is answered by it.
        self._drain()
        while True:
            await self._pass_until_success(trigger)
            last = self._status.last_success
            trigger = "continued" if last and last.outcome.has_more else await self._next_trigger()

    async def _next_trigger(self) -> Trigger:
        with trio.move_on_after(self._rhythm.seconds_to_poll(time.time(), self._last_look())) as wait:
            ring = await self._rings.receive()
        if wait.cancelled_caught:
            self._rung = None
            return "fallback"
        self._rung = trio.current_time()
        gathered = 1
        with trio.move_on_after(self._rhythm.seconds_to_gather(self._last_look())):
            while ring != TAP:
                ring = await self._rings.receive()
                gathered += 1
        collapsed = gathered + self._drain()
        if collapsed > 1:
            log.debug("debounce_collapsed", events_collapsed=collapsed)
        return "tap" if ring == TAP else "push"

    def _last_look(self) -> Look:
        now = trio.current_time()
        return Look(now - self._began, None if self._rung is None else now - self._rung)

    def _drain(self) -> int:
        """Take all waiting rings, as the pass to come answers all of them; returns how many there were."""
        drained = 0
        while True:
            try:
                self._rings.receive_nowait()
            except trio.WouldBlock:
                return drained
            drained += 1

    async def _pass_until_success(self, trigger: Trigger) -> None:
        failures = 0
        began = trio.current_time()
        while (failure := await self._try_pass(trigger)) is not None:
            failures += 1
            delay = self._delay(failures, failure)
            _tell(failure, trigger, failures, delay)
            self._give_up_in_the_end(failures)
            # An error holds all that its pass has read.
            del failure
            # Rings don't shorten this: a server in trouble is not to be asked more often because mail comes in.
            await trio.sleep(delay)
            if self._drain() and trigger == "fallback":
                trigger = "push"
        if failures:
            outage = trio.current_time() - began
            log.info("poll_recovered", trigger=trigger, failed_passes=failures, outage_seconds=round(outage, 1))

    async def _try_pass(self, trigger: Trigger) -> Exception | None:
        """Run one pass; returns what made it fail."""
        self._began = started = trio.current_time()
        self._status.pass_started()
        try:
            outcome = await self._bounded_pass()
        except Exception as failure:
            # Whatever fails a pass must not end the daemon; the next pass starts from the mailbox as it is then.
            self._status.pass_failed(trigger, trio.current_time() - started, _in_words(failure))
            self._raise_what_is_final(failure)
            return failure
        seconds = trio.current_time() - started
        self._status.pass_succeeded(trigger, outcome, seconds)
        did_something = bool(
            outcome.senders_triaged or outcome.mails_filed or outcome.mails_screened or outcome.mails_routed
        )
        is_news = did_something or (trigger == "push" and not self._last_did_something)
        # What a pass did comes back as a push: one that finds nothing right after it is most likely its echo.
        self._last_did_something = did_something
        tell = log.info if is_news else log.debug
        tell(
            "poll_completed",
            trigger=trigger,
            senders_triaged=outcome.senders_triaged,
            mails_filed=outcome.mails_filed,
            mails_screened=outcome.mails_screened,
            mails_routed=outcome.mails_routed,
            senders_failing=outcome.senders_failing,
            seconds=round(seconds, 3),
        )
        return None

    async def _bounded_pass(self) -> PassOutcome:
        with trio.move_on_after(LONGEST_PASS_SECONDS):
            return await self._run_pass()
        raise BadReply("a pass came to no end", expected=f"all answers to it within {LONGEST_PASS_SECONDS:.0f} s")

    def _delay(self, failures: int, failure: Exception) -> float:
        asked_for = max(
            (error.retry_after or 0.0 for error in leaves(failure) if isinstance(error, Unavailable)), default=0.0
        )
        own = backoff(failures, longest=self._rhythm.poll_interval)
        return max(own, min(asked_for, LONGEST_RETRY_AFTER_SECONDS))

    def _raise_what_is_final(self, failure: Exception) -> None:
        """After a success a refused login may be a hiccup or a proxy: it has to last to be believed."""
        is_hiccup = self._status.ready and self._status.seconds_since_success < PATIENCE_SECONDS
        for error in leaves(failure):
            if isinstance(error, ConfigError) or (isinstance(error, Refused) and not is_hiccup):
                raise error

    def _give_up_in_the_end(self, failures: int) -> None:
        most = self._rhythm.max_consecutive_failures
        since_success = self._status.seconds_since_success
        if most and failures >= most and since_success >= PATIENCE_SECONDS:
            log.critical(
                "too_many_consecutive_failures",
                consecutive_failures=failures,
                seconds_since_success=round(since_success),
            )
            raise TooManyFailures(f"{failures} passes in a row failed, none succeeded for {since_success:.0f} s")


def _in_words(failure: Exception) -> str:
    """What failed a pass, for people; of a bug its type alone, as its text may quote anything."""
    return "; ".join(sorted({str(e) if isinstance(e, MailroomError) else type(e).__name__ for e in leaves(failure)}))


def _tell(failure: Exception, trigger: Trigger, failures: int, delay: float) -> None:
    details = {"consecutive_failures": failures, "trigger": trigger, "retry_in": round(delay, 1)}
    if all(isinstance(error, MailroomError) for error in leaves(failure)):
        log.warning("poll_failed", error=_in_words(failure), **details)
    else:
        log.error("poll_failed", error=type(failure).__name__, exc_info=failure, **details)
